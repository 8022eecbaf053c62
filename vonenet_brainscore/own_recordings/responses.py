"""Responses of a population (stimulus, neuron, repetition), with names and what else their source states.

`response_files` describes the layouts that are accepted.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import psutil

if TYPE_CHECKING:
    import xarray as xr

# Accepted names of a dimension, column or variable, in upper or lower case.
DIMENSIONS = {
    "stimulus": (
        *("stimulus", "stimuli", "stimulus_id", "stimulus_name", "image", "image_id", "image_name", "presentation"),
    ),
    "neuron": ("neuron", "neurons", "neuron_id", "neuroid", "neuroid_id", "unit", "unit_id", "cell", "cell_id"),
    "repetition": ("repetition", "trial", "repeat"),
}


@dataclass(frozen=True)
class Responses:
    """Responses of a population, with the names of stimuli and neurons in their source.

    Attributes
    ----------
    values : float64 array, shape (stimulus, neuron, repetition)
        NaN if a response is missing or a stimulus has fewer repetitions than others. There is one repetition if the
        source has no such dimension.
    stimuli : tuple of str or None
        Name of each stimulus; None if the source has no names, so that only their order identifies the stimuli.
    neurons : tuple of str
        Name of each neuron; its number, from 0, if the source has no names.
    regions : tuple of str or None
        Region of each neuron; None if the source does not state it.
    stated : dict
        Statements of the source about the experiment: `visual_degrees`, `time_bin` (start and end in ms) and
        `stimulus_set`.
    notes : tuple of str
        Assumptions that were made when the source was read, in words for the user.
    """

    values: np.ndarray
    stimuli: tuple[str, ...] | None
    neurons: tuple[str, ...]
    regions: tuple[str, ...] | None = None
    stated: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def of_region(self, region: str) -> "Responses":
        """The responses of the neurons in one region, or of all neurons if the source does not state regions.

        Raises
        ------
        ValueError
            If no neuron is in this region; the message lists the regions of the source.
        """
        if self.regions is None:
            return self
        there = np.array([name == region for name in self.regions])
        if not there.any():
            names = list(dict.fromkeys(self.regions))
            # Only a name that differs in case is suggested: V2 resembles V1 in spelling but is another region.
            same = [name for name in names if name.casefold() == region.casefold()]
            raise ValueError(
                f"the responses are from {', '.join(map(repr, names))}, none from {region!r}"
                + (f"; did you mean {same[0]!r}? " if same else ". ")
                + f"If the file has another name for {region!r}, keep that region and add the name in the file: "
                f"region_in_file={repr(same[0]) if same else 'NAME'} (--region-in-file)"
            )
        if there.all():
            return self
        note = f"{there.sum()} of {len(there)} neurons are in {region}; the others are not used"
        return replace(
            self,
            values=self.values[:, there],
            neurons=tuple(np.array(self.neurons, dtype=object)[there]),
            regions=(region,) * int(there.sum()),
            notes=(*self.notes, note),
        )

    def summary(self) -> str:
        """The numbers of stimuli, neurons, repetitions and missing responses, in words.

        A response is missing if another neuron has a response to the same presentation (repetition of a stimulus).
        """
        there = ~np.isnan(self.values)
        shown = there.any(axis=1)  # (stimulus, repetition)
        stimuli, neurons = self.values.shape[:2]
        most, mean = int(shown.sum(axis=1).max(initial=0)), shown.sum() / max(1, stimuli)
        missing = int((shown[:, None] & ~there).sum())
        counts = [(stimuli, "stimulus", "stimuli"), (neurons, "neuron", "neurons"), (most, "repetition", "repetitions")]
        words = ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts)
        uneven = f" (mean {mean:.3g} per stimulus)" if mean != most else ""
        return f"{words}{uneven}, {missing} missing" if missing else f"{words}{uneven}"

    def to_data_array(self) -> "xr.DataArray":
        """The responses as a DataArray (stimulus, neuron, repetition); its `to_netcdf` writes a file that can be read.

        Names, the regions of neurons and the time bin are coordinates; `visual_degrees` is an attribute.
        """
        import xarray as xr

        coordinates: dict[str, Any] = {"neuron": list(self.neurons)}
        if self.stimuli is not None:
            coordinates["stimulus"] = list(self.stimuli)
        if self.regions is not None:
            coordinates["region"] = ("neuron", list(self.regions))
        if "time_bin" in self.stated:
            coordinates["time_bin_start"], coordinates["time_bin_end"] = self.stated["time_bin"]
        attributes = {
            theirs: self.stated[ours]
            for ours, theirs in (("visual_degrees", "visual_degrees"), ("stimulus_set", "stimulus_set_identifier"))
            if ours in self.stated
        }
        return xr.DataArray(self.values, coords=coordinates, dims=tuple(DIMENSIONS), name="responses", attrs=attributes)


def role(name: Any) -> str | None:
    """The dimension that a name stands for, in upper or lower case; None if it is none of the three."""
    plain = str(name).strip().lower().replace(" ", "_")
    return next((each for each, synonyms in DIMENSIONS.items() if plain in synonyms), None)


def free_bytes() -> int:
    """Free memory of this machine, in bytes."""
    return int(psutil.virtual_memory().available)


def check_room(shape: Sequence[int]) -> None:
    """Raise MemoryError if an array of this shape does not fit into the free memory."""
    needed, free = 8 * math.prod(shape), free_bytes()
    if needed > free:
        raise MemoryError(
            f"responses of shape {tuple(shape)} take {needed / 1e9:.1f} GB, and {free / 1e9:.1f} are free"
        )


def dimension_order(axes: Any, ndim: int) -> list[int]:
    """The order that transposes an array to (stimulus, neuron) or (stimulus, neuron, repetition).

    Parameters
    ----------
    axes : str such as 'stimulus,repetition,neuron', or sequence of such names
    ndim : int
        Number of the array's axes.

    Raises
    ------
    ValueError
        If `axes` does not name each of the array's axes once.
    """
    names = axes.split(",") if isinstance(axes, str) else list(axes)
    roles = [role(name) for name in names]
    wanted = list(DIMENSIONS)[: len(roles)]
    if len(roles) != ndim or sorted(map(str, roles)) != sorted(wanted):
        raise ValueError(
            f"axes are {','.join(map(str, names))!r}, but the responses have {ndim} axes; name each once, for example "
            f"axes='stimulus,{'neuron,repetition' if ndim == 3 else 'neuron'}'"
        )
    return [roles.index(name) for name in wanted]


def from_array(
    values: np.ndarray,
    stimuli: Any = None,
    neurons: Any = None,
    *,
    axes: Any = None,
    regions: Any = None,
    stated: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> Responses:
    """Responses from an array (stimulus, neuron) or (stimulus, neuron, repetition), and its names if there are any.

    Raises
    ------
    ValueError, TypeError, MemoryError
        As in `response_files.read_responses`.
    """
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    if values.dtype.kind not in "buif":
        raise TypeError(f"responses must be real numbers, not {values.dtype}")
    if values.ndim not in (2, 3):
        raise ValueError(
            f"responses of shape {values.shape} are not (stimulus, neuron) or (stimulus, neuron, repetition)"
        )
    if 0 in values.shape:
        raise ValueError(f"responses of shape {values.shape} (stimulus, neuron, ...) are empty")
    check_room(values.shape)
    if axes is not None:
        values = values.transpose(dimension_order(axes, values.ndim))
    elif values.ndim - (stimuli is not None) - (neurons is not None) >= 2:
        order = ", ".join(list(DIMENSIONS)[: values.ndim])
        sizes = " x ".join(map(str, values.shape))
        other = "stimulus,repetition,neuron" if values.ndim == 3 else "neuron,stimulus"
        notes = (
            *notes,
            f"the array of {sizes} is taken as ({order}); for another order, pass for example axes={other!r} (--axes)",
        )
    values = values.reshape(*values.shape[:2], -1).astype(np.float64)  # (stimulus, neuron, repetition)
    return Responses(
        values,
        stimuli=None if stimuli is None else _names(stimuli, "stimulus", len(values)),
        neurons=_names(range(values.shape[1]) if neurons is None else neurons, "neuron", values.shape[1]),
        regions=_regions(regions, values.shape[1]),
        stated=dict(stated or {}),
        notes=tuple(notes),
    )


def not_used(names: Sequence[str], most: int = 12) -> str:
    """A note that lists the contents of a source that are not used, so that nobody relies on them."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more} in the file {'are' if len(names) > 1 else 'is'} not used"


def as_names(names: Any) -> list[str]:
    """Names as text, without surrounding blanks; whole numbers have no decimal point."""

    def text(name: Any) -> str:
        if isinstance(name, bytes):
            name = name.decode("utf-8", "replace")
        if isinstance(name, float | np.floating) and float(name).is_integer():
            name = int(name)
        return str(name).strip()

    return [text(name) for name in names]


def _names(names: Any, kind: str, count: int) -> tuple[str, ...]:
    """The names as text, which must be distinct, one for each row or column of the values."""
    texts = pd.Index(as_names(names))
    if len(texts) != count:
        raise ValueError(
            f"{len(texts)} {kind} names for {count} {kind} entries of the responses; if the axes are in another order, "
            "pass it, for example axes='neuron,stimulus' (--axes)"
        )
    if not texts.is_unique:
        raise ValueError(f"{kind} {texts[texts.duplicated()][0]!r} is duplicated; names must be unique")
    return tuple(texts)


def _regions(regions: Any, count: int) -> tuple[str, ...] | None:
    if regions is None:
        return None
    names = as_names(regions)
    if len(names) == 1:
        names *= count
    if len(names) != count:
        raise ValueError(f"{len(names)} regions for {count} neurons; give one per neuron, or one for all")
    return tuple(names)
