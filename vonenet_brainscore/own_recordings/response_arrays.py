"""Responses from an xarray DataArray or a Brain-Score assembly, with all that it says of itself."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from .response_tables import from_named_array
from .responses import DIMENSIONS, Responses, role

_DEGREES = ("visual_degrees", "degrees")


def from_data_array(array: xr.DataArray, *, time_bin: Sequence[float] | None = None) -> Responses:
    """Responses from a DataArray or assembly, whose dimensions and coordinates have names of `DIMENSIONS`.

    A coordinate `region` of the neurons, `time_bin_start` and `time_bin_end`, the attribute or coordinate
    `visual_degrees` or `degrees` and the attribute `stimulus_set_identifier` go into what the responses state.

    Parameters
    ----------
    array : DataArray
    time_bin : (start, end), optional
        In ms; which one to take of several.

    Raises
    ------
    ValueError, TypeError, MemoryError
        As `response_files.read_responses`.
    """
    # Levels of a Brain-Score assembly's indexes become coordinates.
    array = xr.DataArray(array).reset_index([d for d in array.dims if isinstance(array.indexes.get(d), pd.MultiIndex)])
    array, stated = _one_time_bin(array, time_bin)
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
        raise ValueError("responses have a repetition coordinate but none that names the stimuli")
    made = from_named_array(
        _without_marks(array),
        stimuli,
        neurons,
        axes=[each for each in DIMENSIONS if each in dims],
        repetition=repetition,
        regions=_of_each(array, "region", dims["neuron"]),
        stated=stated | _stated(array, dims["stimulus"]),
    )
    return replace(made, notes=(*made.notes, *note))


def _without_marks(array: xr.DataArray) -> np.ndarray:
    """The values, NaN for what the attributes mark as missing where xarray has not decoded them."""
    values = array.values
    marks = [array.attrs[name] for name in ("_FillValue", "missing_value") if name in array.attrs]
    if marks and values.dtype.kind in "buif":
        values = np.where(np.isin(values, np.array(marks, dtype=values.dtype)), np.nan, values)
    return values


def _one_time_bin(array: xr.DataArray, time_bin: Sequence[float] | None) -> tuple[xr.DataArray, dict[str, Any]]:
    """The array in one time bin, and the bin where its start and end are there."""
    if "time_bin_start" not in array.coords or "time_bin_end" not in array.coords:
        return array, _bin_of_attributes(array.attrs)
    starts, ends = (np.atleast_1d(array[name].values) for name in ("time_bin_start", "time_bin_end"))
    bins = [(float(start), float(end)) for start, end in zip(starts, ends, strict=True)]
    if len(bins) == 1:
        return array, {"time_bin": bins[0]}
    words = ", ".join(f"{start:g} to {end:g}" for start, end in bins)
    wanted = None if time_bin is None else (float(time_bin[0]), float(time_bin[1]))
    if wanted not in bins:
        asked = "say which with time_bin" if wanted is None else f"{wanted[0]:g} to {wanted[1]:g} is none of them"
        raise ValueError(f"responses have {len(bins)} time bins ({words} ms); {asked}")
    (dim,) = array["time_bin_start"].dims
    return array.isel({dim: bins.index(wanted)}), {"time_bin": wanted}


def _bin_of_attributes(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    both = (
        [attrs.get("time_bin_start"), attrs.get("time_bin_end")] if "time_bin_start" in attrs else attrs.get("time_bin")
    )
    if both is None:
        return {}
    start, end = np.asarray(both, float).ravel()
    return {"time_bin": (float(start), float(end))}


def _stated(array: xr.DataArray, stimulus_dim: Any) -> dict[str, Any]:
    stated: dict[str, Any] = {}
    for name in _DEGREES:
        found = array.attrs.get(name, array.coords[name].values if name in array.coords else None)
        if found is None:
            continue
        widths = np.unique(np.asarray(found, float))
        if len(widths) != 1:
            raise ValueError(
                f"the responses' {name!r} are {widths.min():g} to {widths.max():g}: one benchmark takes pictures of "
                "one width; select those of one"
            )
        stated["visual_degrees"] = float(widths[0])
    if "stimulus_set_identifier" in array.attrs:
        stated["stimulus_set"] = str(array.attrs["stimulus_set_identifier"])
    return stated


def _of_each(array: xr.DataArray, name: str, dim: Any) -> np.ndarray | None:
    """A coordinate along a dimension, one value of it for all, or an attribute of that name."""
    if name in array.coords and array[name].dims in ((dim,), ()):
        return np.atleast_1d(array[name].values)
    return np.atleast_1d(array.attrs[name]) if name in array.attrs else None


def _coordinate(array: xr.DataArray, dim: Any, kind: str) -> tuple[np.ndarray | None, list[str]]:
    """Values of the coordinate of `dim` that names a stimulus, neuron or repetition, None if there is none; a note."""
    # A name that ends in `_id` first: `presentation` may be a mere count beside `stimulus_id`.
    names = sorted(DIMENSIONS[kind], key=lambda name: not name.endswith("_id"))
    found = [name for name in names if name in array.coords and array[name].dims == (dim,)]
    if not found:
        return None, []
    others = [name for name in found[1:] if not np.array_equal(array[name].values, array[found[0]].values)]
    note = f"each {kind} is named by {found[0]!r}, and not by {' or '.join(map(repr, others))}"
    return array[found[0]].values, [note] if others else []
