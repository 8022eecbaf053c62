"""Published distributions of Gabor parameters against Brain-Score's data packaging and the tables of the models."""

import importlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from vonenet_brainscore.gabors.primate_gabors import PARAMETERS, PRIMATE_GABORS
from vonenet_brainscore.models.gabors import SF_COUNTS, SF_EDGES_CPD


def row(*parameters, population):
    return next(each for each in PRIMATE_GABORS if (each.parameters, each.population) == (parameters, population))


# ---- reference: Brain-Score's script, whose histograms are local variables


def packaged(script, monkeypatch):
    monkeypatch.setenv("BS_INSTALL_DEPENDENCIES", "no")
    brainscore = Path(importlib.util.find_spec("brainscore_vision").origin).parent
    monkeypatch.syspath_prepend(str(brainscore / "data/marques2020/data_packaging"))
    module = importlib.import_module(script)
    recorded = {}
    monkeypatch.setattr(module, "gen_sample", lambda hist, bins, scale: recorded.update(hist=hist, bins=bins) or hist)
    return module, recorded


def test_populations_add_up_to_the_packaged_spatial_frequencies(monkeypatch):
    module, recorded = packaged("marques_devalois1982b", monkeypatch)
    with pytest.raises((ValueError, IndexError)):  # it wants values where it now gets the histogram
        module.collect_data()
    populations = [f"{cells} {place}" for cells in ("simple", "complex") for place in ("foveal", "parafoveal")]
    rows = [row("spatial_frequency", population=population) for population in populations]
    np.testing.assert_array_equal(sum(each.counts for each in rows), recorded["hist"])
    np.testing.assert_array_equal(row("spatial_frequency", population="all").counts, recorded["hist"])
    for each in rows:
        np.testing.assert_array_equal(each.edges, recorded["bins"])
        literal = ", ".join(map(str, each.counts))
        cells, place = each.population.split()
        assert f"{cells}_{place}_hist = np.array([{literal}])" in Path(module.__file__).read_text(encoding="utf-8")
    assert [each.n_neurons for each in rows] == [148, 78, 84, 53]


def test_the_released_models_table_is_the_simple_foveal_one_but_for_one_cell():
    published = row("spatial_frequency", population="simple foveal")
    same = np.isin(published.edges, SF_EDGES_CPD)
    np.testing.assert_array_equal(published.edges[same], SF_EDGES_CPD)
    difference = published.counts[1:9] - SF_COUNTS
    np.testing.assert_array_equal(difference, [0, 0, 0, 0, 1, 0, 0, 0])


# ---- laws


@pytest.mark.parametrize("each", PRIMATE_GABORS, ids=lambda each: f"{each.parameters} {each.population}")
def test_rows_are_whole(each):
    assert each.counts.ndim == len(each.parameters)
    assert all(size == len(each.edges) - 1 for size in each.counts.shape)
    assert (np.diff(each.edges) > 0).all()
    assert set(each.parameters) <= set(PARAMETERS)
    assert each.cells in ("simple", "complex", "all")
    assert each.n_neurons == each.counts.sum() > 0
    assert each.study.count(":") == 1  # paper, volume and page


def test_marginals_are_those_of_the_joint_distribution():
    joint = row("nx", "ny", population="simple")
    np.testing.assert_array_equal(row("nx", population="simple").counts, joint.counts.sum(axis=1))
    np.testing.assert_array_equal(row("ny", population="simple").counts, joint.counts.sum(axis=0))


def test_cells_that_fill_the_bins_give_the_counts_back():
    for each in PRIMATE_GABORS:
        parameter = PARAMETERS[each.parameters[0]]
        centres = {"linear": each.centres, "log2": 2**each.centres, "log10": 10**each.centres}[parameter.scale]
        index = np.repeat(np.indices(each.counts.shape).reshape(each.counts.ndim, -1), each.counts.ravel(), axis=1)
        np.testing.assert_array_equal(each.histogram(*centres[index]), each.counts)


def test_histograms_are_numpys_with_what_lies_beyond_in_the_outer_bins():
    each = row("spatial_frequency", population="all")
    values = np.geomspace(0.1, 60, 200)
    clipped = np.clip(values, each.edges[0], each.edges[-1])
    np.testing.assert_array_equal(each.histogram(values), np.histogram(clipped, each.edges)[0])
    assert each.outside(values) == ((values < 0.35) | (values > 22.4)).sum() > 0


def test_orientation_is_turned_to_the_published_bins():
    each = row("orientation", population="all")
    np.testing.assert_array_equal(each.histogram(np.array([0.0, 170, 180, 45, 90, 157.4, 157.5, -20])), [5, 1, 1, 1])
    assert each.outside(np.array([0.0, 179.9, 500])) == 0


def test_the_data_a_vone_block_is_sampled_from_are_not_held_out():
    held_out = {each.population for each in PRIMATE_GABORS if each.held_out}
    assert held_out == {"complex foveal", "simple parafoveal", "complex parafoveal"}


def test_distances_come_in_the_unit_of_the_scale():
    assert PARAMETERS["spatial_frequency"].distance_unit == "octaves"
    assert PARAMETERS["spatial_frequency"].on_scale(np.array(8.0)) == 3
    assert PARAMETERS["nx"].distance_unit == "decades"
    assert PARAMETERS["nx"].on_scale(np.array(0.1)) == pytest.approx(-1)
    assert PARAMETERS["orientation"].distance_unit == "degrees"
    assert PARAMETERS["orientation"].on_scale(np.array(45.0)) == 45
