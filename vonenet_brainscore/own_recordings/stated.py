"""Statements in a source of responses about the experiment: visual degrees, time bin, stimulus set and regions."""

import math
from collections.abc import Mapping, Sequence
from reprlib import repr as shortened
from typing import Any

import numpy as np

from .responses import as_names

# Names under which a file may state each of these, in upper or lower case; this package writes the first.
DEGREES = ("visual_degrees", "degrees")
TIME_BIN = ("time_bin",)
TIME_BIN_ENDS = ("time_bin_start", "time_bin_end")
STIMULUS_SET = ("stimulus_set_identifier", "stimulus_set")
REGIONS = ("region", "regions", "brain_region", "brain_area", "visual_area", "cortical_area", "area")
STATEMENTS = (*DEGREES, *TIME_BIN, *TIME_BIN_ENDS, *STIMULUS_SET)


def checked_statements(values: Mapping[str, Any]) -> dict[str, Any]:
    """The statements among named values, checked.

    Parameters
    ----------
    values : mapping from name to value
        A value may be an array that repeats the same value, such as a column or a coordinate.

    Returns
    -------
    dict
        `visual_degrees` (float), `time_bin` (start and end in ms) and `stimulus_set` (text), if they are stated.

    Raises
    ------
    ValueError
        If a statement is not a single number (or text), two statements contradict each other, the width of an image is
        not between 0 and 180 degrees, or a time bin lacks its start or end or ends before it starts.
    """
    said = {str(name).strip().lower(): value for name, value in values.items()}
    found: dict[str, Any] = {}
    degrees = {name: _one_number(name, said[name]) for name in DEGREES if name in said}
    if degrees:
        found["visual_degrees"] = _agreeing(degrees)
        if not 0 < found["visual_degrees"] < 180:
            raise ValueError(
                f"the responses state {next(iter(degrees))!r} = {found['visual_degrees']:g}; it is the width of an "
                "image, between 0 and 180 degrees"
            )
    bins = {name: tuple(_numbers(name, said[name])) for name in TIME_BIN if name in said}
    ends = [name for name in TIME_BIN_ENDS if name in said]
    if len(ends) == 1:
        raise ValueError(f"the responses state {ends[0]!r} alone; a time bin has {' and '.join(TIME_BIN_ENDS)}, in ms")
    if ends:
        bins[" and ".join(ends)] = tuple(_one_number(name, said[name]) for name in ends)
    if bins:
        found["time_bin"] = _agreeing(bins)
        _check_bin(next(iter(bins)), found["time_bin"])
    sets = {name: _one_text(name, said[name]) for name in STIMULUS_SET if name in said}
    if sets:
        found["stimulus_set"] = _agreeing(sets)
    return found


def _numbers(name: str, value: Any) -> list[float]:
    numbers = []
    for each in np.asarray(value, dtype=object).ravel():
        try:
            numbers.append(float(each))
        except (TypeError, ValueError) as error:
            raise ValueError(f"the responses state {name!r} = {shortened(each)}, which is not a number") from error
    return numbers


def _one_number(name: str, value: Any) -> float:
    numbers = _numbers(name, value)
    different = sorted(set(numbers))
    if len(different) > 1 and not any(map(math.isnan, different)):
        raise ValueError(
            f"the responses have several values of {name!r}, {different[0]:g} to {different[-1]:g}, but a benchmark is "
            "for one of them; select the responses with one value"
        )
    if len(different) != 1 or not math.isfinite(different[0]):
        raise ValueError(
            f"the responses state {name!r}, but its value is missing or infinite in some places; fill it in, or remove "
            "it"
        )
    return different[0]


def _one_text(name: str, value: Any) -> str:
    texts = list(dict.fromkeys(as_names(np.asarray(value, dtype=object).ravel())))
    if len(texts) != 1:
        raise ValueError(
            f"the responses have several values of {name!r}, {', '.join(map(repr, texts[:3]))}; select the responses "
            "with one value"
        )
    return texts[0]


def _agreeing(statements: Mapping[str, Any]) -> Any:
    if len(set(statements.values())) > 1:
        words = " and ".join(f"{name!r} = {value}" for name, value in statements.items())
        raise ValueError(f"the responses state {words}, which contradict each other; remove one of them")
    return next(iter(statements.values()))


def _check_bin(name: str, ends: Sequence[float]) -> None:
    if len(ends) != 2 or not all(map(math.isfinite, ends)) or not ends[0] < ends[1]:
        words = " to ".join(f"{end:g}" for end in ends)
        raise ValueError(f"the responses state {name!r} = {words}; a time bin is a start and a later end, in ms")
