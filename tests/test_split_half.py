"""The split-half ceiling against Brain-Score's, a plain loop, and its analytic value."""

import numpy as np
import pytest

from vonenet_brainscore.own_recordings.noise_ceiling import no_ceiling, repetition_ceiling
from vonenet_brainscore.own_recordings.split_half import SplitHalves, weighted_correlation


def reliability(values):
    return SplitHalves(values).by_neuron()


def split_half_ceiling(values, neuroids):
    ceiling, estimate = repetition_ceiling(values, neuroids)
    assert isinstance(estimate, SplitHalves)
    return ceiling


def noisy(stimuli=60, neurons=4, repetitions=10, *, noise=1.0, seed=0):
    """Signal of variance 1, and noise, both Gaussian: (stimulus, neuron, repetition)."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(stimuli, neurons, 1)) + noise * rng.normal(size=(stimuli, neurons, repetitions))


def neuroids(count):
    return {"neuroid_id": np.array([f"n{i}" for i in range(count)]), "region": np.full(count, "V1")}


@pytest.mark.parametrize("repetitions", [2, 5, 10])
def test_equals_brain_score(repetitions):
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuronRecordingAssembly
    from brainscore_vision.metrics.internal_consistency.ceiling import InternalConsistency

    values = noisy(repetitions=repetitions)
    assembly = NeuronRecordingAssembly(
        values.transpose(0, 2, 1).reshape(-1, 4),
        coords={
            "stimulus_id": ("presentation", np.repeat([f"s{i}" for i in range(60)], repetitions)),
            "image": ("presentation", np.repeat(np.arange(60), repetitions)),
            "repetition": ("presentation", np.tile(np.arange(repetitions), 60)),
            **{name: ("neuroid", coordinate) for name, coordinate in neuroids(4).items()},
        },
        dims=("presentation", "neuroid"),
    )
    expected = InternalConsistency()(assembly)
    ceiling = split_half_ceiling(values, neuroids(4))
    # another order of summation
    np.testing.assert_allclose(float(ceiling), float(expected), rtol=1e-12)
    np.testing.assert_allclose(float(ceiling.attrs["error"]), float(expected.attrs["error"]), rtol=1e-9)
    np.testing.assert_allclose(
        ceiling.attrs["raw"].transpose("split", "neuroid").values,
        expected.attrs["raw"].transpose("split", "neuroid").values,
        rtol=1e-12,
    )


def test_equals_a_plain_loop_where_repetitions_are_missing():
    from sklearn.model_selection import ShuffleSplit

    values = noisy(stimuli=12, repetitions=6)
    missing = np.random.default_rng(1).random(values.shape) < 0.4
    missing[0, 0] = [True] * 5 + [False]  # seen once: no halves
    values[missing] = np.nan
    expected = np.full((10, 4), np.nan)
    for split, (first, second) in enumerate(ShuffleSplit(10, train_size=0.5, random_state=1).split(np.empty(6))):
        for neuron in range(4):
            halves = []
            for stimulus in range(12):
                there = [
                    values[stimulus, neuron, k] for k in [*first, *second] if np.isfinite(values[stimulus, neuron, k])
                ]
                if len(there) > 1:
                    half = len(there) // 2
                    halves.append((np.mean(there[:half]), np.mean(there[half:])))
            r = np.corrcoef(np.transpose(halves))[0, 1]
            expected[split, neuron] = 2 * r / (1 + r)
    np.testing.assert_allclose(reliability(values), expected, rtol=1e-10)


def test_gaussian_noise_gives_the_analytic_reliability():
    values = noisy(stimuli=4000, neurons=20, repetitions=8, noise=2.0)
    expected = 1 / (1 + 2.0**2 / 8)  # S / (S + N / repetitions)
    # a correlation of 0.5 over 4000 stimuli scatters by 0.012, and the median over 20 neurons by a third of that
    assert float(split_half_ceiling(values, neuroids(20))) == pytest.approx(expected, abs=0.015)


def test_repetitions_that_agree_give_one():
    values = np.repeat(noisy(repetitions=1), 4, axis=-1)
    np.testing.assert_allclose(reliability(values), 1)


def test_shifting_and_scaling_a_neuron_changes_nothing():
    values = noisy()
    gains = np.array([1, 10, 0.1, 5])[:, None]
    np.testing.assert_allclose(reliability(values * gains + 3), reliability(values))


def test_a_constant_half_is_nan_and_left_out_of_the_median():
    values = noisy()
    values[:, 0] = 0
    values[3, 0, 0] = 1  # one spike: one half never varies
    assert np.isnan(reliability(values)[:, 0]).all()
    others = split_half_ceiling(values[:, 1:], neuroids(3))
    assert float(split_half_ceiling(values, neuroids(4))) == float(others)


def test_refuses_too_few_repeated_stimuli():
    values = noisy()
    values[2:, 1, 1:] = np.nan
    with pytest.raises(ValueError, match="neuron 'n1' has two or more repetitions of 2 stimuli, and 1 neurons"):
        repetition_ceiling(values, neuroids(4))


def test_refuses_halves_that_do_not_agree():
    values = np.stack([np.arange(10.0), -np.arange(10.0) + np.arange(10) ** 2 % 3], axis=-1)[:, None]
    with pytest.raises(ValueError, match=r"ceiling from split halves is .* do not agree"):
        split_half_ceiling(values, neuroids(1))


def test_weights_count_a_stimulus_several_times():
    values = noisy(stimuli=30)
    halves = SplitHalves(values)
    np.testing.assert_allclose(halves.over_images(np.ones((1, 30)))[0], halves.by_neuron(), rtol=1e-10)
    rows = np.random.default_rng(3).integers(0, 30, 30)
    weights = np.bincount(rows, minlength=30)[None].astype(float)
    x, y = values[:, :, 0], values[:, :, 1]
    expected = [np.corrcoef(x[rows, i], y[rows, i])[0, 1] for i in range(4)]
    np.testing.assert_allclose(weighted_correlation(x, y, weights)[0], expected, rtol=1e-10)
    one = np.zeros((1, 30))
    one[0, 7] = 3  # a single stimulus, three times: nothing varies
    assert np.isnan(weighted_correlation(1000 + x, y, one)).all()
    assert np.isnan(weighted_correlation(np.ones_like(x), y, weights)).all()


def test_no_ceiling_says_so():
    ceiling = no_ceiling("no repetitions")
    assert float(ceiling) == 1
    assert ceiling.attrs == {"claimed": False, "reason": "no repetitions"}
