"""Responses from a table: long, with one row per response, or wide, with one row per presentation."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from .missing_values import numbers
from .responses import Responses, as_names, check_room, dimension_order, from_array, role
from .stated import REGIONS, STATEMENTS, checked_statements

# Names of columns of a wide table that cannot be neurons.
_NO_NEURONS = frozenset(
    {
        *("index", "row", "id", "number", "n", "count", "session", "block", "run", "date", "time", "timestamp", "day"),
        *("onset", "offset", "start", "stop", "end", "start_time", "stop_time", "onset_time", "duration", "latency"),
        *("isi", "frame", "subject", "animal", "monkey", "mouse", "experimenter", "experiment", "recording", "probe"),
        *("contrast", "size", "position", "x", "y", "orientation", "phase", "sf", "tf", "spatial_frequency", "angle"),
        *("condition", "category", "label", "type", "family", "split", "fold", "correct", "choice", "reward", "rt"),
        *("reaction_time", "pupil", "pupil_size", "speed", "running", "running_speed", "eye_x", "eye_y", "fixation"),
        *("mean", "average", "std", "sem", "baseline", "depth", "comment", "note", "notes", "quality"),
    }
)
# Beginnings of the names of columns that describe the presentation, not a neuron.
_OF_PRESENTATIONS = ("trial", "stim", "image", "session", "presentation", "repetition", "block")


def from_table(table: pd.DataFrame) -> Responses:
    """Responses from a long or a wide table with the column names of `responses.DIMENSIONS`.

    Raises
    ------
    ValueError, TypeError, MemoryError
        As in `response_files.read_responses`.
    """
    if any(name is not None and role(name) for name in table.index.names):
        table = table.reset_index()
    table = table.set_axis([str(name).strip() for name in table.columns], axis="columns")
    _check_header(list(table.columns))
    columns: dict[str | None, Any] = {}
    for name in table.columns[table.columns.map(role).notna()]:
        if (first := columns.setdefault(role(name), name)) != name:
            raise ValueError(f"columns {first!r} and {name!r} both state the {role(name)}; remove one of them")
    listed = ", ".join(table.columns)
    if "stimulus" not in columns:
        raise ValueError(
            "a table of responses needs a column 'stimulus' (or 'image') that names the image of each row; its columns "
            f"are {listed}" + ("" if len(table.columns) > 1 else ". Separate columns by commas, semicolons or tabs")
        )
    lower = {name.lower(): name for name in table.columns}
    statements = {name: lower[name] for name in STATEMENTS if name in lower}
    said = checked_statements({name: table[column].to_numpy() for name, column in statements.items()})
    region = next((lower[name] for name in REGIONS if name in lower), None)
    stimulus = table[columns["stimulus"]].to_numpy()
    repetition = table[columns["repetition"]].to_numpy() if "repetition" in columns else None
    used = [*columns.values(), *statements.values(), *([] if region is None else [region])]
    if "neuron" in columns:
        if "response" not in lower:
            raise ValueError(
                f"a table with a column {columns['neuron']!r} needs a column 'response'; its columns are {listed}. "
                "Rename the column that contains the responses"
            )
        neuron = table[columns["neuron"]].to_numpy()
        made = _from_long(stimulus, neuron, repetition, numbers(table[lower["response"]]))
        regions = None if region is None else _region_of_each(made.neurons, neuron, table[region].to_numpy())
        unused = [name for name in table.columns if name not in (*used, lower["response"])]
        notes = (f"unused columns: {', '.join(unused)}",) if unused else ()
        return replace(made, regions=regions, stated=said, notes=(*made.notes, *notes))
    wide = table.drop(columns=used)
    _check_neurons(wide)
    made = from_wide_table(wide.apply(numbers), stimulus, repetition)
    regions = None
    if region is not None:
        regions = (_one_value(table, region),) * len(made.neurons)
    return replace(made, regions=regions, stated=said)


def _check_header(names: Sequence[str]) -> None:
    index = pd.Index(names)
    twice = index[index.duplicated()]
    if len(twice) or "" in names or any(re.fullmatch(r"unnamed: \d+", name.lower()) for name in names):
        raise ValueError(
            f"column {twice[0]!r} is duplicated"
            if len(twice) and twice[0]
            else "a column has no name; remove it (pandas writes its row numbers into such a column unless index=False)"
        )


def _check_neurons(wide: pd.DataFrame) -> None:
    """Refuse columns that do not seem to be neurons: by their name, or because they count the rows.

    If the names of several columns are numbered alike, so must be those of all neurons.
    """
    if not len(wide.columns):
        raise ValueError("the table has no columns of responses; it needs one per neuron, headed by the neuron's name")
    numbered = pd.Series([re.sub(r"\d+", "#", name) for name in wide.columns], index=wide.columns)
    several = (numbered.str.contains("#") & numbered.duplicated(keep=False)).any()
    for name in wide.columns:
        reason = None
        if name.lower().replace(" ", "_") in _NO_NEURONS:
            reason = "is not a neuron, judging by its name"
        elif "#" not in numbered[name] and name.lower().startswith(_OF_PRESENTATIONS):
            reason = "describes the presentation, judging by its name"
        elif several and "#" not in numbered[name]:
            others = wide.columns[numbered.str.contains("#").to_numpy()]
            reason = f"has a different kind of name from {others[0]!r} and the other neurons"
        elif _counts_rows(wide[name]):
            reason = "counts the rows"
        if reason:
            raise ValueError(
                f"column {name!r} {reason}; remove it, or call it 'stimulus' or 'image' if it names the image, "
                "'repetition' or 'trial' if it numbers the repetition, or like the others if it is a neuron"
            )


def _counts_rows(column: pd.Series) -> bool:
    """Whether the column numbers the rows: in order or, if there are at least ten rows, in any order."""
    values = pd.to_numeric(column, errors="coerce").to_numpy(float, na_value=np.nan)
    if len(values) < 10:
        return len(values) > 3 and any(np.array_equal(values, first + np.arange(len(values))) for first in (0, 1))
    # The chance that ten spike counts are consecutive numbers without repetition is below one in a thousand.
    return bool(np.array_equal(np.sort(values), values.min() + np.arange(len(values))))


def _one_value(table: pd.DataFrame, name: str) -> str:
    values = list(dict.fromkeys(as_names(table[name])))
    if len(values) != 1:
        raise ValueError(
            f"column {name!r} has the values {', '.join(map(repr, values[:3]))}"
            f"{' and others' if len(values) > 3 else ''}, but a benchmark is for one of them; remove the other rows"
        )
    return values[0]


def _region_of_each(neurons: Sequence[str], neuron: np.ndarray, region: np.ndarray) -> tuple[str, ...]:
    pairs: Mapping[str, set[str]] = {name: set() for name in neurons}
    for name, where in zip(as_names(neuron), as_names(region), strict=True):
        pairs[name].add(where)
    for name, places in pairs.items():
        if len(places) > 1:
            raise ValueError(f"neuron {name!r} is in regions {', '.join(sorted(places))}; it can be in one only")
    return tuple(places.pop() for places in pairs.values())


def from_named_array(
    values: np.ndarray,
    stimuli: Any,
    neurons: Any,
    *,
    axes: Any = None,
    repetition: Any = None,
    regions: Any = None,
    stated: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> Responses:
    """Responses from an array whose rows may be presentations, as in a table.

    Rows are presentations if a stimulus is named more than once or the `repetition` of each row is given; otherwise
    this is `responses.from_array`.
    """
    if stimuli is not None and values.ndim == 2:
        names = as_names(stimuli)
        if repetition is not None or len(set(names)) < len(names):
            order = [0, 1] if axes is None else dimension_order(axes, 2)
            rows = values.transpose(order)
            checked = from_array(rows, names if len(set(names)) == len(names) else None, neurons, regions=regions)
            if len(names) != len(rows):
                raise ValueError(
                    f"{len(names)} stimulus names for {len(rows)} rows of responses; if the presentations are along "
                    "the other axis, pass axes='neuron,stimulus'"
                )
            table = pd.DataFrame(checked.values[..., 0], columns=list(checked.neurons))
            made = from_wide_table(table, np.array(names, dtype=object), repetition, notes=notes)
            return replace(made, regions=checked.regions, stated=dict(stated or {}))
    return from_array(values, stimuli, neurons, axes=axes, regions=regions, stated=stated, notes=notes)


def from_wide_table(
    wide: pd.DataFrame, stimulus: np.ndarray, repetition: Any, *, notes: Sequence[str] = ()
) -> Responses:
    """Responses from a table (presentation, neuron) and the stimulus and repetition of each row.

    If `repetition` is None, the rows of each stimulus are numbered in their order.
    """
    if repetition is None:
        names = pd.Series(stimulus)
        repetition = names.groupby(names, sort=False, dropna=False).cumcount().to_numpy()
        if repetition.any():
            notes = (*notes, "the rows of a stimulus are taken as its repetitions, in their order")
    made = _from_long(
        np.repeat(stimulus, wide.shape[1]),
        np.tile(wide.columns.to_numpy(), len(wide)),
        np.repeat(np.asarray(repetition), wide.shape[1]),
        wide.to_numpy().ravel(),
    )
    return replace(made, notes=tuple(notes))


def _from_long(stimulus: Any, neuron: Any, repetition: Any, response: Any) -> Responses:
    """Responses from one row per response; stimuli and neurons are in the order of their first rows."""
    rows = pd.DataFrame({"stimulus": stimulus, "neuron": neuron, "response": np.asarray(response)})
    rows["repetition"] = 0 if repetition is None else repetition
    for kind in ("stimulus", "neuron", "repetition"):
        if (rows[kind].isna() | (rows[kind] == "")).any():
            raise ValueError(f"a response has no {kind}; every row needs one: fill it in, or remove the row")
        if kind != "repetition":
            codes, names = pd.factorize(rows[kind])
            rows[kind] = np.array(as_names(names), dtype=object)[codes]
    twice = rows.duplicated(["stimulus", "neuron", "repetition"])
    if twice.any():
        row = rows[twice].iloc[0]
        raise ValueError(
            f"stimulus {row['stimulus']!r}, neuron {row['neuron']!r} has two responses"
            + ("; number them in a 'repetition'" if repetition is None else f" in repetition {row['repetition']}")
        )
    i, stimuli = pd.factorize(rows["stimulus"])
    j, neurons = pd.factorize(rows["neuron"])
    k = _repetition_of_stimulus(i, pd.factorize(rows["repetition"], sort=True)[0])
    shape = (len(stimuli), len(neurons), int(k.max(initial=-1)) + 1)
    check_room(shape)
    values = np.full(shape, np.nan)
    values[i, j, k] = rows["response"]
    return from_array(values, stimuli, neurons)


def _repetition_of_stimulus(stimulus: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Repetition of each row, renumbered within each stimulus if no stimulus has all labels.

    That is the case where trials are numbered consecutively through a session.
    """
    if not len(label):
        return label
    pairs, which = np.unique(np.stack([stimulus, label], axis=1), axis=0, return_inverse=True)
    _, first, count = np.unique(pairs[:, 0], return_index=True, return_counts=True)
    if count.max() == label.max() + 1:
        return label
    within = np.arange(len(pairs)) - np.repeat(first, count)
    return within[which.ravel()]
