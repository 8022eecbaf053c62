"""Corruptions: the library's, seeded; their groups; mean corruption error against AlexNet."""

import sys

import numpy as np
import pytest

from vonenet_brainscore.robustness.corruptions import (
    ALEXNET_ERROR,
    CORRUPTIONS,
    SEVERITIES,
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
    assert set(ALEXNET_ERROR) == set(TYPES)


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
    expected = sum(100 * sum(1 - a for a in accuracy[name]) / (5 * ALEXNET_ERROR[name]) for name in TYPES) / 15
    assert mean_corruption_error(accuracy) == pytest.approx(expected, rel=1e-12)  # float64
    assert mean_corruption_error({name: [1 - ALEXNET_ERROR[name]] * 5 for name in TYPES}) == pytest.approx(100)
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
