"""Display of scores in notebooks: a table of the figures, with their provenance below."""

import sys
from typing import TYPE_CHECKING, Any

from .results import results_table

if TYPE_CHECKING:
    from brainscore_core.metrics import Score

_FIGURES = ("score", "raw", "ceiling", "error")
_MADE_BY = ("model_identifier", "layer", "noise", "trials", "seed", "weights")


class Scores(dict[str, Any]):
    """Scores by benchmark: a dict that a notebook displays as a table."""

    def _repr_html_(self) -> str:
        return score_html(self) if self else "no scores"


def score_html(scores: "dict[str, Score]") -> str:
    """A table of scores as HTML: score, 95 % interval, raw, ceiling, error and provenance.

    Parameters
    ----------
    scores : dict from benchmark to Score
    """
    from html import escape

    table = results_table(scores)
    shown = table[[name for name in _FIGURES if name in table]].copy()
    if {"score_low", "score_high"} <= set(table):
        ends = table[["score_low", "score_high"]]
        texts = [f"{low:.3f} to {high:.3f}" if low == low else "" for low, high in ends.to_numpy(float)]
        shown.insert(1, "95 % interval", texts)
    for name in ("held_out", "problem"):
        if name in table:
            shown[name.replace("_", " ")] = table[name].fillna("")
    made = {name: list(dict.fromkeys(map(str, table[name].dropna()))) for name in _MADE_BY if name in table}
    words = "; ".join(
        f"{name.removesuffix('_identifier')} {', '.join(values)}" for name, values in made.items() if values
    )
    body = shown.to_html(float_format=lambda value: f"{value:.3f}", na_rep="–", border=0)
    return f"{body}<p><small>{escape(words)}</small></p>"


def show_in_notebook() -> None:
    """Let the running notebook, if there is one, display Brain-Score's Scores by `score_html`."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or "text/html" not in shell.display_formatter.formatters:
        return
    from brainscore_core.metrics import Score

    def html(score: "Score") -> str | None:
        return score_html({str(score.attrs.get("benchmark_identifier", "score")): score}) if score.ndim == 0 else None

    shell.display_formatter.formatters["text/html"].for_type(Score, html)
