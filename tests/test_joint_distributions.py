"""The similarity of joint distributions, justified on simulated cells whose truth is known."""

import numpy as np
import pytest

from vonenet_brainscore.primates.binned_similarity import joint_ks_similarity
from vonenet_brainscore.primates.joint_distributions import (
    JOINT_DISTRIBUTIONS,
    JointDistribution,
    joint_ceiling,
    joint_similarity,
    joint_without_pairing,
)
from vonenet_brainscore.primates.property_table import V1_PROPERTIES
from vonenet_brainscore.primates.v1_property import Study
from vonenet_brainscore.stimuli.gratings import grating_parameters

EDGES = tuple(2.0 ** np.arange(-4, 4.5, 0.5))
(CAVANAUGH,) = JOINT_DISTRIBUTIONS.values()


def cells(count, seed, correlation=0.8):
    """Pairs (cell, 2) whose octaves are normal, with spreads like those of the study, and correlated."""
    covariance = [[1, correlation], [correlation, 1]]
    octaves = np.random.default_rng(seed).multivariate_normal([0, 1], covariance, count)
    return 2.0**octaves


def neurons(count, seed):
    pairs = tuple(map(tuple, cells(count, seed).tolist()))
    return JointDistribution(("first", "second"), Study("simulated", count, ""), pairs, EDGES)


# ---- simulation


def test_samples_of_one_population_reach_the_ceiling_and_shuffled_pairs_do_not():
    """Each shuffled population has both histograms to the cell, so that single properties tell nothing."""
    same, shuffled, without = [], [], []
    for seed in range(3):
        study, model = neurons(89, seed), cells(2000, 100 + seed)
        broken = np.stack([model[:, 0], np.random.default_rng(seed).permutation(model[:, 1])], axis=1)
        ceiling = float(joint_ceiling(study, seed=0))
        same.append(float(joint_similarity(model, study, seed=0)) / ceiling)
        shuffled.append(float(joint_similarity(broken, study, seed=0)) / ceiling)
        without.append(float(joint_without_pairing(study, seed=0)) / ceiling)
    assert min(same) > 0.93  # not 1, as 89 neurons lie about as far from their population as samples lie from them
    assert max(shuffled) < min(same) - 0.05 and np.mean(shuffled) < np.mean(same) - 0.08
    np.testing.assert_allclose(shuffled, without, atol=0.05)


def test_the_score_falls_with_the_correlation_alone():
    study = neurons(150, 0)
    scores = [float(joint_similarity(cells(2000, 1, rho), study, seed=0)) for rho in (0.8, 0.5, 0, -0.8)]
    assert (np.diff(scores) < -0.01).all()


def test_a_population_elsewhere_scores_nothing():
    assert float(joint_similarity(np.full((10, 2), 1e-3), neurons(80, 0), seed=0)) < 0.05


# ---- laws


def test_the_neurons_themselves_are_as_similar_as_can_be():
    """Taken once each; samples of them lie below, which is the ceiling."""
    study = neurons(80, 0)
    own = study.bin_numbers(study.pairs)
    shape = (len(EDGES) - 1,) * 2
    shares = np.bincount(own, minlength=np.prod(shape)).reshape(shape) / len(own)
    assert joint_ks_similarity(shares, shares) == 1
    assert 0.8 < float(joint_ceiling(study, seed=0)) < 1


def test_bins_are_numpys():
    pairs = np.concatenate([cells(500, 3), np.stack([EDGES, EDGES[::-1]], axis=1)])  # and on the edges themselves
    numbers = CAVANAUGH.bin_numbers(pairs)
    inside = np.clip(pairs, EDGES[0], EDGES[-1])
    expected = np.histogram2d(*inside.T, bins=[EDGES, EDGES])[0]
    n_bins = len(EDGES) - 1
    np.testing.assert_array_equal(np.bincount(numbers, minlength=n_bins**2).reshape(n_bins, n_bins), expected)


def test_each_diameter_that_is_shown_is_the_middle_of_a_bin():
    octaves = np.log2(2 * np.unique(grating_parameters("size")["radius"]))
    np.testing.assert_allclose((octaves - np.log2(EDGES[0])) / 0.5 % 1, 0.5, atol=1e-6)
    assert CAVANAUGH.edges == EDGES


# ---- the study


@pytest.mark.parametrize("primate", JOINT_DISTRIBUTIONS.values(), ids=lambda row: "-".join(row.properties))
def test_rows_name_properties_and_hold_a_pair_for_each_neuron(primate):
    assert set(primate.properties) <= set(V1_PROPERTIES)
    assert np.shape(primate.pairs) == (primate.study.n_neurons, 2) and np.min(primate.pairs) > 0


def test_the_macaques_cells_are_those_of_the_study():
    """Counts of the 89 in octaves beside those of all 148 suppressed cells: the same study, digitised twice."""
    from scipy.stats import spearmanr

    pairs = np.array(CAVANAUGH.pairs)
    assert (pairs[:, 0] < pairs[:, 1]).all()  # the surround is wider than the centre
    assert spearmanr(*pairs.T).statistic == pytest.approx(0.493, abs=0.001)
    for name, values in zip(CAVANAUGH.properties, pairs.T, strict=True):
        row = V1_PROPERTIES[name]
        few, many = np.histogram(values, row.edges)[0], np.array(row.counts)
        assert np.abs(np.cumsum(few / few.sum() - many / many.sum())).max() < 0.1


def test_ceiling_and_cells_without_pairing():
    ceiling, without = joint_ceiling(CAVANAUGH, seed=0), joint_without_pairing(CAVANAUGH, seed=0)
    assert float(ceiling) == pytest.approx(0.890, abs=0.003)
    # Two standard deviations of samples below the ceiling, for the 89 are correlated by 0.5.
    assert float(without) == pytest.approx(0.834, abs=0.003)
    assert float(without) < float(ceiling) - 1.5 * ceiling.attrs["error"]
