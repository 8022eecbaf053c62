"""Responses from an xarray DataArray or a Brain-Score assembly, with their coordinates and attributes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from .response_tables import from_named_array
from .responses import DIMENSIONS, Responses, not_used, role
from .stated import REGIONS, STATEMENTS, TIME_BIN_ENDS, checked_statements

# Attributes of netCDF files that do not describe the experiment (CF conventions 1.11, appendix A).
_FORMALITIES = frozenset(
    {
        *("_fillvalue", "missing_value", "units", "long_name", "standard_name", "conventions", "history", "title"),
        *("source", "references", "comment", "institution", "description", "coordinates"),
    }
)


def from_data_array(array: xr.DataArray, *, time_bin: Sequence[float] | None = None) -> Responses:
    """Responses from a DataArray or assembly, whose dimensions and coordinates have names of `DIMENSIONS`.

    Coordinates and attributes that state the region of the neurons, degrees, the time bin or the stimulus set, by the
    names in `stated`, become statements of the responses. A note lists all others, which are not used.

    Parameters
    ----------
    array : DataArray
    time_bin : (start, end), optional
        In ms; the one to use if there are several.

    Raises
    ------
    ValueError, TypeError, MemoryError
        As `response_files.read_responses`.
    """
    # Levels of a Brain-Score assembly's indexes become coordinates.
    array = xr.DataArray(array).reset_index([d for d in array.dims if isinstance(array.indexes.get(d), pd.MultiIndex)])
    array = _one_time_bin(array, time_bin)
    whole = array  # before squeezing, which drops coordinates of dimensions with one entry, such as a time bin
    array = array.squeeze([dim for dim in array.dims if role(dim) is None and array.sizes[dim] == 1], drop=True)
    dims = {role(dim): dim for dim in array.dims}
    if len(dims) < array.ndim or None in dims or not {"stimulus", "neuron"} <= set(dims):
        raise ValueError(
            f"responses have the dimensions {tuple(map(str, array.dims))}; needed are 'stimulus' (or "
            "'presentation', 'image'), 'neuron' (or 'neuroid', 'unit') and perhaps 'repetition' (or 'trial'): rename "
            "them, and average or select over others"
        )
    array = array.transpose(*(dims[each] for each in DIMENSIONS if each in dims))
    stimuli, note = _coordinate(array, dims["stimulus"], "stimulus")
    neurons, _ = _coordinate(array, dims["neuron"], "neuron")
    repetition = None if "repetition" in dims else _coordinate(array, dims["stimulus"], "repetition")[0]
    if repetition is not None and stimuli is None:
        raise ValueError("responses have a repetition coordinate but no coordinate that names the stimuli")
    made = from_named_array(
        _without_marks(array),
        stimuli,
        neurons,
        axes=[each for each in DIMENSIONS if each in dims],
        repetition=repetition,
        regions=_regions(array, dims["neuron"]),
        stated=checked_statements(_everything(whole)),
    )
    return replace(made, notes=(*made.notes, *note, *_unused(whole)))


def _without_marks(array: xr.DataArray) -> np.ndarray:
    """The values, with NaN for those marked as missing by attributes that xarray has not decoded."""
    values = array.values
    marks = [array.attrs[name] for name in ("_FillValue", "missing_value") if name in array.attrs]
    if marks and values.dtype.kind in "buif":
        values = np.where(np.isin(values, np.array(marks, dtype=values.dtype)), np.nan, values)
    return values


def _one_time_bin(array: xr.DataArray, time_bin: Sequence[float] | None) -> xr.DataArray:
    """The array in one of its time bins."""
    if not set(TIME_BIN_ENDS) <= set(array.coords) or not array["time_bin_start"].ndim:
        return array
    starts, ends = (np.atleast_1d(array[name].values) for name in TIME_BIN_ENDS)
    bins = [(float(start), float(end)) for start, end in zip(starts, ends, strict=True)]
    if len(bins) == 1:
        return array
    words = ", ".join(f"{start:g} to {end:g}" for start, end in bins)
    wanted = None if time_bin is None else (float(time_bin[0]), float(time_bin[1]))
    if wanted not in bins:
        asked = (
            "say which with time_bin (--window)"
            if wanted is None
            else f"{wanted[0]:g} to {wanted[1]:g} is none of them"
        )
        raise ValueError(f"responses have {len(bins)} time bins ({words} ms); {asked}")
    (dim,) = array["time_bin_start"].dims
    return array.isel({dim: bins.index(wanted)})


def _everything(array: xr.DataArray) -> dict[str, Any]:
    """Coordinates and attributes by name; a coordinate takes precedence over an attribute of the same name."""
    return {**array.attrs, **{str(name): coordinate.values for name, coordinate in array.coords.items()}}


def _regions(array: xr.DataArray, dim: Any) -> np.ndarray | None:
    """The region of each neuron, or a single region for all."""
    for name in array.coords:
        if str(name).lower() in REGIONS:
            if array[name].dims not in ((dim,), ()):
                along = ", ".join(map(str, array[name].dims))
                raise ValueError(f"{name!r} is given along {along}; a region belongs to a neuron, along {dim!r}")
            return np.atleast_1d(array[name].values)
    return next((np.atleast_1d(value) for name, value in array.attrs.items() if str(name).lower() in REGIONS), None)


def _unused(array: xr.DataArray) -> list[str]:
    """A note that lists the unused coordinates and attributes; no note if all are used."""
    used = {*STATEMENTS, *REGIONS, *_FORMALITIES}
    names = [str(name) for name in (*array.coords, *array.attrs)]
    unused = [name for name in names if name.lower() not in used and role(name) is None]
    return [not_used(unused)] if unused else []


def _coordinate(array: xr.DataArray, dim: Any, kind: str) -> tuple[np.ndarray | None, list[str]]:
    """Values of the coordinate of `dim` that names a stimulus, neuron or repetition, None if there is none; a note."""
    # Names that end in `_id` first, because `presentation` may only count rows where `stimulus_id` exists.
    names = sorted(DIMENSIONS[kind], key=lambda name: not name.endswith("_id"))
    found = [name for name in names if name in array.coords and array[name].dims == (dim,)]
    if not found:
        return None, []
    others = [name for name in found[1:] if not np.array_equal(array[name].values, array[found[0]].values)]
    note = f"each {kind} is named by {found[0]!r}, not by {' or '.join(map(repr, others))}"
    return array[found[0]].values, [note] if others else []
