"""The table of V1 properties against Brain-Score's benchmarks and data packaging, row by row."""

import importlib
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from made_rates import STIMULI_OF, made_rates

from vonenet_brainscore.benchmarks.v1_properties import V1PropertyBenchmark
from vonenet_brainscore.primates.property_table import TEXTURE_STIMULI, V1_BENCHMARKS, V1_PROPERTIES
from vonenet_brainscore.stimuli.gratings import GRATING_SETS

PACKAGED_HERE = {  # Brain-Score's script for each data set that it builds from histograms in print
    "DeValois1982a": "marques_devalois1982a",
    "DeValois1982b": "marques_devalois1982b",
    "Schiller1976c": "marques_schiller1976c",
    "Cavanaugh2002a": "marques_cavanaugh2002a",
}
REACHED_BY_COUNTS = {
    "circular_variance": 0.960,
    "bandwidth": 0.964,
    "orthogonal_preferred_ratio": 0.962,
    "orientation_selective": 0.994,
    "circular_variance_bandwidth_ratio": 0.969,
    "orthogonal_preferred_ratio_circular_variance_difference": 0.968,
    "max_dc": 0.969,
    "modulation_ratio": 0.959,
}
# Sums over the neurons of their bin's number and of its square, taken from the counts before they were written down.
MOMENTS_OF_COUNTS = {
    "circular_variance": (2043, 17245),
    "bandwidth": (1367, 7819),
    "orthogonal_preferred_ratio": (901, 5707),
    "orientation_selective": (298, 298),
    "circular_variance_bandwidth_ratio": (1743, 10577),
    "orthogonal_preferred_ratio_circular_variance_difference": (1881, 12111),
    "max_dc": (1227, 5283),
    "modulation_ratio": (1095, 7037),
}
COUNTED = [row for row in V1_PROPERTIES.values() if row.counts]
each_row = pytest.mark.parametrize("row", V1_PROPERTIES.values(), ids=lambda row: row.name)
each_counted = pytest.mark.parametrize("row", COUNTED, ids=lambda row: row.name)


@pytest.fixture(scope="module")
def packaging_folder():
    brainscore = Path(importlib.util.find_spec("brainscore_vision").origin).parent
    return brainscore / "data/marques2020/data_packaging"


@pytest.fixture(scope="module")
def packaged(packaging_folder):
    """Brain-Score's data sets of histograms in print, built by its own scripts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BS_INSTALL_DEPENDENCIES", "no")
        patch.syspath_prepend(str(packaging_folder))
        return {name: importlib.import_module(script).collect_data() for name, script in PACKAGED_HERE.items()}


# ---- reference: Brain-Score


def test_rows_are_brainscores_benchmarks(monkeypatch):
    """Property, data set and stimuli as Brain-Score's benchmarks have them."""
    from brainscore_vision import benchmark_registry
    from brainscore_vision.benchmarks import marques2020  # registers them

    monkeypatch.setenv("BS_INSTALL_DEPENDENCIES", "no")
    assert set(V1_BENCHMARKS) == {name for name in benchmark_registry if name.startswith("Marques2020_")}
    assert len(V1_BENCHMARKS) == len(V1_PROPERTIES) == 22
    for module in vars(marques2020.benchmarks).values():
        if hasattr(module, "PropertiesBenchmark"):
            monkeypatch.setattr(module, "load_dataset", lambda identifier: identifier)
            monkeypatch.setattr(module, "load_metric", lambda name, property_name: property_name)
            monkeypatch.setattr(module, "NeuronalPropertyCeiling", lambda metric: None)
            monkeypatch.setattr(module, "PropertiesBenchmark", lambda **settings: settings)
    for identifier, row in V1_BENCHMARKS.items():
        theirs = benchmark_registry[identifier]()
        assert theirs["identifier"] == identifier
        assert (theirs["similarity_metric"], theirs["assembly"]) == (row.name, row.study.data_set)


def test_bins_are_those_that_brainscore_packages(packaged, packaging_folder):
    scripts = ("marques_ringach2002.py", "marques_freemanZiemba2013.py")
    stored = "".join((packaging_folder / script).read_text() for script in scripts)
    bins = {name: eval(code) for name, code in re.findall(r"^    (\w+)_bins = (np.*)$", stored, re.MULTILINE)}
    for data in packaged.values():
        bins |= {name.removesuffix("_bins"): edges for name, edges in data.attrs.items() if name.endswith("_bins")}
    for row in V1_PROPERTIES.values():
        np.testing.assert_array_equal(row.edges, bins[row.name])


def test_counts_are_those_that_brainscore_packages(packaged):
    compared = [row for row in COUNTED if row.study.data_set in packaged]
    assert len(compared) == 7
    for row in compared:
        theirs = packaged[row.study.data_set].loc[:, row.name].values
        ours = row.primate_values()
        assert len(ours) == len(theirs) == row.study.n_neurons
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
        np.testing.assert_array_equal(np.histogram(theirs, row.edges)[0], row.counts)


def test_the_counts_of_ringach_are_those_of_the_study():
    """Sums and shapes that the table of counts says besides: 304 neurons, six of them without a bandwidth."""
    sums = {row.name: sum(row.counts) for row in COUNTED if row.study.data_set == "Ringach2002"}
    without = {"bandwidth", "circular_variance_bandwidth_ratio"}
    assert sums == {name: 298 if name in without else 304 for name in sums} and len(sums) == 8
    assert V1_PROPERTIES["orientation_selective"].counts == (304 - 298, 298)
    for name, moments in MOMENTS_OF_COUNTS.items():
        counts = np.array(V1_PROPERTIES[name].counts)
        assert (np.arange(len(counts)) @ counts, np.arange(len(counts)) ** 2 @ counts) == moments


@each_counted
def test_ceilings_are_the_published_ones(row):
    found = V1PropertyBenchmark(row.benchmark).ceiling
    if row.study.data_set == "Ringach2002":  # what these counts were found to reach, to three digits
        assert float(found) == pytest.approx(REACHED_BY_COUNTS[row.name], abs=0.001)
    assert float(found) == pytest.approx(row.published_ceiling, abs=0.005)
    assert 0 < found.attrs["error"] < 0.04 and found.attrs["raw"].shape == (1000,)


# ---- laws


@each_row
def test_each_row_is_measured_by_its_experiment(row):
    rates, stimuli = made_rates(row.experiment.stimuli)
    table = row.experiment.analysis(rates, np.ones(len(rates)), stimuli)
    assert table["responsive"].all() and table[row.name].between(row.edges[0], row.edges[-1]).any()


@each_counted
def test_counts_fill_their_bins(row):
    values = row.primate_values()
    assert len(row.counts) == len(row.edges) - 1 and len(values) == row.study.n_neurons
    np.testing.assert_array_equal(np.histogram(values, row.edges)[0], row.counts)


def test_neurons_that_are_not_here_are_refused():
    with pytest.raises(ValueError, match="max_noise has no counts here; its neurons are in Brain-Score's Freeman"):
        V1_PROPERTIES["max_noise"].primate_values()


def test_what_the_front_end_was_built_from_is_not_held_out():
    built_from = {name for name, row in V1_PROPERTIES.items() if not row.held_out}
    assert built_from == {"preferred_orientation", "peak_spatial_frequency"}


def test_stimuli_are_drawn_or_brainscores():
    assert {row.experiment.stimuli for row in V1_PROPERTIES.values()} - set(GRATING_SETS) == {TEXTURE_STIMULI}
    assert set(STIMULI_OF) == {row.experiment.stimuli for row in V1_PROPERTIES.values()}
