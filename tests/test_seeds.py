"""Means over seeds and their intervals."""

import numpy as np
import xarray as xr
from scipy import stats

from vonenet_brainscore.seeds import mean_and_interval


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
