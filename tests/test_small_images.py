"""The preset for small images: the published VOneBlock in degrees, and no frequency that the pixels cannot carry."""

import numpy as np
import pytest

from vonenet_brainscore import get_model
from vonenet_brainscore.gabors.gabor_filters import gabor_table
from vonenet_brainscore.gabors.sampling_grid import sampling_table
from vonenet_brainscore.models.small_images import small_image_settings


def test_the_published_field_gives_the_published_front_end():
    settings = small_image_settings(224, 8, simple_channels=256, complex_channels=256)
    assert {name: settings[name] for name in ("ksize", "stride")} == {"ksize": 25, "stride": 4}
    ours, published = (get_model(None, pretrained=False, **each).vone_block for each in (settings, {}))
    for name, value in published.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[name], value)


@pytest.mark.parametrize(("image_size", "degrees"), [(28, None), (32, None), (64, None), (28, 1.75), (28, 7), (64, 2)])
def test_no_filter_is_finer_than_the_pixels_carry(image_size, degrees):
    settings = small_image_settings(image_size, degrees)
    block = get_model(None, pretrained=False, **settings).vone_block
    row = sampling_table(block, gabor_table(block)).loc["this model"]
    assert settings["sf_max"] <= row["nyquist_cpd"] and row["above_nyquist"] == 0
    pixels_per_degree = image_size / settings["visual_degrees"]
    assert settings["ksize"] / pixels_per_degree == pytest.approx(25 / 28, abs=1 / pixels_per_degree)  # odd sizes only
    assert settings["stride"] == max(1, round(4 / 28 * pixels_per_degree))


@pytest.mark.parametrize(
    ("image_size", "sf_max", "ksize", "stride"),
    [(224, 8, 25, 4), (128, 8, 15, 2), (112, 5.6, 13, 2), (64, 4, 7, 1), (32, 2, 3, 1)],
)
def test_the_table_in_the_docstring(image_size, sf_max, ksize, stride):
    settings = small_image_settings(image_size, 8)
    assert (settings["sf_max"], settings["ksize"], settings["stride"]) == (sf_max, ksize, stride)


def test_what_the_pixels_cannot_carry_is_refused():
    with pytest.raises(ValueError, match=r"28 pixels over 30 degrees carry at most .* give at most 7 degrees"):
        small_image_settings(28, 30)
    assert small_image_settings(28, 7)["ksize"] == 3  # what that message says is enough
    with pytest.raises(ValueError, match="10 pixels is smaller than a filter of 13; give more degrees"):
        small_image_settings(10)
    for size, degrees in ((0, 2), (28, 0), (28, -1), (28, float("inf"))):
        with pytest.raises(ValueError, match="both must be positive"):
            small_image_settings(size, degrees)
    for size, degrees in (("28", 2), (28.5, 2), (28, "2")):
        with pytest.raises(TypeError, match=r"(image_size|visual_degrees) is .*; it must be a"):
            small_image_settings(size, degrees)
