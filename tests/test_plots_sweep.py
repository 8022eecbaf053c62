"""The figure of a sweep: means, intervals, labels."""

import numpy as np
import pytest
import xarray as xr

from vonenet_brainscore.plots.sweep import sweep_figure
from vonenet_brainscore.seeds import mean_and_interval


def made(**dims):
    scores = np.random.default_rng(0).uniform(size=tuple(map(len, dims.values())))
    return xr.Dataset({"score": (tuple(dims), scores)}, coords=dims)


def test_lines_are_means_over_seeds_with_their_intervals():
    sweep = made(model=["a", "b"], gabor_seed=range(5), noise_scale=[0, 0.35, 1], sf_max=[4, 9], benchmark=["p", "q"])
    figure = sweep_figure(sweep)
    assert len(figure.axes) == 4
    assert [ax.get_xlabel() for ax in figure.axes] == ["noise_scale", "sf_max"] * 2
    others = ["mean over sf_max", "mean over noise_scale"] * 2
    assert [ax.get_title() for ax in figure.axes] == [
        f"{name}\n{over}" for name, over in zip("ppqq", others, strict=True)
    ]
    thin = [line for line in figure.axes[0].lines if line.get_linewidth() == 0.7]
    expected = sweep["score"].sel(model="b", benchmark="p", sf_max=9).mean("gabor_seed")
    assert len(thin) == 2 * 2 and [text.get_text() for text in figure.axes[0].texts] == [" 4", " 9"]
    np.testing.assert_allclose(thin[3].get_ydata(), expected)
    by_seed = sweep["score"].sel(model="b", benchmark="q").mean("sf_max")  # (gabor_seed, noise_scale)
    mean, half = mean_and_interval(by_seed, ["gabor_seed"])
    line, _, (bars,) = figure.axes[2].containers[1]
    np.testing.assert_allclose(line.get_ydata(), mean)
    ends = np.array([bar[:, 1] for bar in bars.get_segments()])
    np.testing.assert_allclose(ends, np.stack([mean - half, mean + half], axis=1))
    assert "5 gabor_seeds" in figure._suptitle.get_text()


def test_crossed_draws_are_averaged_before_the_interval_and_incomplete_ones_are_left_out():
    sweep = made(
        model=["a"], seed=range(3), gabor_seed=range(4), noise_scale=[1, 0, 0.35], sf_max=[4, 9], benchmark=["p"]
    )
    sweep["score"].loc[{"gabor_seed": 2, "seed": 1, "sf_max": 9}] = np.nan
    figure = sweep_figure(sweep)
    left = sweep["score"].squeeze().sel(gabor_seed=[0, 1, 3], noise_scale=[0, 0.35, 1]).mean(["seed", "sf_max"])
    mean, half = mean_and_interval(left, ["gabor_seed"])
    line, _, (bars,) = figure.axes[0].containers[0]
    np.testing.assert_allclose(line.get_xydata().T, [[0, 0.35, 1], mean])
    np.testing.assert_allclose([np.ptp(bar[:, 1]) for bar in bars.get_segments()], 2 * half)
    assert figure._suptitle.get_text() == "Mean and 95 % interval over 4 gabor_seeds"
    assert sweep_figure(sweep.isel(gabor_seed=[0]))._suptitle.get_text().endswith("over 3 seeds")
    alone = sweep_figure(sweep.isel(gabor_seed=[0], seed=[0]))
    assert alone._suptitle.get_text() == "Scores without intervals (no seed was swept)"
    assert all(not container.has_yerr for container in alone.axes[0].containers)


def test_intervals_of_single_scores_where_no_seed_is_swept():
    sweep = made(model=["a", "b"], seed=[0], noise_scale=[1, 0, 0.35], sf_max=[4], benchmark=["p"])
    sweep["score_low"], sweep["score_high"] = sweep["score"] - 0.1, sweep["score"] + 0.2
    sweep["score_low"].loc[{"noise_scale": 0}] = sweep["score"].sel(noise_scale=0) + 0.05  # above the score
    figure = sweep_figure(sweep)
    assert figure._suptitle.get_text() == "Scores and their 95 % intervals"
    line, _, (bars,) = figure.axes[0].containers[1]
    of_model = sweep.sel(model="b", noise_scale=[0, 0.35, 1]).squeeze()
    np.testing.assert_array_equal(line.get_ydata(), of_model["score"])
    ends = np.array([bar[:, 1] for bar in bars.get_segments()])
    np.testing.assert_allclose(ends[:, 1], of_model["score_high"])
    np.testing.assert_allclose(ends[:, 0], np.minimum(of_model["score_low"], of_model["score"]))
    beside = sweep_figure(sweep.isel(noise_scale=[0]))  # models side by side
    assert beside._suptitle.get_text() == "Scores and their 95 % intervals"
    two = made(model=["a"], noise_scale=[0, 1], sf_max=[4, 9], benchmark=["p"])
    two["score_low"] = two["score_high"] = two["score"]
    assert sweep_figure(two)._suptitle.get_text() == "Scores without intervals (no seed was swept)"  # of means


def test_where_draws_alone_are_swept_models_stand_side_by_side():
    figure = sweep_figure(made(model=["a", "b"], seed=range(4), benchmark=["p"]))
    (ax,) = figure.axes
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]
    dots = [line for line in ax.lines if line.get_marker() == "."]
    assert sum(len(dot.get_ydata()) for dot in dots) == 8


@pytest.mark.filterwarnings("error")
def test_words_are_labels_and_what_failed_is_left_out():
    sweep = made(model=["a"], seed=range(3), noise_mode=["None", "neuronal"], benchmark=["p", "q", "r", "s", "t"])
    sweep["score"].loc[{"benchmark": "p"}] = np.nan
    figure = sweep_figure(sweep)
    shown = [ax for ax in figure.axes if ax.axison]
    assert len(shown) == 5 and "no score" in [text.get_text() for text in shown[0].texts]
    assert [label.get_text() for label in shown[1].get_xticklabels()] == ["None", "neuronal"]
