"""Receptive fields against Brain-Score's mapping, and on fields whose centre is known."""

import numpy as np
import pytest
from gabor_units import NEGATIVE, SILENT, brainscore_assembly, unit_responses

from vonenet_brainscore.stimuli.gratings import grating_parameters
from vonenet_brainscore.tuning.receptive_fields import is_probed, receptive_field_centres, receptive_field_map

PARAMETERS = grating_parameters("receptive_field")


@pytest.fixture
def units():
    return unit_responses()["receptive_field"], unit_responses()["blank"][:, 0]


@pytest.fixture
def properties_common(monkeypatch):
    """Brain-Score's analysis with the made-up V1 in the subject's place."""
    monkeypatch.setenv("BS_INSTALL_DEPENDENCIES", "no")
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    from brainscore_vision.benchmark_helpers import properties_common

    def record_from_model(model, stimulus_identifier, number_of_trials):
        name = stimulus_identifier.removeprefix("Marques2020_")
        return brainscore_assembly(unit_responses()[name], name)

    monkeypatch.setattr(properties_common, "record_from_model", record_from_model)
    return properties_common


def bump(y, x, width=0.4):
    """Responses of a unit whose field is a Gaussian around (y, x) degrees: (presentation,)."""
    squared = (PARAMETERS["position_y"] - y) ** 2 + (PARAMETERS["position_x"] - x) ** 2
    return np.exp(-squared / 2 / width**2).to_numpy()


def test_centres_and_map_are_brainscores(properties_common, units):
    positions, fields = properties_common.map_receptive_field_locations(model_identifier="m", model=None, region="V1")
    # rtol: sums over 441 positions in another order
    np.testing.assert_allclose(receptive_field_map(*units, PARAMETERS), fields.values, rtol=1e-12)
    np.testing.assert_allclose(receptive_field_centres(*units, PARAMETERS), positions.values, rtol=1e-10, atol=1e-12)


def test_the_probed_units_are_brainscores(properties_common, units):
    theirs = properties_common.filter_receptive_fields("m", model=None, region="V1", pos=np.array([0.5, 0.5]))
    probed = is_probed(receptive_field_centres(*units, PARAMETERS))
    np.testing.assert_array_equal(np.flatnonzero(probed), theirs)
    assert 5 < probed.sum() < 40  # the made-up V1 has units on both sides


def test_units_that_never_respond_have_no_centre(units):
    centres = receptive_field_centres(*units, PARAMETERS)
    assert np.isnan(centres).any(axis=1).nonzero()[0].tolist() == [SILENT, NEGATIVE]
    assert not is_probed(centres)[[SILENT, NEGATIVE]].any()


@pytest.mark.parametrize("y, x", [(0.5, 0.5), (-0.6, 0.31)])
def test_the_centre_of_a_symmetric_field_is_found(y, x):
    centres = receptive_field_centres(bump(y, x)[None], np.zeros(1), PARAMETERS)
    np.testing.assert_allclose(centres, [[y, x]], atol=0.01)  # the 5 % rim is cut on a grid of 0.25 degrees


def test_centres_do_not_depend_on_gain_or_on_what_the_blank_adds():
    responses = np.stack([bump(0.3, -0.2), bump(1.1, 0.4)])
    centres = receptive_field_centres(responses, np.zeros(2), PARAMETERS)
    scaled = receptive_field_centres(7 * responses + 3, np.full(2, 3.0), PARAMETERS)
    np.testing.assert_allclose(scaled, centres, rtol=1e-12)


def test_float32_recordings_give_the_same_centres(units):
    responses, blank = units
    single = receptive_field_centres(responses.astype(np.float32), blank.astype(np.float32), PARAMETERS)
    np.testing.assert_allclose(single, receptive_field_centres(*units, PARAMETERS), atol=1e-5)


def test_the_tolerance_is_inclusive():
    assert is_probed(np.array([[0.0, 0.15], [0.0, 0.1501], [np.nan, 0.0]]), (0, 0)).tolist() == [True, False, False]


def test_wrong_recordings_are_refused(units):
    responses, blank = units
    with pytest.raises(ValueError, match=r"responses have shape \(82, 3527\) and the blank's \(82,\)"):
        receptive_field_centres(responses[:, 1:], blank, PARAMETERS)
    with pytest.raises(ValueError, match=r"blank's \(82, 1\), but must be"):
        receptive_field_centres(responses, blank[:, None], PARAMETERS)
    with pytest.raises(ValueError, match=r"every combination of position_y, .* keep to the order"):
        receptive_field_centres(responses, blank, PARAMETERS.sample(frac=1, random_state=0))
    broken = responses.copy()
    broken[3, 5] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite"):
        receptive_field_centres(broken, blank, PARAMETERS)
