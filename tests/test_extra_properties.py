"""Properties beyond Brain-Score's, on units whose answers are known."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import curve_fit
from tiny_networks import PlainNetwork, tiny_vonenet

from vonenet_brainscore import noise_correlations, v1_properties
from vonenet_brainscore.benchmarks.self_check import PixelSubject
from vonenet_brainscore.primates.extra_properties import EXTRA_PROPERTIES
from vonenet_brainscore.stimuli.gratings import grating_parameters
from vonenet_brainscore.tuning.best_gratings import best_gratings, rates_to_variants
from vonenet_brainscore.tuning.contextual_modulation import cross_orientation_suppression, surround_orientation
from vonenet_brainscore.tuning.contrast_response import contrast_response, naka_rushton
from vonenet_brainscore.tuning.grating_experiments import GratingExperiments
from vonenet_brainscore.tuning.receptive_fields import receptive_field_diameters
from vonenet_brainscore.tuning.spatial_extent import summation_by_contrast
from vonenet_brainscore.tuning.variability import correlations

CONTRASTS = np.array([0.03, 0.06, 0.12, 0.25, 0.5, 1.0])


class Known:
    """Three units: 30 and 120 degrees, and one that never responds. Saturation, masks and surrounds are planted.

    ``rate = 1 + 60 D c^2 / (c^2 + 0.2^2) (1 - 0.4 m_centre) (1 - s(theta) m_around)``: D is tuned to orientation, about
    2 cycles/degree and, in summation, to a radius that shrinks with contrast.
    """

    trials = 1
    largest_radius = np.inf  # degrees; larger gratings are answered with nine tenths of the rate

    def __init__(self):
        self.neuroids = pd.DataFrame({"channel": range(3)})
        self.shown = 0

    def rates(self, name):
        return self.rates_to_gratings(grating_parameters(name), name)

    def rates_to_gratings(self, parameters, doing):
        self.shown += len(parameters)
        p = {name: parameters[name].to_numpy() for name in parameters}
        preferred = np.array([[30.0], [120.0], [30.0]])
        turn = np.deg2rad(2 * (p["orientation"] - preferred))
        frequency = np.exp(-(np.log2(p["spatial_frequency"] / 2) ** 2))
        size = 1 - np.exp(-(p["radius"] ** 2) * p["contrast"] / 0.7**2)
        size = size * np.where(p["radius"] > self.largest_radius, 0.9, 1)
        drive = np.exp(3 * (np.cos(turn) - 1)) * frequency * size * p["contrast"] ** 2 / (p["contrast"] ** 2 + 0.04)
        rates = 60 * drive * (1 + 0.5 * np.cos(np.deg2rad(p["phase"])))
        if "mask_contrast" in p:
            inside = (p["mask_contrast"] > 0) & (p["mask_inner_radius"] == 0)
            around = (p["mask_contrast"] > 0) & (p["mask_inner_radius"] > 0)
            alike = np.cos(np.deg2rad(p["mask_orientation"] - p["orientation"])) ** 2
            rates = rates * (1 - 0.4 * inside) * (1 - around * (0.2 + 0.5 * alike))
        rates = np.where(np.isnan(rates), 0, rates) * np.array([[1], [1], [0]])
        return rates + 1


@pytest.fixture
def known():
    return Known()


# ---- contrast response


def test_a_fit_finds_the_parameters_and_equals_scipys():
    rng = np.random.default_rng(0)
    c50, n, top, base = (
        2.0 ** rng.uniform(-5, -0.5, 30),
        rng.uniform(1, 5, 30),
        rng.uniform(5, 90, 30),
        rng.uniform(0, 5, 30),
    )
    exact = base[:, None] + top[:, None] * CONTRASTS ** n[:, None] / (
        CONTRASTS ** n[:, None] + c50[:, None] ** n[:, None]
    )
    fits = naka_rushton(CONTRASTS, exact, base)
    np.testing.assert_allclose(fits["c50"], c50, rtol=2e-3)  # the last grid's steps
    np.testing.assert_allclose(fits["contrast_exponent"], n, rtol=5e-3)
    np.testing.assert_allclose(fits["contrast_maximum"], top, rtol=5e-3)
    assert (fits["contrast_fit"] > 1 - 1e-5).all()
    noisy = exact + rng.normal(0, 2, exact.shape)
    fits = naka_rushton(CONTRASTS, noisy, base)
    for unit in range(0, 30, 6):

        def curve(c, c50, n, top, unit=unit):
            return base[unit] + top * c**n / (c**n + c50**n)

        start = (c50[unit], n[unit], top[unit])
        limits = ([1 / 64, 0.5, 0], [4, 8, np.inf])
        best, _ = curve_fit(curve, CONTRASTS, noisy[unit], start, bounds=limits)
        error = ((curve(CONTRASTS, *best) - noisy[unit]) ** 2).sum()
        ours = (
            (curve(CONTRASTS, *fits.iloc[unit][["c50", "contrast_exponent", "contrast_maximum"]]) - noisy[unit]) ** 2
        ).sum()
        assert ours <= error * 1.001 + 1e-6


def test_the_published_cell_is_fitted_as_the_table_says():
    # Cavanaugh, Bair & Movshon 2002, J Neurophysiol 88:2547, one cell, centre alone; 0.34 spikes/s without contrast
    rates = np.array([[0.58, 16.8, 66.2, 95.5, 97.9]])
    fit = naka_rushton(CONTRASTS[:5], rates, np.array([0.34])).iloc[0]
    assert fit["c50"] == pytest.approx(EXTRA_PROPERTIES["c50"].published.values[0], abs=5e-4)
    assert fit["contrast_exponent"] == pytest.approx(
        EXTRA_PROPERTIES["contrast_exponent"].published.values[0], abs=5e-3
    )


def test_linear_and_flat_responses():
    fits = naka_rushton(CONTRASTS, np.stack([50 * CONTRASTS, np.full(6, 7.0)]), np.array([0.0, 7.0]))
    assert fits["c50"][0] > 1 and fits["contrast_fit"][0] > 0.99  # half the maximum lies beyond full contrast
    assert fits.iloc[1].isna().all()
    with pytest.raises(ValueError, match="four or more contrasts"):
        naka_rushton(CONTRASTS[:3], np.ones((1, 3)), np.zeros(1))
    with pytest.raises(ValueError, match="rates of shape"):
        naka_rushton(CONTRASTS, np.ones((2, 5)), np.zeros(2))


def test_contrast_response_of_known_units(known):
    table = contrast_response(known)
    assert list(table["responsive"]) == [True, True, False]
    # Their summation radius shrinks with contrast, so that the fit at the best (largest) grating is nearly exact.
    np.testing.assert_allclose(table["c50"][:2], 0.2, rtol=0.05)
    np.testing.assert_allclose(table["contrast_exponent"][:2], 2, rtol=0.05)
    assert table.loc[2].drop("responsive").isna().all()


# ---- each unit's own grating


def test_each_unit_is_shown_variants_of_its_own_grating(known):
    gratings = best_gratings(known)
    assert list(gratings["orientation"][:2]) == [30, 120] and (gratings["contrast"] == 1).all()
    before = known.shown
    rates = rates_to_variants(known, gratings, [lambda g: g, lambda g: g.assign(contrast=0.2)], "some")
    distinct = len(gratings[["radius", "spatial_frequency", "orientation"]].drop_duplicates())
    assert known.shown - before == distinct * 2 * 8
    for unit, own in gratings.iterrows():
        for variant, contrast in enumerate((1, 0.2)):
            shown = pd.DataFrame([own[list(grating_parameters("size"))]] * 8).assign(
                phase=np.arange(0, 360, 45), contrast=contrast
            )
            expected = known.rates_to_gratings(shown.astype(float), "")[unit].mean()
            assert rates[unit, variant] == pytest.approx(expected)
    np.testing.assert_allclose(rates[:, 0], gratings["rate"])


# ---- plaids, surrounds, size


def test_planted_modulations_are_found(known):
    plaid = cross_orientation_suppression(known)
    np.testing.assert_allclose(plaid["cross_orientation_suppression"][:2], 0.4)
    # The largest grating is the best one, and nothing fits around it.
    assert surround_orientation(known)[:2].drop(columns="responsive").isna().all(axis=None)
    known.largest_radius = 3
    around = surround_orientation(known)
    evoked = best_gratings(known)["rate"][:2] - 1
    np.testing.assert_allclose(around["same_surround_response"][:2], (evoked * 0.3 + 1) / (evoked * 0.8 + 1))
    np.testing.assert_allclose(around["orthogonal_surround_response"][:2], 1)
    np.testing.assert_allclose(around["surround_orientation_selectivity"][:2], evoked * 0.5 / (evoked + 1))


def test_the_summation_field_shrinks_with_contrast(known):
    table = summation_by_contrast(known)
    assert (table["summation_contrast_ratio"][:2] > 1.4).all()  # planted: 2, on a grid of half octaves
    exact = 2 * 0.7 * np.sqrt(-np.log(0.05))
    np.testing.assert_allclose(np.log2(table["summation_diameter"][:2] / exact), 0, atol=0.5)
    assert table["summation_diameter"].isna()[2] and not table["responsive"][2]


def test_a_receptive_field_of_known_width():
    parameters = grating_parameters("receptive_field")
    y, x = (parameters[name].to_numpy() for name in ("position_y", "position_x"))
    sd = np.array([0.3, 0.5])[:, None]
    responses = np.exp(-(y**2 + x**2) / 2 / (sd**2 + (1 / 6) ** 2 / 4))  # seen through gratings of radius 1/6
    diameters = receptive_field_diameters(responses, np.zeros(2), parameters)
    np.testing.assert_allclose(diameters, 4 * sd[:, 0], rtol=0.12)  # what is below 5 % of the peak is cut off
    assert np.isnan(receptive_field_diameters(np.zeros((1, len(y))), np.zeros(1), parameters)).all()


# ---- variability


def test_correlations_are_those_of_a_loop():
    rng = np.random.default_rng(3)
    shared = rng.normal(size=(1, 5, 40))
    responses = rng.normal(size=(3, 5, 40)) + np.array([1, 1, 0])[:, None, None] * shared + rng.normal(size=(3, 5, 1))
    responses[2, 1] = 4.0  # does not vary on one stimulus
    noise, signal = correlations(responses)
    for i in range(3):
        for j in range(3):
            scores = []
            for stimulus in range(5):
                a, b = responses[i, stimulus], responses[j, stimulus]
                if a.std() > 0 and b.std() > 0:
                    scores.append(np.corrcoef(a, b)[0, 1])
            assert noise[i, j] == pytest.approx(np.mean(scores))
            means = responses.mean(axis=2)
            assert signal[i, j] == pytest.approx(np.corrcoef(means[i], means[j])[0, 1])
    assert noise[0, 1] > 0.3 > abs(noise[0, 2])
    assert np.isnan(correlations(responses[:, :2])[1]).all()


def test_noise_correlations_of_a_vonenet_vanish_and_are_recorded():
    images = [np.random.default_rng(seed).integers(0, 255, (64, 64)).astype(np.uint8) for seed in range(4)]
    network = tiny_vonenet(simple_channels=4, complex_channels=4)
    units = [256 * channel + 100 for channel in range(8)]
    found = noise_correlations(network, units, images, trials=300, layer="vone_block", seed=5, progress=False)
    noise = found["noise_correlation"].values
    assert np.allclose(np.diag(noise)[np.isfinite(np.diag(noise))], 1)
    off = noise[np.triu_indices(8, 1)]
    assert np.nanmax(np.abs(off)) < 5 / np.sqrt(4 * 300)  # draws are independent
    assert found.attrs["mean_noise_correlation"] == pytest.approx(np.nanmean(off))
    assert found.attrs["trials"] == 300 and found.attrs["stimuli"] == 4 and found.attrs["layer"] == "vone_block"
    again = noise_correlations(network, units, images, trials=300, layer="vone_block", seed=5, progress=False)
    assert found.identical(again)


def test_noise_correlations_refuse():
    images = [np.full((64, 64), 100, np.uint8)]
    with pytest.raises(ValueError, match="has no noise"):
        noise_correlations(tiny_vonenet(noise_mode=None), [0, 1], images, progress=False)
    with pytest.raises(ValueError, match="no unit 99999: vone_block has 16384, from 0"):
        noise_correlations(tiny_vonenet(), [0, 99999], images, progress=False)
    with pytest.raises(TypeError, match="noise_correlations takes a named model or a network, not PixelSubject"):
        noise_correlations(PixelSubject(), [0, 1], images, progress=False)
    with pytest.raises(ValueError, match="two or more numbers, each once"):
        noise_correlations(tiny_vonenet(), [3, 3], images, progress=False)


# ---- flow


def test_all_of_them_on_a_front_end(monkeypatch):
    network = tiny_vonenet(simple_channels=4, complex_channels=4)
    dataset = v1_properties(network, extra=True, trials=4, progress=False)
    for name, row in EXTRA_PROPERTIES.items():
        one = dataset.sel(property=name)
        assert one["benchmark"] == "" and one["label"] == row.label and one["published"] == row.data_source
        assert np.isfinite(one["value"][one["responsive"]]).any(), name
    fano = dataset.sel(property="fano_factor")
    # Rectified noise of a Poisson-like variance: below 1 at low counts (see notebook 03).
    assert 0.3 < float(fano["value"].where(fano["responsive"]).median()) < 1.2
    with pytest.warns(UserWarning, match="^(grating_summation_field|surround_diameter) has no finite value") as told:
        quiet = v1_properties(network, extra=True, noise="none", progress=False)
    assert len(told) == 2  # without noise nothing suppresses
    assert "fano_factor" not in quiet["property"].values
    assert "fano_factor: VOneNet has no neuronal noise on" in quiet.attrs["not_measured"]


@pytest.mark.parametrize(
    ("front_end", "settings"),
    [
        ({}, {"noise": "none"}),
        ({"noise_mode": "gaussian"}, {}),
        ({"noise_mode": "neuronal"}, {"layer": "model.1"}),  # noisy, but no spike counts
    ],
)
def test_a_fano_factor_of_no_spike_counts_is_refused_before_the_work(front_end, settings, monkeypatch):
    monkeypatch.setattr(GratingExperiments, "responses", lambda *_: pytest.fail("gratings were shown"))
    with pytest.raises(ValueError, match="fano_factor: VOneNet has no neuronal noise on in the layer"):
        names = ["preferred_orientation", "fano_factor"]
        v1_properties(tiny_vonenet(**front_end), properties=names, progress=False, **settings)


def test_an_unknown_property_is_refused():
    with pytest.raises(ValueError, match="unknown property 'c5'"):
        v1_properties(PlainNetwork(), properties=["c5"], progress=False)


def test_a_fano_factor_of_one_trial_is_refused():
    with pytest.raises(ValueError, match="a variance over trials takes two or more; give trials"):
        v1_properties(tiny_vonenet(), properties=["fano_factor"], trials=1, progress=False)
