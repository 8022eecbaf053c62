"""Gabor parameters and kernels against those of the original code, and what must hold of any."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from vonenet_brainscore.models.gabors import (
    ENVELOPE_COUNTS,
    ENVELOPE_EDGES,
    ORIENTATION_COUNTS,
    SF_COUNTS,
    SF_EDGES_CPD,
    GaborParameters,
    gabor_kernels,
    sample_gabor_parameters,
)

DATA = Path(__file__).parent / "data"
RECORDED = np.load(DATA / "gabor_parameters.npz")
CASES = json.loads(str(RECORDED["cases"]))
RECORDED_NAMES = {"sf_cpd": "sf", "theta_deg": "ori", "phase_deg": "phase", "nx": "nx", "ny": "ny"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"case{case['case']}")
def test_parameters_equal_the_recorded_ones(case):
    sampled = sample_gabor_parameters(
        case["features"],
        seed=case["seed"],
        sf_corr=case.get("sf_corr", 0),
        sf_max=case["sf_max"],
        sf_min=case["sf_min"],
        rand_param=case.get("rand_flag", False),
    )
    for name, recorded_name in RECORDED_NAMES.items():
        recorded = RECORDED[f"case{case['case']}_{recorded_name}"]
        np.testing.assert_allclose(getattr(sampled, name), recorded, rtol=0, atol=1e-9, err_msg=name)


@pytest.mark.parametrize(("bank", "phase_shift_deg"), [("q0", 0), ("q1", 90)])
def test_kernels_equal_the_recorded_ones(bank, phase_shift_deg):
    recorded = np.load(DATA / "forward_resnet50.npz")[f"kernel_{bank}_first8"]
    kernels = gabor_kernels(sample_gabor_parameters(512), pixels_per_degree=224 / 8, phase_shift_deg=phase_shift_deg)
    np.testing.assert_allclose(kernels[:8], recorded, rtol=0, atol=1e-6)  # recorded in single precision


def test_kernels_equal_the_formula_pixel_by_pixel():
    parameters = sample_gabor_parameters(3, seed=4)
    kernels = gabor_kernels(parameters, pixels_per_degree=20, ksize=9)
    for channel in range(3):
        f = parameters.sf_cpd[channel] / 20
        theta, phase = (math.radians(getattr(parameters, name)[channel]) for name in ("theta_deg", "phase_deg"))
        sx, sy = parameters.nx[channel] / f, parameters.ny[channel] / f
        for row in range(9):
            for column in range(9):
                x, y = row - 4, column - 4
                u = x * math.cos(theta) + y * math.sin(theta)
                v = -x * math.sin(theta) + y * math.cos(theta)
                envelope = math.exp(-(u**2 / sx**2 + v**2 / sy**2) / 2) / (2 * math.pi * sx * sy)
                expected = envelope * math.cos(2 * math.pi * f * u + phase)
                assert kernels[channel, row, column] == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_a_kernel_turned_by_180_degrees_of_phase_is_its_negative():
    parameters = sample_gabor_parameters(20, seed=1)
    kernels, negatives = (gabor_kernels(parameters, pixels_per_degree=28, phase_shift_deg=p) for p in (0, 180))
    np.testing.assert_allclose(negatives, -kernels, atol=1e-12)


def test_a_horizontal_carrier_changes_along_rows():
    one = np.ones(1)
    parameters = GaborParameters(sf_cpd=2 * one, theta_deg=0 * one, phase_deg=90 * one, nx=one, ny=one)
    (kernel,) = gabor_kernels(parameters, pixels_per_degree=28)
    np.testing.assert_allclose(kernel, -kernel[::-1], atol=1e-12)  # odd in x, the row index
    np.testing.assert_allclose(kernel, kernel[:, ::-1], atol=1e-12)  # even in y, the column index


def test_samples_follow_the_published_counts():
    sampled = sample_gabor_parameters(40_000, seed=2)
    tolerance = 0.01  # four standard errors of a share of one half among 40,000
    theta = np.where(sampled.theta_deg >= 157.5, sampled.theta_deg - 180, sampled.theta_deg)
    shares = np.histogram(theta, [-22.5, 22.5, 67.5, 112.5, 157.5])[0] / 40_000
    np.testing.assert_allclose(shares, ORIENTATION_COUNTS / ORIENTATION_COUNTS.sum(), atol=tolerance)
    shares = np.histogram(sampled.sf_cpd, SF_EDGES_CPD)[0] / 40_000
    np.testing.assert_allclose(shares, SF_COUNTS / SF_COUNTS.sum(), atol=tolerance)
    shares = np.histogram2d(sampled.nx, sampled.ny, [ENVELOPE_EDGES] * 2)[0] / 40_000
    np.testing.assert_allclose(shares, ENVELOPE_COUNTS / ENVELOPE_COUNTS.sum(), atol=tolerance)
    assert sampled.theta_deg.min() >= 0 and sampled.theta_deg.max() < 180
    assert sampled.phase_deg.min() >= 0 and sampled.phase_deg.max() < 360


@pytest.mark.parametrize("sf_corr", [0.75, -0.75])
def test_frequency_and_envelope_correlate_as_asked(sf_corr):
    sampled = sample_gabor_parameters(5_000, seed=3, sf_corr=sf_corr)
    correlation = np.corrcoef(np.log(sampled.sf_cpd), np.log(sampled.nx))[0, 1]
    assert correlation == pytest.approx(sf_corr, abs=0.1)  # bins bend the copula a little


def test_a_seed_gives_the_same_filters_and_leaves_the_global_generator_alone():
    np.random.seed(5)  # noqa: NPY002
    state = np.random.get_state()  # noqa: NPY002
    first, again, other = (sample_gabor_parameters(10, seed=seed).phase_deg for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(np.random.get_state()[1], state[1])  # noqa: NPY002


@pytest.mark.parametrize("rand_param", [False, True])
def test_frequencies_stay_within_their_limits(rand_param):
    sampled = sample_gabor_parameters(2_000, sf_min=1, sf_max=4, rand_param=rand_param)
    assert sampled.sf_cpd.min() >= 1
    assert sampled.sf_cpd.max() <= (2.8 if rand_param else 4)  # uniform: edges strictly below sf_max


def test_refusals():
    with pytest.raises(ValueError, match="features is 0"):
        sample_gabor_parameters(0)
    with pytest.raises(ValueError, match=r"sf_corr is 1\.5; it must be in \[-1, 1\]"):
        sample_gabor_parameters(4, sf_corr=1.5)
    with pytest.raises(ValueError, match="no spatial-frequency bin lies between sf_min=3 and sf_max=4"):
        sample_gabor_parameters(4, sf_min=3, sf_max=4)
    with pytest.raises(ValueError, match=r"ksize is 24; it must be odd and in \[1, 1023\]"):
        gabor_kernels(sample_gabor_parameters(4), pixels_per_degree=28, ksize=24)
    with pytest.raises(ValueError, match="pixels_per_degree is 0"):
        gabor_kernels(sample_gabor_parameters(4), pixels_per_degree=0)
