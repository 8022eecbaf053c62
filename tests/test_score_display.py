"""Scores as a notebook shows them."""

from brainscore_core.metrics import Score
from IPython.core.interactiveshell import InteractiveShell

from vonenet_brainscore.score_display import Scores, score_html, show_in_notebook


def made(value=0.8, **attrs):
    score = Score(value)
    score.attrs |= {"raw": Score(0.72), "ceiling": Score(0.9), "error": 0.0123, "model_identifier": "voneresnet50"}
    score.attrs |= {"score_low": 0.7, "score_high": 0.85, "layer": "<vone_block>", **attrs}
    return score


def test_a_table_has_figures_intervals_and_what_made_them():
    html = score_html({"a benchmark": made(), "another": made(float("nan"), problem="no data")})
    for figure in ("0.800", "0.720", "0.900", "0.012", "0.700 to 0.850", "no data", "a benchmark"):
        assert figure in html
    assert "model voneresnet50; layer &lt;vone_block&gt;" in html


def test_a_dict_of_scores_is_a_dict():
    scores = Scores({"a": made()})
    assert scores == {"a": scores["a"]} and isinstance(scores, dict) and "0.800" in scores._repr_html_()
    assert Scores()._repr_html_() == "no scores"


def test_a_notebook_shows_a_single_score_as_a_table(monkeypatch):
    shell = InteractiveShell.instance()
    try:
        formatter = shell.display_formatter.formatters["text/html"]
        show_in_notebook()
        assert "0.800" in formatter(made()) and type(made()).__name__ == "Score"
        assert formatter(Score([0.1, 0.2], dims=["split"], coords={"split": [0, 1]})) is None
    finally:
        InteractiveShell.clear_instance()


def test_elsewhere_nothing_is_touched():
    before = Score._repr_html_
    show_in_notebook()
    assert Score._repr_html_ is before
