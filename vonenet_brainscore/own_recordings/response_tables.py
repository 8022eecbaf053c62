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

# Columns of a wide table that are no neurons by their name.
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
# How names of columns begin that say which presentation a row is, rather than what a neuron did.
_OF_PRESENTATIONS = ("trial", "stim", "image", "session", "presentation", "repetition", "block")


def from_table(table: pd.DataFrame) -> Responses:
    """Responses from a long or a wide table, whose columns have names of `responses.DIMENSIONS`.

    Raises
    ------
    ValueError, TypeError, MemoryError
        As `response_files.read_responses`.
    """
    if any(name is not None and role(name) for name in table.index.names):
        table = table.reset_index()
    table = table.set_axis([str(name).strip() for name in table.columns], axis="columns")
    _check_header(list(table.columns))
    columns: dict[str | None, Any] = {}
    for name in table.columns[table.columns.map(role).notna()]:
        if (first := columns.setdefault(role(name), name)) != name:
            raise ValueError(f"columns {first!r} and {name!r} both say the {role(name)}; leave one out")
    listed = ", ".join(table.columns)
    if "stimulus" not in columns:
        raise ValueError(
            f"a table of responses needs a column 'stimulus' (or 'image'): which picture a row is of; has "
            f"{listed}" + ("" if len(table.columns) > 1 else ". Separate the columns by commas, semicolons or tabs")
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
                f"a table of responses with a column {columns['neuron']!r} needs a column 'response', which "
                f"holds the responses; has {listed}. Rename the one that does"
            )
        neuron = table[columns["neuron"]].to_numpy()
        made = _from_long(stimulus, neuron, repetition, numbers(table[lower["response"]]))
        regions = None if region is None else _region_of_each(made.neurons, neuron, table[region].to_numpy())
        unused = [name for name in table.columns if name not in (*used, lower["response"])]
        notes = (f"columns that are not used: {', '.join(unused)}",) if unused else ()
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
            else "a column has no name; leave it out (pandas writes its row numbers so, but for index=False)"
        )


def _check_neurons(wide: pd.DataFrame) -> None:
    """Refuse columns that are no neurons: by name, beside others that are numbered, or because they count rows."""
    if not len(wide.columns):
        raise ValueError("a wide table of responses has one column per neuron, headed by its name; has none")
    numbered = pd.Series([re.sub(r"\d+", "#", name) for name in wide.columns], index=wide.columns)
    several = (numbered.str.contains("#") & numbered.duplicated(keep=False)).any()
    for name in wide.columns:
        reason = None
        if name.lower().replace(" ", "_") in _NO_NEURONS:
            reason = "is no neuron by its name"
        elif "#" not in numbered[name] and name.lower().startswith(_OF_PRESENTATIONS):
            reason = "seems by its name to say something of the presentation"
        elif several and "#" not in numbered[name]:
            others = wide.columns[numbered.str.contains("#").to_numpy()]
            reason = f"has a name of another kind than {others[0]!r} and the other neurons"
        elif _counts_rows(wide[name]):
            reason = "counts the rows"
        if reason:
            raise ValueError(
                f"column {name!r} {reason}; leave it out, or, if it is a neuron, give it a name like the others'. A "
                "wide table has a stimulus, perhaps a repetition, and one column per neuron"
            )


def _counts_rows(column: pd.Series) -> bool:
    """Whether the column numbers the rows in their order, or, where there are ten or more, in any order."""
    values = pd.to_numeric(column, errors="coerce").to_numpy(float, na_value=np.nan)
    if len(values) < 10:
        return len(values) > 3 and any(np.array_equal(values, first + np.arange(len(values))) for first in (0, 1))
    # Ten counts of spikes that are consecutive numbers, each once, are one chance in thousands.
    return bool(np.array_equal(np.sort(values), values.min() + np.arange(len(values))))


def _one_value(table: pd.DataFrame, name: str) -> str:
    values = list(dict.fromkeys(as_names(table[name])))
    if len(values) != 1:
        raise ValueError(
            f"column {name!r} says {', '.join(map(repr, values[:3]))}{' and others' if len(values) > 3 else ''}: one "
            "benchmark is of one; leave out the rows of the others"
        )
    return values[0]


def _region_of_each(neurons: Sequence[str], neuron: np.ndarray, region: np.ndarray) -> tuple[str, ...]:
    pairs: Mapping[str, set[str]] = {name: set() for name in neurons}
    for name, where in zip(as_names(neuron), as_names(region), strict=True):
        pairs[name].add(where)
    for name, places in pairs.items():
        if len(places) > 1:
            raise ValueError(f"neuron {name!r} is in regions {', '.join(sorted(places))}; it can be in one")
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
    """Responses from an array whose rows may be presentations, as those of a table.

    They are where a stimulus is named twice, or where each row comes with the number of its `repetition`; else this is
    `responses.from_array`.
    """
    if stimuli is not None and values.ndim == 2:
        names = as_names(stimuli)
        if repetition is not None or len(set(names)) < len(names):
            order = [0, 1] if axes is None else dimension_order(axes, 2)
            rows = values.transpose(order)
            checked = from_array(rows, names if len(set(names)) == len(names) else None, neurons, regions=regions)
            if len(names) != len(rows):
                raise ValueError(
                    f"{len(names)} stimulus names for {len(rows)} rows of responses; if the presentations lie along "
                    "the other axis, say axes='neuron,stimulus'"
                )
            table = pd.DataFrame(checked.values[..., 0], columns=list(checked.neurons))
            made = from_wide_table(table, np.array(names, dtype=object), repetition, notes=notes)
            return replace(made, regions=checked.regions, stated=dict(stated or {}))
    return from_array(values, stimuli, neurons, axes=axes, regions=regions, stated=stated, notes=notes)


def from_wide_table(
    wide: pd.DataFrame, stimulus: np.ndarray, repetition: Any, *, notes: Sequence[str] = ()
) -> Responses:
    """Responses from a table (presentation, neuron), and which stimulus and repetition each row is.

    Without a repetition, those of a stimulus are counted in the order of its rows.
    """
    if repetition is None:
        names = pd.Series(stimulus)
        repetition = names.groupby(names, sort=False, dropna=False).cumcount().to_numpy()
        if repetition.any():
            notes = (*notes, "rows of one stimulus are its repetitions, in their order")
    made = _from_long(
        np.repeat(stimulus, wide.shape[1]),
        np.tile(wide.columns.to_numpy(), len(wide)),
        np.repeat(np.asarray(repetition), wide.shape[1]),
        wide.to_numpy().ravel(),
    )
    return replace(made, notes=tuple(notes))


def _from_long(stimulus: Any, neuron: Any, repetition: Any, response: Any) -> Responses:
    """Responses from one row a response, in the order in which stimuli and neurons first come."""
    rows = pd.DataFrame({"stimulus": stimulus, "neuron": neuron, "response": np.asarray(response)})
    rows["repetition"] = 0 if repetition is None else repetition
    for kind in ("stimulus", "neuron", "repetition"):
        if (rows[kind].isna() | (rows[kind] == "")).any():
            raise ValueError(f"a response has no {kind}; name it in every row, or leave the row out")
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
    """Each row's repetition, counted within its stimulus where no stimulus has every label.

    Trials that are numbered through a session have as many labels as the session has trials, and none has them all.
    """
    if not len(label):
        return label
    pairs, which = np.unique(np.stack([stimulus, label], axis=1), axis=0, return_inverse=True)
    _, first, count = np.unique(pairs[:, 0], return_index=True, return_counts=True)
    if count.max() == label.max() + 1:
        return label
    within = np.arange(len(pairs)) - np.repeat(first, count)
    return within[which.ravel()]
