"""Recordings have Brain-Score's format: its names, its order, its identifiers."""

import functools

import numpy as np
import pytest
from PIL import Image
from tiny_networks import PlainNetwork, tiny_vonenet
from torchvision_here import needs_torchvision

from vonenet_brainscore.recordings.activations import ActivationsExtractor
from vonenet_brainscore.recordings.assemblies import presentation_coordinates
from vonenet_brainscore.recordings.neuroids import COLOURS, receptive_field_degrees, unit_axes
from vonenet_brainscore.stimuli.images import as_picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    for index in range(3):
        Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path / f"image{index}.png")
    return path


@pytest.fixture
def stimulus_set(folder):
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    stimuli = StimulusSet({"stimulus_id": ["s2", "s0", "s1"], "family": ["a", "b", "a"]})
    stimuli.stimulus_paths = {f"s{index}": folder / f"image{index}.png" for index in range(3)}
    stimuli.identifier = "three"
    return stimuli


@needs_torchvision  # Brain-Score's preprocessing is torchvision's
def test_equals_brainscores_own_wrapper(stimulus_set, monkeypatch):
    from brainscore_vision.model_helpers.activations.pytorch import PytorchWrapper, load_preprocess_images

    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    network = PlainNetwork().eval()
    half = (0.5, 0.5, 0.5)
    preprocessing = functools.partial(load_preprocess_images, image_size=64, normalize_mean=half, normalize_std=half)
    wrapper = PytorchWrapper(identifier="plain", model=network, preprocessing=preprocessing, batch_size=3)
    theirs = wrapper(stimulus_set, layers=["relu", "head"])
    ours = ActivationsExtractor(network, "plain", image_size=64, batch_size=3, progress=False)(
        stimulus_set, ["relu", "head"]
    )
    np.testing.assert_array_equal(ours.values, theirs.values)
    for name in ("neuroid_id", "neuroid_num", "model", "layer", "channel"):
        np.testing.assert_array_equal(ours[name].values, theirs[name].values)
    convolution = theirs["layer"].values == "relu"
    for name in ("channel_x", "channel_y"):
        np.testing.assert_array_equal(ours[name].values[convolution], theirs[name].values[convolution])
        assert np.isnan(ours[name].values[~convolution]).all()
    for name in ("stimulus_id", "family"):
        np.testing.assert_array_equal(ours[name].values, theirs[name].values)


def test_places_and_channels_of_maps_and_tokens():
    for units in ((6, 4, 4), (4, 4, 6)):
        axes = unit_axes(units)
        channels = np.arange(6).reshape(-1, 1, 1) if units[0] == 6 else np.arange(6)
        np.testing.assert_array_equal(axes["channel"], np.broadcast_to(channels, units).ravel())
        rows = np.arange(4).reshape((1, -1, 1) if units[0] == 6 else (-1, 1, 1))
        np.testing.assert_array_equal(axes["channel_x"], np.broadcast_to(rows, units).ravel())
    assert unit_axes((4, 4, 4))["channel"][-1] == 3 and (unit_axes((4, 4, 4))["channel"][:16] == 0).all()
    assert (unit_axes((2, 3, 4))["channel"][:12] == 0).all()
    assert set(unit_axes((5, 7))) == {"channel", "embedding"} and set(unit_axes((5,))) == {"channel"}


def test_vone_units_say_what_they_are():
    network = tiny_vonenet()
    block = network.vone_block
    image = np.zeros((64, 64, 3), np.uint8)
    units = ActivationsExtractor(network, "tiny", image_size=64, progress=False)([image], ["vone_block"])
    assert units.shape == (1, 64 * 16 * 16)
    channel = units["channel"].values
    np.testing.assert_array_equal(units["cell_type"].values == "simple", channel < 32)
    np.testing.assert_array_equal(units["orientation"].values, block.gabor_parameters.theta_deg[channel])
    np.testing.assert_array_equal(units["spatial_frequency"].values, block.gabor_parameters.sf_cpd[channel])
    assert {part for colour in units["colour"].values for part in colour.split("/")} == set(COLOURS)
    # The response of a unit follows from its own colour alone.
    only_red = image.copy()
    only_red[20:40, 20:40, 0] = 255
    change = np.abs(
        ActivationsExtractor(network, "tiny", image_size=64, noise="none", progress=False)(
            [only_red, image], ["vone_block"]
        )
        .diff("presentation")
        .values[0]
    )
    assert (change[units["colour"].values == "blue"] == 0).all()
    assert (change[units["colour"].values == "red"] > 0).any()


def test_receptive_fields_lie_where_a_dot_drives_the_unit():
    network = tiny_vonenet(simple_channels=0, complex_channels=64)
    extractor = ActivationsExtractor(network, "tiny", image_size=64, noise="none", progress=False)
    grey, dot = (np.full((64, 64, 3), 128, np.uint8) for _ in range(2))
    dot[44, 16] = 255  # row, column
    units = extractor([grey, dot], ["vone_block"])
    drive = np.abs(units.values[1] - units.values[0]).reshape(64, 16, 16).sum(axis=0)
    row, column = np.unravel_index(drive.argmax(), drive.shape)
    at = (units["channel_x"].values == row) & (units["channel_y"].values == column)  # Brain-Score's x counts rows
    pixels_per_degree = 64 / 8
    assert set(units["receptive_field_y"].values[at]) == {(44.5 - 32) / pixels_per_degree}
    assert set(units["receptive_field_x"].values[at]) == {(16.5 - 32) / pixels_per_degree}


def test_parameters_are_nan_where_the_kernels_are_not_theirs():
    network = tiny_vonenet()
    network.vone_block.simple_conv_q0.weight[3] += 1.0
    units = ActivationsExtractor(network, "tiny", image_size=64, progress=False)(
        [np.zeros((64, 64), np.uint8)], ["vone_block"]
    )
    assert np.isnan(units["orientation"].values).all()
    assert (units["colour"].values[units["channel"].values == 3] == "mixed").all()


def test_receptive_fields_are_spaced_by_the_stride():
    block = tiny_vonenet().vone_block
    np.testing.assert_allclose(np.diff(receptive_field_degrees(block, np.arange(16))), 4 / 8)


def test_trials_kept_apart_are_presentations_with_a_repetition(folder):
    network = tiny_vonenet()
    extractor = ActivationsExtractor(network, "tiny", image_size=64, progress=False)
    apart = extractor(folder, ["logits"], number_of_trials=4, require_variance=True)
    assert apart.shape == (12, 10)
    np.testing.assert_array_equal(apart["repetition"].values, [0, 1, 2, 3] * 3)
    assert list(apart["stimulus_id"].values[::4]) == ["image0.png", "image1.png", "image2.png"]
    mean = extractor(folder, ["logits"], number_of_trials=4)
    np.testing.assert_allclose(apart.values.reshape(3, 4, 10).mean(axis=1), mean.values, rtol=1e-5, atol=1e-6)


def test_stimuli_in_every_form(folder, stimulus_set):
    names = ["image0.png", "image1.png", "image2.png"]
    columns, images = presentation_coordinates(folder)
    assert list(columns["stimulus_id"]) == names and [image.name for image in images] == names
    columns, _ = presentation_coordinates([str(folder / name) for name in names])
    assert list(columns["stimulus_id"]) == names
    columns, images = presentation_coordinates(stimulus_set)
    assert list(columns["stimulus_id"]) == ["s2", "s0", "s1"] and images[0].name == "image2.png"
    array = np.zeros((4, 4), np.uint8)
    columns, _ = presentation_coordinates([array])
    assert columns["stimulus_id"][0] == as_picture(array).content.hex()[:32]


def test_stimuli_have_names_of_their_own(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / name / "x.png")
    paths = [tmp_path / "a/x.png", tmp_path / "b/x.png"]
    assert list(presentation_coordinates(paths)[0]["stimulus_id"]) == list(map(str, paths))
    array = np.zeros((4, 4), np.uint8)
    twice = presentation_coordinates([array, array])[0]["stimulus_id"]
    assert twice[1] == f"{twice[0]}#2"


def test_refusals(folder):
    with pytest.raises(ValueError, match="no stimuli to look at"):
        presentation_coordinates([])
    with pytest.raises(TypeError, match="put it into a list"):
        presentation_coordinates(np.zeros((4, 4), np.uint8))
    with pytest.raises(FileNotFoundError, match=r"1 of 2 images are missing, the first is .*gone\.png"):
        presentation_coordinates([folder / "image0.png", folder / "gone.png"])


def test_loose_files_that_programs_show_differently_are_refused(tmp_path):
    first, second = Image.new("L", (8, 8)), Image.new("L", (8, 8), 255)
    first.save(tmp_path / "two.gif", save_all=True, append_images=[second])
    with pytest.raises(ValueError, match=r"two\.gif holds 2 pictures"):
        presentation_coordinates([tmp_path / "two.gif"])
