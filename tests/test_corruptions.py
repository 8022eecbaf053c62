"""Corruptions: the library's, seeded; their groups; mean corruption error against AlexNet."""

import inspect
import io
import re
import sys

import numpy as np
import pytest
from PIL import Image

from vonenet_brainscore.robustness.corruption_table import CORRUPTION_TABLE, SEVERITIES
from vonenet_brainscore.robustness.corruptions import (
    CORRUPTIONS,
    TYPES,
    corrupt,
    group_means,
    mean_corruption_error,
)

library = pytest.importorskip(
    "imagecorruptions", reason="imagecorruptions-imaug, of the extra `robustness`, is not installed"
)

# A smooth photograph-like image: blobs of several sizes.
Y, X = np.mgrid[:64, :64] / 64
PIXELS = np.stack([127 + 60 * np.sin(9 * X + c) + 50 * np.cos(7 * Y * X + c) for c in range(3)], -1).astype(np.uint8)
RANDOM = set(TYPES) - {"defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression"}


def test_types_and_groups_are_those_of_the_library():
    assert list(TYPES) == library.get_corruption_names("common")
    for group, names in CORRUPTIONS.items():
        assert list(names) == library.get_corruption_names(group)


def parameters_of_the_library(name):
    """What its function sets for the five severities, read off its text."""
    source = inspect.getsource(getattr(library.corruptions, name))
    alpha = re.search(r"(?:c|alpha) = (\[.*?\])\s*\[\s*severity - 1\]", source, re.DOTALL)[1]
    ranges = re.sub(r"np\.arange(\([^)]*\))", r"\1", alpha)
    return tuple(eval(ranges, {"__builtins__": {}}))


@pytest.mark.parametrize("name", [name for name in TYPES if name != "elastic_transform"])
def test_strengths_are_the_published_ones(name):
    assert parameters_of_the_library(name) == CORRUPTION_TABLE[name].parameters


def test_the_elastic_transform_is_said_to_differ():
    row = CORRUPTION_TABLE["elastic_transform"]
    theirs = parameters_of_the_library("elastic_transform")
    assert [each[0] for each in row.parameters] != pytest.approx(list(theirs)) and "no affine map" in row.differs
    published = [(2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02)]
    np.testing.assert_allclose(row.parameters, 244 * np.array(published))  # 244 is the authors' slip for 224


def test_pixels_are_those_of_the_published_definitions():
    """Plain forms of those that draw nothing, and the moments of those that do."""
    unit = PIXELS / 255
    for severity, row in enumerate(zip(*(CORRUPTION_TABLE[name].parameters for name in TYPES), strict=True), 1):
        of = dict(zip(TYPES, row, strict=True))
        mean = unit.mean(axis=(0, 1))
        low_contrast = ((unit - mean) * of["contrast"] + mean) * 255
        np.testing.assert_array_equal(corrupt(PIXELS, "contrast", severity, seed=0), low_contrast.astype(np.uint8))
        saved = io.BytesIO()
        Image.fromarray(PIXELS).save(saved, "JPEG", quality=of["jpeg_compression"])
        np.testing.assert_array_equal(
            corrupt(PIXELS, "jpeg_compression", severity, seed=0), np.array(Image.open(saved))
        )
        small = Image.fromarray(PIXELS).resize((int(64 * of["pixelate"]),) * 2, Image.BOX)
        large = np.array(small.resize((64, 64), Image.NEAREST))
        np.testing.assert_array_equal(corrupt(PIXELS, "pixelate", severity, seed=0), large)
        grey = np.full((128, 128, 3), 128, np.uint8)
        brighter = corrupt(grey, "brightness", severity, seed=0)
        assert brighter[0, 0].tolist() == [int(min(128 / 255 + of["brightness"], 1) * 255)] * 3
        noisy = corrupt(grey, "gaussian_noise", severity, seed=0) / 255
        if severity <= 3:  # stronger noise is clipped at 0 and 1
            assert noisy.std() == pytest.approx(of["gaussian_noise"], rel=0.03)
            shot = corrupt(grey, "shot_noise", severity, seed=0) / 255
            assert shot.std() == pytest.approx((128 / 255 / of["shot_noise"]) ** 0.5, rel=0.05)
        impulses = corrupt(grey, "impulse_noise", severity, seed=0)
        assert np.isin(impulses, (0, 255)).mean() == pytest.approx(of["impulse_noise"], abs=0.01)


@pytest.mark.parametrize("name", TYPES)
def test_each_type_is_seeded_and_grows_with_severity(name):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    found = [corrupt(PIXELS, name, severity, seed=0) for severity in SEVERITIES]
    assert all(each.shape == PIXELS.shape and each.dtype == np.uint8 for each in found)
    change = [np.abs(each.astype(float) - PIXELS).mean() for each in found]
    assert 0 < change[0] < change[-1]
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    np.random.rand(3)  # noqa: NPY002  # what others draw changes nothing
    np.testing.assert_array_equal(corrupt(PIXELS, name, 3, seed=0), found[2])
    assert (corrupt(PIXELS, name, 3, seed=1) != found[2]).any() == (name in RANDOM)
    if name not in RANDOM:
        np.testing.assert_array_equal(found[2], library.corrupt(PIXELS, 3, name))


def test_images_severities_and_types_have_draws_of_their_own():
    noise = [corrupt(each, "gaussian_noise", 1, seed=0) - each.astype(int) for each in (PIXELS, PIXELS[::-1])]
    assert (noise[0] != noise[1]).mean() > 0.5
    grey = np.full((64, 64, 3), 128, np.uint8)
    one, two = ((corrupt(grey, "gaussian_noise", s, seed=0).astype(float) - 128).ravel() for s in (1, 2))
    assert abs(np.corrcoef(one, two)[0, 1]) < 4 / np.sqrt(one.size)  # four standard errors


def test_mean_corruption_error_is_that_of_a_plain_loop():
    generator = np.random.default_rng(0)
    accuracy = {name: generator.random(5).tolist() for name in TYPES}
    alexnet = {name: row.alexnet_error for name, row in CORRUPTION_TABLE.items()}
    expected = sum(100 * sum(1 - a for a in accuracy[name]) / (5 * alexnet[name]) for name in TYPES) / 15
    assert mean_corruption_error(accuracy) == pytest.approx(expected, rel=1e-12)  # float64
    assert mean_corruption_error({name: [1 - alexnet[name]] * 5 for name in TYPES}) == pytest.approx(100)
    assert mean_corruption_error({name: [1] * 5 for name in TYPES}) == 0
    means = group_means(accuracy)
    assert means["weather"] == pytest.approx(np.mean([accuracy[name] for name in CORRUPTIONS["weather"]]))
    assert set(group_means({"fog": [0.5] * 5})) == {"weather"}
    with pytest.raises(ValueError, match="needs all 15 types at 5 severities"):
        mean_corruption_error({"fog": [0.5] * 5})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((PIXELS, "rain", 1), "unknown corruption 'rain'; have gaussian_noise"),
        ((PIXELS, "fog", 0), "severity is 0; it is a whole number from 1 to 5"),
        ((PIXELS[:28, :28], "fog", 1), r"\(28, 28\) pixels is too small to corrupt; enlarge it to 32"),
        ((PIXELS / 255, "fog", 1), "uint8 of shape"),
        ((PIXELS[..., 0], "fog", 1), "uint8 of shape"),
    ],
)
def test_what_cannot_be_corrupted(arguments, told):
    with pytest.raises(ValueError, match=told):
        corrupt(*arguments, seed=0)


def test_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecorruptions", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'vonenet_brainscore\[robustness\]'"):
        corrupt(PIXELS, "fog", 1, seed=0)
