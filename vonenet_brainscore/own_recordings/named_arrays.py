"""Responses from a file of named arrays (MATLAB, HDF5, NumPy's .npz), by the names of its variables.

A variable is an array of numbers, a list of texts, a `Cells`, or a dict of variables (a structure or a group); a list
of dicts is an array of structures.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..arguments import nearest_names
from .response_tables import from_named_array, from_table
from .responses import Responses, check_room, not_used, role
from .stated import REGIONS, STATEMENTS, checked_statements

RESPONSES = "responses"
# Accepted names of the variables other than the responses.
BESIDE = {
    "stimuli": ("stimuli", "stimulus", "stimulus_id", "stimulus_ids", "stimulus_names", "stimulus_number"),
    "images": ("images", "image", "image_id", "image_ids", "image_names", "image_number"),
    "neurons": ("neurons", "neuron", "neuron_id", "neuron_ids", "neuroid_id", "units", "unit_id", "unit_ids"),
    "repetitions": ("repetitions", "repetition", "trials", "trial"),
    "regions": ("regions", *REGIONS),
    "axes": ("axes", "dims", "dimensions"),
}


@dataclass(frozen=True)
class Cells:
    """A MATLAB cell array: values of any shape in an array of cells."""

    shape: tuple[int, ...]
    values: Sequence[Any]


@dataclass(frozen=True)
class OnlyMatlab:
    """A value that only MATLAB can read, such as a string array or a table."""

    kind: str


def from_variables(variables: Mapping[str, Any], *, variable: str | None = None, axes: Any = None) -> Responses:
    """Responses from named arrays.

    Parameters
    ----------
    variables : mapping from name to variable
    variable : str, optional
        The variable with the responses, including the structures that contain it: 'data.rates'. By default
        `responses`, in any structure, if there is only one variable of that name.
    axes : optional
        As in `response_files.read_responses`.

    Raises
    ------
    ValueError
        If the variable does not exist (the message lists all variables with shapes) or has an unknown layout.
    TypeError
        If the variable does not contain real numbers.
    """
    name, siblings = _where(variables, variable)
    found = siblings[name]
    beside = {kind: _first(siblings, names, variables) for kind, names in BESIDE.items()}
    if isinstance(found, Mapping):
        raise ValueError(f"{variable or name!r} is a structure; name the variable in it: {_listed(found, name)}")
    if isinstance(found, list) and found and isinstance(found[0], Mapping):
        return _from_structures(found)
    notes = [
        f"{kind} in the file are {_kind(beside[kind])}, not names, and are not used"
        for kind in ("stimuli", "images", "repetitions")
        if isinstance(beside[kind], np.ndarray | Mapping) and not _is_names(beside[kind])
    ]
    stimuli, images, repetition = (
        _names(beside[kind], kind) if isinstance(beside[kind], Cells | OnlyMatlab) or _is_names(beside[kind]) else None
        for kind in ("stimuli", "images", "repetitions")
    )
    stimuli = images if stimuli is None else stimuli
    axes = _names(beside["axes"], "axes") if axes is None else axes
    if isinstance(found, Cells):
        found, axes = _padded(found, axes)
    if isinstance(found, OnlyMatlab):
        raise ValueError(f"{name!r} is {_kind(found)}, which only MATLAB can read; save it with table2array or struct")
    if not isinstance(found, np.ndarray):
        raise TypeError(f"{name!r} holds {_kind(found)}, and responses are real numbers")
    if found.ndim == 2 and 1 in found.shape and stimuli is not None and len(stimuli) == found.size:
        found = found.reshape(-1, 1)  # MATLAB has no arrays of one dimension: the responses of one neuron
    statements = {each: _plain(group[each]) for group in (variables, siblings) for each in STATEMENTS if each in group}
    known = {name, *STATEMENTS, *(each for names in BESIDE.values() for each in names)}
    unused = [each for each in siblings if each not in known]
    notes += [not_used(unused)] if unused else []
    return from_named_array(
        found,
        stimuli,
        _names(beside["neurons"], "neurons"),
        axes=axes,
        repetition=repetition if repetition is not None and len(repetition) == len(stimuli or ()) else None,
        regions=_names(beside["regions"], "regions"),
        stated=checked_statements(statements),
        notes=notes,
    )


def _where(variables: Mapping[str, Any], variable: str | None) -> tuple[str, Mapping[str, Any]]:
    """The last part of a variable's name, and the variables of the same group."""
    if variable is not None:
        *outer, name = variable.replace("/", ".").strip(".").split(".")
        inside: Any = variables
        for part in outer:
            inside = inside.get(part) if isinstance(inside, Mapping) else None
        if not isinstance(inside, Mapping) or name not in inside:
            raise ValueError(f"has no variable {variable!r}; has {_listed(variables)}{_nearest(variable, variables)}")
        return name, inside
    places = [group for group in (variables, *_groups(variables)) if RESPONSES in group]
    if RESPONSES in variables or len(places) == 1:
        return RESPONSES, places[0]
    problem = f"has {RESPONSES!r} in several places" if places else f"has no variable {RESPONSES!r}"
    raise ValueError(
        f"{problem}; has {_listed(variables)}. Name the one that holds the responses with variable= (--variable)"
    )


def _groups(variables: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for value in variables.values():
        if isinstance(value, Mapping):
            yield value
            yield from _groups(value)


def _nearest(name: str, variables: Mapping[str, Any]) -> str:
    near = nearest_names(name, [each for each, _ in _leaves(variables)])
    return f"; did you mean {near[0]!r}?" if near else ""


def _leaves(variables: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every variable that is not a structure, by its full name, including the structures that contain it."""
    for name, value in variables.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _plain(value: Any) -> Any:
    """The value, or the contents if MATLAB stored it in cells."""
    return [each for cell in value.values for each in np.ravel(cell)] if isinstance(value, Cells) else value


def _first(siblings: Mapping[str, Any], names: Sequence[str], variables: Mapping[str, Any]) -> Any:
    """The variable with one of these names, from the group of the responses or else from the top level."""
    return next((group[name] for group in (siblings, variables) for name in names if name in group), None)


def _is_names(value: Any) -> bool:
    if isinstance(value, Cells):
        return all(_is_name(each) for each in value.values)
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "iufUS" and value.size == max(value.shape, default=1)
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_name(value: Any) -> bool:
    one = len(value) == 1 if isinstance(value, list) else np.size(value) == 1
    return one and not isinstance(value, Mapping | Cells)


def _names(value: Any, what: str) -> list[Any] | None:
    """Names or numbers, one per stimulus, neuron or presentation."""
    if value is None:
        return None
    if isinstance(value, OnlyMatlab):
        raise ValueError(f"{what!r} is {_kind(value)}, which only MATLAB can read; save cellstr({what}) in its place")
    if not _is_names(value):
        raise ValueError(f"{what!r} holds {_kind(value)}, not a name or number for each")
    if isinstance(value, Cells):
        return [each[0] if isinstance(each, list) else np.asarray(each).item() for each in value.values]
    return value.ravel().tolist() if isinstance(value, np.ndarray) else value


def _padded(cells: Cells, axes: Any) -> tuple[np.ndarray, Any]:
    """One array from a cell array, padded with NaN for cells with fewer values than the largest; and its axes."""
    parts = [np.asarray(value, object if isinstance(value, list | Mapping | Cells) else None) for value in cells.values]
    if any(part.dtype.kind not in "buif" for part in parts):
        raise TypeError("its cells hold text or structures, and responses are real numbers")
    outer = tuple(size for size in cells.shape if size != 1) or (len(parts),)
    flat = all(part.size == max(part.shape, default=1) or not part.size for part in parts)
    parts = [part.ravel() if flat else part for part in parts]
    if not flat:
        parts = [part if part.size else np.empty((0, 0)) for part in parts]
    if len({part.ndim for part in parts}) > 1 or len(outer) + parts[0].ndim > 3:
        raise ValueError(f"cells of {' x '.join(map(str, outer))} hold arrays of different or too many dimensions")
    sizes = np.array([part.shape for part in parts])  # (cell, axis)
    filled = sizes[sizes.prod(axis=1) > 0]
    ragged = [bool(len(filled)) and len(set(filled[:, axis])) > 1 for axis in range(sizes.shape[1])]
    inner = tuple(int(size) for size in sizes.max(axis=0))
    check_room((*outer, *inner))
    padded = np.full((len(parts), *inner), np.nan)
    for row, part in enumerate(parts):
        padded[(row, *map(slice, part.shape))] = part
    padded = padded.reshape(*outer, *inner)
    if axes is None and len(outer) == 1 and len(inner) == 2:
        if sum(ragged) != 1:
            raise ValueError(
                f"each of its {outer[0]} cells holds {inner[0]} x {inner[1]} numbers, and it is not clear which of "
                "these axes is the neuron; say axes='stimulus,neuron,repetition' or 'stimulus,repetition,neuron'"
            )
        axes = ["stimulus", "repetition", "neuron"] if ragged[0] else ["stimulus", "neuron", "repetition"]
    elif axes is None and len(outer) == 1 and ragged[0]:
        raise ValueError(
            f"its {outer[0]} cells hold 1 to {inner[0]} numbers each, so they are repetitions, of one neuron or of one "
            "stimulus; give cells (stimulus, neuron) of repetitions"
        )
    elif axes is None and len(outer) == 2:
        axes = ["stimulus", "neuron", "repetition"]
    return padded, axes


def _from_structures(structures: Sequence[Mapping[str, Any]]) -> Responses:
    """Responses from an array of structures, one per presentation or response, like the rows of a table."""
    fields = list(dict.fromkeys(name for each in structures for name in each))
    held = [name for name in fields if name.lower() in ("response", "responses", "rate", "rates", "count", "counts")]
    if len(held) != 1 or "stimulus" not in map(role, fields):
        raise ValueError(
            f"its structures have the fields {', '.join(fields)}; they need a stimulus and a response (of one neuron, "
            "named in another field, or of all neurons in order)"
        )
    vectors = [np.ravel(each.get(held[0], np.nan)) for each in structures]
    used = [name for name in fields if role(name) is not None or name.lower() in (*STATEMENTS, *REGIONS)]
    columns = {name: [_scalar(each.get(name)) for each in structures] for name in used}
    unused = [name for name in fields if name not in (*used, held[0])]
    notes = (not_used(unused),) if unused else ()
    if len({len(vector) for vector in vectors}) != 1:
        sizes = sorted({len(vector) for vector in vectors})
        raise ValueError(f"field {held[0]!r} holds {sizes[0]} to {sizes[-1]} numbers; each needs one for each neuron")
    if "neuron" in map(role, fields) and len(vectors[0]) == 1:
        made = from_table(pd.DataFrame({**columns, "response": np.concatenate(vectors)}))
        return replace(made, notes=(*made.notes, *notes))
    # As rows of a wide table, so that regions and statements about the experiment are checked in the same way.
    wide = pd.DataFrame({**columns, **{str(neuron): each for neuron, each in enumerate(np.transpose(vectors))}})
    made = from_table(wide)
    return replace(made, notes=(*made.notes, *notes))


def _scalar(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    return np.asarray(value).item() if np.size(value) == 1 else value


def _kind(value: Any) -> str:
    if isinstance(value, OnlyMatlab):
        return f"a MATLAB {value.kind}"
    if isinstance(value, Cells):
        return f"cells of {' x '.join(map(str, value.shape))}"
    if isinstance(value, np.ndarray):
        return f"{' x '.join(map(str, value.shape)) or 'one'} {value.dtype}"
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return f"{len(value)} structures"
    if isinstance(value, list) and len(value) == 1:
        return f"text {value[0][:60]!r}"
    return f"{len(value)} texts" if isinstance(value, list) else f"a {type(value).__name__}"


def _listed(variables: Mapping[str, Any], inside: str = "", most: int = 12) -> str:
    """The variables with their shapes, including those in structures."""
    words = [f"{name} ({_kind(value)})" for name, value in _leaves(variables, f"{inside}." if inside else "")]
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "") or "none"
