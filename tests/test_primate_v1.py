"""Published V1 histograms and their metric against Brain-Score's data packaging and metric."""

import importlib
import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vonenet_brainscore.primates.primate_v1 import (
    PRIMATE_V1,
    V1_PROPERTIES,
    ceiling,
    distribution_similarity,
    primate_assembly,
)
from vonenet_brainscore.stimuli.gratings import GRATING_SETS
from vonenet_brainscore.tuning.grating_tuning import TUNING

PACKAGING = {  # Brain-Score's script for each study
    "Vision Res 22:531": "marques_devalois1982a",
    "Vision Res 22:545": "marques_devalois1982b",
    "J Neurophysiol 39:1334": "marques_schiller1976c",
    "J Neurophysiol 88:2530": "marques_cavanaugh2002a",
}
BANDWIDTH = "Marques2020_Schiller1976-sf_bandwidth"


@pytest.fixture(scope="module", autouse=True)
def packaging_scripts():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BS_INSTALL_DEPENDENCIES", "no")
        brainscore = Path(importlib.util.find_spec("brainscore_vision").origin).parent
        patch.syspath_prepend(str(brainscore / "data/marques2020/data_packaging"))
        return {ending: importlib.import_module(script) for ending, script in PACKAGING.items()}


def metric(identifier):
    from brainscore_vision.metrics.distribution_similarity import BootstrapDistributionSimilarity

    return BootstrapDistributionSimilarity(property_name=PRIMATE_V1[identifier].property)


def model_assembly(values, identifier):
    assembly = primate_assembly(identifier)
    return type(assembly)(
        np.array(values)[:, None],
        coords={"neuroid_id": ("neuroid", range(len(values))), "neuronal_property": [PRIMATE_V1[identifier].property]},
        dims=["neuroid", "neuronal_property"],
    )


# ---- reference: Brain-Score


@pytest.mark.parametrize("identifier", V1_PROPERTIES)
def test_histograms_are_those_brainscore_packages(packaging_scripts, identifier):
    row = PRIMATE_V1[identifier]
    theirs = next(script.collect_data() for ending, script in packaging_scripts.items() if row.study.endswith(ending))
    ours = primate_assembly(identifier)
    bins = theirs.attrs[f"{row.property}_bins"]
    np.testing.assert_array_equal(ours.attrs[f"{row.property}_bins"], bins)
    assert ours.attrs["number_of_trials"] == theirs.attrs["number_of_trials"]
    their_values, our_values = (data.loc[:, row.property].values for data in (theirs, ours))
    assert len(our_values) == len(their_values) == row.n_neurons
    np.testing.assert_array_equal(np.isnan(our_values), np.isnan(their_values))
    np.testing.assert_array_equal(np.histogram(our_values, bins)[0], np.histogram(their_values, bins)[0])
    np.testing.assert_array_equal(np.histogram(our_values, bins)[0], row.counts)


@pytest.mark.parametrize("identifier", V1_PROPERTIES)
def test_ceilings_are_the_published_ones(identifier):
    found = ceiling(identifier, seed=0)
    assert float(found) == pytest.approx(PRIMATE_V1[identifier].published_ceiling, abs=0.005)
    assert 0.01 < found.attrs["error"] < 0.04
    assert found.attrs["raw"].shape == (1000,)


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("identifier", V1_PROPERTIES)
def test_similarity_is_brainscores(identifier, seed):
    edges = PRIMATE_V1[identifier].edges
    values = np.random.default_rng(1).normal(edges[-1] / 2, edges[-1] / 3, 50)  # some beyond the outermost bins
    values[:10] = np.nan
    ours = distribution_similarity(values, identifier, seed=seed)
    np.random.seed(seed)  # noqa: NPY002
    theirs = metric(identifier)(model_assembly(values, identifier), primate_assembly(identifier))
    assert float(ours) == float(theirs)
    np.testing.assert_array_equal(ours.attrs["raw"], theirs.attrs["raw"])
    assert ours.attrs["error"] == theirs.attrs["error"]


def test_identifiers_are_brainscores():
    from brainscore_vision import benchmark_registry
    from brainscore_vision.benchmarks import marques2020  # registers them  # noqa: F401

    assert set(V1_PROPERTIES) <= set(benchmark_registry)


# ---- laws


def test_each_property_can_be_measured():
    for row in PRIMATE_V1.values():
        assert row.property in TUNING
        assert row.grating_set in GRATING_SETS
        assert len(row.edges) == len(row.counts) + 1
        assert sum(row.counts) <= row.n_neurons


def test_what_the_front_end_was_built_from_is_not_held_out():
    built_from = {identifier for identifier, row in PRIMATE_V1.items() if not row.held_out}
    assert built_from == {"Marques2020_DeValois1982-pref_or", "Marques2020_DeValois1982-peak_sf"}


def test_one_seed_gives_one_score_and_two_give_two():
    values = np.linspace(0, 100, 40)
    scores = [float(distribution_similarity(values, BANDWIDTH, seed=seed)) for seed in (3, 3, 4)]
    assert scores[0] == scores[1] != scores[2]


def test_the_global_generator_is_left_as_it_was():
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random(3)  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    ceiling(BANDWIDTH, seed=0)
    np.testing.assert_array_equal(np.random.random(3), expected)  # noqa: NPY002


def test_the_farthest_distribution_scores_nothing():
    identifier = "Marques2020_Cavanaugh2002-surround_suppression_index"  # all primate neurons lie at the low end
    score = distribution_similarity(np.full(30, 9.0), identifier, seed=0)
    assert float(score) == pytest.approx(0, abs=1e-12)


def test_undefined_values_are_counted_and_left_out():
    values = np.array([35.0, 45.0, 55.0, np.nan])
    score = distribution_similarity(pd.Series(values), BANDWIDTH, seed=0)
    assert (score.attrs["n_neuroids"], score.attrs["n_undefined"]) == (4, 1)
    assert not np.isnan(score.attrs["raw"]).any()


def test_the_callers_values_are_not_written_to():
    values = np.array([-5.0, 50.0, 500.0, np.nan])
    before = values.copy()
    distribution_similarity(values, BANDWIDTH, seed=0)
    np.testing.assert_array_equal(values, before)


# ---- refusals


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_values_none_of_which_is_defined_are_refused(values):
    message = rf"spatial_frequency_bandwidth: .* shape \({len(values)},\) with {len(values)} undefined"
    with pytest.raises(ValueError, match=message):
        distribution_similarity(values, BANDWIDTH, seed=0)


def test_values_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \(neuroid,\), some of them defined, but got shape \(3, 2\)"):
        distribution_similarity(np.ones((3, 2)), BANDWIDTH, seed=0)


@pytest.mark.parametrize("call", [primate_assembly, lambda name: ceiling(name, seed=0)])
def test_an_unknown_benchmark_is_refused(call):
    with pytest.raises(ValueError, match="no published V1 histogram for 'Ringach2002'; have Marques2020_DeValois"):
        call("Ringach2002")


def test_a_missing_seed_is_refused():
    with pytest.raises(TypeError, match="seed must be a whole number"):
        ceiling(BANDWIDTH, seed=None)
