"""Recorded responses, in an array or a file -> one array (stimulus, neuron, repetition) and its names.

The layouts (dimension and column names may be any of the synonyms in `responses.DIMENSIONS`):

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

import json
import subprocess
import sys
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from .responses import Responses, check_room, free_bytes, from_array, from_data_array, from_table

# SciPy's reader of older MATLAB files crashes on damaged ones, so it has a process of its own.
_LONGEST_S = 600
_READ_MAT = """
import json, math, sys
import numpy as np
from scipy.io import loadmat, whosmat

path, target, free, *names = sys.argv[1:]
shapes = [shape for name, shape, _ in whosmat(path) if name in names]
print(json.dumps(shapes))
if any(8 * math.prod(shape) > int(free) for shape in shapes):
    sys.exit("too large")
found = loadmat(path, variable_names=names)
texts = {name: [str(np.asarray(cell).item()) for cell in found[name].ravel()] for name in names[1:] if name in found}
np.savez(target, **{name: found[name] for name in names[:1] if name in found}, **texts)
"""


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
    MemoryError
        If they are more than the memory holds: before they are read, and for a table before they are laid out.
    """
    if isinstance(source, str | PathLike):
        return _read_file(Path(source))
    if isinstance(source, xr.DataArray):
        return from_data_array(source)
    if isinstance(source, pd.DataFrame):
        return from_table(source)
    try:
        array = np.asarray(source)
    except ValueError as error:
        raise ValueError(f"responses are not one array ({error}); give each stimulus as many numbers") from error
    return from_array(array)


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
        raise kind(f"{path}: {str(error) or type(error).__name__}") from error


def _read_npy(path: Path) -> Responses:
    # Not pickles, which can run anything; and mapped, since a header may claim more than the file has.
    found = np.load(path, allow_pickle=False, mmap_mode="r")
    if not isinstance(found, np.ndarray):
        raise ValueError("is an archive of arrays (.npz); save one array with numpy.save")
    return from_array(found)


def _read_netcdf(path: Path) -> Responses:
    import h5py

    # netCDF's own library hangs or crashes on damaged files of its classic format.
    with xr.open_dataarray(path, engine="netcdf4" if h5py.is_hdf5(path) else "scipy") as array:
        check_room(array.shape)
        return from_data_array(array.load())


def _read_csv(path: Path) -> Responses:
    # As text, so that a stimulus called 007 keeps its name; the header too, or pandas would rename a second 'n1'.
    lines = pd.read_csv(path, header=None, dtype=str, keep_default_na=False, skipinitialspace=True)
    return from_table(lines[1:].set_axis(lines.iloc[0].tolist(), axis="columns").reset_index(drop=True))


def _read_mat(path: Path) -> Responses:
    import h5py

    read = _mat_variables_hdf5 if h5py.is_hdf5(path) else _mat_variables
    variables = read(path, ("responses", "stimuli", "neurons"))
    if "responses" not in variables:
        raise ValueError("has no variable 'responses'")
    return from_array(variables["responses"], variables.get("stimuli"), variables.get("neurons"))


def _mat_variables(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """The variables of a MATLAB file up to version 7."""
    with TemporaryDirectory() as folder:
        target = Path(folder) / "variables.npz"
        command = [sys.executable, "-P", "-c", _READ_MAT, str(path), str(target), str(free_bytes()), *names]
        # -P: modules that lie in the current folder are not imported. What a damaged file prints need not be text.
        run = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=_LONGEST_S)
        for shape in json.loads(run.stdout or "[]"):
            check_room(shape)
        if run.returncode:
            raise ValueError(
                run.stderr.strip().rpartition("\n")[2] or f"damaged; reading it ended with {run.returncode}"
            )
        with np.load(target, allow_pickle=False) as variables:
            return dict(variables)


def _mat_variables_hdf5(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """The variables of a MATLAB file of version 7.3, which is HDF5 with the axes the other way round."""
    import h5py

    def name_of(file: h5py.File, cell: h5py.Reference) -> str:
        return "".join(chr(code) for code in np.asarray(file[cell]).ravel())

    with h5py.File(path, "r") as file:
        for name in names:
            if name in file:
                check_room(file[name].shape)
        return {
            name: file[name][()].T
            if name == "responses"
            else [name_of(file, cell) for cell in np.asarray(file[name]).ravel()]
            for name in names
            if name in file
        }


_READERS = {".npy": _read_npy, ".nc": _read_netcdf, ".csv": _read_csv, ".mat": _read_mat}
