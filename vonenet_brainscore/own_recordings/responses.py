"""Responses of a population: an array, a DataArray or a table -> (stimulus, neuron, repetition) and names.

The layouts are those of `response_files`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import psutil
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


def free_bytes() -> int:
    """How much of the machine's memory is free."""
    return int(psutil.virtual_memory().available)


def check_room(shape: Sequence[int]) -> None:
    """MemoryError if numbers of this shape do not fit into the memory that is free."""
    needed, free = 8 * math.prod(shape), free_bytes()
    if needed > free:
        raise MemoryError(
            f"responses of shape {tuple(shape)} take {needed / 1e9:.1f} GB, and {free / 1e9:.1f} are free"
        )


def from_array(
    values: np.ndarray,
    stimuli: Sequence[Any] | np.ndarray | None = None,
    neurons: Sequence[Any] | np.ndarray | None = None,
) -> Responses:
    """Responses from an array (stimulus, neuron) or (stimulus, neuron, repetition), and names where there are any.

    Raises
    ------
    ValueError, TypeError, MemoryError
        As `response_files.read_responses`; so do the functions below.
    """
    if values.dtype.kind not in "buif":
        raise TypeError(f"responses are real numbers, not {values.dtype}")
    if values.ndim not in (2, 3):
        raise ValueError(
            f"responses of shape {values.shape} are not (stimulus, neuron) or (stimulus, neuron, repetition)"
        )
    if 0 in values.shape:
        raise ValueError(f"responses of shape {values.shape} (stimulus, neuron, ...) are empty")
    check_room(values.shape)
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


def from_data_array(array: xr.DataArray) -> Responses:
    """Responses from a DataArray or assembly, whose dimensions and coordinates have names of `DIMENSIONS`."""
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
    return from_array(array.transpose(*order).values, names["stimulus"], names["neuron"])


def _role(name: Any) -> str | None:
    """Which of the three dimensions a name stands for."""
    return next((role for role, synonyms in DIMENSIONS.items() if name in synonyms), None)


def _coordinate(array: xr.DataArray, dim: Any, role: str) -> np.ndarray | None:
    """Values of the coordinate of `dim` that names a stimulus, neuron or repetition, None if there is none."""
    # A name that ends in `_id` first: `presentation` may be a mere count beside `stimulus_id`.
    names = sorted(DIMENSIONS[role], key=lambda name: not name.endswith("_id"))
    return next((array[name].values for name in names if name in array.coords and array[name].dims == (dim,)), None)


def from_table(table: pd.DataFrame) -> Responses:
    """Responses from a long or a wide table, whose columns have names of `DIMENSIONS`."""
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
    for kind in ("stimulus", "neuron", "repetition"):
        if (rows[kind].isna() | (rows[kind] == "")).any():
            raise ValueError(f"a response has no {kind}; name it in every row, or leave the row out")
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
    shape = (len(stimuli), len(neurons), len(repetitions))
    check_room(shape)  # repetitions that are numbered through a whole session make it a thousand times the table
    values = np.full(shape, np.nan)
    values[i, j, k] = rows["response"]
    return from_array(values, stimuli, neurons)
