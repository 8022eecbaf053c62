"""Ringach et al.'s orientation selectivity against Brain-Score's own functions, and on curves known beforehand.

The whole table is compared with Brain-Score's, unit by unit, in test_tuning.py.
"""

import numpy as np
import pytest

from vonenet_brainscore.stimuli.gratings import grating_parameters
from vonenet_brainscore.tuning.orientation_selectivity import (
    circular_variance,
    half_bandwidth,
    orientation_selectivity,
)

ORIENTATIONS = np.linspace(0, 165, 12)


def tuned(degrees, concentration):
    """von Mises curves (neuroid, orientation) of peak 40 spikes/s."""
    difference = np.deg2rad(ORIENTATIONS - np.atleast_1d(degrees)[:, None])
    return 40 * np.exp(concentration * (np.cos(2 * difference) - 1))


def rates_of(curve, modulation=0.0):
    """Rates (1, presentation) to the orientation set that follow a curve, with a modulation over phase."""
    parameters = grating_parameters("orientation")
    by_orientation = curve[np.searchsorted(ORIENTATIONS, parameters["orientation"])]
    return (by_orientation * (1 + modulation * np.cos(np.deg2rad(parameters["phase"].to_numpy()))))[None], parameters


# ---- reference: Brain-Score


def test_bandwidth_of_flat_and_sharp_curves_is_brainscores():
    """Also of curves that just about fall to 0.707 of their peak, at one place or at none, and of silence."""
    from brainscore_vision.benchmark_helpers.properties_common import calc_bandwidth

    rng = np.random.default_rng(0)
    shallow = 1 - np.linspace(0.2, 0.6, 200)[:, None] * np.sin(np.deg2rad(ORIENTATIONS - rng.uniform(0, 180))) ** 2
    shallow += 0.02 * rng.random(shallow.shape)
    sharp = np.eye(12)
    flat = np.array([1.0, 0.0])[:, None].repeat(12, axis=1)
    curves = np.concatenate([shallow, sharp, 1 - 0.9 * sharp, rng.random((300, 12)), flat])
    theirs = [calc_bandwidth(curve, ORIENTATIONS, "hanning", 0.707, "half")[0] for curve in curves]
    ours = half_bandwidth(curves, ORIENTATIONS)
    np.testing.assert_array_equal(ours, theirs)
    assert 20 < np.isnan(ours).sum() < 300


def test_circular_variance_is_brainscores():
    from brainscore_vision.benchmark_helpers.properties_common import calc_circular_variance

    curves = np.random.default_rng(1).gamma(0.5, 10, (100, 12))
    theirs = [calc_circular_variance(curve, ORIENTATIONS) for curve in curves]
    np.testing.assert_allclose(circular_variance(curves, ORIENTATIONS), theirs, rtol=1e-12)


# ---- laws


def test_circular_variance_of_one_orientation_and_of_none():
    np.testing.assert_allclose(circular_variance(np.eye(12), ORIENTATIONS), 0, atol=1e-12)
    np.testing.assert_allclose(circular_variance(np.full((1, 12), 7.0), ORIENTATIONS), 1)
    assert np.isnan(circular_variance(np.zeros((1, 12)), ORIENTATIONS)).all()


@pytest.mark.parametrize("concentration", [0.6, 1, 2, 4])
def test_bandwidth_of_a_known_curve(concentration):
    expected = np.rad2deg(np.arccos(1 + np.log(0.707) / concentration)) / 2
    found = half_bandwidth(tuned(np.arange(0, 180, 7), concentration), ORIENTATIONS)
    np.testing.assert_allclose(found, expected, atol=4.5)  # smoothing widens it, and the curve is read at whole degrees
    assert np.ptp(found) <= 1.5  # wherever the peak is


def test_selectivity_does_not_depend_on_gain_or_orientation():
    rates, parameters = rates_of(tuned(30, 2)[0])
    turned, _ = rates_of(tuned(75, 2)[0])
    blank = np.zeros(1)
    table = orientation_selectivity(rates, blank, parameters)
    for other in (3 * rates, turned):
        again = orientation_selectivity(other, blank, parameters)
        for name in ("circular_variance", "bandwidth", "orthogonal_preferred_ratio", "modulation_ratio"):
            assert again[name][0] == pytest.approx(table[name][0], abs=1e-9)


def test_every_property_of_a_known_unit():
    curve = 2 + tuned(45, 2)[0]
    rates, parameters = rates_of(curve, modulation=0.8)
    (row,) = orientation_selectivity(rates, np.full(1, 1.0), parameters).itertuples()
    assert row.responsive and row.orientation_selective == 1
    assert row.max_dc == pytest.approx(42)
    assert row.modulation_ratio == pytest.approx(0.8)
    assert row.orthogonal_preferred_ratio == pytest.approx(curve[9] / curve[3])
    variance = row.circular_variance
    assert row.circular_variance_bandwidth_ratio == pytest.approx(variance / row.bandwidth)
    difference = row.orthogonal_preferred_ratio_circular_variance_difference
    assert difference == pytest.approx(row.orthogonal_preferred_ratio - variance)


def test_an_untuned_unit_is_not_selective_and_has_no_bandwidth():
    rates, parameters = rates_of(np.full(12, 20.0))
    (row,) = orientation_selectivity(rates, np.zeros(1), parameters).itertuples()
    assert row.responsive and row.orientation_selective == 0
    assert np.isnan(row.bandwidth) and np.isnan(row.circular_variance_bandwidth_ratio)
    assert row.circular_variance == pytest.approx(1) and row.orthogonal_preferred_ratio == 1


def test_a_silent_unit_is_marked_and_undefined():
    rates, parameters = rates_of(np.zeros(12))
    table = orientation_selectivity(rates, np.zeros(1), parameters)
    assert not table["responsive"][0]
    for name in ("circular_variance", "orthogonal_preferred_ratio", "modulation_ratio"):
        assert np.isnan(table[name][0])


# ---- refusals


def test_orientations_without_an_orthogonal_one_are_refused():
    parameters = grating_parameters("orientation")
    some = (parameters["orientation"] < 45).to_numpy()
    with pytest.raises(ValueError, match="3 orientations evenly spaced over 180 degrees have none orthogonal"):
        orientation_selectivity(np.ones((2, some.sum())), np.ones(2), parameters[some])
    one = (parameters["orientation"] == 0).to_numpy()
    with pytest.raises(ValueError, match="2 or more levels of orientation, but has 1; none of 2 neuroids was measured"):
        orientation_selectivity(np.ones((2, one.sum())), np.ones(2), parameters[one])
