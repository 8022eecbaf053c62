"""Printed scores: a table, and remarks about its figures below it."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .tables import number, table

if TYPE_CHECKING:
    from brainscore_core.metrics import Score

    from ..benchmarks.joint_comparison import JointComparison

_NUMBERS = ("score", "95 %", "raw", "error", "ceiling", "another\nlaboratory", "neurons", "neuroids")
# What is left out first where the terminal is narrow.
_LEAST = ("another\nlaboratory", "neurons", "neuroids", "error", "raw", "ceiling", "primate data", "95 %")
_RECORDED = ("layer", "noise", "trials", "seed", "weights")


def score_table(model: str, scores: "Mapping[str, Score]") -> list[Any]:
    """A table of a model's scores, and the lines that go under it.

    Empty columns are omitted. Negative raw correlations have a star, because the score is their square.

    Parameters
    ----------
    model : str
        The table's title.
    scores : mapping from benchmark identifier to Score

    Returns
    -------
    list
        What `tables.say` prints.
    """
    from ..benchmarks.joint_comparison import joint_comparisons
    from ..primates.other_laboratories import footnotes
    from ..primates.property_table import V1_BENCHMARKS
    from ..results import results_table

    rows = results_table(scores)
    cells = {str(identifier): _cells(row) for identifier, row in rows.iterrows()}
    columns = [name for name in (*_NUMBERS, "primate data") if any(row[name] for row in cells.values())]
    shown = table(model, "benchmark", *columns, numbers=_NUMBERS, least=_LEAST)
    for identifier, row in cells.items():
        shown.add_row(identifier, *(row[name] for name in columns))
    lines = []
    if "95 %" in columns:
        lines.append("95 %: interval of the score")
    lines += [f"error: of {of}" for of in _different(rows, "error_of")]
    if "neuroids" in columns:
        lines.append("neuroids: how many have a value of the property, of those at the probed position that respond")
        lines += [
            f"another laboratory: {note}" for note in footnotes(V1_BENCHMARKS[n] for n in scores if n in V1_BENCHMARKS)
        ]
        lines += map(_in_words, joint_comparisons(scores))
    for identifier, row in rows.iterrows():
        remarks = str(row["remarks"]).split("\n") if isinstance(row.get("remarks"), str) else []
        lines += [f"{'*' if row['raw'] < 0 else ''}{identifier}: {remark}" for remark in remarks]
    lines += dict.fromkeys(recorded_with(row) for _, row in rows.iterrows())
    return [shown, *lines]


def recorded_with(row: Any) -> str:
    """The layer, noise, trials, seed and weights of a score, from its row of `results.result_row`."""
    return "; ".join(f"{name} {row[name]}" for name in _RECORDED if name in row)


def interval(low: Any, high: Any, digits: int = 3) -> str:
    """The two ends of an interval; empty without an interval."""
    return "" if low is None or low != low else f"{number(low, digits)} to {number(high, digits)}"


def signed(raw: Any) -> str:
    """A raw correlation, with a star if it is negative."""
    return f"{number(raw)}{'*' if raw is not None and raw < 0 else ''}"


def star(raws: Iterable[float]) -> list[str]:
    """The line that explains the stars of some raw correlations, if there are any."""
    return ["*: raw is negative, so that the score, its square, says nothing"] if any(raw < 0 for raw in raws) else []


def _cells(row: Any) -> dict[str, str]:
    found = dict.fromkeys((*_NUMBERS, "primate data"), "")
    found |= {name: number(row[name]) for name in ("score", "error", "ceiling")} | {"raw": signed(row["raw"])}
    found["95 %"] = interval(row.get("score_low"), row.get("score_high"))
    if (yardstick := row.get("another_laboratory")) is not None:
        found["another\nlaboratory"] = number(yardstick)
    if (neurons := row.get("n_neurons")) is not None and neurons == neurons:
        found["neurons"] = number(neurons, 0)
    if (neuroids := row.get("n_units")) is not None and neuroids == neuroids:
        found["neuroids"] = f"{neuroids - row['n_undefined']:.0f} of {neuroids:.0f}"
        found["primate data"] = "held out" if row["held_out"] else "built from"
    return found


def _different(rows: Any, column: str) -> list[str]:
    return list(dict.fromkeys(value for value in rows.get(column, ()) if isinstance(value, str)))


def _in_words(comparison: "JointComparison") -> str:
    (row,) = comparison.to_frame().itertuples()
    names = " and ".join(name.replace("_", " ") for name in comparison.primate.properties)
    return (
        f"jointly: {names}, {row.n_pairs} neuroids against {row.n_neurons} neurons: {row.score:.3f} "
        f"[{row.score_low:.3f}, {row.score_high:.3f}] of its ceiling {row.ceiling:.3f}; the macaque's own values, "
        f"paired at random: {row.without_pairing:.3f}"
    )
