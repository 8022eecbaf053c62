"""`record` at a stated width: what a benchmark of that width would show."""

import numpy as np
import pytest
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.benchmark_helpers.screen import place_on_screen
from PIL import Image
from tiny_networks import tiny_vonenet
from torch import nn

from vonenet_brainscore import record
from vonenet_brainscore.stimuli.screen import placed_exactly

QUIET = {"noise": "none", "progress": False}


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    for index in range(3):
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(tmp_path / f"{index}.png")
    return tmp_path


def stimulus_set(folder):
    files = sorted(folder.glob("*.png"))
    made = StimulusSet({"stimulus_id": [file.name for file in files]})
    made.stimulus_paths = {file.name: file for file in files}
    made.identifier = "made"
    return made


@pytest.mark.parametrize("degrees", [2, 4, 8, 11])
def test_images_are_shown_as_benchmarks_show_them(images, degrees):
    network = tiny_vonenet(noise_mode=None)
    with placed_exactly():
        placed = place_on_screen(stimulus_set(images), target_visual_degrees=8, source_visual_degrees=degrees)
    expected = record(network, placed, **QUIET)
    files = [Image.open(file) for file in sorted(images.glob("*.png"))]
    for stimuli in (images, stimulus_set(images), files, [np.asarray(file) for file in files]):
        shown = record(network, stimuli, visual_degrees=degrees, **QUIET)
        np.testing.assert_array_equal(shown.values, expected.values)
    by_name = record(network, images, visual_degrees=degrees, **QUIET)
    assert list(by_name["stimulus_id"].values) == ["0.png", "1.png", "2.png"]
    assert list(by_name["stimulus_path"].values) == [str(images / name) for name in by_name["stimulus_id"].values]


def test_the_width_is_that_of_the_visual_field_unless_it_is_stated(images):
    network = tiny_vonenet(noise_mode=None)
    whole, stated, small = (
        record(network, images, **QUIET, **width) for width in ({}, {"visual_degrees": 8}, {"visual_degrees": 4})
    )
    np.testing.assert_array_equal(whole.values, stated.values)
    assert not np.allclose(whole.values, small.values)


def test_other_networks_take_a_width_too(images):
    network = nn.Sequential(nn.Conv2d(3, 4, 9, stride=8))
    small = record(network, images, ["0"], visual_degrees=4, **QUIET)
    corner = small.values.reshape(3, 4, 27, 27)[:, :, :6, :6]  # beyond the image, where the screen is grey
    grey = record(network, [np.full((40, 40, 3), 128, np.uint8)], ["0"], **QUIET).values.reshape(4, 27, 27)
    np.testing.assert_allclose(corner, np.broadcast_to(grey[:, :6, :6], corner.shape), atol=1e-6)
    whole = record(network, images, ["0"], **QUIET).values.reshape(3, 4, 27, 27)
    assert np.abs(whole[:, :, :6, :6] - grey[:, :6, :6]).max() > 0.1


@pytest.mark.parametrize(
    ("degrees", "error"), [(0, ValueError), (180, ValueError), (np.nan, ValueError), ("4", TypeError)]
)
def test_impossible_widths_are_refused(images, degrees, error):
    with pytest.raises(error, match="visual_degrees"):
        record(tiny_vonenet(), images, visual_degrees=degrees, progress=False)
