"""`compare_joint` and what the figure and the report draw of it."""

import numpy as np
import pytest
from tiny_networks import tiny_vonenet

from vonenet_brainscore import compare_joint
from vonenet_brainscore.benchmarks import joint_comparison
from vonenet_brainscore.benchmarks.joint_comparison import joint_comparisons
from vonenet_brainscore.primates.joint_distributions import JOINT_DISTRIBUTIONS
from vonenet_brainscore.primates.property_table import V1_PROPERTIES

PAIR = ("grating_summation_field", "surround_diameter")
PAIRS = np.array(JOINT_DISTRIBUTIONS[PAIR].pairs)


def scores(first, second):
    from brainscore_core.metrics import Score

    made = {}
    for name, values in zip(PAIR, (first, second), strict=True):
        score = Score(0.5)
        score.attrs |= {"model_values": np.array(values, float), "model_identifier": "made", "seed": 3}
        made[V1_PROPERTIES[name].benchmark] = score
    return made


def test_a_model_of_the_neurons_reaches_the_ceiling():
    (found,) = joint_comparisons(scores(*PAIRS.T))
    (row,) = found.to_frame().itertuples()
    assert row.score == 1 and row.similarity == row.ceiling  # the same samples, with the same seed
    assert row.score_low < 1 < row.score_high and row.without_pairing < 0.95
    assert (row.n_pairs, row.n_units, row.n_neurons) == (89, 89, 89) and "digitised" in row.source
    low, high = np.percentile(found.similarity.attrs["raw"], [2.5, 97.5]) / float(found.ceiling)
    assert (row.score_low, row.score_high) == (low, high)
    assert "without_pairing" in repr(found) and "made against macaque V1" in found._repr_html_()


def test_neuroids_with_one_of_the_two_are_left_out():
    first, second = PAIRS.T.copy()
    first[:10], second[5:20] = np.nan, np.nan
    (found,) = joint_comparisons(scores(first, second))
    np.testing.assert_array_equal(found.model_pairs, PAIRS[20:])
    assert found.n_units == 89


def test_scores_without_both_give_none():
    both = scores(*PAIRS.T)
    assert joint_comparisons(dict(list(both.items())[:1])) == []
    assert joint_comparisons(scores([np.nan], [1])) == []


def test_a_model_is_measured_as_for_its_scores():
    """Of a block whose units are suppressed where noise makes it look so."""
    from vonenet_brainscore import score_model

    settings = {"trials": 2, "seed": 1, "progress": False}
    found = compare_joint(tiny_vonenet(), **settings)
    benchmarks = [V1_PROPERTIES[name].benchmark for name in PAIR]
    (expected,) = joint_comparisons(score_model(tiny_vonenet(), benchmarks, cache=False, **settings))
    np.testing.assert_array_equal(found.model_pairs, expected.model_pairs)
    assert found.to_frame().equals(expected.to_frame())


def test_refusals():
    no_such = r"no published joint distribution of \['max_dc', 'bandwidth'\]; have grating_summation_field, surround"
    with pytest.raises(ValueError, match=no_such):
        compare_joint("voneresnet50", ["max_dc", "bandwidth"])
    with pytest.raises(TypeError, match="properties are two names, not 'max_dc'"):
        compare_joint("voneresnet50", "max_dc")
    with pytest.raises(ValueError, match="none of 2 responsive neuroids of made has both grating_summation_field and"):
        joint_comparison._compared("made", JOINT_DISTRIBUTIONS[PAIR], np.array([[1, np.nan], [np.nan, 1]]), 0)
