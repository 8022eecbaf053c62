"""Yardsticks: how similar other laboratories' macaque data are to the studies that models are scored on."""

import pytest

from vonenet_brainscore.primates.other_laboratories import OTHER_LABORATORIES, footnotes, other_laboratories
from vonenet_brainscore.primates.property_table import V1_PROPERTIES

# Found with Brain-Score's similarity from the laboratories' own data, to as many digits as were told.
TOLD = {
    "224 reliable units of 577": (0.925, 0.0005),
    "331 sites": (0.70, 0.005),
    "95 sites of input layers": (0.77, 0.005),
    "134 sites of output layers": (0.45, 0.005),
}


@pytest.mark.parametrize("other", OTHER_LABORATORIES, ids=lambda other: other.population)
def test_yardsticks_are_those_found(other):
    similarity, tolerance = TOLD[other.population]
    row = V1_PROPERTIES[other.property]
    assert other.similarity_to(row) == pytest.approx(similarity, abs=tolerance)
    assert len(other.counts) == len(row.edges) - 1
    assert str(sum(other.counts)) == other.population.split()[0]


def test_the_first_of_a_property_is_all_that_were_recorded():
    assert other_laboratories(V1_PROPERTIES["surround_suppression_index"])[0].population == "331 sites"
    assert other_laboratories(V1_PROPERTIES["bandwidth"]) == []


def test_the_same_data_are_as_similar_as_can_be():
    row = V1_PROPERTIES["circular_variance"]
    (other,) = other_laboratories(row)
    same = type(other)(row.name, "", "", row.counts, "", "")
    assert same.similarity_to(row) == 1


def test_footnotes_say_what_differs():
    (note,) = footnotes([V1_PROPERTIES["circular_variance"], V1_PROPERTIES["bandwidth"]])
    assert note.startswith("Circular variance: Ecker et al. 2010, Science 327:584, against Ringach")
    assert "0.925 for 224 reliable units" in note and "awake" in note and "No model is scored on it" in note


def test_another_property_is_refused():
    (other,) = other_laboratories(V1_PROPERTIES["circular_variance"])
    with pytest.raises(ValueError, match="measured circular_variance and cannot be compared on bandwidth"):
        other.similarity_to(V1_PROPERTIES["bandwidth"])
