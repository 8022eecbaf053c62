"""The parameters of surrounds: sampled strengths, widths, pools and closed forms."""

import numpy as np
import pytest

from vonenet_brainscore.models.gabors import gabor_kernels, sample_gabor_parameters
from vonenet_brainscore.models.suppression_counts import SUPPRESSION
from vonenet_brainscore.models.surround import (
    STRONGEST_SUPPRESSION,
    grating_energy,
    pool_features,
    sample_suppression,
    surround_widths,
)

GABORS = sample_gabor_parameters(40, seed=3)


@pytest.mark.parametrize("name", SUPPRESSION)
def test_samples_are_distributed_as_was_counted(name):
    row = SUPPRESSION[name]
    indices = sample_suppression(name, 20_000, seed=1)
    shares = np.histogram(indices, row.edges)[0] / len(indices)
    published = np.array(row.counts) / row.n
    published[4] += published[5:].sum()  # indices of 1 and more are set to the strongest
    published[5:] = 0
    np.testing.assert_allclose(shares, published, atol=0.01)  # 2.8 standard errors of a share of one half
    assert sum(row.counts) == row.n
    assert indices.min() >= 0 and indices.max() <= STRONGEST_SUPPRESSION


def test_samples_are_seeded():
    first = sample_suppression("li2022", 9, seed=1)
    np.testing.assert_array_equal(first, sample_suppression("li2022", 9, seed=1))
    assert not np.array_equal(first, sample_suppression("li2022", 9, seed=2))
    assert (sample_suppression(0.5, 3, seed=1) == 0.5).all()


@pytest.mark.parametrize(
    ("distribution", "message"), [("li2023", "have li2022"), (0.96, "must lie in"), (-0.1, "must lie in")]
)
def test_other_strengths_are_refused(distribution, message):
    with pytest.raises(ValueError, match=message):
        sample_suppression(distribution, 3)


def test_widths_are_so_many_envelopes_or_cycles():
    by_envelope = surround_widths(GABORS, 3.1, "envelope")
    sigma_x, sigma_y = GABORS.nx / GABORS.sf_cpd, GABORS.ny / GABORS.sf_cpd  # degrees
    np.testing.assert_allclose(by_envelope**2, 3.1**2 * sigma_x * sigma_y)
    np.testing.assert_allclose(surround_widths(GABORS, 1.7, "cycle"), 1.7 / GABORS.sf_cpd)
    with pytest.raises(ValueError, match="unknown unit 'degree'"):
        surround_widths(GABORS, 1, "degree")


@pytest.mark.parametrize("width", [20, 60, 180])
@pytest.mark.parametrize("octaves", [0.7, 2, np.inf])
def test_features_make_the_product_of_two_tuning_functions(width, octaves):
    features = pool_features(GABORS, orientation_width_deg=width, octaves=octaves)
    difference = np.abs(GABORS.theta_deg[:, None] - GABORS.theta_deg)
    kappa = np.log(2) / (1 - np.cos(np.deg2rad(width)))
    expected = np.exp(kappa * (np.cos(2 * np.deg2rad(difference)) - 1))
    if np.isfinite(octaves):
        distance = np.log2(GABORS.sf_cpd)[:, None] - np.log2(GABORS.sf_cpd)
        expected = expected * 0.5 ** ((2 * distance / octaves) ** 2)
    np.testing.assert_allclose(features @ features.T, expected, atol=1e-7)  # terms below 1e-9 are left out


def test_orientation_tuning_is_half_as_high_at_half_its_width():
    pair = sample_gabor_parameters(2, seed=0)
    pair.theta_deg[:] = [170, 20]  # 30 degrees apart
    features = pool_features(pair, orientation_width_deg=60)
    np.testing.assert_allclose(features @ features.T, [[1, 0.5], [0.5, 1]], atol=1e-7)


def test_a_flat_pool_has_one_feature():
    np.testing.assert_array_equal(pool_features(GABORS, orientation_width_deg=np.inf), np.ones((40, 1)))


@pytest.mark.parametrize("width", [181, 1])
def test_widths_that_no_tuning_function_has_are_refused(width):
    with pytest.raises(ValueError, match="must lie in"):
        pool_features(GABORS, orientation_width_deg=width)


def test_energy_is_that_of_cells_over_the_phases_of_a_grating():
    kernels = [gabor_kernels(GABORS, pixels_per_degree=28, ksize=9, phase_shift_deg=shift) for shift in (0, 90)]
    simple = 15
    frequencies = np.random.default_rng(0).uniform(-0.2, 0.2, (6, 2))
    energy = grating_energy(kernels[0], kernels[1][simple:], frequencies)

    offset = np.arange(9) - 4
    for grating, (down, across) in enumerate(frequencies):
        phases = np.linspace(0, 2 * np.pi, 16, endpoint=False)[:, None, None]
        gratings = np.cos(2 * np.pi * (down * offset[:, None] + across * offset) + phases)
        q0, q1 = (np.einsum("pyx,cyx->pc", gratings, kernel) for kernel in kernels)
        simple_cells = np.maximum(q0, 0)[:, :simple] / 0.5
        complex_cells = np.sqrt((q0**2 + q1**2) / 2)[:, simple:] / np.sqrt(0.125)
        expected = np.concatenate([simple_cells, complex_cells], axis=1)
        np.testing.assert_allclose(energy[grating], (expected**2).mean(axis=0))
