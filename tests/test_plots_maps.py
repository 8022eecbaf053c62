"""Feature maps are the block's noise-free rates, at their places in degrees."""

import numpy as np
import pytest
import torch
from tiny_networks import tiny_vonenet

from vonenet_brainscore.gabors.gabor_filters import gabor_table
from vonenet_brainscore.plots.maps import MAPS, feature_maps

PIXELS = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def block():
    return tiny_vonenet().vone_block


def panels(figure):
    return [ax for ax in figure.axes if ax.images and ax.get_label() != "<colorbar>"]


def test_maps_are_noise_free_rates_of_the_channels_asked_for(block):
    image, *maps = panels(feature_maps(block, PIXELS, channels=[40, 3]))
    np.testing.assert_array_equal(image.images[0].get_array(), PIXELS)
    normalised = torch.from_numpy(PIXELS / 255 * 2 - 1).permute(2, 0, 1)[None].float()
    rates = block.rates(normalised)[0]
    for ax, channel in zip(maps, (40, 3), strict=True):
        np.testing.assert_allclose(ax.images[0].get_array(), rates[channel], rtol=1e-4, atol=1e-4)  # float32
        assert f"channel {channel}" in ax.get_title() and "cycles/degree" in ax.get_title()
    assert maps[0].images[0].norm is maps[1].images[0].norm  # one scale for all


def test_a_bright_spot_shows_where_it_is(block):
    spot = np.full((64, 64), 128, np.uint8)
    spot[16:20, 44:48] = 255  # 8 pixels a degree: the middle is 1.75 degrees right of and 1.75 above the centre
    image, *maps = panels(feature_maps(block, spot, channels=[40]))
    (ax,) = maps
    rate = np.asarray(ax.images[0].get_array())
    rate = rate - np.median(rate)  # what a Gabor of some mean makes of grey
    left, right, bottom, top = ax.images[0].get_extent()
    size = rate.shape[0]
    inside = np.abs(rate[2:-2, 2:-2])  # the margins answer to the zeros around the image
    row, column = (index + 2.5 for index in np.unravel_index(inside.argmax(), inside.shape))
    assert left + column / size * (right - left) == pytest.approx(1.75, abs=0.75)  # a filter is 1.1 degrees wide
    assert top + row / size * (bottom - top) == pytest.approx(-1.75, abs=0.75)
    assert image.images[0].get_extent() == [-4, 4, 4, -4]


def test_channels_spread_over_frequencies_and_cell_types_by_default(block):
    figure = feature_maps(block, PIXELS)
    filters = gabor_table(block)
    channels = [int(ax.get_title().split(":")[0].removeprefix("channel ")) for ax in panels(figure)[1:]]
    assert len(set(channels)) == MAPS
    assert filters.loc[channels, "spatial_frequency"].is_monotonic_increasing
    assert (filters.loc[channels, "cell_type"] == "simple").sum() == MAPS // 2
    assert "degrees" in figure.get_supxlabel() and "degrees" in figure.get_supylabel()


def test_the_noise_of_the_model_is_left_as_it_was(block):
    before = block.noise_mode
    state = torch.get_rng_state()
    feature_maps(block, PIXELS, channels=[0])
    assert block.noise_mode == before == "neuronal"
    assert torch.equal(torch.get_rng_state(), state)


def test_refusals(block):
    with pytest.raises(ValueError, match=r"channels \[64\] are not among the 64, 0 to 63"):
        feature_maps(block, PIXELS, channels=[3, 64])
    with pytest.raises(ValueError, match=r"channels \[\] are not among the 64"):
        feature_maps(block, PIXELS, channels=[])
    with pytest.raises(FileNotFoundError, match=r"no image at missing\.png"):
        feature_maps(block, "missing.png")
