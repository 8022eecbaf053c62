"""Means over seeds and their intervals."""

import numpy as np
import pytest
import xarray as xr
from brainscore_core.metrics import Score
from scipy import stats

from vonenet_brainscore.seeds import mean_and_interval, mean_over_seeds, over_seeds, seed_range


def test_an_interval_is_students():
    scores = xr.DataArray(np.random.default_rng(0).normal(size=(3, 7)), dims=("model", "seed"))
    mean, half = mean_and_interval(scores, ["seed"])
    for row in range(3):
        low, high = stats.t.interval(0.95, 6, scores[row].mean(), stats.sem(scores[row]))
        np.testing.assert_allclose([mean[row] - half[row], mean[row] + half[row]], [low, high])


def test_what_failed_counts_in_neither():
    scores = xr.DataArray([[1.0, np.nan, 3.0], [np.nan, 2.0, np.nan], [np.nan] * 3], dims=("model", "seed"))
    mean, half = mean_and_interval(scores, ["seed"])
    np.testing.assert_allclose(mean, [2, 2, np.nan])
    np.testing.assert_allclose(half, [stats.t.ppf(0.975, 1), np.nan, np.nan])
    everything, none = mean_and_interval(scores, [])
    np.testing.assert_array_equal(everything, scores)
    assert np.isnan(none).all()


def of_one_seed(seed, value, raw, ceiling, **attrs):
    score = Score(value)
    score.attrs |= {"raw": Score(raw), "ceiling": Score(ceiling), "error": 0.3, "layer": "vone_block", **attrs}
    score.attrs |= {"seed": seed, "noise_seed": seed, "model_values": np.ones(3), "n_units": 3 + seed, "n_probed": 4}
    return score


SCORES = [of_one_seed(4, 0.5, 0.25, 0.8), of_one_seed(5, 0.75, 0.5, 0.7), of_one_seed(6, 0.625, 0.5, 0.6)]


def test_scores_raw_scores_and_ceilings_are_averaged():
    mean = mean_over_seeds(SCORES, seed_range(4, 3))
    assert mean.item() == 0.625 and mean.attrs["raw"].item() == pytest.approx(1.25 / 3)
    assert mean.attrs["ceiling"].item() == pytest.approx(0.7)
    assert mean.attrs["error"] == pytest.approx(0.125)  # n - 1
    assert mean.attrs["seeds"] == [4, 5, 6] and mean.attrs["score_by_seed"] == [0.5, 0.75, 0.625]


def test_what_is_of_one_seed_goes_and_what_is_of_all_stays():
    mean = mean_over_seeds(SCORES, seed_range(4, 3))
    assert not {"seed", "noise_seed", "model_values", "n_units", "n_probed", "problem"} & mean.attrs.keys()
    assert mean.attrs["layer"] == "vone_block" and SCORES[0].attrs["seed"] == 4


def test_an_interval_or_a_remark_of_one_seed_is_none_of_the_mean():
    first = of_one_seed(0, 0.5, 0.25, 0.8, score_low=0.4, score_high=0.6, error_of="raw", remarks="a\nb")
    second = of_one_seed(1, 0.7, 0.25, 0.8, score_low=0.6, score_high=0.8, error_of="raw", remarks="b\nc")
    mean = mean_over_seeds([first, second], seed_range(0, 2))
    assert not {"score_low", "score_high"} & mean.attrs.keys()
    assert mean.attrs["error_of"] == "score, its standard deviation over seeds"
    assert mean.attrs["remarks"] == "a\nb\nc"


@pytest.mark.parametrize("failing", [[0], [1], [0, 2], [0, 1, 2]])
def test_a_problem_of_any_seed_is_told_once_for_each_kind(failing):
    scores = [of_one_seed(seed, 0.5, 0.25, 0.8) for seed in range(3)]
    for index in failing:
        scores[index] = of_one_seed(index, np.nan, 0.25, 0.8, problem=f"no unit {index // 2}")
    mean = mean_over_seeds(scores, seed_range(0, 3))
    assert np.isnan(mean.item())
    assert mean.attrs["problem"] == "; ".join(dict.fromkeys(f"no unit {index // 2}" for index in failing))
    assert "problem" not in mean_over_seeds([of_one_seed(0, 0.5, 0.25, 0.8)] * 2, seed_range(0, 2)).attrs


def test_raw_scores_that_are_arrays_are_averaged_element_by_element():
    scores = [Score(0.5), Score(0.25)]
    for score, raw in zip(scores, ([1.0, 2.0], [3.0, 6.0]), strict=True):
        score.attrs["raw"] = Score(raw, dims=["metric"])
    np.testing.assert_array_equal(mean_over_seeds(scores, seed_range(0, 2)).attrs["raw"], [2, 4])


def test_several_benchmarks_are_averaged_one_by_one():
    mean = over_seeds([{"a": SCORES[0], "b": SCORES[1]}, {"a": SCORES[1], "b": SCORES[1]}], seed_range(4, 2))
    assert (mean["a"].item(), mean["b"].item()) == (0.625, 0.75)
    assert over_seeds(SCORES, seed_range(4, 3)).item() == 0.625


def test_a_range_of_seeds():
    assert list(seed_range(5, 2)) == [5, 6]
    with pytest.raises(ValueError, match="seeds is 1; a spread needs at least 2"):
        seed_range(0, 1)
    with pytest.raises(TypeError, match=r"seeds is 2\.5"):
        seed_range(0, 2.5)
