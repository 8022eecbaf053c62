"""Responses from a Neurodata Without Borders file: spikes of units, counted after the onset of each presentation."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .response_tables import from_wide_table
from .responses import Responses, as_names, check_room, role

TIME_BIN = (50, 200)  # ms after onset, the window of Brain-Score's V1 benchmarks (FreemanZiemba2013)
# Columns with the onset of the stimulus in seconds, like `start_time`; a trial may begin before its stimulus.
_ONSETS = ("stimulus_onset_time", "stimulus_onset", "stimulus_start_time", "stimulus_on", "onset_time", "onset")
_REGIONS = ("region", "brain_region", "brain_area", "area", "location")
_UNKNOWN = {"", "unknown", "none", "nan"}


def read_nwb(path: Path, table: str | None = None, time_bin: Sequence[float] | None = None) -> Responses:
    """Spike counts of a file's units in a window after the onset of each presentation.

    Presentations are the rows of a table of intervals (`trials` or another) with a column that names the stimulus:
    one of `responses.DIMENSIONS`. Rows of one stimulus are its repetitions. The onset of a stimulus is the
    row's `start_time`, or the value of a column such as `stimulus_onset_time`. A spike at time t counts if
    ``onset + start <= t < onset + end``. The response is missing unless the unit was observed (its `obs_intervals`) and
    the recording was valid (the file's `invalid_times`) for the whole window.

    A unit's region is the value of its column `region` (or `brain_area`, `location` ...), or the location of its
    electrodes.

    Parameters
    ----------
    path : Path
    table : str, optional
        The table of intervals, such as 'trials', or 'trials.image' with the column that names the stimulus; by default
        the only table with such a column.
    time_bin : (start, end), optional
        In ms after onset; 50 to 200 by default.

    Raises
    ------
    ValueError
        If units with spike times are missing, or the table or column is missing or ambiguous; lists the alternatives.
    ModuleNotFoundError
        If pynwb is not installed.
    """
    try:
        from pynwb import NWBHDF5IO
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{path} needs pynwb: pip install 'vonenet_brainscore[nwb]'", name="pynwb") from error

    start, end = map(float, TIME_BIN if time_bin is None else time_bin)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about versions of the schema, which a reader cannot change
        with NWBHDF5IO(str(path), "r") as file:
            nwb = file.read()
            units = nwb.units
            if units is None or "spike_times" not in units.colnames:
                raise ValueError("has no units with spike times; export responses of another kind to a table or array")
            name, column = _presentations(nwb.intervals or {}, table)
            rows = nwb.intervals[name]
            stimulus = _column(rows, column)
            onset_column = next((each for each in _ONSETS if each in rows.colnames), "start_time")
            onsets = np.asarray(rows[onset_column][:], float)
            check_room((len(onsets), len(units)))
            counts = _counts(units, onsets + start / 1000, onsets + end / 1000)
            counts[~_valid(nwb.invalid_times, onsets + start / 1000, onsets + end / 1000)] = np.nan
            regions, names = _regions(units), as_names(units.id[:])
    if np.isnan(onsets).any():
        raise ValueError(f"{np.isnan(onsets).sum()} rows of {name!r} have no {onset_column}")
    note = f"spikes are counted {start:g} to {end:g} ms after {onset_column!r} of {name!r}; {column!r} is the stimulus"
    made = from_wide_table(pd.DataFrame(counts, columns=names), stimulus, None, notes=(note,))
    return replace(made, regions=regions, stated={"time_bin": (start, end)})


def _presentations(tables: Mapping[str, Any], wanted: str | None) -> tuple[str, str]:
    """The table of presentations and its column of stimuli."""
    found = {name: [each for each in rows.colnames if role(each) == "stimulus"] for name, rows in tables.items()}
    words = "; ".join(f"{name} ({', '.join(rows.colnames)})" for name, rows in tables.items()) or "none"
    name, _, column = (wanted or "").partition(".")
    if wanted is None:
        having = [each for each, columns in found.items() if columns]
        if len(having) != 1:
            raise ValueError(
                f"{len(having) or 'no'} tables of intervals have a column that names a stimulus; name one with "
                f"variable= (--variable), such as 'trials.image'. The file has {words}"
            )
        name = having[0]
    if name not in tables:
        raise ValueError(f"has no table of intervals {name!r}; has {words}")
    columns = [column] if column else found[name]
    if len(columns) != 1 or columns[0] not in tables[name].colnames:
        raise ValueError(
            f"the column of {name!r} that names the stimulus is not clear: it has {', '.join(tables[name].colnames)}; "
            f"say which with variable= (--variable), such as '{name}.image'"
        )
    return name, columns[0]


def _column(rows: Any, column: str) -> np.ndarray:
    values = np.asarray(rows[column][:])
    if values.ndim != 1 or not all(isinstance(each, str | bytes | int | float | np.generic) for each in values):
        raise ValueError(f"column {column!r} does not hold a name or number for each presentation")
    return np.array(as_names(values), dtype=object)


def _counts(units: Any, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Spikes in each window, (presentation, unit); NaN unless the unit was observed for the whole window."""
    counts = np.empty((len(starts), len(units)))
    observed = "obs_intervals" in units.colnames
    for unit in range(len(units)):
        spikes = np.sort(np.asarray(units["spike_times"][unit], float))
        counts[:, unit] = np.searchsorted(spikes, ends) - np.searchsorted(spikes, starts)
        if observed:
            intervals = np.asarray(units["obs_intervals"][unit], float).reshape(-1, 2)
            inside = (intervals[:, 0] <= starts[:, None]) & (ends[:, None] <= intervals[:, 1])
            counts[~inside.any(axis=1), unit] = np.nan
    return counts


def _valid(invalid: Any, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Whether each window lies outside all times in which the recording is invalid."""
    if invalid is None:
        return np.ones(len(starts), bool)
    bounds = [np.asarray(invalid[name][:], float) for name in ("start_time", "stop_time")]
    return ~((starts[:, None] < bounds[1]) & (bounds[0] < ends[:, None])).any(axis=1)


def _regions(units: Any) -> tuple[str, ...] | None:
    """Region of each unit; None if the file does not state it."""
    column = next((name for name in _REGIONS if name in units.colnames), None)
    if column is not None:
        places = [_place([each]) for each in as_names(units[column][:])]
    elif "electrodes" in units.colnames:
        places = [_place(units["electrodes"][unit]["location"]) for unit in range(len(units))]
    elif "electrode_group" in units.colnames:
        places = [_place([units["electrode_group"][unit].location]) for unit in range(len(units))]
    else:
        return None
    return None if all(place == "unknown" for place in places) else tuple(places)


def _place(locations: Iterable[Any]) -> str:
    names = list(dict.fromkeys(as_names(locations)))
    known = [name for name in names if name.lower() not in _UNKNOWN]
    return "/".join(known) or "unknown"
