"""The similarity of distributions against Brain-Score's metric, and what must hold of it."""

import numpy as np
import pandas as pd
import pytest

from vonenet_brainscore.primates.binned_similarity import binned_similarity, joint_ks_similarity, property_assembly
from vonenet_brainscore.primates.property_table import V1_PROPERTIES

COUNTED = [row for row in V1_PROPERTIES.values() if row.counts]
ROUNDING = {"rel": 1e-9, "abs": 1e-12}
BANDWIDTH = V1_PROPERTIES["spatial_frequency_bandwidth"]


def similarity(values, row, seed=0):
    return binned_similarity(values, row.primate_values(), row.edges, name=row.name, seed=seed)


def histograms(seed, bins, cells=40):
    rng = np.random.default_rng(seed)
    return [rng.multinomial(cells, rng.dirichlet(np.ones(bins))) / cells for _ in range(2)]


# ---- reference: Brain-Score, and plain enumeration


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("row", COUNTED, ids=lambda row: row.name)
def test_similarity_is_brainscores(row, seed):
    from brainscore_vision.metrics.distribution_similarity import BootstrapDistributionSimilarity

    values = np.random.default_rng(1).normal(row.edges[-1] / 2, row.edges[-1] / 3, 50)  # some beyond the outermost bins
    values[:10] = np.nan
    ours = similarity(values, row, seed)
    np.random.seed(seed)  # noqa: NPY002
    theirs = BootstrapDistributionSimilarity(property_name=row.name)(
        property_assembly(values.copy(), row.name, row.edges),
        property_assembly(row.primate_values(), row.name, row.edges),
    )
    assert float(ours) == float(theirs)
    np.testing.assert_array_equal(ours.attrs["raw"], theirs.attrs["raw"])
    assert ours.attrs["error"] == theirs.attrs["error"]


@pytest.mark.parametrize("seed", range(5))
def test_in_a_single_row_or_column_the_joint_similarity_is_brainscores(seed):
    from brainscore_vision.metrics.distribution_similarity.metric import ks_similarity

    p, q = histograms(seed, 9)
    for shape in ((1, 9), (9, 1)):
        joint = joint_ks_similarity(p.reshape(shape), q.reshape(shape))
        assert joint == pytest.approx(ks_similarity(p, q), **ROUNDING)


@pytest.mark.parametrize("seed", range(5))
def test_joint_similarity_counts_cells_in_quadrants(seed):
    shape = (3, 4)
    p, q = (each.reshape(shape) for each in histograms(seed, 12))

    def largest(first, second):
        differences = [
            abs(first[rows, columns].sum() - second[rows, columns].sum())
            for i in range(shape[0] + 1)
            for j in range(shape[1] + 1)
            for rows in (slice(None, i), slice(i, None))
            for columns in (slice(None, j), slice(j, None))
        ]
        return max(differences)

    corners = np.zeros((4, *shape))
    corners[[0, 1, 2, 3], [0, 0, -1, -1], [0, -1, 0, -1]] = 1
    expected = 1 - largest(p, q) / max(largest(corner, q) for corner in corners)
    assert joint_ks_similarity(p, q) == pytest.approx(expected, **ROUNDING)


# ---- laws


def test_identical_joint_histograms_are_as_similar_as_can_be():
    p, _ = histograms(0, 6)
    assert joint_ks_similarity(p.reshape(2, 3), p.reshape(2, 3)) == 1


def test_one_seed_gives_one_score_and_two_give_two():
    values = np.linspace(0, 100, 40)
    scores = [float(similarity(values, BANDWIDTH, seed)) for seed in (3, 3, 4)]
    assert scores[0] == scores[1] != scores[2]


def test_the_global_generator_is_left_as_it_was():
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.random(3)  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    similarity(BANDWIDTH.primate_values(), BANDWIDTH)
    np.testing.assert_array_equal(np.random.random(3), expected)  # noqa: NPY002


def test_the_farthest_distribution_scores_nothing():
    row = V1_PROPERTIES["surround_suppression_index"]  # all primate neurons lie at the low end
    assert float(similarity(np.full(30, 9.0), row)) == pytest.approx(0, abs=1e-12)


def test_undefined_values_are_counted_and_left_out():
    score = similarity(pd.Series([35.0, 45.0, 55.0, np.nan]), BANDWIDTH)
    assert (score.attrs["n_neuroids"], score.attrs["n_undefined"]) == (4, 1)
    assert not np.isnan(score.attrs["raw"]).any()


def test_the_callers_values_are_not_written_to():
    values = np.array([-5.0, 50.0, 500.0, np.nan])
    before = values.copy()
    similarity(values, BANDWIDTH)
    np.testing.assert_array_equal(values, before)


# ---- refusals


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_values_none_of_which_is_defined_are_refused(values):
    message = rf"spatial_frequency_bandwidth: .* shape \({len(values)},\) with {len(values)} undefined"
    with pytest.raises(ValueError, match=message):
        similarity(values, BANDWIDTH)


def test_values_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \(neuroid,\), some of them defined, but got shape \(3, 2\)"):
        similarity(np.ones((3, 2)), BANDWIDTH)


def test_a_missing_seed_is_refused():
    with pytest.raises(TypeError, match="seed must be a whole number"):
        similarity(np.ones(3), BANDWIDTH, seed=None)
