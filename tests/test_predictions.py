"""What is said beside a neural score: neurons that do not count, scores above 1, a lost sign."""

import numpy as np
import pytest
from made_recordings import FeatureSubject, linear, scored, small_images

from vonenet_brainscore.benchmarks.predictions import KeptPredictions, kept_predictions
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
def blurred(features):
    """Features of a subject that is not quite what was recorded from."""
    return features + np.random.default_rng(3).normal(size=features.shape)


@pytest.mark.filterwarnings("error::scipy.stats.ConstantInputWarning")  # the remark says it, once
def test_neurons_that_hardly_fire_are_counted_and_named(images, features, blurred):
    """A neuron that fires to two pictures of sixty is constant in most test parts, where Brain-Score leaves it out."""
    responses = linear(features, noise=1.0, repetitions=4)
    responses[:, 3:5] = 0
    responses[[7, 21], 3] = [[1, 2, 1, 2], [3, 3, 2, 4]]
    responses[[30, 31], 4] = [[1, 2, 1, 2], [3, 3, 2, 4]]
    score = scored(images, blurred, responses)
    r = score.raw.raw.transpose("split", "neuroid")
    counted = score.attrs["splits_counted"]
    expected = dict(zip(r["neuroid_id"].values, np.isfinite(r.values).sum(axis=0), strict=True))
    assert dict(zip(counted["neuroid_id"].values, counted.values, strict=True)) == expected
    assert 0 < expected["3"] < 10 and expected["5"] == 10
    assert score.attrs["remarks"] == (
        "2 of 12 neurons are left out of some of the 10 splits, because their responses to the test stimuli are "
        "constant or their predicted responses are constant; "  # the latter: all in the test part
        "splits in which each counts: "
        f"3 in {expected['3']}, 4 in {expected['4']}"
    )
    assert np.isfinite([score.attrs["score_low"], score.attrs["score_high"]]).all()


def test_a_score_above_one_is_remarked_on(images, features):
    score = scored(images, features, linear(features, noise=1.5, repetitions=4), splits=4)
    assert float(score) > 1
    assert score.attrs["remarks"].startswith("the score is above 1, because r^2 (0.740) is above the ceiling (0.645)")


def test_a_lost_sign_is_remarked_on(images, features):
    responses = linear(features, noise=1.0, repetitions=4)[np.random.default_rng(28).permutation(STIMULI)]
    score = scored(images, features, responses)
    assert float(score.raw) < 0 < float(score)
    assert score.attrs["remarks"] == (
        f"raw is negative ({float(score.raw):.3f}): predictions and responses are anticorrelated, which "
        "the score, a square, hides"
    )


def test_uneven_repetitions_are_remarked_on(images, features):
    responses = linear(features, noise=1.0, repetitions=4)
    responses[::2, :, 2:] = np.nan
    remarks = scored(images, features, responses).attrs["remarks"]
    assert "repetitions are uneven, so the ceiling is from the variance between repetitions" in remarks


def test_nothing_is_said_of_a_score_as_it_should_be(images, features, blurred):
    score = scored(images, blurred, linear(features, noise=0.5, repetitions=4)[:, :11])
    assert float(score) < 1 and "remarks" not in score.attrs
    assert score.attrs["n_neurons"] == 11


def test_predictions_are_kept_and_the_metric_is_left_as_it_was(images, features):
    benchmark = neural_benchmark("mine", images, linear(features, noise=0.5, repetitions=4), metric="ridge", splits=2)
    correlation = benchmark._similarity_metric.correlation
    with kept_predictions(benchmark) as kept:
        score = benchmark(FeatureSubject(features))
    assert benchmark._similarity_metric.correlation is correlation
    assert [part.recorded.shape for part in kept.splits] == [(6, 12), (6, 12)]
    assert float(score) == float(benchmark(FeatureSubject(features)))
    for part, split in zip(kept.splits, score.raw.raw.transpose("split", "neuroid").values, strict=True):
        r = [np.corrcoef(a, b)[0, 1] for a, b in zip(part.recorded.T, part.predicted.T, strict=True)]
        np.testing.assert_allclose(np.sort(r), np.sort(split), rtol=1e-10)


def test_other_benchmarks_are_left_alone():
    class Other:
        identifier = "other"

    with kept_predictions(Other()) as kept:
        assert kept is None


def test_a_metric_over_time_is_left_alone(images, features):
    """Its correlation is one for each time bin."""
    from brainscore_vision.metric_helpers.temporal import PerTime

    benchmark = neural_benchmark("mine", images, linear(features, noise=0.5, repetitions=4), metric="ridge")
    benchmark._similarity_metric.correlation = PerTime(benchmark._similarity_metric.correlation)
    with kept_predictions(benchmark) as kept:
        assert kept is None


def test_predictions_belong_to_stimuli_whatever_their_order():
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    values = np.arange(6.0).reshape(3, 2)
    coords = {
        "stimulus_id": ("presentation", ["a", "b", "c"]),
        "kind": ("presentation", ["x"] * 3),
        "neuroid_id": ("neuroid", [0, 1]),
        "region": ("neuroid", ["V1"] * 2),
    }
    target = NeuroidAssembly(values, coords=coords, dims=("presentation", "neuroid"))
    kept = KeptPredictions(lambda prediction, target: "as before")
    assert kept(target[[2, 0, 1]].transpose("neuroid", "presentation"), target) == "as before"
    (part,) = kept.splits
    assert list(part.stimulus_ids) == ["a", "b", "c"]
    np.testing.assert_array_equal(part.predicted, values)
    np.testing.assert_array_equal(part.recorded, values)
