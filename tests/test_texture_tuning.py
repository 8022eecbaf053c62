"""Texture tuning against Brain-Score's own functions, unit by unit, and on responses known beforehand."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from vonenet_brainscore.tuning.texture_tuning import (
    family_to_sample_variance,
    sparseness,
    texture_tuning,
)

FAMILIES, SAMPLES = 15, 15
STIMULI = pd.DataFrame(product((1, 2), range(1, 16), range(1, 16)), columns=["type", "family", "sample"])


def planted(noise, texture):
    """Rates (1, presentation), each (family, sample) or a number."""
    whole = [np.broadcast_to(part, (FAMILIES, SAMPLES)) for part in (noise, texture)]
    return np.stack(whole).reshape(1, -1).astype(float)


def row_of(rates, baseline=0.0):
    return next(texture_tuning(rates, np.full(1, baseline), STIMULI).itertuples())


# ---- reference: Brain-Score


@pytest.mark.filterwarnings("ignore:(invalid value|divide by zero) encountered:RuntimeWarning:brainscore_vision")
def test_properties_are_brainscores(monkeypatch):
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
    from brainscore_vision.benchmarks.marques2020.benchmarks.freemanZiemba2013_benchmark import (
        freemanziemba2013_properties,
    )

    rng = np.random.default_rng(0)
    rates = rng.gamma(0.5, 15, (200, len(STIMULI))) * rng.gamma(1, 1, (200, 1))
    rates[:50] *= rng.random((50, len(STIMULI))) < 0.02  # mostly silent: families that drive nothing
    rates[50:55] = 0
    baseline = rng.random(200) * rng.integers(0, 20, 200)
    baseline[:50] = 0
    order = rng.permutation(len(STIMULI))
    presentation = {name: ("presentation", values.to_numpy()[order]) for name, values in STIMULI.items()}
    neuroid = {"neuroid_id": ("neuroid", range(200)), "region": ("neuroid", ["V1"] * 200)}
    theirs = freemanziemba2013_properties(
        model_identifier="made-up V1",
        responses=NeuroidAssembly(
            rates[:, order].copy(), coords=neuroid | presentation, dims=["neuroid", "presentation"]
        ),
        baseline=NeuroidAssembly(
            baseline[:, None], coords=neuroid | {"stimulus_id": ("presentation", [0])}, dims=["neuroid", "presentation"]
        ),
    )
    theirs = pd.DataFrame(theirs.values, columns=theirs["neuronal_property"].values)
    table = texture_tuning(rates[:, order], baseline, STIMULI.iloc[order])
    responsive = table["responsive"].to_numpy()
    assert 150 < responsive.sum() < 200 and not responsive[50:55].any()
    ours = table[responsive].drop(columns="responsive").reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, theirs[list(ours)], rtol=1e-9)


# ---- laws


def test_a_unit_that_prefers_texture():
    row = row_of(planted(10, 30))
    assert row.responsive and row.texture_modulation_index == row.absolute_texture_modulation_index == 0.5
    assert (row.max_texture, row.max_noise) == (30, 10)


def test_a_unit_that_prefers_noise_is_as_modulated_the_other_way():
    row = row_of(planted(30 + 2, 10 + 2), baseline=2)
    assert row.texture_modulation_index == -0.5 and row.absolute_texture_modulation_index == 0.5
    assert (row.max_texture, row.max_noise) == (10, 30)


def test_sparseness_of_one_image_and_of_all():
    np.testing.assert_allclose(sparseness(np.eye(8)), 1)
    np.testing.assert_allclose(sparseness(np.full((1, 8), 3.0)), 0, atol=1e-12)
    assert np.isnan(sparseness(np.zeros((1, 8)))).all()


def test_selectivity_is_over_families_and_sparseness_over_images():
    one_family = np.zeros((FAMILIES, SAMPLES))
    one_family[3] = 20
    row = row_of(planted(0, one_family))
    assert row.texture_selectivity == pytest.approx(1)
    assert row.texture_sparseness == pytest.approx((1 - 1 / 15) / (1 - 1 / 225))


def test_variance_ratio_tells_families_from_samples():
    by_family = np.linspace(1, 9, FAMILIES)[:, None].repeat(SAMPLES, axis=1)
    by_sample = np.linspace(1, 9, SAMPLES)[None].repeat(FAMILIES, axis=0)
    families_only, samples_only = family_to_sample_variance(np.stack([by_family, by_sample]))
    assert families_only == pytest.approx(1.02 / 0.02)
    assert samples_only < 0.02
    assert np.isnan(family_to_sample_variance(np.full((1, 5, 6), 4.0))).all()


def test_a_silent_unit_is_marked_and_undefined():
    table = texture_tuning(np.zeros((1, len(STIMULI))), np.zeros(1), STIMULI)
    assert not table["responsive"][0]
    assert table[["texture_modulation_index", "texture_selectivity", "variance_ratio"]].isna().all(axis=None)


# ---- refusals


def test_incomplete_stimuli_are_refused():
    rates = np.ones((2, len(STIMULI)))
    with pytest.raises(ValueError, match="449 stimuli of 2 types, 15 families and 15 samples"):
        texture_tuning(rates[:, 1:], np.ones(2), STIMULI.iloc[1:])
    twice = STIMULI.copy()
    twice.iloc[0] = twice.iloc[1]
    with pytest.raises(ValueError, match="every sample of every family once as texture and once as noise"):
        texture_tuning(rates, np.ones(2), twice)
    noise = (STIMULI["type"] == 1).to_numpy()
    with pytest.raises(ValueError, match="225 stimuli of 1 types"):
        texture_tuning(rates[:, noise], np.ones(2), STIMULI[noise])


def test_wrong_rates_are_refused():
    with pytest.raises(ValueError, match=r"the blank's \(3,\), but must be \(neuroid, 450 presentations\)"):
        texture_tuning(np.ones((2, len(STIMULI))), np.ones(3), STIMULI)
    with pytest.raises(ValueError, match="a firing rate is negative, NaN or infinite"):
        texture_tuning(-np.ones((2, len(STIMULI))), np.ones(2), STIMULI)
