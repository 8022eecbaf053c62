"""The ceiling against what the true rates reach, over even, uneven and missing repetitions."""

import numpy as np
import pytest

from vonenet_brainscore.own_recordings.noise_ceiling import UnevenRepetitions, repetition_ceiling, repetitions_are_even
from vonenet_brainscore.own_recordings.split_half import SplitHalves

NEURONS = 20


def counted(stimuli, repetitions, *, seed=0):
    """True rates (stimulus, neuron), and Poisson counts around them (stimulus, neuron, repetition)."""
    random = np.random.default_rng(seed)
    rates = random.gamma(2, 3, size=(stimuli, NEURONS))
    return rates, random.poisson(rates[..., None], (stimuli, NEURONS, repetitions)).astype(float)


def neuroids():
    return {"neuroid_id": np.arange(NEURONS), "region": np.full(NEURONS, "V1")}


def design(name, stimuli):
    """How often each stimulus was shown to each neuron: (stimulus, neuron)."""
    random = np.random.default_rng(1)
    if name == "even":
        return np.full((stimuli, NEURONS), 10)
    if name == "a quarter twenty times, the others once":
        return np.repeat(np.where(np.arange(stimuli) % 4 == 0, 20, 1)[:, None], NEURONS, axis=1)
    if name == "a few missing":
        return np.maximum(10 - random.poisson(0.3, (stimuli, NEURONS)), 1)
    return random.integers(1, 7, (stimuli, NEURONS))  # each neuron and stimulus otherwise


DESIGNS = ("even", "a quarter twenty times, the others once", "a few missing", "one to six")


@pytest.mark.parametrize("name", DESIGNS)
def test_it_is_what_the_true_rates_reach(name):
    count = design(name, 600)
    rates, values = counted(600, 20)
    values[np.arange(20) >= count[..., None]] = np.nan
    ceiling, estimate = repetition_ceiling(values, neuroids())
    assert isinstance(estimate, SplitHalves) == (name == "even") == repetitions_are_even(values)
    means = np.nanmean(values, axis=-1)
    reached = np.median([np.corrcoef(rates[:, i], means[:, i])[0, 1] ** 2 for i in range(NEURONS)])
    # Poisson: the variance of a count given the stimulus is its rate
    analytic = np.median(rates.var(axis=0) / (rates.var(axis=0) + (rates / count).mean(axis=0)))
    # r^2 of 600 stimuli scatters by 2 r (1 - r^2) / sqrt(600), at most 0.03, and the median of 20 neurons by a third
    assert float(ceiling) == pytest.approx(reached, abs=0.02)
    assert float(ceiling) == pytest.approx(analytic, abs=0.02)
    assert ceiling.attrs["estimator"] == ("split halves" if name == "even" else "variance between repetitions")


def test_thirty_pictures_once_and_ten_twenty_times():
    """The usual design, as small as it comes: halves of the ten say 0.9 and more, the true rates reach some 0.6."""
    found, reached, halves = [], [], []
    for seed in range(20):
        random = np.random.default_rng(seed)
        rates = random.gamma(2, 1, size=(40, NEURONS))
        values = random.poisson(rates[..., None], (40, NEURONS, 20)).astype(float)
        values[10:, :, 1:] = np.nan
        found.append(float(repetition_ceiling(values, neuroids())[0]))
        means = np.nanmean(values, axis=-1)
        reached.append(np.median([np.corrcoef(rates[:, i], means[:, i])[0, 1] ** 2 for i in range(NEURONS)]))
        halves.append(np.nanmedian(SplitHalves(values).by_neuron()))
    # the mean of 20 draws, each of which scatters by about 0.04
    assert np.mean(found) == pytest.approx(np.mean(reached), abs=0.03)
    assert 0.55 < np.mean(reached) < 0.75 and np.mean(halves) > 0.9


def test_even_repetitions_would_give_the_same_by_either():
    """So that a single missing response does not move the ceiling: both tend to S / (S + N / repetitions)."""
    _, values = counted(600, 10)
    assert repetitions_are_even(values)
    by_halves, by_variance = SplitHalves(values).by_neuron().mean(axis=0), UnevenRepetitions(values).by_neuron()[0]
    # A split-half correlation near 0.75 over 600 stimuli scatters by 0.02, ten splits of the same data by less
    np.testing.assert_allclose(by_halves, by_variance, atol=0.02)
    one_missing = values.copy()
    one_missing[5, 3, 9] = np.nan
    ceiling, estimate = repetition_ceiling(one_missing, neuroids())
    assert isinstance(estimate, UnevenRepetitions)
    assert float(ceiling) == pytest.approx(float(repetition_ceiling(values, neuroids())[0]), abs=0.01)


def test_equals_a_plain_loop():
    _, values = counted(12, 5)
    values[np.arange(5) >= design("one to six", 12)[..., None]] = np.nan
    expected = []
    for neuron in range(NEURONS):
        trials = [row[~np.isnan(row)] for row in values[:, neuron]]
        squares = sum(((row - row.mean()) ** 2).sum() for row in trials)
        pooled = squares / sum(len(row) - 1 for row in trials)
        noise = [(row.var(ddof=1) if len(row) > 1 else pooled) / len(row) for row in trials]
        expected.append(1 - np.mean(noise) / np.var([row.mean() for row in trials], ddof=1))
    estimate = UnevenRepetitions(values)
    np.testing.assert_allclose(estimate.by_neuron()[0], expected, rtol=1e-10)
    # A stimulus that counts twice and one that does not count at all are other recordings.
    weights = np.array([[2.0, 0, *[1] * 10]])
    again = UnevenRepetitions(np.concatenate([values[[0, 0]], values[2:]]))
    again_pooled = UnevenRepetitions(values).over_images(weights)[0, 0]
    seen_twice = (~np.isnan(values)).sum(axis=-1).min(axis=0) > 1  # elsewhere the pooled variance differs
    np.testing.assert_allclose(again_pooled[seen_twice], again.by_neuron()[0][seen_twice], rtol=1e-10)


def test_gain_and_offset_change_nothing():
    _, values = counted(40, 6)
    values[5:, :, 3:] = np.nan
    gains = np.linspace(0.1, 10, NEURONS)[:, None]
    np.testing.assert_allclose(
        UnevenRepetitions(gains * values + 3).by_neuron(), UnevenRepetitions(values).by_neuron(), rtol=1e-9
    )


def test_noise_alone_leaves_nothing_to_predict():
    values = np.random.default_rng(0).normal(size=(60, NEURONS, 4))
    values[::2, :, 2:] = np.nan
    estimate = UnevenRepetitions(values).by_neuron()
    assert abs(np.median(estimate)) < 0.2
    with pytest.raises(ValueError, match=r"ceiling from variance between repetitions is -.*check that the repetitions"):
        repetition_ceiling(values[:, estimate[0] < 0], {k: v[estimate[0] < 0] for k, v in neuroids().items()})
