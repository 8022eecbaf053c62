"""Units seen through a window answer as they do to the whole screen."""

import numpy as np
import pandas as pd
import pytest
import torch
from tiny_networks import tiny_vonenet

from vonenet_brainscore.recordings.activations import ActivationsExtractor
from vonenet_brainscore.recordings.noise_draws import noise_draw
from vonenet_brainscore.stimuli.gratings import grating_parameters, render_gratings
from vonenet_brainscore.stimuli.images import normalise, resize
from vonenet_brainscore.tuning.receptive_fields import is_probed, receptive_field_centres
from vonenet_brainscore.tuning.window import VOneWindow
from vonenet_brainscore.tuning.window_recorder import WindowRecorder


def some_gratings():
    """A few of each set, at many places and of all sizes."""
    sets = [grating_parameters(name) for name in ("receptive_field", "orientation", "spatial_frequency", "size")]
    return pd.concat([*(each.sample(8, random_state=0) for each in sets), grating_parameters("blank")])


def whole_screen(block, gratings, visual_degrees):
    """Rates of every unit, computed without any shortcut: (grating, channel, y, x)."""
    screens = render_gratings(gratings, visual_degrees=visual_degrees)
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


@pytest.fixture(scope="module")
def recorder_and_block():
    network = tiny_vonenet(noise_mode=None)
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
        "vonenet_brainscore.recordings.noise_draws.noise_draw",
        lambda shape, **key: keys.append((key["content"], key["trial"], key["window"])) or noise_draw(shape, **key),
    )
    network = tiny_vonenet()
    recorder = WindowRecorder(
        ActivationsExtractor(network, "tiny", image_size=64, progress=False), network.vone_block, 8
    )
    recorder.record("size", trials=2)
    assert len(set(keys)) == 2 * 2304  # the largest gratings look alike through the window


def test_a_field_that_does_not_reach_the_gratings_is_refused():
    network = tiny_vonenet(visual_degrees=0.2)
    with pytest.raises(ValueError, match="does not reach the gratings"):
        WindowRecorder(ActivationsExtractor(network, "tiny", progress=False), network.vone_block, 0.2)
