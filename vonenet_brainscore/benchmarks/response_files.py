"""Recorded responses, in an array or a file -> one array (stimulus, neuron, repetition) and its names.

The layouts (dimension and column names may be any of the synonyms in `DIMENSIONS`):

======  ==============================================================================================================
array   (stimulus, neuron) or (stimulus, neuron, repetition), numbers; no names
.npy    the same array, written with ``numpy.save``
xarray  a DataArray with those dimensions by name, in any order; coordinates named after a dimension, or `stimulus_id`
        and `neuroid_id` on it, are the names. A Brain-Score assembly, with `repetition` a coordinate of
        `presentation`, is one too
.nc     one such DataArray, written with ``DataArray.to_netcdf``
.csv    long: one response a line, columns `stimulus`, `neuron`, `response` and, where stimuli were repeated,
        `repetition`; wide: one presentation a line, column `stimulus`, perhaps `repetition`, and one column a neuron,
        headed by its name. A pandas DataFrame may have the same columns
.mat    variable `responses`, the array; perhaps `stimuli` and `neurons`, cell arrays of names; any version
======  ==============================================================================================================

NaN, or an empty cell of a table, is a missing repetition.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

DIMENSIONS = {
    "stimulus": ("stimulus", "stimulus_id", "image", "image_id", "presentation"),
    "neuron": ("neuron", "neuron_id", "neuroid", "neuroid_id"),
    "repetition": ("repetition", "trial"),
}
_EMPTY = ("", "nan", "none", "na", "<na>")  # cells of a table that hold no response


@dataclass(frozen=True)
class Responses:
    """Responses of a population, and what the source calls its stimuli and neurons.

    Attributes
    ----------
    values : float64 array, shape (stimulus, neuron, repetition)
        NaN where a stimulus was not repeated so often. One repetition where the source has no such dimension.
    stimuli : tuple of str or None
        Name of each stimulus; None where the source has none, so that order alone says which is which.
    neurons : tuple of str
        Name of each neuron; its number, from 0, where the source has none.
    """

    values: np.ndarray
    stimuli: tuple[str, ...] | None
    neurons: tuple[str, ...]


def read_responses(source: Any) -> Responses:
    """Responses from an array, a DataArray, a DataFrame or a file, laid out as the module's table says.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is of an unknown kind, or the layout is none of those, or a name stands twice.
    TypeError
        If the values are not real numbers.
    """
    if isinstance(source, str | PathLike):
        return _read_file(Path(source))
    if isinstance(source, xr.DataArray):
        return _from_data_array(source)
    if isinstance(source, pd.DataFrame):
        return _from_table(source)
    try:
        array = np.asarray(source)
    except ValueError as error:
        raise ValueError(f"responses are not one array ({error}); give each stimulus as many numbers") from error
    return _from_array(array)


def _read_file(path: Path) -> Responses:
    if path.suffix not in _READERS:
        raise ValueError(f"{path} is none of the files that hold responses: {', '.join(_READERS)}")
    if not path.is_file():
        raise FileNotFoundError(f"no responses at {path}")
    try:
        return _READERS[path.suffix](path)
    except MemoryError:
        raise
    except Exception as error:  # a damaged file makes the libraries that read it raise almost anything
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{path}: {error or type(error).__name__}") from error


def _read_npy(path: Path) -> Responses:
    return _from_array(np.load(path, allow_pickle=False))  # a pickle in a file can run anything


def _read_netcdf(path: Path) -> Responses:
    with xr.open_dataarray(path) as array:
        return _from_data_array(array.load())


def _read_csv(path: Path) -> Responses:
    # As text, so that a stimulus called 007 keeps its name; the header too, or pandas would rename a second 'n1'.
    lines = pd.read_csv(path, header=None, dtype=str, keep_default_na=False, skipinitialspace=True)
    return _from_table(lines[1:].set_axis(lines.iloc[0].tolist(), axis="columns").reset_index(drop=True))


def _read_mat(path: Path) -> Responses:
    import h5py

    read = _mat_variables_hdf5 if h5py.is_hdf5(path) else _mat_variables
    variables = read(path, ("responses", "stimuli", "neurons"))
    if "responses" not in variables:
        raise ValueError("has no variable 'responses'")
    return _from_array(variables["responses"], variables.get("stimuli"), variables.get("neurons"))


def _mat_variables(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """The variables of a MATLAB file up to version 7."""
    from scipy.io import loadmat

    def name_of(cell: Any) -> str:
        return str(np.asarray(cell).item())

    found = loadmat(path, variable_names=list(names))
    return {
        name: found[name] if name == "responses" else [name_of(cell) for cell in found[name].ravel()]
        for name in names
        if name in found
    }


def _mat_variables_hdf5(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """The variables of a MATLAB file of version 7.3, which is HDF5 with the axes the other way round."""
    import h5py

    def name_of(file: h5py.File, cell: h5py.Reference) -> str:
        return "".join(chr(code) for code in np.asarray(file[cell]).ravel())

    with h5py.File(path, "r") as file:
        return {
            name: file[name][()].T
            if name == "responses"
            else [name_of(file, cell) for cell in np.asarray(file[name]).ravel()]
            for name in names
            if name in file
        }


_READERS = {".npy": _read_npy, ".nc": _read_netcdf, ".csv": _read_csv, ".mat": _read_mat}


def _from_array(
    values: np.ndarray,
    stimuli: Sequence[Any] | np.ndarray | None = None,
    neurons: Sequence[Any] | np.ndarray | None = None,
) -> Responses:
    if values.dtype.kind not in "buif":
        raise TypeError(f"responses are real numbers, not {values.dtype}")
    if values.ndim not in (2, 3):
        raise ValueError(
            f"responses of shape {values.shape} are not (stimulus, neuron) or (stimulus, neuron, repetition)"
        )
    if 0 in values.shape:
        raise ValueError(f"responses of shape {values.shape} (stimulus, neuron, ...) are empty")
    values = values.reshape(*values.shape[:2], -1).astype(np.float64)  # (stimulus, neuron, repetition)
    return Responses(
        values,
        stimuli=None if stimuli is None else _names(stimuli, "stimulus", len(values)),
        neurons=_names(range(values.shape[1]) if neurons is None else neurons, "neuron", values.shape[1]),
    )


def _names(names: Any, kind: str, count: int) -> tuple[str, ...]:
    """The names as text, one for each row or column of the values, no two alike."""
    texts = pd.Index([name.decode() if isinstance(name, bytes) else str(name) for name in names])
    if len(texts) != count:
        raise ValueError(f"{len(texts)} {kind} names for {count} {kind} entries of the responses")
    if not texts.is_unique:
        raise ValueError(f"{kind} {texts[texts.duplicated()][0]!r} stands twice; each needs a name of its own")
    return tuple(texts)


def _from_data_array(array: xr.DataArray) -> Responses:
    # Levels of a Brain-Score assembly's indexes become coordinates, and a single time bin is no dimension.
    array = xr.DataArray(array).reset_index([d for d in array.dims if isinstance(array.indexes.get(d), pd.MultiIndex)])
    array = array.squeeze([dim for dim in array.dims if _role(dim) is None and array.sizes[dim] == 1], drop=True)
    dims = {_role(dim): dim for dim in array.dims}
    if len(dims) < array.ndim or None in dims or not {"stimulus", "neuron"} <= set(dims):
        raise ValueError(
            f"responses have the dimensions {tuple(map(str, array.dims))}; they are a stimulus, a neuron and perhaps a "
            f"repetition, called one of {', '.join(sum(DIMENSIONS.values(), ()))}; average or select over others"
        )
    names = {role: _coordinate(array, dims[role], role) for role in ("stimulus", "neuron")}
    repetition = _coordinate(array, dims["stimulus"], "repetition") if "repetition" not in dims else None
    if repetition is not None:
        if names["stimulus"] is None:
            raise ValueError("responses have a repetition coordinate but none that names the stimuli")
        table = pd.DataFrame(array.transpose(dims["stimulus"], dims["neuron"]).values)
        if names["neuron"] is not None:
            table.columns = pd.Index(_names(names["neuron"], "neuron", table.shape[1]))
        return _from_wide_table(table, names["stimulus"], repetition)
    order = [dims[role] for role in DIMENSIONS if role in dims]
    return _from_array(array.transpose(*order).values, names["stimulus"], names["neuron"])


def _role(name: Any) -> str | None:
    """Which of the three dimensions a name stands for."""
    return next((role for role, synonyms in DIMENSIONS.items() if name in synonyms), None)


def _coordinate(array: xr.DataArray, dim: Any, role: str) -> np.ndarray | None:
    """Values of the coordinate of `dim` that names a stimulus, neuron or repetition, None if there is none."""
    # A name that ends in `_id` first: `presentation` may be a mere count beside `stimulus_id`.
    names = sorted(DIMENSIONS[role], key=lambda name: not name.endswith("_id"))
    return next((array[name].values for name in names if name in array.coords and array[name].dims == (dim,)), None)


def _from_table(table: pd.DataFrame) -> Responses:
    twice = table.columns[table.columns.duplicated()]
    if len(twice) or "" in table.columns:
        raise ValueError(f"column {twice[0]!r} stands twice" if len(twice) else "a column has no name; leave it out")
    columns: dict[str | None, Any] = {}
    for name in table.columns[table.columns.map(_role).notna()]:
        if (first := columns.setdefault(_role(name), name)) != name:
            raise ValueError(f"columns {first!r} and {name!r} both say the {_role(name)}; leave one out")
    if "stimulus" not in columns:
        raise ValueError(f"a table of responses needs a column 'stimulus'; has {', '.join(map(str, table.columns))}")
    stimulus = table[columns["stimulus"]].to_numpy()
    repetition = table[columns["repetition"]].to_numpy() if "repetition" in columns else None
    if "neuron" in columns:
        if "response" not in table:
            raise ValueError(
                f"a table of responses with a column {columns['neuron']!r} needs a column 'response'; "
                f"has {', '.join(map(str, table.columns))}"
            )
        response = _numbers(table["response"])
        return _from_long(stimulus, table[columns["neuron"]].to_numpy(), repetition, response)
    wide = table.drop(columns=list(columns.values()))
    return _from_wide_table(wide.apply(_numbers), stimulus, repetition)


def _numbers(column: pd.Series) -> pd.Series:
    """A table's column as float64, NaN for an empty cell."""
    if column.dtype.kind in "buif":
        return column.astype(np.float64)
    texts = column.astype(str).str.strip()
    texts = texts.mask(texts.str.lower().isin(_EMPTY), "nan")
    # pandas' own parser of numbers may be wrong in the last bit; it only says here which are none.
    wrong = pd.to_numeric(texts, errors="coerce").isna() & (texts != "nan")
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"column {column.name!r}, row {row + 1}: {column.iloc[row]!r} is not a number")
    return texts.map(float)


def _from_wide_table(wide: pd.DataFrame, stimulus: np.ndarray, repetition: np.ndarray | None) -> Responses:
    """Responses from a table (presentation, neuron) that says which stimulus and repetition each row is."""
    return _from_long(
        np.repeat(stimulus, wide.shape[1]),
        np.tile(wide.columns.to_numpy(), len(wide)),
        None if repetition is None else np.repeat(repetition, wide.shape[1]),
        wide.to_numpy().ravel(),
    )


def _from_long(stimulus: Any, neuron: Any, repetition: Any, response: Any) -> Responses:
    """Responses from one row a response, in the order in which stimuli and neurons first come."""
    rows = pd.DataFrame({"stimulus": stimulus, "neuron": neuron, "response": response})
    rows["repetition"] = 0 if repetition is None else repetition
    twice = rows.duplicated(["stimulus", "neuron", "repetition"])
    if twice.any():
        row = rows[twice].iloc[0]
        raise ValueError(
            f"stimulus {row['stimulus']!r}, neuron {row['neuron']!r} has two responses"
            + ("; number them in a 'repetition'" if repetition is None else f" in repetition {row['repetition']}")
        )
    i, stimuli = pd.factorize(rows["stimulus"])
    j, neurons = pd.factorize(rows["neuron"])
    k, repetitions = pd.factorize(rows["repetition"], sort=True)
    values = np.full((len(stimuli), len(neurons), len(repetitions)), np.nan)
    values[i, j, k] = rows["response"]
    return _from_array(values, stimuli, neurons)
