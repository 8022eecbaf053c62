"""Scores as tables and files: every number comes back, and no half file stays."""

import csv
import json

import numpy as np
import pytest
import xarray as xr

from vonenet_brainscore.files import check_writable, written_whole
from vonenet_brainscore.results import SUFFIXES, result_row, results_table, save_results


@pytest.fixture
def scores():
    from brainscore_core.metrics import Score

    one = Score(0.5)
    one.attrs |= {"raw": Score(0.4), "ceiling": Score(0.8), "error": 0.01, "seed": 0, "layer": "vone_block"}
    one.attrs |= {"versions": {"torch": "2"}, "model_values": np.arange(3.0), "held_out": True}
    unceiled = Score(0.3)
    unceiled.attrs |= {"raw": Score(0.55), "ceiling": Score(1.0), "seed": 0}
    unceiled.attrs["ceiling"].attrs["claimed"] = False
    missing = Score(np.nan)
    missing.attrs |= {"problem": "no unit responds", "seed": 0}
    return {"a": one, "b": unceiled, "c": missing}


def test_table(scores):
    table = results_table(scores)
    assert list(table.index) == ["a", "b", "c"]
    assert table.loc["a", ["score", "raw", "ceiling", "error"]].tolist() == [0.5, 0.4, 0.8, 0.01]
    assert np.isnan(table.loc["b", "ceiling"])  # none is claimed
    assert np.isnan(table.loc["c", "score"]) and table.loc["c", "problem"] == "no unit responds"
    assert "model_values" not in table


def test_a_row_holds_numbers_of_the_score_alone(scores):
    """Some metrics keep an array beside a score, which is no one number, and an attribute takes no column's place."""
    scores["a"].attrs |= {"raw": np.arange(3.0), "ceiling": np.ones(2), "error": np.float64(0.25), "score": 0.9}
    row = result_row(scores["a"])
    assert np.isnan([row["raw"], row["ceiling"]]).all() and row["error"] == 0.25 and row["score"] == 0.5
    assert "model_values" not in row and row["versions"] == {"torch": "2"} and row["held_out"] is True


def test_files_hold_every_number(scores, tmp_path):
    for suffix in (".json", ".csv", ".nc"):
        save_results(scores, tmp_path / f"results{suffix}")
    found = json.loads((tmp_path / "results.json").read_text())
    assert found["a"]["score"] == 0.5 and found["a"]["versions"] == {"torch": "2"}
    assert found["b"]["ceiling"] is None and found["c"]["score"] is None  # JSON has no NaN
    rows = list(csv.DictReader((tmp_path / "results.csv").open()))
    assert [row["benchmark"] for row in rows] == ["a", "b", "c"] and float(rows[0]["error"]) == 0.01
    with xr.open_dataset(tmp_path / "results.nc") as dataset:
        np.testing.assert_array_equal(dataset["score"], [0.5, 0.3, np.nan])
        assert json.loads(str(dataset["versions"].sel(benchmark="a").item())) == {"torch": "2"}
    assert len(list(tmp_path.iterdir())) == 3


def test_refusals(scores, tmp_path):
    with pytest.raises(ValueError, match=r"results\.txt has not one of the suffixes .* \.json, \.csv, \.nc"):
        check_writable(tmp_path / "results.txt", SUFFIXES)
    with pytest.raises(FileNotFoundError, match=r"no folder .*absent to write results\.json to"):
        save_results(scores, tmp_path / "absent" / "results.json")
    with pytest.raises(ValueError, match="there are no scores"):
        results_table({})
    for no_scores in (scores["a"], [scores["a"]], {"a": 0.5}):
        with pytest.raises(TypeError, match="scores must map benchmarks to Scores"):
            results_table(no_scores)


def test_a_failed_write_leaves_what_was_there(tmp_path):
    target = tmp_path / "kept.txt"
    target.write_text("before")
    with pytest.raises(OSError, match="disk full"), written_whole(target) as partial:
        partial.write_text("half")
        raise OSError("disk full")
    assert target.read_text() == "before" and list(tmp_path.iterdir()) == [target]
    with written_whole(target) as partial:
        assert partial.suffix == ".txt"
        partial.write_text("after")
    assert target.read_text() == "after" and list(tmp_path.iterdir()) == [target]
