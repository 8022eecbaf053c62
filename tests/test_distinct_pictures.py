"""One picture under several names: refused where it is the same, warned of where it nearly is."""

import warnings

import numpy as np
import pytest
from PIL import Image

from vonenet_brainscore.own_recordings.neural_benchmark import neural_benchmark
from vonenet_brainscore.own_recordings.pairing import paired


@pytest.fixture
def picture():
    """A grey texture with structure at all scales, as a photograph has: uint8, shape (y, x)."""
    pixels = np.random.default_rng(0).normal(size=(64, 64)).cumsum(axis=0).cumsum(axis=1)
    return (255 * (pixels - pixels.min()) / np.ptp(pixels)).astype(np.uint8)


def saved(folder, pictures):
    folder.mkdir(exist_ok=True)
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(folder / name)
    return folder


def test_each_presentation_as_a_file_of_its_own_is_refused(tmp_path):
    """40 pictures, three files each: training and test shared pictures, and neurons tuned at random scored 0.55."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (40, 8, 8), dtype=np.uint8)
    folder = saved(tmp_path / "images", {f"{i:02d}-{k}.png": pictures[i] for i in range(40) for k in range(3)})
    rates = random.gamma(2, 3, size=(40, 6))
    counts = random.poisson(np.repeat(rates, 3, axis=0))
    message = "120 stimuli are 40 different pictures: '00-1' is the same picture as '00-0'.*repetition"
    with pytest.raises(ValueError, match=message):
        neural_benchmark("presentations", folder, counts)
    once = saved(tmp_path / "once", {f"{i:02d}.png": pictures[i] for i in range(40)})
    benchmark = neural_benchmark("repetitions", once, counts.reshape(40, 3, 6).transpose(0, 2, 1))
    assert benchmark.own_recordings["n_repetitions"] == 3


def test_ten_pictures_four_times_are_not_forty(tmp_path):
    """25 components of PLS were fitted to pictures of rank 9."""
    pictures = np.random.default_rng(0).integers(0, 256, (10, 8, 8), dtype=np.uint8)
    folder = saved(tmp_path / "images", {f"{i:02d}-{k}.png": pictures[i] for i in range(10) for k in range(4)})
    with pytest.raises(ValueError, match="40 stimuli are 10 different pictures"):
        neural_benchmark("presentations", folder, np.random.default_rng(1).normal(size=(40, 6)))
    once = saved(tmp_path / "once", {f"{i:02d}.png": pictures[i] for i in range(10)})
    with pytest.raises(ValueError, match="10 stimuli are too few for 'pls' on splits of 90 % and 10 %; needs 29"):
        neural_benchmark("repetitions", once, np.random.default_rng(1).normal(size=(10, 6, 4)))


@pytest.mark.parametrize("form", ["png", "bmp", "colour", "transparent"])
def test_the_same_pixels_in_any_file_are_one_picture(tmp_path, picture, form):
    folder = saved(tmp_path / "images", {"a.png": picture, "b.png": picture[::-1]})
    grey = Image.fromarray(picture)
    if form == "transparent":
        grey.convert("RGBA").save(folder / "c.png")
    else:
        (grey.convert("RGB") if form == "colour" else grey).save(folder / f"c.{'bmp' if form == 'bmp' else 'png'}")
    with pytest.raises(ValueError, match="3 stimuli are 2 different pictures: 'c' is the same picture as 'a'"):
        paired(folder, np.arange(6.0).reshape(3, 2))


@pytest.mark.parametrize("form", ["jpeg", "larger"])
def test_one_picture_in_two_formats_or_sizes_is_warned_of(tmp_path, picture, form):
    folder = saved(tmp_path / "images", {"a.png": picture, "b.png": picture[::-1]})
    if form == "jpeg":
        Image.fromarray(picture).save(folder / "c.jpg", quality=75)
    else:
        Image.fromarray(picture).resize((128, 128)).save(folder / "c.png")
    with pytest.warns(UserWarning, match="1 pairs of stimuli look the same, for example 'a' and 'c'"):
        paired(sorted(folder.iterdir()), np.arange(6.0).reshape(3, 2))


def test_pictures_that_differ_are_not_warned_of(tmp_path, picture):
    half = (128 + (picture.astype(int) - 128) // 2).astype(np.uint8)
    shifted = np.roll(picture, 4, axis=1)
    uniform = {f"uniform{grey}.png": np.full((64, 64), grey, np.uint8) for grey in (126, 127, 128)}
    pictures = {"a.png": picture, "half.png": half, "shifted.png": shifted, **uniform}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paired(saved(tmp_path / "images", pictures), np.arange(12.0).reshape(6, 2))
