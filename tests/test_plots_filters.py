"""The gallery shows every filter once, in its place, as the image sees it."""

import numpy as np
import pytest
from tiny_networks import tiny_vonenet

from vonenet_brainscore.gabors.gabor_filters import gabor_table
from vonenet_brainscore.plots.filters import COLUMNS, filter_gallery


@pytest.fixture(scope="module")
def block():
    return tiny_vonenet().vone_block


def pictures(ax, side):
    """The drawn filters from top to bottom, left to right, each (y, x, colour)."""
    canvas = np.asarray(ax.images[0].get_array())
    found, y = [], 0
    while y < len(canvas):
        if (canvas[y] == 1).all():
            y += 1
            continue
        row = [canvas[y : y + side, x : x + side] for x in range(0, COLUMNS * (side + 2), side + 2)]
        found += [picture for picture in row if not (picture == 1).all()]
        y += side
    return found


@pytest.mark.parametrize(("panel", "cell_type"), [(0, "simple"), (1, "complex")])
def test_filters_are_sorted_by_half_octave_then_orientation(block, panel, cell_type):
    filters = gabor_table(block)
    cells = filters[filters["cell_type"] == cell_type]
    half_octave = np.floor(2 * np.log2(cells["spatial_frequency"]))
    order = cells.index[np.lexsort((cells["orientation"], half_octave))]
    weight = block.simple_conv_q0.weight.numpy()
    drawn = pictures(filter_gallery(block).axes[panel], weight.shape[-1])
    assert len(drawn) == len(cells)
    for picture, channel in zip(drawn, order, strict=True):
        kernel = weight[channel]
        expected = 0.5 + 0.5 * kernel.transpose(1, 2, 0) / np.abs(kernel).max()  # rows of the weight are rows on screen
        np.testing.assert_allclose(picture, expected, atol=1e-6)  # single precision


def test_a_filter_has_its_own_colour_and_is_grey_in_the_others(block):
    for picture in pictures(filter_gallery(block).axes[0], 9):
        assert sorted((picture != 0.5).any(axis=(0, 1))) == [False, False, True]


def test_rows_are_labelled_in_cycles_per_degree(block):
    figure = filter_gallery(block)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[0] == "0.5–0.71" and labels[-1] == "2.8–4"
    assert figure.axes[0].get_ylabel() == "Spatial frequency (cycles/degree)"
    assert [ax.get_title() for ax in figure.axes] == ["32 simple cells", "32 complex cells"]


def test_filters_are_sharp_and_the_figure_fits_them(block):
    figure = filter_gallery(block)
    figure.set_dpi(150)
    figure.canvas.draw()
    for ax in figure.axes:
        width = ax.images[0].get_array().shape[1]
        box = ax.get_window_extent()
        assert box.width / width > 1.5  # dots for each pixel of a filter
        assert box.height + 160 > figure.get_figheight() * 150  # hardly anything empty above and below


def test_one_cell_type_is_one_panel():
    block = tiny_vonenet(simple_channels=0, complex_channels=64).vone_block
    assert [ax.get_title() for ax in filter_gallery(block).axes] == ["64 complex cells"]


def test_filters_of_unknown_parameters_are_refused():
    block = tiny_vonenet().vone_block
    block.simple_conv_q0.weight[3] *= 2
    with pytest.raises(ValueError, match="parameters of 64 filters are unknown, so they cannot be sorted"):
        filter_gallery(block)
