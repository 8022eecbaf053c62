"""Gratings against Brain-Score's own generator and screen, pixel for pixel."""

import importlib
import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vonenet_brainscore.stimuli.gratings import (
    GRATING_SETS,
    PARAMETERS,
    grating_parameters,
    grating_stimulus_set,
    render_gratings,
    screen_size,
)

GRATINGS = [name for name in GRATING_SETS if name != "blank"]


@pytest.fixture(scope="module")
def generator():
    """Brain-Score's own stimulus scripts, which import each other from their folder, save with imageio and can plot."""
    imageio, matplotlib = types.ModuleType("imageio"), types.ModuleType("matplotlib")  # neither need be installed
    imageio.imwrite = lambda path, image: Image.fromarray(image).save(path)
    matplotlib.pyplot = types.ModuleType("matplotlib.pyplot")
    brainscore = Path(importlib.util.find_spec("brainscore_vision").origin).parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BS_INSTALL_DEPENDENCIES", "no")
        patch.syspath_prepend(str(brainscore / "data/marques2020/data_packaging"))
        patch.setitem(sys.modules, "imageio", imageio)
        patch.setitem(sys.modules, "matplotlib", matplotlib)
        patch.setitem(sys.modules, "matplotlib.pyplot", matplotlib.pyplot)
        module = importlib.import_module("marques_gen_stim")
    return module


def brainscore_pixels(generator, row, visual_degrees, directory):
    """One grating, drawn by Brain-Score's generator and put on the subject's screen by its converter."""
    from brainscore_vision.benchmark_helpers.screen import ImageConverter

    common = sys.modules["marques_stim_common"]
    grating = common.Grating(
        width=generator.DEGREES,
        size_px=[generator.SIZE_PX] * 2,
        pos=[row.position_y, row.position_x],
        contrast=row.contrast,
        rad=row.radius,
        sf=row.spatial_frequency,
        orientation=row.orientation,
        phase=row.phase,
        save_dir=str(directory),
    )
    path = directory / grating.save_stimulus()
    (directory / "placed").mkdir(exist_ok=True)
    placed = ImageConverter(directory / "placed").convert_image(path, generator.DEGREES, visual_degrees)
    return np.asarray(Image.open(placed).convert("RGB"))


# ---- reference: Brain-Score's generator


@pytest.mark.parametrize("name", GRATINGS)
def test_parameters_are_those_of_the_generator(generator, name):
    rows = generator.GRAT_PARAMS[f"Marques2020_{name}"]
    if name == "receptive_field":  # the generator's order is one that Brain-Score's analysis refuses
        rows = rows[np.lexsort(rows.T[::-1])]
    np.testing.assert_array_equal(grating_parameters(name).to_numpy(), rows)


@pytest.mark.parametrize("visual_degrees", [8, 12, 13.31])
@pytest.mark.parametrize("name", GRATINGS)
def test_pixels_are_those_of_the_generator(generator, name, visual_degrees, tmp_path):
    sample = grating_parameters(name).sample(8, random_state=GRATINGS.index(name))
    images = render_gratings(sample, visual_degrees=visual_degrees)
    for image, row in zip(images, sample.itertuples(), strict=True):
        expected = brainscore_pixels(generator, row, visual_degrees, tmp_path)
        np.testing.assert_array_equal(image[..., None].repeat(3, axis=-1), expected, err_msg=str(row))


@pytest.mark.parametrize("visual_degrees", [7.31, 6.69])  # crops that are an odd number of pixels away from the field
def test_odd_screens_are_those_of_the_generator(generator, visual_degrees, tmp_path):
    assert (672 - screen_size(visual_degrees)) % 2 == 1
    row = grating_parameters("size").iloc[[2300]]
    expected = brainscore_pixels(generator, next(row.itertuples()), visual_degrees, tmp_path)
    np.testing.assert_array_equal(render_gratings(row, visual_degrees=visual_degrees)[0], expected[..., 0])


def test_a_grating_larger_than_the_field_ends_with_it(generator, tmp_path):
    row = grating_parameters("size").iloc[[1200]].assign(radius=9.0)
    expected = brainscore_pixels(generator, next(row.itertuples()), 15, tmp_path)
    np.testing.assert_array_equal(render_gratings(row, visual_degrees=15)[0], expected[..., 0])


def test_every_radius_masks_the_same_pixels_as_the_generator(generator, tmp_path):
    every = pd.concat([grating_parameters(name) for name in GRATINGS])
    for row in every.drop_duplicates("radius").itertuples():
        expected = brainscore_pixels(generator, row, 8, tmp_path)[..., 0]
        np.testing.assert_array_equal(render_gratings(pd.DataFrame([row]))[0], expected)


def test_stimulus_set_goes_through_brainscores_screen(tmp_path, monkeypatch):
    from brainscore_vision.benchmark_helpers import screen

    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    monkeypatch.setattr(screen, "root_path", tmp_path / "screen")
    monkeypatch.setattr(
        "vonenet_brainscore.stimuli.gratings.grating_parameters", lambda name: grating_parameters(name).iloc[:3]
    )
    stimuli = grating_stimulus_set("size", tmp_path / "field")
    placed = screen.place_on_screen(stimuli, target_visual_degrees=8)
    direct = grating_stimulus_set("size", tmp_path / "direct", visual_degrees=8)

    assert stimuli.identifier == "Marques2020_size"
    assert direct.identifier == placed.identifier
    assert list(placed.columns) == ["stimulus_id", "filename", "degrees", *PARAMETERS]
    pd.testing.assert_frame_equal(pd.DataFrame(direct), pd.DataFrame(placed), check_dtype=False)
    for stimulus_id in stimuli["stimulus_id"]:
        theirs, ours = (np.asarray(Image.open(s.get_stimulus(stimulus_id))) for s in (placed, direct))
        np.testing.assert_array_equal(ours, theirs)
    assert screen.place_on_screen(direct, target_visual_degrees=8) is direct


# ---- laws


@pytest.mark.parametrize(
    "name, size",
    [("blank", 1), ("receptive_field", 3528), ("orientation", 1152), ("spatial_frequency", 2112), ("size", 2304)],
)
def test_sets_have_the_published_sizes(name, size):
    assert len(grating_parameters(name)) == size


@pytest.mark.parametrize("visual_degrees", [8, 13.31])
def test_a_window_is_a_slice_of_the_screen(visual_degrees):
    sample = pd.concat([grating_parameters(name).sample(6, random_state=0) for name in GRATING_SETS if name != "blank"])
    full = render_gratings(sample, visual_degrees=visual_degrees)
    size = full.shape[1]
    for top, left, height, width in [(0, 0, size, size), (200, 190, 70, 61), (size - 9, 0, 9, 5), (250, 250, 1, 1)]:
        window = render_gratings(sample, visual_degrees=visual_degrees, window=(top, left, height, width))
        np.testing.assert_array_equal(window, full[:, top : top + height, left : left + width])


def test_rows_may_come_in_any_order_and_number():
    parameters = grating_parameters("size")
    window = (200, 200, 90, 90)
    images = render_gratings(parameters, window=window)
    shuffled = parameters.sample(40, random_state=3)
    np.testing.assert_array_equal(render_gratings(shuffled, window=window), images[shuffled.index])


def test_the_blank_is_grey():
    assert (render_gratings(grating_parameters("blank")) == 128).all()


def test_the_callers_table_is_not_written_to():
    parameters = grating_parameters("orientation").iloc[[5, 3]]
    before = parameters.copy(deep=True)
    render_gratings(parameters, window=(0, 0, 4, 4))
    pd.testing.assert_frame_equal(parameters, before)


def test_the_blank_set_has_no_grating_columns(tmp_path):
    blank = grating_stimulus_set("blank", tmp_path)
    assert list(blank.columns) == ["stimulus_id", "filename", "degrees"]
    assert np.asarray(Image.open(blank.get_stimulus("0"))).shape == (672, 672)


# ---- refusals


def test_an_unknown_set_is_refused():
    with pytest.raises(ValueError, match="unknown grating set 'colour'; have blank, receptive_field"):
        grating_parameters("colour")


@pytest.mark.parametrize("visual_degrees", [0, -8, 0.001])
def test_a_screen_without_pixels_is_refused(visual_degrees):
    with pytest.raises(ValueError, match="at least a pixel wide"):
        screen_size(visual_degrees)


@pytest.mark.parametrize("window", [(-1, 0, 5, 5), (0, 400, 5, 60), (0, 0, 0, 5)])
def test_a_window_off_the_screen_is_refused(window):
    with pytest.raises(ValueError, match="does not lie on a screen of 448 x 448 px"):
        render_gratings(grating_parameters("blank"), window=window)


def test_bad_parameters_are_refused():
    gratings = grating_parameters("size").iloc[:2]
    with pytest.raises(ValueError, match="lack radius, phase"):
        render_gratings(gratings.drop(columns=["radius", "phase"]))
    with pytest.raises(ValueError, match=r"contrast must lie in \[0, 1\]"):
        render_gratings(gratings.assign(contrast=1.5))
    with pytest.raises(ValueError, match="undefined parameter"):
        render_gratings(gratings.assign(phase=np.nan))
