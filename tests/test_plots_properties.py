"""The figure of V1 properties draws the published counts and the model's values."""

import numpy as np
import pytest

from vonenet_brainscore.benchmarks.joint_comparison import joint_comparisons
from vonenet_brainscore.benchmarks.names import benchmark_identifiers
from vonenet_brainscore.plots.properties import property_distributions
from vonenet_brainscore.primates.property_table import V1_BENCHMARKS

SHOWN = benchmark_identifiers("V1-properties")


def scores(identifiers):
    from brainscore_core.metrics import Score

    made = {}
    for position, identifier in enumerate(identifiers):
        edges = np.asarray(V1_BENCHMARKS[identifier].edges)
        score = Score(0.1 * position)
        score.attrs |= {"benchmark_identifier": identifier, "model_identifier": "made", "seed": 0, "noise": "none"}
        score.attrs |= {"error": 0.02, "trials": 1}
        score.attrs["model_values"] = np.array([edges[0] - 1, edges[-1] + 1, edges[-1], np.nan])
        score.attrs["primate_values"] = V1_BENCHMARKS[identifier].primate_values()
        made[identifier] = score
    return made


def test_heights_are_fractions_of_cells():
    figure = property_distributions(scores(SHOWN))
    shown = [ax for ax in figure.axes if ax.axison]
    assert len(shown) == 15 + 1  # and a pair of properties of the same cells
    for ax, identifier in zip(shown, SHOWN, strict=False):
        row = V1_BENCHMARKS[identifier]
        primate, model = ax.containers
        np.testing.assert_allclose([bar.get_height() for bar in primate], np.array(row.counts) / sum(row.counts))
        heights = [bar.get_height() for bar in model]
        assert heights[0] == pytest.approx(1 / 3) and heights[-1] == pytest.approx(
            2 / 3
        )  # outer bins take what is beyond
        assert row.unit in ax.get_xlabel() and ("held out" in ax.get_title()) == row.held_out


def test_titles_name_the_property_and_its_interval_and_the_ground_tells_the_origin():
    from matplotlib.colors import to_rgb

    from vonenet_brainscore.plots.properties import BUILT_FROM_GROUND

    made = scores(SHOWN)
    made[SHOWN[1]].attrs |= {"score_low": 0.05, "score_high": 0.126}
    figure = property_distributions(made)
    for ax, identifier in zip(figure.axes, SHOWN, strict=False):
        row = V1_BENCHMARKS[identifier]
        assert ax.get_title().splitlines()[0] == row.label
        assert ax.get_facecolor()[:3] == to_rgb("white" if row.held_out else BUILT_FROM_GROUND)
    assert figure.axes[1].get_title().endswith("\nscore 0.10 [0.05, 0.13], built from these data")
    assert figure.axes[2].get_title().endswith("\nscore 0.20 ± 0.02, held out")
    assert to_rgb(BUILT_FROM_GROUND) != to_rgb("white")


def test_axes_have_few_labels_and_these_are_edges():
    for ax, identifier in zip(property_distributions(scores(SHOWN)).axes, SHOWN, strict=False):
        edges = V1_BENCHMARKS[identifier].edges
        labels = [label.get_text() for label in ax.get_xticklabels()]
        assert 2 <= len(labels) <= 7 and all(len(label) <= 7 for label in labels)
        if labels != ["no", "yes"]:
            at = np.array(ax.get_xticks()) + 0.5
            np.testing.assert_allclose([float(label) for label in labels], np.array(edges)[at.astype(int)], rtol=0.005)


def test_the_joint_panel_shows_every_pair():
    (comparison,) = joint_comparisons(scores(SHOWN))
    ax = property_distributions(scores(SHOWN)).axes[-1]
    model, primate = (dots.get_offsets() for dots in ax.collections[:2])
    np.testing.assert_array_equal(primate, comparison.primate.pairs)
    np.testing.assert_array_equal(model, np.unique(comparison.model_pairs, axis=0))
    assert ax.collections[0].get_sizes().sum() == pytest.approx(2500)
    (row,) = comparison.to_frame().itertuples()
    assert (
        ax.get_title()
        == f"Both in the same cells\nscore {row.score:.2f} [{row.score_low:.2f}, {row.score_high:.2f}], held out"
    )
    assert ax.get_xlabel() == "Grating summation field (degrees)"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["primate, n = 89", "model, n = 3"]


def test_one_property_is_one_panel_and_others_are_left_out():
    one = scores(SHOWN[:1])
    one["FreemanZiemba2013public.V1-pls"] = one[SHOWN[0]].copy()
    del one["FreemanZiemba2013public.V1-pls"].attrs["model_values"]
    assert len(property_distributions(one).axes) == 1


def test_what_could_not_be_scored_shows_the_model_alone():
    (identifier,) = SHOWN[:1]
    unscored = scores([identifier])
    del unscored[identifier].attrs["primate_values"], unscored[identifier].attrs["error"]
    (ax,) = property_distributions(unscored).axes
    assert len(ax.containers) == 1 and ax.get_title() == "Preferred orientation\nnot scored"
    unscored[identifier].attrs["model_values"] = np.full(3, np.nan)
    (ax,) = property_distributions(unscored).axes
    assert [text.get_text() for text in ax.texts] == ["no neuroid has a value"] and ax.get_legend() is None


def test_refusal():
    with pytest.raises(ValueError, match="no V1 property among no scores"):
        property_distributions({})
