"""Tables fit the width there is: names and numbers whole, the rest wrapped, left out or below one another."""

import pytest

from vonenet_brainscore import MODELS
from vonenet_brainscore.benchmarks.names import benchmark_identifiers
from vonenet_brainscore.cli.scoring import list_models_and_benchmarks
from vonenet_brainscore.cli.tables import number, say, table


@pytest.fixture
def printed(capsys, monkeypatch):
    def printed(shown, width):
        monkeypatch.setenv("COLUMNS", str(width))
        say(shown)
        return capsys.readouterr().out

    return printed


@pytest.fixture
def scores():
    shown = table("voneresnet50", "benchmark", "score", "raw", "data", numbers=("score", "raw"))
    for identifier in benchmark_identifiers("V1-properties"):
        shown.add_row(identifier, "0.123", "0.456", "held out, as it is")
    return shown


@pytest.mark.parametrize("width", [140, 80, 60, 40])
def test_names_and_numbers_are_never_cut(printed, scores, width):
    text = printed(scores, width)
    words = text.split()
    for identifier in benchmark_identifiers("V1-properties"):
        assert identifier in words
    assert words.count("0.123") == 15
    if width >= 60:
        assert max(map(len, text.splitlines())) <= width


def test_a_title_wider_than_its_table_is_not_cut(printed):
    title = "Models on Marques2020_Cavanaugh2002-surround_suppression_index"
    shown = table(title, "model", "score", numbers=("score",))
    shown.add_row("a", "0.5")
    assert printed(shown, 80).splitlines()[0] == title


def test_what_is_left_out_is_said(printed, scores):
    assert "left out" not in printed(scores, 140)
    narrow = printed(scores, 78)
    assert "left out for want of width: raw" in narrow and "0.456" not in narrow


def test_where_nothing_fits_rows_become_paragraphs(printed, scores):
    lines = printed(scores, 50).splitlines()
    at = lines.index("Marques2020_Schiller1976-sf_bandwidth")
    assert lines[at + 1 : at + 4] == ["  score: 0.123", "  raw: 0.456", "  data: held out, as it is"]


def test_columns_of_one_name_keep_their_cells(printed):
    shown = table("twice", "name", "interval", "interval")
    shown.add_row("a", "first", "second")
    assert "first" in printed(shown, 80) and "second" in printed(shown, 80)
    with pytest.raises(ValueError, match="2 cells for the 3 columns of 'twice'"):
        shown.add_row("a", "b")


@pytest.mark.parametrize("width", [80, 60])
def test_the_list_shows_what_is_to_be_typed(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    list_models_and_benchmarks(all_benchmarks=False)
    words = capsys.readouterr().out.split()
    for name in (
        *MODELS,
        *(row.brainscore_identifier for row in MODELS.values()),
        *benchmark_identifiers("V1-properties"),
    ):
        assert name in words


def test_numbers_have_no_sign_of_a_zero_that_was_rounded():
    assert [number(value) for value in (-0.0004, -0.0006, 0.0, 2 / 3, None, float("nan"))] == [
        *("0.000", "-0.001", "0.000", "0.667", "–", "–")
    ]
