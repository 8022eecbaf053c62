"""Firing rates and tuning properties against Brain-Score's own functions, unit by unit, and against known curves."""

import importlib

import numpy as np
import pandas as pd
import pytest
from gabor_units import NEGATIVE, SILENT, brainscore_assembly, unit_responses

from vonenet_brainscore.stimuli.gratings import grating_parameters
from vonenet_brainscore.tuning.grating_responses import first_harmonic
from vonenet_brainscore.tuning.grating_tuning import (
    firing_rate_affine,
    firing_rates,
    peak_spatial_frequency,
    preferred_orientation,
    size_tuning,
    spatial_frequency_bandwidth,
)
from vonenet_brainscore.tuning.orientation_selectivity import orientation_selectivity
from vonenet_brainscore.tuning.receptive_fields import is_probed, receptive_field_centres

STUDIES = {  # Brain-Score's module and function, our function, its grating set
    "devalois1982a": ("devalois1982a_properties", preferred_orientation, "orientation"),
    "devalois1982b": ("devalois1982b_properties", peak_spatial_frequency, "spatial_frequency"),
    "schiller1976": ("schiller1976_properties", spatial_frequency_bandwidth, "spatial_frequency"),
    "cavanaugh2002a": ("cavanaugh2002_properties", size_tuning, "size"),
    "ringach2002": ("ringach2002_properties", orientation_selectivity, "orientation"),
}
GRATINGS = {name: grating_parameters(name) for name in ("receptive_field", "orientation", "spatial_frequency", "size")}


@pytest.fixture(autouse=True)
def brainscore_without_caches(monkeypatch):
    monkeypatch.setenv("BS_INSTALL_DEPENDENCIES", "no")
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")


@pytest.fixture
def properties_common(monkeypatch):
    """Brain-Score's analysis with the made-up V1 in the subject's place."""
    from brainscore_vision.benchmark_helpers import properties_common

    def record_from_model(model, stimulus_identifier, number_of_trials):
        name = stimulus_identifier.removeprefix("Marques2020_")
        return brainscore_assembly(unit_responses()[name], name)

    monkeypatch.setattr(properties_common, "record_from_model", record_from_model)
    return properties_common


def all_rates():
    """Firing rates of all the made-up units, probed or not: {set: (neuroid, presentation)} and the baseline."""
    responses = unit_responses()
    affine = firing_rate_affine(responses["orientation"], responses["blank"][:, 0], GRATINGS["orientation"])
    rates = {name: firing_rates(values, affine) for name, values in responses.items()}
    return rates, rates["blank"][:, 0]


def brainscore_properties(study, rates, baseline):
    name, _, grating_set = STUDIES[study]
    module = importlib.import_module(f"brainscore_vision.benchmarks.marques2020.benchmarks.{study}_benchmark")
    table = getattr(module, name)(
        model_identifier="made-up V1",
        responses=brainscore_assembly(rates, grating_set),
        baseline=brainscore_assembly(baseline[:, None], "blank"),
    )
    return pd.DataFrame(table.values, columns=table["neuronal_property"].values)


def assert_equals_brainscore(study, rates, baseline):
    _, ours, grating_set = STUDIES[study]
    table = ours(rates, baseline, GRATINGS[grating_set])
    responsive = table["responsive"].to_numpy()
    theirs = brainscore_properties(study, rates, baseline)
    assert len(table) == len(rates)
    theirs = theirs[[name for name in table if name != "responsive"]]  # theirs also has what goes into the others
    # rtol: two cubic splines through the same points, solved and evaluated by different routines
    pd.testing.assert_frame_equal(
        table[responsive].drop(columns="responsive").reset_index(drop=True)[list(theirs)], theirs, rtol=1e-9
    )
    return table


# ---- reference: Brain-Score, unit by unit


# Brain-Score's code divides by the rates of cells that never respond.
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning:brainscore_vision")
@pytest.mark.parametrize("study", STUDIES)
def test_properties_are_brainscores(study):
    rates, baseline = all_rates()
    table = assert_equals_brainscore(study, rates[STUDIES[study][2]], baseline)
    assert 50 < table["responsive"].sum() < len(table)
    assert not table["responsive"][[SILENT, NEGATIVE]].any()


@pytest.mark.parametrize("study", STUDIES)
def test_properties_of_any_curve_are_brainscores(study):
    """Random rates give multiple peaks, peaks at either end and empty sides of a curve."""
    rng = np.random.default_rng(4)
    rates = rng.gamma(0.5, 15, (300, len(GRATINGS[STUDIES[study][2]])))
    rates[:100] *= rng.random((100, rates.shape[1])) < 0.02  # mostly silent: ties and curves of zeros
    assert_equals_brainscore(study, rates, rng.random(300) * rng.integers(0, 40, 300))


def test_size_curves_of_every_suppression_are_brainscores():
    """Units that answer alike to every phase, so that the mean rate above a baseline of 10 spikes/s is followed."""
    radii = np.unique(GRATINGS["size"]["radius"])
    plateau = np.linspace(60, 0, 121)  # of a peak of 60; suppression of none, of a tenth, and below baseline
    curves = plateau[:, None] + (60 - plateau)[:, None] * np.array(
        [-0.5, 0.2, 0.8, 0.96, 1, 0.9, 0.3, 0.02, 0.01, 0, 0, 0]
    )
    rates = np.maximum(curves, 0)[:, np.searchsorted(radii, GRATINGS["size"]["radius"])]
    table = assert_equals_brainscore("cavanaugh2002a", rates, np.full(len(rates), 10.0))
    assert table["surround_suppression_index"].between(0.1, 0.12).any()
    assert (table["surround_suppression_index"] > 1).any()


def test_every_branch_of_the_properties_was_met():
    rates, baseline = all_rates()
    frequency = spatial_frequency_bandwidth(rates["spatial_frequency"], baseline, GRATINGS["spatial_frequency"])
    size = size_tuning(rates["size"], baseline, GRATINGS["size"])
    for table, column in ((frequency, "spatial_frequency_bandwidth"), (size, "surround_diameter")):
        defined = table.loc[table["responsive"], column].notna()
        assert 0 < defined.sum() < len(defined)
    assert size["strongly_suppressed"].nunique() == 2


def test_affine_map_and_firing_rates_are_brainscores(properties_common):
    responses = unit_responses()
    blank = responses["blank"][:, 0]
    centres = receptive_field_centres(responses["receptive_field"], blank, GRATINGS["receptive_field"])
    probed = is_probed(centres)

    affine = firing_rate_affine(responses["orientation"][probed], blank[probed], GRATINGS["orientation"])
    theirs = properties_common.firing_rates_affine(model_identifier="m", model=None, region="V1")
    np.testing.assert_allclose(affine, theirs.values, rtol=1e-12)

    rates = properties_common.get_firing_rates("m", None, "V1", "Marques2020_size", 20, in_rf=np.flatnonzero(probed))
    np.testing.assert_allclose(firing_rates(responses["size"][probed], affine), rates.values, rtol=1e-12, atol=1e-12)


# ---- laws


def test_the_median_neuron_fires_as_in_monkeys():
    rates, baseline = all_rates()
    mean_rate = rates["orientation"].reshape(len(baseline), -1, 8).mean(axis=-1).max(axis=1)
    evoked = mean_rate - baseline
    responsive = evoked > 5 / 243.1 * evoked.max()
    # The rates of one median unit are not clipped, so the map takes medians to medians.
    assert np.median(mean_rate[responsive]) == pytest.approx(33.8)
    assert np.median(baseline[responsive]) == pytest.approx(0.82)


def test_rates_do_not_depend_on_the_models_units():
    responses, blank = unit_responses()["orientation"], unit_responses()["blank"][:, 0]
    parameters = GRATINGS["orientation"]
    rates = firing_rates(responses, firing_rate_affine(responses, blank, parameters))
    scaled = firing_rates(50 * responses, firing_rate_affine(50 * responses, 50 * blank, parameters))
    np.testing.assert_allclose(scaled, rates, rtol=1e-10, atol=1e-12)
    assert rates.min() >= 0


def test_selectivity_does_not_depend_on_gain():
    rates, _ = all_rates()
    silent_at_rest = np.zeros(len(rates["size"]))
    for function, name in ((spatial_frequency_bandwidth, "spatial_frequency"), (size_tuning, "size")):
        table = function(rates[name], silent_at_rest, GRATINGS[name])
        louder = function(4 * rates[name], silent_at_rest, GRATINGS[name])
        pd.testing.assert_frame_equal(louder.drop(columns="responsive"), table.drop(columns="responsive"))


@pytest.mark.parametrize("degrees", [0, 7, 60, 100, 157, 158, 179])
def test_the_preferred_orientation_of_a_tuned_unit_is_found(degrees):
    difference = np.deg2rad(GRATINGS["orientation"]["orientation"].to_numpy() - degrees)
    rates = 40 * np.exp(3 * (np.cos(2 * difference) - 1))
    found = preferred_orientation(rates[None], np.zeros(1), GRATINGS["orientation"])["preferred_orientation"][0]
    assert -22.5 <= found < 157.5
    assert (found - degrees + 90) % 180 - 90 == pytest.approx(0, abs=1)  # read at whole degrees


@pytest.mark.parametrize("peak", [0.9, 2.0, 5.3])
def test_peak_and_bandwidth_of_a_tuned_unit_are_found(peak):
    parameters = GRATINGS["spatial_frequency"]
    octaves = np.log2(parameters["spatial_frequency"].to_numpy() / peak)
    rates = 40 * np.exp(-(octaves**2) / 2 / 0.7**2)[None]
    found = peak_spatial_frequency(rates, np.zeros(1), parameters)["peak_spatial_frequency"][0]
    step = 5.25 / 99  # octaves between the points of the fitted curve
    assert np.log2(found / peak) == pytest.approx(0, abs=step)
    bandwidth = spatial_frequency_bandwidth(rates, np.zeros(1), parameters)["spatial_frequency_bandwidth"][0]
    half_width = 0.7 * np.sqrt(-2 * np.log(0.707))  # octaves
    assert -np.log2(bandwidth / 100) == pytest.approx(
        2 * half_width, abs=2 * step + 0.05
    )  # smoothing widens it a little


def test_harmonics_have_the_same_bits_wherever_memory_lies():
    """NumPy's absolute value of complex numbers has two roundings, and takes one or the other by where arrays lie."""
    random = np.random.default_rng(0)
    by_phase = random.random((31, 9, 32, 8))
    expected = first_harmonic(by_phase)
    for _ in range(1_000):
        held = [np.empty(size, np.uint8) for size in random.integers(1, 400_000, random.integers(30))]
        assert (first_harmonic(by_phase) == expected).all()  # new arrays lie where those held leave room
        held.clear()


def test_a_modulated_unit_is_followed_by_its_first_harmonic():
    """A unit whose mean rate peaks at 1 and whose modulation, stronger, peaks at 4 cycles/degree."""
    parameters = GRATINGS["spatial_frequency"]
    octaves = np.log2(parameters["spatial_frequency"].to_numpy())
    mean = 10 + 20 * np.exp(-(octaves**2))
    modulation = 1 + 60 * np.exp(-((octaves - 2) ** 2))
    rates = np.maximum(mean + modulation * np.sin(np.deg2rad(parameters["phase"].to_numpy())), 0)[None]
    found = peak_spatial_frequency(rates, np.zeros(1), parameters)["peak_spatial_frequency"][0]
    assert found == pytest.approx(4, rel=0.05)


def test_surround_suppression_of_a_known_curve():
    parameters = GRATINGS["size"]
    radii = np.unique(parameters["radius"])
    curve = np.array([1, 10, 39, 40, 30, 21, 20, 20, 20, 20, 20, 20.0])  # peak 40, plateau 20
    table = size_tuning(curve[np.searchsorted(radii, parameters["radius"])][None], np.zeros(1), parameters)
    assert table["surround_suppression_index"][0] == pytest.approx(0.5)
    assert table["strongly_suppressed"][0] == 1
    assert table["grating_summation_field"][0] == 2 * radii[2]
    assert table["surround_diameter"][0] == 2 * radii[5]  # 21 is within 5 % of 20
    assert table["surround_grating_summation_field_ratio"][0] == radii[5] / radii[2]


def test_a_unit_without_surround_has_no_surround_diameter():
    parameters = GRATINGS["size"]
    rates = 30 * (1 - np.exp(-parameters["radius"].to_numpy()))[None]
    table = size_tuning(rates, np.zeros(1), parameters)
    assert table["surround_suppression_index"][0] == 0
    assert table["strongly_suppressed"][0] == 0
    assert (
        table[["grating_summation_field", "surround_diameter", "surround_grating_summation_field_ratio"]]
        .isna()
        .all(axis=None)
    )


def test_a_silent_unit_has_nan_and_is_kept():
    table = size_tuning(np.zeros((1, 2304)), np.zeros(1), GRATINGS["size"])
    assert not table["responsive"][0]
    assert table.drop(columns="responsive").isna().all(axis=None)


def test_the_callers_arrays_are_not_written_to():
    rates, baseline = all_rates()
    before = rates["size"].copy()
    size_tuning(rates["size"], baseline, GRATINGS["size"])
    firing_rates(rates["size"], (-1.0, 0.0))
    np.testing.assert_array_equal(rates["size"], before)


# ---- refusals


@pytest.mark.parametrize("study", STUDIES)
def test_wrong_rates_are_refused(study):
    _, function, grating_set = STUDIES[study]
    parameters = GRATINGS[grating_set]
    rates = np.ones((3, len(parameters)))
    with pytest.raises(ValueError, match="must not be negative, but one is -1; see firing_rates"):
        function(-rates, np.ones(3), parameters)
    with pytest.raises(ValueError, match=r"the blank's \(2,\), but must be"):
        function(rates, np.ones(2), parameters)
    with pytest.raises(ValueError, match="NaN or infinite"):
        function(rates, np.array([0, np.nan, 0]), parameters)
    with pytest.raises(ValueError, match="keep to the order of grating_parameters"):
        function(rates, np.ones(3), parameters.iloc[::-1])
    with pytest.raises(ValueError, match="needs 2 or more levels of orientation, but has 1"):
        one = (parameters["orientation"] == 0).to_numpy()
        function(rates[:, one], np.ones(3), parameters[one])


def test_units_without_response_have_no_scale():
    with pytest.raises(ValueError, match="none of the 2 neuroids responds more to gratings"):
        firing_rate_affine(np.ones((2, 1152)), np.ones(2), GRATINGS["orientation"])
