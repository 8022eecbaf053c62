"""Units seen through a window answer as they do to the whole screen."""

import numpy as np
import pandas as pd
import pytest
import torch
from tiny_networks import tiny_vonenet

from vonenet_brainscore.recordings.activations import ActivationsExtractor
from vonenet_brainscore.recordings.noise_draws import fill_with_noise
from vonenet_brainscore.stimuli.gratings import grating_parameters
from vonenet_brainscore.stimuli.images import as_picture, normalise, resize
from vonenet_brainscore.stimuli.masked_gratings import render
from vonenet_brainscore.tuning.receptive_fields import is_probed, receptive_field_centres
from vonenet_brainscore.tuning.window import VOneWindow
from vonenet_brainscore.tuning.window_recorder import WindowRecorder


def some_gratings():
    """A few of each set, at many places and of all sizes."""
    sets = [grating_parameters(name) for name in ("receptive_field", "orientation", "spatial_frequency", "size")]
    return pd.concat([*(each.sample(8, random_state=0) for each in sets), grating_parameters("blank")])


def whole_screen(block, gratings, visual_degrees):
    """Rates of every unit, computed without any shortcut: (grating, channel, y, x)."""
    screens = render(gratings, visual_degrees=visual_degrees)
    size = (block.image_size, block.image_size)
    fed = np.stack([normalise(np.repeat(resize(screen, size)[..., None], 3, axis=2)) for screen in screens])
    with torch.no_grad():
        return block.rates(torch.from_numpy(fed)).numpy()


# Screens of 448, 392, 410 and 112 pixels for 224 or 64: whole, dyadic and other ratios, and an enlargement.
@pytest.mark.parametrize(
    ("visual_degrees", "image_size"), [(8, 224), (7, 224), (7.33, 224), (2, 224), (8, 64), (14, 64), (8, 448)]
)
def test_equals_the_full_computation(visual_degrees, image_size):
    block = tiny_vonenet(visual_degrees=visual_degrees, image_size=image_size, ksize=9).vone_block
    gratings = some_gratings()
    last = image_size // 4
    for rows, columns in ((range(3, 9), range(5, 7)), (range(0, 2), range(last - 2, last)), (range(last), range(last))):
        window = VOneWindow(block, visual_degrees, rows, columns)
        ours = np.concatenate([rates.numpy() for _, rates in window.rates(gratings)])
        theirs = whole_screen(block, gratings, visual_degrees)[
            :, :, rows.start : rows.stop, columns.start : columns.stop
        ]
        assert ours.shape == (len(gratings), window.size)
        # float32 sums of 81 products in another order; rates reach 25
        np.testing.assert_allclose(ours, theirs.reshape(ours.shape), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("visual_degrees", "image_size"), [(8, 64), (7.33, 64), (2, 224)])
def test_equals_the_full_computation_where_cells_have_surrounds(visual_degrees, image_size):
    # 40 envelopes reach across the field; all cells have the same strength, so that each tests it
    block = tiny_vonenet(
        visual_degrees=visual_degrees, image_size=image_size, surround=0.9, surround_extent=40
    ).vone_block
    gratings = some_gratings()
    last = image_size // 4
    full = whole_screen(block, gratings, visual_degrees)
    for rows, columns in ((range(3, 9), range(5, 7)), (range(0, 2), range(last - 2, last))):
        window = VOneWindow(block, visual_degrees, rows, columns)
        ours = np.concatenate([rates.numpy() for _, rates in window.rates(gratings)])
        theirs = full[:, :, rows.start : rows.stop, columns.start : columns.stop].reshape(ours.shape)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_what_is_far_from_a_unit_matters_where_it_has_a_surround():
    """A grating that no kernel in the window sees changes its units' answer to the blank, as in the whole field."""
    block = tiny_vonenet(surround=0.9, surround_extent=40).vone_block
    far = grating_parameters("receptive_field").query("position_y == 2.5 and position_x == -2.5").iloc[:2]
    window = VOneWindow(block, 8, range(1, 3), range(12, 14))
    ((_, ours),) = window.rates(far)
    ((_, blank),) = window.rates(grating_parameters("blank"))
    theirs = whole_screen(block, far, 8)[:, :, 1:3, 12:14].reshape(ours.shape)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    fires = blank[0] > 1e-4
    assert (ours[:, fires] < 0.999 * blank[0, fires]).any()


def test_a_mask_around_a_grating_is_pooled_as_far_as_it_reaches():
    block = tiny_vonenet(surround=0.9, surround_extent=40).vone_block
    gratings = grating_parameters("size").iloc[[200, 400]]
    masks = {"mask_contrast": [1.0, 0.0], "mask_inner_radius": [1.0, 1.0], "mask_radius": [2.5, 2.5]}
    gratings = gratings.assign(**masks, mask_orientation=90.0, mask_phase=0.0)
    ours = torch.cat([rates for _, rates in VOneWindow(block, 8, range(8, 10), range(8, 10)).rates(gratings)])
    theirs = whole_screen(block, gratings, 8)[:, :, 8:10, 8:10].reshape(ours.shape)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_images_that_fill_the_screen_are_seen_whole_where_cells_have_surrounds():
    block = tiny_vonenet(surround=0.9, surround_extent=40).vone_block
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64), dtype=np.uint8)
    ours = VOneWindow(block, 8, range(2, 4), range(9, 10)).rates_to_images([as_picture(image) for image in pixels])
    with torch.no_grad():
        theirs = block.rates(torch.from_numpy(normalise(np.repeat(pixels[..., None], 3, axis=3))))
    torch.testing.assert_close(ours, theirs[:, :, 2:4, 9:10].flatten(1), rtol=1e-5, atol=1e-5)


# Without a surround, and with one that reaches across the field.
@pytest.fixture(scope="module", params=[{}, {"surround": "li2022", "surround_extent": 10}], ids=["alone", "surround"])
def recorder_and_block(request):
    network = tiny_vonenet(noise_mode=None, **request.param)
    extractor = ActivationsExtractor(network, "tiny", image_size=64, progress=False)
    return WindowRecorder(extractor, network.vone_block, 8), network.vone_block


def test_mapped_receptive_fields_equal_those_of_the_whole_field(recorder_and_block):
    recorder, block = recorder_and_block
    responses, blank, positions = recorder.map_receptive_fields()
    centres = receptive_field_centres(responses, blank, positions)
    table = recorder.keep(is_probed(centres))

    parameters = grating_parameters("receptive_field")
    parts = [whole_screen(block, parameters[start : start + 252], 8) for start in range(0, 3528, 252)]
    full = np.concatenate([part.reshape(len(part), -1) for part in parts]).T  # (neuroid, presentation)
    full_blank = whole_screen(block, grating_parameters("blank"), 8).ravel()
    full_centres = receptive_field_centres(full, full_blank, parameters)
    probed = np.flatnonzero(is_probed(full_centres))
    ours = np.ravel_multi_index((table["channel"], table["channel_x"], table["channel_y"]), (64, 16, 16))
    np.testing.assert_array_equal(ours, probed)
    assert 0 < len(probed) < len(full)
    np.testing.assert_allclose(centres[is_probed(centres)], full_centres[probed], atol=1e-5)  # float32 responses
    size = recorder.record("size", trials=20)
    expected = whole_screen(block, grating_parameters("size")[::97], 8).reshape(-1, len(full))[:, probed].T
    np.testing.assert_allclose(size[:, ::97], expected, rtol=1e-5, atol=1e-5)


def test_trials_are_keyed_draws_of_the_blocks_noise():
    network = tiny_vonenet()
    block = network.vone_block

    def recorder(**settings):
        extractor = ActivationsExtractor(network, "tiny", image_size=64, progress=False, **settings)
        recorder = WindowRecorder(extractor, block, 8)
        responses, blank, positions = recorder.map_receptive_fields()
        recorder.keep(is_probed(receptive_field_centres(responses, blank, positions)))
        return recorder

    silent = recorder(noise="none").record("blank", trials=20)
    noisy = recorder(seed=4)
    three = noisy.record("blank", trials=3)
    np.testing.assert_array_equal(three, recorder(seed=4).record("blank", trials=3))
    assert not np.array_equal(three, recorder(seed=5).record("blank", trials=3))
    np.testing.assert_array_equal(three, recorder(seed=4, trials=3).record("blank", trials=20))
    many = recorder(trials=2000).record("blank", trials=20)
    draws = torch.randn(2000, silent.size, generator=torch.Generator().manual_seed(0))
    expected = block.add_noise(torch.from_numpy(silent.T).repeat(2000, 1), draws).mean(dim=0)
    # 0.5: rectified noise of standard deviation near 1 per unit, its mean over 2000 trials of 1/45
    np.testing.assert_allclose(many[:, 0], expected, atol=6 * 0.02)


def test_a_draw_depends_on_the_whole_screen_not_on_what_the_window_shows(monkeypatch):
    keys = []
    monkeypatch.setattr(
        "vonenet_brainscore.recordings.noise_draws.fill_with_noise",
        lambda draw, **key: keys.append((key["content"], key["trial"], key["window"])) or fill_with_noise(draw, **key),
    )
    network = tiny_vonenet()
    recorder = WindowRecorder(
        ActivationsExtractor(network, "tiny", image_size=64, progress=False), network.vone_block, 8
    )
    recorder.record("size", trials=2)
    assert len(set(keys)) == 2 * 2304  # the largest gratings look alike through the window


def test_a_draw_depends_on_where_the_recorded_units_are(monkeypatch):
    """One unit alone, in one place or in the next: the masks over the two windows are the same."""
    keys = []
    monkeypatch.setattr(
        "vonenet_brainscore.recordings.noise_draws.fill_with_noise",
        lambda draw, **key: keys.append(key["window"]) or fill_with_noise(draw, **key),
    )
    network = tiny_vonenet()
    extractor = ActivationsExtractor(network, "tiny", image_size=64, progress=False)
    for place in (0, 1):
        recorder = WindowRecorder(extractor, network.vone_block, 8)
        recorder.keep(np.arange(recorder._window.size) == place)
        recorder.record("blank", trials=1)
    assert len(set(keys)) == 2


def test_a_draw_depends_on_how_wide_the_screen_is(monkeypatch):
    """The same grating on a screen of another width is another stimulus."""
    keys = []
    monkeypatch.setattr(
        "vonenet_brainscore.recordings.noise_draws.fill_with_noise",
        lambda draw, **key: keys.append(key["content"]) or fill_with_noise(draw, **key),
    )
    for degrees in (8, 8.0, 7):
        network = tiny_vonenet(visual_degrees=degrees)
        extractor = ActivationsExtractor(network, "tiny", image_size=64, progress=False)
        WindowRecorder(extractor, network.vone_block, degrees).record("blank", trials=1)
    assert keys[0] == keys[1] != keys[2]


def test_a_field_that_does_not_reach_the_gratings_is_refused():
    network = tiny_vonenet(visual_degrees=0.2)
    with pytest.raises(ValueError, match="does not reach the gratings"):
        WindowRecorder(ActivationsExtractor(network, "tiny", progress=False), network.vone_block, 0.2)
