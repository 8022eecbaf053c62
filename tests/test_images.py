"""Images are decoded and resized as torchvision and Brain-Score do it, and bad ones are refused by name."""

import numpy as np
import pytest
from PIL import Image
from torchvision_here import needs_torchvision

from vonenet_brainscore.stimuli.images import (
    as_picture,
    content_of,
    image_files,
    normalise,
    read_image,
    resize,
    stimulus_files,
)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (37, 51, 3), dtype=np.uint8)


@needs_torchvision  # Brain-Score's preprocessing is torchvision's
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P"])
def test_decoding_and_preprocessing_equal_brainscore(tmp_path, pixels, mode):
    from brainscore_vision.model_helpers.activations.pytorch import load_preprocess_images

    path = tmp_path / "image.png"
    Image.fromarray(pixels).convert(mode).save(path)
    half = (0.5, 0.5, 0.5)
    theirs = load_preprocess_images([path], image_size=24, normalize_mean=half, normalize_std=half)
    ours = normalise(resize(read_image(path).pixels, (24, 24)))
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours[None], theirs)


def test_normalise_written_out(pixels):
    fed = normalise(pixels)
    assert fed.shape == (3, 37, 51)
    # rtol: float32 division and subtraction
    assert fed[2, 5, 7] == pytest.approx((pixels[5, 7, 2] / 255 - 0.5) / 0.5, rel=1e-6, abs=1e-7)
    np.testing.assert_array_equal(normalise(pixels[None])[0], fed)


def test_resize_takes_rows_first(pixels):
    assert resize(pixels, (10, 20)).shape == (10, 20, 3)
    assert resize(pixels, (37, 51)) is pixels


def test_content_is_that_of_the_pixels(tmp_path, pixels):
    for name in ("one.png", "other.bmp"):
        Image.fromarray(pixels).save(tmp_path / name)
    contents = {read_image(tmp_path / name).content for name in ("one.png", "other.bmp")}
    contents.add(as_picture(pixels).content)
    contents.add(as_picture(Image.fromarray(pixels)).content)
    assert len(contents) == 1
    changed = pixels.copy()
    changed[0, 0, 0] ^= 1
    assert as_picture(changed).content not in contents
    assert content_of(pixels.reshape(51, 37, 3)) not in contents


def test_grey_is_told_from_colour(pixels):
    assert as_picture(pixels[..., 0]).is_grey
    assert not as_picture(pixels).is_grey


def test_the_callers_array_is_not_kept(pixels):
    picture = as_picture(pixels)
    pixels[:] = 0
    assert picture.pixels.any()


def test_refusals(tmp_path, pixels):
    with pytest.raises(FileNotFoundError, match=r"no image at .*absent\.png"):
        read_image(tmp_path / "absent.png")
    broken = tmp_path / "broken.png"
    Image.fromarray(pixels).save(broken)
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"broken\.png cannot be read as an image"):
        read_image(broken)
    deep = tmp_path / "deep.png"
    Image.fromarray(np.full((4, 4), 40000, np.uint16)).save(deep)
    with pytest.raises(ValueError, match=r"deep\.png has 16 bits per channel"):
        read_image(deep)
    with pytest.raises(TypeError, match="not list"):
        as_picture([[0]])
    with pytest.raises(ValueError, match="uint8 of shape"):
        as_picture(np.zeros((4, 4)))


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch, pixels):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    Image.fromarray(pixels).save(tmp_path / "bomb.png")
    with pytest.raises(ValueError, match=r"bomb\.png cannot be read .*exceeds limit"):
        read_image(tmp_path / "bomb.png")


def test_image_files_are_sorted_and_hidden_ones_left_out(tmp_path, pixels):
    for name in ("b.png", "a.JPG", ".hidden.png", "notes.txt"):
        (tmp_path / name).touch()
    assert [file.name for file in image_files(tmp_path)] == ["a.JPG", "b.png"]
    with pytest.raises(FileNotFoundError, match="no folder at"):
        image_files(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no images in"):
        image_files(tmp_path / "empty")


def test_a_stimulus_set_says_where_every_image_is(tmp_path):
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    stimuli = StimulusSet({"stimulus_id": ["b", "a", "c"]})
    stimuli.stimulus_paths = {name: str(tmp_path / f"{name}.png") for name in ("a", "b", "c")}
    assert stimulus_files(stimuli) == [tmp_path / f"{name}.png" for name in ("b", "a", "c")]
    for lost in ("a", "c"):
        del stimuli.stimulus_paths[lost]
        with pytest.raises(ValueError, match=r"[12] of 3 stimuli have no path in stimulus_paths, 'a' first"):
            stimulus_files(stimuli)
    with pytest.raises(ValueError, match="a table of stimuli is a Brain-Score StimulusSet"):
        stimulus_files(stimuli.drop(columns="stimulus_id"))
