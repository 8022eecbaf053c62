"""What is printed of scores: whose interval and error, signs, and no empty columns."""

import numpy as np
import pytest

from vonenet_brainscore.cli.score_table import interval, score_table, signed
from vonenet_brainscore.cli.tables import say


@pytest.fixture
def printed(capsys):
    def printed(scores):
        say(*score_table("a model", scores))
        return capsys.readouterr().out

    return printed


@pytest.fixture
def own():
    """r = .053 with an error of .045 and a ceiling: the issue that an error of r stood beside a score of r^2."""
    from brainscore_core.metrics import Score

    score = Score(0.003)
    score.attrs |= {"raw": Score(-0.053), "ceiling": Score(0.9), "error": 0.045, "n_neurons": 6}
    score.attrs |= {"score_low": 0.0, "score_high": 0.022, "error_of": "raw, its standard error over splits"}
    score.attrs |= {"remarks": "raw is negative (-0.053)\nrepetitions are uneven", "layer": "vone_block"}
    return score


def test_own_recordings_say_what_is_theirs(printed, own):
    shown = printed({"mine": own})
    header, row = (line.split() for line in shown.splitlines() if line.split()[:1] in (["benchmark"], ["mine"]))
    assert header == ["benchmark", "score", "95", "%", "raw", "error", "ceiling", "neurons"]  # no empty column
    assert row == ["mine", "0.003", "0.000", "to", "0.022", "-0.053*", "0.045", "0.900", "6"]
    for said in (
        "95 %: interval of the score",
        "error: of raw, its standard error over splits",
        "*mine: raw is negative (-0.053)",
        "mine: repetitions are uneven",
        "layer vone_block",
    ):
        assert said in shown


def test_v1_properties_have_their_columns(printed):
    from brainscore_core.metrics import Score

    score = Score(0.95)
    score.attrs |= {"raw": Score(0.9), "ceiling": Score(0.96), "error": 0.02, "n_neurons": 87}
    score.attrs |= {"n_units": 100, "n_undefined": 10, "held_out": True}
    shown = printed({"bandwidth": score})
    assert "90 of 100" in shown and "held out" in shown and "95 %" not in shown and "*" not in shown


def test_without_a_ceiling_and_without_a_score(printed):
    from brainscore_core.metrics import Score

    missing = Score(np.nan)
    missing.attrs["problem"] = "no data"
    shown = printed({"absent": missing})
    assert shown.split()[-4:] == ["–", "–", "–", "–"]


def test_interval_and_sign():
    assert interval(0.1, 0.25) == "0.100 to 0.250"
    assert interval(None, None) == interval(np.nan, np.nan) == ""
    assert (signed(0.1), signed(-0.1), signed(np.nan), signed(None)) == ("0.100", "-0.100*", "–", "–")
