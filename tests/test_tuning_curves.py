"""Tuning curves of the made-up V1 and of units whose tuning is known."""

import numpy as np
import pandas as pd
import pytest
from gabor_units import unit_responses
from tiny_networks import tiny_vonenet

from vonenet_brainscore.recordings.activations import ActivationsExtractor
from vonenet_brainscore.recordings.subject import Subject
from vonenet_brainscore.stimuli.gratings import grating_parameters
from vonenet_brainscore.tuning.grating_experiments import GratingExperiments
from vonenet_brainscore.tuning.grating_tuning import firing_rate_affine, firing_rates
from vonenet_brainscore.tuning.orientation_selectivity import orientation_selectivity
from vonenet_brainscore.tuning.screen_recorder import ScreenRecorder
from vonenet_brainscore.tuning.tuning_curves import (
    CONTRASTS,
    CURVES,
    contrast_tuning,
    half_width_of_mean,
    tuning_curves_of,
)


class MadeExperiments:
    """Answers as `GratingExperiments` does, with planted rates."""

    def __init__(self, rates, neuroids=None):
        self._rates = rates
        self.neuroids = pd.DataFrame({"channel": np.arange(len(rates("blank")))}) if neuroids is None else neuroids
        self.shown = None

    def rates(self, name):
        return self._rates(name)


@pytest.fixture(scope="module")
def made_up():
    responses = unit_responses()
    blank = responses["blank"][:, 0]
    affine = firing_rate_affine(responses["orientation"], blank, grating_parameters("orientation"))
    return MadeExperiments(lambda name: firing_rates(responses[name], affine))


class KnownUnit(MadeExperiments):
    """Separable tuning: 45 degrees, 2 cycles/degree or thereabouts, 1.2 degrees, linear in contrast, F1/F0 of 0.6."""

    def __init__(self, degrees=45):
        self.degrees = degrees
        super().__init__(lambda name: self.answers(grating_parameters(name)))

    def answers(self, parameters):
        self.shown = parameters
        orientation, phase = (np.deg2rad(parameters[name].to_numpy()) for name in ("orientation", "phase"))
        frequency, radius = (np.log2(parameters[name].to_numpy()) for name in ("spatial_frequency", "radius"))
        drive = np.exp(
            2 * np.cos(2 * (orientation - np.deg2rad(self.degrees)))
            - (frequency - 1) ** 2
            - (radius - np.log2(0.6)) ** 2
        )
        rates = parameters["contrast"].to_numpy() * drive * (1 + 0.6 * np.cos(phase))
        return np.where(np.isnan(rates), 1.0, rates + 1)[None]  # 1 spike/s at the blank

    def rates_to_gratings(self, parameters, doing):
        return self.answers(parameters)


# ---- reference: a plain loop, and the analysis of orientation selectivity


@pytest.mark.parametrize(
    ("name", "variable", "axis"),
    [
        ("orientation", "orientation_tuning", "orientation"),
        ("spatial_frequency", "spatial_frequency_tuning", "spatial_frequency"),
        ("size", "size_tuning", "radius"),
    ],
)
def test_curves_go_through_the_strongest_mean_rate(made_up, name, variable, axis):
    rates, parameters = made_up.rates(name), grating_parameters(name)
    gratings = [column for column in parameters if column != "phase"]
    curves = tuning_curves_of(made_up, range(0, len(rates), 7))
    for curve, unit in zip(curves[variable].values, curves["neuroid"].values, strict=True):
        mean_rate = parameters.assign(rate=rates[unit]).groupby(gratings, sort=False)["rate"].mean().reset_index()
        best = mean_rate.loc[mean_rate["rate"].idxmax()]
        others = [column for column in gratings if column not in (axis, "radius" if name == "orientation" else axis)]
        along = mean_rate[(mean_rate[others] == best[others]).all(axis=1)]
        if name == "orientation":  # whose radius is a number of cycles
            cycles = along["radius"] * along["spatial_frequency"]
            along = along[np.isclose(cycles, best["radius"] * best["spatial_frequency"])]
        np.testing.assert_allclose(curve, along.sort_values(axis)["rate"], rtol=1e-12)
        assert curve.max() == pytest.approx(best["rate"])


def test_harmonics_are_those_of_orientation_selectivity(made_up):
    rates, baseline = made_up.rates("orientation"), made_up.rates("blank")[:, 0]
    table = orientation_selectivity(rates, baseline, grating_parameters("orientation"))
    curves = tuning_curves_of(made_up)
    np.testing.assert_allclose(curves["f0"], table["max_dc"], rtol=1e-12)
    np.testing.assert_allclose(curves["modulation_ratio"], table["modulation_ratio"], rtol=1e-12)
    np.testing.assert_allclose(curves["phase_tuning"].mean("phase"), curves["f0"], rtol=1e-12)
    np.testing.assert_allclose(curves["orientation_tuning"].max("orientation"), curves["f0"], rtol=1e-12)
    np.testing.assert_array_equal(curves["baseline"], baseline)


# ---- laws


def test_the_best_grating_of_a_known_unit():
    curves = tuning_curves_of(KnownUnit())
    assert curves["best_orientation"] == 45
    assert np.log2(curves["best_spatial_frequency"]) == pytest.approx(1, abs=0.13)  # half a step of the set
    assert np.log2(curves["best_diameter"] / 1.2) == pytest.approx(0, abs=0.26)
    assert curves["f1"] / (curves["f0"] - 1) == pytest.approx(0.6)
    assert curves["phase_tuning"].idxmax("phase") == 0


def test_contrast_is_varied_at_the_best_grating():
    unit = KnownUnit()
    curves = contrast_tuning(unit, tuning_curves_of(unit))
    for name, shown in (("orientation", "best_orientation"), ("spatial_frequency", "best_spatial_frequency")):
        assert (unit.shown[name] == curves[shown].item()).all()
    assert (2 * unit.shown["radius"] == curves["best_diameter"].item()).all()
    assert (unit.shown[["position_y", "position_x"]] == 0.5).all(axis=None)
    evoked = curves["contrast_tuning"].values[0] - 1
    np.testing.assert_allclose(evoked / evoked[-1], CONTRASTS, rtol=1e-12)  # the unit is linear
    assert evoked[-1] >= curves["size_tuning"].max() - 1


def test_each_unit_is_shown_its_own_best_grating():
    units = [KnownUnit(45), KnownUnit(120)]
    both = KnownUnit()
    both._rates = lambda name: np.concatenate([unit.rates(name) for unit in units])
    both.rates_to_gratings = lambda parameters, doing: np.concatenate([unit.answers(parameters) for unit in units])
    both.neuroids = pd.DataFrame({"channel": [0, 1]})
    curves = contrast_tuning(both, tuning_curves_of(both))
    for unit, curve in zip(units, curves["contrast_tuning"].values, strict=True):
        alone = contrast_tuning(unit, tuning_curves_of(unit))["contrast_tuning"].values[0]
        np.testing.assert_array_equal(curve, alone)


def test_units_with_the_same_best_grating_share_its_presentations():
    unit = KnownUnit()
    two = KnownUnit()
    two._rates = lambda name: unit.rates(name).repeat(2, axis=0)
    two.rates_to_gratings = lambda parameters, doing: two.answers(parameters).repeat(2, axis=0)
    two.neuroids = pd.DataFrame({"channel": [0, 1]})
    curves = contrast_tuning(two, tuning_curves_of(two))
    assert len(two.shown) == len(CONTRASTS) * 8
    np.testing.assert_array_equal(*curves["contrast_tuning"].values)


def test_chosen_units_are_the_same_as_among_all(made_up):
    everyone, chosen = tuning_curves_of(made_up), tuning_curves_of(made_up, [70, 3])
    for name in everyone.data_vars:
        np.testing.assert_array_equal(chosen[name], everyone[name].sel(neuroid=[70, 3]))


def test_a_silent_unit_has_flat_curves_and_no_modulation_ratio():
    silent = MadeExperiments(lambda name: np.zeros((1, len(grating_parameters(name)))))
    curves = tuning_curves_of(silent)
    assert (curves["orientation_tuning"] == 0).all() and np.isnan(curves["modulation_ratio"]).all()


def test_every_variable_has_units(made_up):
    curves = tuning_curves_of(made_up, [0])
    assert all("units" in curves[name].attrs for name in (*curves.data_vars, *curves.dims) if name != "neuroid")


# ---- refusals


def test_units_that_are_not_there_are_refused(made_up):
    with pytest.raises(ValueError, match="no unit 82: 82 neuroids are at the probed position, numbered from 0"):
        tuning_curves_of(made_up, [3, 82])
    for units in ([], [0.5], [[1, 2]]):
        with pytest.raises(ValueError, match="one or more positions among the 82 probed neuroids"):
            tuning_curves_of(made_up, units)


# ---- trials


@pytest.fixture(scope="module")
def noisy():
    """A noisy front end's curves of two units, trial by trial, and what was recorded."""
    network = tiny_vonenet(simple_channels=16, complex_channels=16)
    extractor = ActivationsExtractor(network, "tiny", image_size=64, trials=3, progress=False)
    experiments = GratingExperiments(Subject("tiny", extractor, {"V1": "vone_block"}))
    return experiments, contrast_tuning(experiments, tuning_curves_of(experiments, [4, 1], trials=True))


def test_the_mean_over_trials_is_the_recorded_response(noisy):
    experiments, curves = noisy
    some = grating_parameters("size").iloc[::97]
    each = experiments.trial_responses(some, "some", np.array([4, 1]))  # (unit, presentation, trial)
    assert (each.std(axis=2) > 0).mean() > 0.5
    np.testing.assert_allclose(each.mean(axis=2), experiments.responses("size")[[4, 1]][:, ::97], rtol=1e-5)
    for name in (*CURVES, "contrast_tuning"):
        trials = curves[f"{name}_trials"]
        # Rates are cut at 0 trial by trial, so that their mean may lie above the rate of the mean response.
        assert (trials.mean("trial") >= curves[name] - 1e-4).all()
        np.testing.assert_allclose(curves[f"{name}_mean"], trials.mean("trial"), rtol=1e-12)
        spread = trials.std("trial", ddof=1)
        np.testing.assert_allclose(curves[f"{name}_half_width"], 4.302653 * spread / np.sqrt(3), rtol=1e-6)  # t, 2 df
    strong = curves["phase_tuning_trials"].min("trial") > 0  # no trial is cut
    assert strong.any()
    np.testing.assert_allclose(
        curves["phase_tuning_trials"].mean("trial").values[strong], curves["phase_tuning"].values[strong], rtol=1e-5
    )


def test_a_trial_is_that_of_a_recording_of_its_own(noisy):
    experiments, curves = noisy
    parameters = grating_parameters("orientation")
    best = curves.isel(neuroid=0)
    shown = parameters[parameters["orientation"] == best["best_orientation"].item()]
    alone = experiments.trial_rates(shown, "alone", np.array([4]))[0]  # (presentation, trial)
    own = best["phase_tuning_trials"].values  # (phase, trial)
    matching = [np.abs(alone[start : start + 8] - own).max() for start in range(0, len(alone), 8)]
    assert min(matching) == 0  # to the bit, in the block of eight phases that is the unit's best grating


def test_whole_screens_give_the_trials_of_their_means():
    network = tiny_vonenet(simple_channels=4, complex_channels=4)
    extractor = ActivationsExtractor(network, "tiny", image_size=64, trials=3, progress=False)
    recorder = ScreenRecorder(Subject("tiny", extractor, {"V1": "bottleneck"}))
    recorder.subject.start_recording("V1", time_bins=[(70, 170)])
    gratings = grating_parameters("size").iloc[1000:1010]
    each = np.full((10, 3, 64 * 16 * 16), np.nan, np.float32)

    def keep(rows, trial, responses):
        each[rows, trial] = responses

    mean = recorder.record_gratings(gratings, 3, "some", keep)
    np.testing.assert_array_equal(mean, recorder.record_gratings(gratings, 3, "some"))
    np.testing.assert_allclose(each.mean(axis=1).T, mean, rtol=1e-5, atol=1e-6)


def test_one_trial_has_no_interval():
    assert np.isnan(half_width_of_mean(np.ones((2, 1)))).all()
