"""Intervals of neural scores: against plain loops, a simulation whose truth is known, and other orders of names."""

import warnings

import numpy as np
import pandas as pd
import pytest
from made_recordings import FeatureSubject, linear, scored, small_images
from planted_scores import intervals_by_hand, planted_score

from vonenet_brainscore.benchmarks.intervals import squared_interval
from vonenet_brainscore.benchmarks.predictions import KeptPredictions
from vonenet_brainscore.benchmarks.running import run_benchmark
from vonenet_brainscore.own_recordings.neural_benchmark import neural_benchmark

STIMULI = 60


@pytest.fixture(autouse=True)
def no_memory_check(monkeypatch):
    monkeypatch.setenv("BRAINSCORE_SKIP_MEMORY_CHECK", "1")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return small_images(tmp_path_factory.mktemp("images"), STIMULI)


@pytest.fixture(scope="module")
def features():
    return np.random.default_rng(1).normal(size=(STIMULI, 8))


@pytest.fixture(scope="module")
def score(images, features):
    return scored(images, features, linear(features, noise=1.5, repetitions=4))


@pytest.mark.parametrize(
    ("value", "half", "expected"),
    [
        (0.75, 0.25, (0.25, 1.0)),
        (-0.75, 0.25, (0.25, 1.0)),
        (0.25, 0.5, (0.0, 0.5625)),  # both signs
        (0.25, 0.25, (0.0, 0.25)),
    ],
)
def test_the_square_of_an_interval(value, half, expected):
    assert squared_interval(value, half) == expected


def test_an_unknown_width_is_not_none():
    assert np.isnan(squared_interval(0.5, np.nan)).all()


def test_every_figure_lies_in_its_own_interval(score):
    attrs = score.attrs
    for name, value in (("score", score), ("raw", attrs["raw"]), ("ceiling", attrs["ceiling"])):
        assert attrs[f"{name}_low"] < float(value) < attrs[f"{name}_high"]
    assert set(attrs["intervals"]) == {"images", "neurons", "splits"}
    for low, high in attrs["intervals"].values():
        assert attrs["score_low"] <= low < float(score) < high <= attrs["score_high"]


def test_an_error_of_r_is_not_published_as_one_of_the_score():
    """r = .053 +- .045 is no score of .003 +- .045: such a score may be 0, or as high as (.053 + 2 x .045)^2."""
    low, high = squared_interval(0.053, 1.959964 * 0.045)
    assert low == 0 and high == pytest.approx(0.0199, abs=1e-4)


def test_the_score_says_whose_its_error_is(score):
    r = score.raw.raw.transpose("split", "neuroid").values
    assert score.attrs["error_of"] == "raw, its standard error over splits"
    assert float(score.attrs["error"]) == pytest.approx(np.median(r, axis=1).std() / np.sqrt(10), rel=1e-10)


def test_draws_equal_a_plain_loop(images, features):
    """The bootstrap over images and neurons, image by image and neuron by neuron, of uneven recordings."""
    responses = linear(features, noise=1.5, repetitions=4)[:, :5]
    responses[::3, :, 2:] = np.nan
    benchmark = neural_benchmark("mine", images, responses, metric="ridge", splits=3)
    made = run_benchmark(FeatureSubject(features), benchmark, seed=7)

    random = np.random.default_rng(7)
    weights = random.multinomial(STIMULI, np.full(STIMULI, 1 / STIMULI), 400)
    chosen = random.integers(5, size=(400, 1, 5))[:, 0]
    predictions = predicted_by_hand(benchmark, features)
    mean = np.nanmean(responses, axis=-1)
    corrected = []
    for counts, neurons in zip(weights, chosen, strict=True):
        by_split = []
        for test, predicted in predictions:
            rows = np.repeat(np.arange(len(test)), counts[test])
            r = [
                np.corrcoef(mean[test][rows, i], predicted[rows, i])[0, 1] if len(set(rows)) > 1 else np.nan
                for i in neurons
            ]
            by_split.append(np.nanmedian(r) if np.isfinite(r).any() else np.nan)
        ceiling = np.median(benchmark.ceiling_estimate.over_images(counts[None].astype(float))[0, 0, neurons])
        corrected.append(np.nanmean(by_split) / np.sqrt(ceiling))
    half = np.ptp(np.quantile(corrected, (0.025, 0.975))) / 2
    middle = float(made.raw) / np.sqrt(float(made.ceiling))
    assert (made.attrs["score_low"], made.attrs["score_high"]) == pytest.approx(
        squared_interval(middle, half), rel=1e-6
    )


def predicted_by_hand(benchmark, features):
    """Test stimuli of each split and what Brain-Score's ridge predicts of them."""
    from sklearn.linear_model import Ridge

    _, splits = benchmark._similarity_metric.cross_validation._split.build_splits(benchmark._assembly)
    mean = benchmark._assembly.transpose("presentation", "neuroid").values
    return [(test, Ridge(alpha=1).fit(features[train], mean[train]).predict(features[test])) for train, test in splits]


def test_one_neuron_and_one_split_have_no_interval_of_their_own(images, features):
    responses = linear(features, noise=1.5, repetitions=4)
    assert np.isnan(scored(images, features, responses[:, :1]).attrs["intervals"]["neurons"]).all()
    attrs = scored(images, features, responses, splits=1).attrs
    assert np.isnan(attrs["intervals"]["splits"]).all() and attrs["score_low"] < attrs["score_high"]


def test_a_ceiling_that_is_not_claimed_has_no_interval(images, features):
    attrs = scored(images, features, linear(features, noise=1.0, repetitions=1)[..., 0]).attrs
    assert "ceiling_low" not in attrs and attrs["score_low"] < attrs["score_high"]
    assert attrs["remarks"] == "no ceiling is claimed, because no repetitions were recorded: the score is r^2 itself"


def test_the_interval_covers_what_other_recordings_would_give():
    """100 recordings, each with other images: the mean that each estimates lies in about 95 of their intervals."""
    random = np.random.default_rng(0)
    made = [planted_score(random) for _ in range(100)]
    truth = np.mean([raw for raw, _ in made])
    inside = 0
    for seed, (raw, kept) in enumerate(made):
        low, high = intervals_by_hand(raw, kept, 80, seed)["intervals"]["images"]
        inside += low <= truth**2 <= high
    assert inside >= 89  # 95 with a standard deviation of 2.2; wider is allowed, for few test stimuli make it so


def test_the_names_of_stimuli_move_a_score_within_its_interval(images, features, tmp_path):
    """Splits follow a folder's file names as text: 1, 10, 11 ... 2, or 0001, 0002. Both estimate the same mean."""
    responses = linear(features, noise=1.5, repetitions=4)
    files = sorted(images.iterdir())
    scores = []
    for named in ("{}.png".format, "{:04d}.png".format):
        names = [named(i) for i in range(STIMULI)]
        folder = tmp_path / names[0]
        folder.mkdir()
        for name, file in zip(names, files, strict=True):
            (folder / name).symlink_to(file)
        table = {"stimulus": np.repeat(names, 4), "repetition": np.tile(range(4), STIMULI)}
        table |= {f"n{i}": responses[:, i].ravel() for i in range(12)}
        scores.append(scored(folder, features, pd.DataFrame(table), splits=4))
    one, other = (float(score) for score in scores)
    assert abs(one - other) > 0.01
    (low, high), (other_low, other_high) = (score.attrs["intervals"]["splits"] for score in scores)
    assert low < one < high and other_low < other < other_high
    assert max(low, other_low) < min(high, other_high)


def test_the_interval_over_splits_covers_the_mean_of_many_splits():
    random = np.random.default_rng(3)
    _, kept = planted_score(random, splits=400)
    medians = [
        np.median([np.corrcoef(a, b)[0, 1] for a, b in zip(part.recorded.T, part.predicted.T, strict=True)])
        for part in kept.splits
    ]
    truth, inside = np.mean(medians), 0
    for start in range(0, 400, 4):
        few = KeptPredictions(None)
        few.splits = kept.splits[start : start + 4]
        low, high = intervals_by_hand(np.mean(medians[start : start + 4]), few, 80, 0)["intervals"]["splits"]
        inside += low <= truth**2 <= high
    assert inside >= 89  # of 100; without Student's t, as Brain-Score's own error, it would be about 80


def test_neurons_of_which_nothing_is_known_have_no_interval():
    _, kept = planted_score(np.random.default_rng(0), neurons=2, splits=3)
    for part in kept.splits:
        part.recorded[:] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing of it reaches the user
        found = intervals_by_hand(float("nan"), kept, 80, 0)
    assert np.isnan([found["score_low"], found["raw_high"], *found["intervals"]["images"]]).all()
