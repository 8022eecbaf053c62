"""`compare_gabors` against Brain-Score's metric, and what must hold of it."""

import numpy as np
import pytest
import torch
from tiny_networks import PlainNetwork, tiny_vonenet

from vonenet_brainscore import MODELS, get_model
from vonenet_brainscore.gabors.gabor_comparison import NO_COUNTS, compare_gabors
from vonenet_brainscore.gabors.gabor_filters import gabor_table
from vonenet_brainscore.gabors.primate_gabors import PARAMETERS, PRIMATE_GABORS
from vonenet_brainscore.models.filter_bank import draw_colours
from vonenet_brainscore.models.gabors import ENVELOPE_COUNTS, ENVELOPE_EDGES, sample_gabor_parameters
from vonenet_brainscore.models.vone_block import VOneBlock
from vonenet_brainscore.primates.binned_similarity import binned_similarity
from vonenet_brainscore.primates.property_table import V1_PROPERTIES


@pytest.fixture(scope="module")
def comparison():
    return compare_gabors("voneresnet50")


def block_of(parameters, simple_channels):
    channels = len(parameters)
    cells = {"simple_channels": simple_channels, "complex_channels": channels - simple_channels}
    return VOneBlock(parameters, *draw_colours(channels, seed=0), **cells)


# ---- reference: Brain-Score


@pytest.mark.parametrize(
    ("parameter", "name"), [("orientation", "preferred_orientation"), ("spatial_frequency", "peak_spatial_frequency")]
)
def test_similarity_and_ceiling_are_those_of_the_v1_property(comparison, parameter, name):
    found = comparison.of(parameter)
    values = comparison.filters[parameter].to_numpy()
    if parameter == "orientation":
        values = np.where(values >= 157.5, values - 180, values)
    row = V1_PROPERTIES[name]
    expected, ceiling = (
        binned_similarity(each, row.primate_values(), row.edges, name=name, seed=0)
        for each in (values, row.primate_values())
    )
    np.testing.assert_array_equal(found.similarity.attrs["raw"], expected.attrs["raw"])
    assert float(found.ceiling) == float(ceiling)


def test_distance_is_taken_between_histograms_in_octaves(comparison):
    from scipy import stats

    found = comparison.of("spatial_frequency", population="complex foveal")
    octave = (np.log2(found.primate.edges[:-1]) + np.log2(found.primate.edges[1:])) / 2
    whole = stats.wasserstein_distance(octave, octave, found.model_counts, found.primate.counts)
    row = found.row()
    assert row["distance_low"] < whole < row["distance_high"]
    assert whole == pytest.approx(row["distance"], abs=0.02)  # few cells alone make it a little larger


def test_distance_of_orientations_is_taken_around_the_circle():
    sampled = sample_gabor_parameters(10)
    turned = type(sampled)(sampled.sf_cpd, np.full(10, 135.0), sampled.phase_deg, nx=sampled.nx, ny=sampled.ny)
    row = compare_gabors(block_of(turned, 5)).of("orientation").row()
    ways = [45, 90, 45, 0]  # from the bins about 0, 45, 90 and 135 degrees to 135
    expected = np.dot(ways, [110, 83, 100, 92]) / 385
    for name in ("distance", "distance_low", "distance_high"):
        assert row[name] == pytest.approx(expected)


# ---- laws


def test_each_population_meets_the_models_cells_of_its_type(comparison):
    for found in comparison.distributions:
        cells = {"all": 512, "simple": 256, "complex": 256}[found.primate.cells]
        assert found.model_counts.sum() == cells
        assert found.model_counts.shape == found.primate.counts.shape
        assert found.n_outside == 0
    found = comparison.of("spatial_frequency", population="complex foveal")
    complex_cells = comparison.filters["cell_type"] == "complex"
    expected = np.histogram(comparison.filters["spatial_frequency"][complex_cells], found.primate.edges)[0]
    np.testing.assert_array_equal(found.model_counts, expected)


def test_what_the_filters_are_sampled_from_scores_near_its_ceiling():
    block = block_of(sample_gabor_parameters(4000, seed=1), 4000)
    table = compare_gabors(block).to_frame()
    for key in (("orientation", "246 cells"), ("nx", "simple"), ("ny", "simple"), ("nx-ny", "simple")):
        row = table.loc[key]
        assert row["similarity"] == pytest.approx(row["ceiling"], abs=0.015)  # 4000 draws: shares to 0.01
        assert row["distance"] == pytest.approx(row["distance_floor"], rel=0.25)
    assert table.loc[("spatial_frequency", "simple parafoveal"), "similarity"] < 0.8


def test_random_parameters_are_less_like_the_primates(comparison):
    random = compare_gabors(block_of(sample_gabor_parameters(512, rand_param=True), 256)).to_frame()
    sampled = comparison.to_frame()
    for key in (("nx", "simple"), ("nx-ny", "simple"), ("spatial_frequency", "all")):
        assert random.loc[key, "similarity"] < sampled.loc[key, "similarity"] - 0.1
        assert random.loc[key, "distance"] > 2 * sampled.loc[key, "distance"]


def test_a_correlation_that_marginals_do_not_show_lowers_the_joint_similarity():
    cells = np.repeat(np.indices((5, 5)).reshape(2, -1), ENVELOPE_COUNTS.ravel(), axis=1)  # (parameter, cell)
    nx, ny = np.sqrt(ENVELOPE_EDGES[:-1] * ENVELOPE_EDGES[1:])[cells]
    parameters = sample_gabor_parameters(len(nx))
    found = []
    for order in (slice(None), np.random.default_rng(0).permutation(len(ny))):
        changed = type(parameters)(parameters.sf_cpd, parameters.theta_deg, parameters.phase_deg, nx=nx, ny=ny[order])
        found.append(compare_gabors(block_of(changed, len(nx))).to_frame())
    primate, shuffled = found
    assert shuffled.loc[("ny", "simple"), "similarity"] == pytest.approx(
        primate.loc[("ny", "simple"), "similarity"],
        abs=0.005,  # other samples of the same cells
    )
    assert primate.loc[("nx-ny", "simple"), "similarity"] == primate.loc[("nx-ny", "simple"), "ceiling"]
    assert primate.loc[("nx-ny", "simple"), "distance"] == primate.loc[("nx-ny", "simple"), "distance_floor"]
    assert shuffled.loc[("nx-ny", "simple"), "similarity"] < primate.loc[("nx-ny", "simple"), "similarity"] - 0.05


def test_a_seed_gives_the_same_numbers(comparison):
    again, other = compare_gabors("voneresnet50").to_frame(), compare_gabors("voneresnet50", seed=1).to_frame()
    assert again.equals(comparison.to_frame())
    assert not other["similarity"].equals(again["similarity"])


def test_a_network_is_compared_by_its_block(comparison):
    block = get_model(None, pretrained=False, quadrature="paper").vone_block
    assert compare_gabors(torch.nn.Sequential(block)).to_frame().equals(comparison.to_frame())


def test_cells_that_the_model_lacks_stay_unscored():
    table = compare_gabors(block_of(sample_gabor_parameters(20), 0)).to_frame()
    lacking = table.loc[("nx", "simple")]
    assert lacking["n_model"] == 0 and np.isnan(lacking["similarity"]) and np.isnan(lacking["distance"])
    assert lacking["ceiling"] > 0.9
    assert not np.isnan(table.loc[("spatial_frequency", "complex foveal"), "similarity"])


def test_table_says_where_every_number_comes_from(comparison):
    table = comparison.to_frame()
    assert len(table) == len(PRIMATE_GABORS) + 5
    scored = table[table["similarity"].notna()]
    assert len(scored) == len(PRIMATE_GABORS)
    for _, row in scored.iterrows():
        assert row["similarity_low"] <= row["similarity"] <= row["similarity_high"] <= 1
        assert 0 <= row["distance_low"] <= row["distance"] <= row["distance_high"]
        assert row["n_neurons"] > 0 and row["data"] in ("built from", "held out")
    unscored = table[table["similarity"].isna()]
    assert (unscored["source"] == NO_COUNTS).all() and unscored["n_neurons"].isna().all()
    assert {"phase", "width", "length", "aspect_ratio", "nx-spatial_frequency"} == {name for name, _ in unscored.index}


def test_bins_hold_both_histograms(comparison):
    bins = comparison.of("nx", "ny").bins()
    np.testing.assert_array_equal(bins["primate"].to_numpy().reshape(5, 5), ENVELOPE_COUNTS)
    assert bins["model"].sum() == 256
    in_bin = comparison.filters[comparison.filters["cell_type"] == "simple"]
    row = bins.loc[bins["primate"].idxmax()]
    inside = in_bin["nx"].between(row["nx_low"], row["nx_high"]) & in_bin["ny"].between(row["ny_low"], row["ny_high"])
    assert row["model"] == inside.sum()


def test_it_is_shown_as_its_tables(comparison):
    for text in (repr(comparison), comparison._repr_html_()):
        for word in ("voneresnet50", "complex foveal", "held out", "octaves", NO_COUNTS, "beyond_kernel"):
            assert word in text
        assert "NaN" not in text and "NA>" not in text


def test_size_and_aspect_ratio_follow_from_the_other_parameters():
    table = gabor_table(tiny_vonenet().vone_block)
    assert list(table.columns) == ["cell_type", "colour", *PARAMETERS]
    np.testing.assert_allclose(table["width"] * table["spatial_frequency"], table["nx"])
    np.testing.assert_allclose(table["length"] / table["width"], table["aspect_ratio"])


# ---- refusals


def test_models_without_gabor_parameters_are_refused():
    names = ", ".join(MODELS)
    with pytest.raises(ValueError, match=f"'resnet50' has no Gabor parameters that we know; models .*{names}"):
        compare_gabors("resnet50")
    with pytest.raises(ValueError, match=f"PlainNetwork has no VOneBlock.*{names}"):
        compare_gabors(PlainNetwork())
    with pytest.raises(TypeError, match="a model is a name or a network, not int"):
        compare_gabors(3)


def test_filters_that_were_changed_are_refused():
    network = tiny_vonenet()
    network.vone_block.simple_conv_q0.weight[0] *= 2
    with pytest.raises(ValueError, match=r"VOneNet's VOneBlock are not the Gabors .* their parameters are unknown"):
        compare_gabors(network)


def test_other_bad_input_is_refused(comparison):
    with pytest.raises(TypeError, match="seed is None; it must be a whole number"):
        compare_gabors("voneresnet50", seed=None)
    with pytest.raises(ValueError, match=r"no published distribution of phase; have orientation \(all\); "):
        comparison.of("phase")
    with pytest.raises(ValueError, match=r"no published distribution of nx \(complex\); have"):
        comparison.of("nx", population="complex")
