"""Pictures of Gabor distributions draw the counts, with their units and scores."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from vonenet_brainscore import get_model
from vonenet_brainscore.gabors.gabor_comparison import compare_gabors
from vonenet_brainscore.gabors.primate_gabors import PARAMETERS
from vonenet_brainscore.plots.gabors import (
    gabor_distributions,
    nx_ny_joint,
    orientation_histogram,
    parameter_histogram,
    spatial_frequency_histograms,
    unscored_histogram,
)


@pytest.fixture(scope="module")
def comparison():
    model = get_model(None, pretrained=False, simple_channels=40, complex_channels=20)
    return compare_gabors(model)


def panel(projection=None):
    return Figure().add_subplot(projection=projection)


def heights(ax):
    """Of the outlines drawn, in the order drawn: primate, model."""
    return [patch.get_data() for patch in ax.patches]


def test_orientations_are_drawn_twice_around_the_circle(comparison):
    ax = panel("polar")
    found = comparison.of("orientation")
    orientation_histogram(found, ax)
    for bars, counts in zip(ax.containers, (found.primate.counts, found.model_counts), strict=True):
        np.testing.assert_allclose([bar.get_height() for bar in bars], np.tile(counts / counts.sum(), 2))
        middle = [np.rad2deg(bar.get_x() + bar.get_width() / 2) for bar in bars]
        np.testing.assert_allclose(middle, np.arange(0, 360, 45), atol=1e-9)
    assert "degrees" in ax.get_xlabel()
    assert [label.get_text() for label in ax.get_legend().get_texts()] == ["primate, n = 385", "model, n = 60"]


@pytest.mark.parametrize("name", ["spatial_frequency", "nx", "ny"])
def test_histograms_are_fractions_on_the_published_bins(comparison, name):
    ax = panel()
    found = comparison.of(name)
    parameter_histogram(found, ax)
    for data, counts in zip(heights(ax), (found.primate.counts, found.model_counts), strict=True):
        np.testing.assert_allclose(data.values, counts / counts.sum())
        np.testing.assert_allclose(data.edges, found.primate.edges)
    row = found.row()
    assert ax.get_xlabel().endswith(f"({PARAMETERS[name].unit})")
    assert ax.get_xscale() == "log"
    assert (
        ax.get_title() == f"similarity {row['similarity']:.2f} [{row['similarity_low']:.2f}, "
        f"{row['similarity_high']:.2f}]\nceiling {row['ceiling']:.2f}, built from these data"
    )


def test_a_parameter_without_primate_data_is_drawn_alone_and_says_so(comparison):
    ax = panel()
    unscored_histogram(comparison.filters["phase"], "phase", ax)
    (data,) = heights(ax)
    assert data.values.sum() == pytest.approx(1)
    assert (data.edges[0], data.edges[-1]) == (0, 360)
    assert ax.get_title() == "no published counts: not scored"
    unscored_histogram(comparison.filters["width"], "width", ax)
    assert heights(ax)[1].values.sum() == pytest.approx(1)  # the outermost values are in


def test_every_parameter_has_its_panel(comparison):
    figure = gabor_distributions(comparison)
    assert len(figure.axes) == len(PARAMETERS)
    for ax, name in zip(figure.axes, PARAMETERS, strict=True):
        assert PARAMETERS[name].label in ax.get_xlabel() and PARAMETERS[name].unit in ax.get_xlabel()
    assert "VOneNet" in figure.get_suptitle()


def test_every_population_of_spatial_frequency_has_its_panel(comparison):
    figure = spatial_frequency_histograms(comparison)
    titles = [ax.get_legend().get_title().get_text() for ax in figure.axes]
    assert titles[0] == "all cells" and "complex foveal cells" in titles and len(titles) == 5
    assert [("held out" in ax.get_title()) for ax in figure.axes] == [False, False, True, True, True]
    grounds = [ax.get_facecolor() == (1, 1, 1, 1) for ax in figure.axes]
    assert grounds == [False, False, True, True, True]  # built from on grey
    tallest = max(data.values.max() for ax in figure.axes for data in heights(ax))
    assert all(ax.get_ylim()[1] > tallest for ax in figure.axes)
    assert "cycles/degree" in figure.get_supxlabel()


def test_the_joint_distribution_shows_counts_dots_and_marginals(comparison):
    joint, above, beside = nx_ny_joint(comparison).axes
    counts = comparison.of("nx", "ny").primate.counts
    np.testing.assert_array_equal(joint.collections[0].get_array(), counts.T)  # nx to the right, ny upwards
    assert sum(int(text.get_text()) for text in joint.texts) == 79
    (dots,) = joint.lines
    simple = comparison.filters[comparison.filters["cell_type"] == "simple"]
    np.testing.assert_allclose(dots.get_xdata(), simple["nx"])
    np.testing.assert_allclose(dots.get_ydata(), simple["ny"])
    np.testing.assert_allclose(heights(above)[0].values, counts.sum(axis=1) / 79)
    np.testing.assert_allclose(heights(beside)[0].values, counts.sum(axis=0) / 79)
    assert "nx" in joint.get_xlabel() and "ny" in joint.get_ylabel()


def test_cells_that_the_model_lacks_are_named_in_the_title():
    model = get_model(None, pretrained=False, simple_channels=0, complex_channels=8)
    ax = panel()
    parameter_histogram(compare_gabors(model).of("nx"), ax)
    assert ax.get_title() == "the model has no simple cells"
    assert heights(ax)[1].values.sum() == 0


def test_refusals(comparison):
    with pytest.raises(ValueError, match="axes are rectilinear, not polar; make them with"):
        orientation_histogram(comparison.of("orientation"), panel())
    with pytest.raises(ValueError, match="nx is not an angle on a circle of orientations"):
        orientation_histogram(comparison.of("nx"), panel("polar"))
    with pytest.raises(ValueError, match="nx, ny is a joint distribution; see nx_ny_joint"):
        parameter_histogram(comparison.of("nx", "ny"), panel())
