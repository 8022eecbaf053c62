"""Recorded responses from an array or a file, as one array (stimulus, neuron, repetition) with names.

The layouts (names of dimensions, columns and variables may be any of the synonyms in `responses.DIMENSIONS`, in upper
or lower case):

===============  =====================================================================================================
array            (stimulus, neuron) or (stimulus, neuron, repetition), numbers; no names. `axes` says another order
.npy             the same array, written with ``numpy.save``
xarray           a DataArray with those dimensions by name, in any order; coordinates named after a dimension, or
                 `stimulus_id` and `neuroid_id` on it, are the names. A Brain-Score assembly, with `repetition` a
                 coordinate of `presentation`, is one too
.nc              one such DataArray, written with ``DataArray.to_netcdf``
.csv .tsv .txt   long: one response per line, columns `stimulus`, `neuron`, `response` and, where stimuli were repeated,
                 `repetition`; wide: one presentation per line, column `stimulus`, perhaps `repetition`, and one column
                 per neuron, headed by its name. Commas, semicolons, tabs or bars; UTF-8, UTF-16 or Latin-1; a decimal
                 comma where it is clear. A pandas DataFrame may have the same columns
.parquet         the same table; needs pyarrow
.mat             variable `responses`, the array, a sparse one, or cells of repetitions; perhaps `stimuli` and
                 `neurons`, names or numbers; any version. `variable` names another, also in a structure: 'data.rates'
.h5 .hdf5 .npz   the same variables as data sets or arrays
.nwb             spike times of units and a table of presentations, see `nwb_files`; needs pynwb
===============  =====================================================================================================

If `stimuli` has one name or number per row of an array and some occur twice, the array is a list of trials, with one
presentation per row. NaN, or an empty cell of a table, is a missing repetition. In addition to the names, a file may
state the `region` of each neuron, `visual_degrees`, the time bin and the stimulus set; these are used, and must agree
with the caller's arguments (`neural_benchmark`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..arguments import check_real, check_text
from .missing_values import check_marks
from .named_arrays import from_variables
from .nwb_files import read_nwb
from .response_arrays import from_data_array
from .response_tables import from_table
from .responses import Responses, check_room, from_array
from .text_tables import read_text_table
from .variable_files import read_hdf5, read_mat, read_npz


def read_responses(
    source: Any, *, variable: str | None = None, axes: Any = None, time_bin: Sequence[float] | None = None
) -> Responses:
    r"""Responses from an array, a DataArray, a DataFrame or a file, in one of the layouts in the module's table.

    Parameters
    ----------
    source : array, DataArray, DataFrame, or path
    variable : str, optional
        The variable of a .mat, .h5, .hdf5, .npz or .nc file with the responses, or the table of a .nwb file with the
        presentations.
    axes : sequence of str, or text such as 'stimulus,repetition,neuron', optional
        The axes of an array without named dimensions.
    time_bin : (start, end), optional
        In ms after stimulus onset: the one to use if an assembly has several, or the window in which to count spikes
        of a .nwb file (by default 50 to 200).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the kind of file or its layout is unknown, a name is duplicated, or the responses contain a number by which
        programs mark a missing value.
    TypeError
        If the values are not real numbers.
    MemoryError
        If the values exceed the memory; raised before they are read, or for a table before they are arranged.
    ModuleNotFoundError
        If a file needs a library that is not installed; the message says how to install it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from vonenet_brainscore import read_responses
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "counts.csv"
    ...     _ = file.write_text("stimulus,repetition,n0,n1\na,1,4,0\na,2,5,1\nb,1,2,3\nb,2,1,2\n")
    ...     read_responses(file).to_data_array().shape
    (2, 2, 2)
    """
    if variable is not None:
        check_text(variable=variable)
    if axes is not None and not (
        isinstance(axes, str) or (isinstance(axes, Sequence) and all(isinstance(name, str) for name in axes))
    ):
        raise TypeError(f"axes are {shortened(axes)}; give text such as 'stimulus,repetition,neuron'")
    if time_bin is not None:
        check_time_bin(time_bin)
    settings = _Settings(variable, axes, time_bin)
    if isinstance(source, str | PathLike):
        responses = _read_file(Path(source), settings)
    else:
        settings.take_only(
            "axes" if not isinstance(source, xr.DataArray | pd.DataFrame) else "time_bin", type(source).__name__
        )
        responses = _from_object(source, settings)
    check_marks(responses.values)
    return responses


def check_time_bin(time_bin: Any) -> None:
    """Raise unless `time_bin` is a start and a later end."""
    if not isinstance(time_bin, Sequence) or isinstance(time_bin, str) or len(time_bin) != 2:
        raise TypeError(f"time_bin is {shortened(time_bin)}; it is a start and a later end, in ms")
    check_real(**dict(zip(("start of time_bin", "end of time_bin"), time_bin, strict=True)))
    if not time_bin[0] < time_bin[1]:
        raise ValueError(f"time_bin is {time_bin}; it is a start and a later end, in ms")


class _Settings:
    """The caller's arguments about the layout."""

    def __init__(self, variable: str | None, axes: Any, time_bin: Sequence[float] | None) -> None:
        self.variable, self.axes, self.time_bin = variable, axes, time_bin

    def take_only(self, names: str, kind: str) -> None:
        """Raise ValueError for arguments that do not apply to a source of this kind."""
        for name in ("variable", "axes"):
            if getattr(self, name) is not None and name not in names.split():
                raise ValueError(f"{name} is {getattr(self, name)!r}, which does not apply to {kind}; leave it out")


def _from_object(source: Any, settings: _Settings) -> Responses:
    if isinstance(source, xr.DataArray):
        return from_data_array(source, time_bin=settings.time_bin)
    if isinstance(source, pd.DataFrame):
        return from_table(source)
    try:
        array = source if isinstance(source, np.ma.MaskedArray) else np.asarray(source)
    except ValueError as error:
        raise ValueError(f"responses are not one array ({error}); give each stimulus as many numbers") from error
    return from_array(array, axes=settings.axes)


def _read_file(path: Path, settings: _Settings) -> Responses:
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise ValueError(
            f"{path} is not a kind of file that holds responses: {', '.join(_READERS)}. Save a spreadsheet as .csv"
        )
    if not path.is_file():
        raise FileNotFoundError(f"no responses at {path}")
    read, settings_taken = _READERS[suffix]
    try:
        settings.take_only(settings_taken, f"a {suffix} file")
        return read(path, settings)
    except (MemoryError, ModuleNotFoundError):
        raise
    except Exception as error:  # libraries may raise any exception for a damaged file
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{path}: {str(error) or type(error).__name__}") from error


def _npy(path: Path, settings: _Settings) -> Responses:
    # No pickles, which can run any code; memory-mapped, because a header may claim more data than the file has.
    found = np.load(path, allow_pickle=False, mmap_mode="r")
    if not isinstance(found, np.ndarray):
        raise ValueError("is an archive of arrays; call it .npz, or save one array with numpy.save")
    return from_array(found, axes=settings.axes)


def _netcdf(path: Path, settings: _Settings) -> Responses:
    import h5py

    # netCDF's own library hangs or crashes on damaged files of its classic format.
    with xr.open_dataset(path, engine="netcdf4" if h5py.is_hdf5(path) else "scipy") as dataset:
        shapes = [f"{name} {dict(dataset[name].sizes)}" for name in dataset.data_vars]
        if settings.variable is None and len(shapes) != 1:
            raise ValueError(f"holds {len(shapes)} arrays ({', '.join(shapes)}); name one with variable= (--variable)")
        name = settings.variable or next(iter(dataset.data_vars))
        if name not in dataset.data_vars:
            raise ValueError(f"has no variable {name!r}; has {', '.join(shapes)}")
        check_room(dataset[name].shape)
        array = dataset[name].load()
        # xarray separates the attributes of a file from those of an array.
        return from_data_array(array.assign_attrs({**dataset.attrs, **array.attrs}), time_bin=settings.time_bin)


def _text(path: Path, settings: _Settings) -> Responses:
    table, notes = read_text_table(path)
    made = from_table(table)
    return replace(made, notes=(*notes, *made.notes))


def _parquet(path: Path, settings: _Settings) -> Responses:
    try:
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{path} needs pyarrow: pip install 'vonenet_brainscore[parquet]'", name="pyarrow"
        ) from error
    found = parquet.read_metadata(path)
    check_room((found.num_rows, found.num_columns))
    return from_table(pd.read_parquet(path, engine="pyarrow"))


def _variables(read: Callable[[Path, str | None], dict[str, Any]]) -> Callable[[Path, _Settings], Responses]:
    return lambda path, settings: from_variables(
        read(path, settings.variable), variable=settings.variable, axes=settings.axes
    )


# Readers of files by suffix, and the arguments that apply to their layout.
_READERS: dict[str, tuple[Callable[[Path, _Settings], Responses], str]] = {
    ".npy": (_npy, "axes"),
    ".nc": (_netcdf, "variable"),
    **dict.fromkeys((".csv", ".tsv", ".txt"), (_text, "")),
    ".parquet": (_parquet, ""),
    ".mat": (_variables(read_mat), "variable axes"),
    **dict.fromkeys((".h5", ".hdf5"), (_variables(lambda path, variable: read_hdf5(path)), "variable axes")),
    ".npz": (_variables(lambda path, variable: read_npz(path)), "variable axes"),
    ".nwb": (lambda path, settings: read_nwb(path, settings.variable, settings.time_bin), "variable"),
}
