"""Recording: real trials, the same bits in any order and split, and a network left as it was found."""

import numpy as np
import pytest
import torch
from tiny_networks import PlainNetwork, RecurrentNetwork, tiny_vonenet

from vonenet_brainscore import record
from vonenet_brainscore.recordings.activations import ActivationsExtractor
from vonenet_brainscore.recordings.noise_draws import noise_draw
from vonenet_brainscore.stimuli.images import as_picture, normalise, resize

LAYERS = ["vone_block", "model.1", "logits"]


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (40, 40, 3), dtype=np.uint8) for _ in range(7)]


def extractor(network, **settings):
    return ActivationsExtractor(network, "tiny", **{"image_size": 64, "batch_size": 3, "progress": False} | settings)


def recorded(extractor, images, layers=LAYERS, **kwargs):
    """All batches put together: {layer: array (image, ...)}."""
    parts = list(extractor.stream(images, layers, **kwargs))
    return {layer: np.concatenate([part[layer][0] for _, part in parts]) for layer in layers}


def test_noise_off_equals_a_forward_pass(images):
    network = tiny_vonenet()
    fed = torch.from_numpy(np.stack([normalise(resize(image, (64, 64))) for image in images]))
    ours = recorded(extractor(network, noise="none"), images)
    network.vone_block.set_noise_mode(None)
    with torch.no_grad():
        v1 = network.vone_block(fed)
        features = network.model[1](network.model[0](network.bottleneck(v1)))
        # rtol: float32 convolutions in batches of another size
        np.testing.assert_allclose(ours["vone_block"], v1, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(ours["model.1"], features, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(ours["logits"], network(fed), rtol=1e-4, atol=1e-5)


def test_trials_equal_a_plain_loop_over_keyed_draws(images):
    network = tiny_vonenet()
    block = network.vone_block
    image = images[0]
    fed = torch.from_numpy(normalise(resize(image, (64, 64))))[None]
    by_hand = []
    with torch.no_grad():
        for trial in range(4):
            draw = noise_draw((64, 16, 16), seed=5, content=as_picture(image).content, trial=trial)
            by_hand.append(block.add_noise(block.rates(fed), torch.from_numpy(draw)[None])[0].numpy())
    ours = extractor(network, seed=5)
    each = recorded(ours, [image], ["vone_block"], trials=4, average=False)["vone_block"]
    np.testing.assert_allclose(each[0], by_hand, rtol=1e-5, atol=1e-5)
    mean = recorded(ours, [image], ["vone_block"], trials=4)["vone_block"]
    np.testing.assert_allclose(mean[0], np.mean(by_hand, axis=0), rtol=1e-5, atol=1e-5)


def test_the_same_bits_in_any_order_and_split(images):
    network = tiny_vonenet()
    whole = recorded(extractor(network, seed=1), images, trials=2)
    order = [4, 0, 6, 2, 5, 1, 3]
    shuffled = recorded(extractor(network, seed=1), [images[i] for i in order], trials=2)
    for layer in LAYERS:
        np.testing.assert_array_equal(shuffled[layer], whole[layer][order])
    for index in (0, 5):
        alone = recorded(extractor(network, seed=1), [images[index]], trials=2)
        for layer in LAYERS:
            np.testing.assert_array_equal(alone[layer][0], whole[layer][index])


def test_a_picture_listed_several_times_is_shown_several_times(images):
    """Presentations are independent, as an animal's would be; the first has the bits of a picture listed once."""
    network = tiny_vonenet()
    first, other = images[0], images[1]
    layer = ["vone_block"]
    trials = recorded(extractor(network, seed=1), [first], layer, trials=6, average=False)["vone_block"][0]
    listed = recorded(extractor(network, seed=1), [first, other, first.copy(), first], layer, trials=2, average=False)
    np.testing.assert_array_equal(listed["vone_block"][[0, 2, 3]], trials.reshape(3, 2, *trials.shape[1:]))
    alone = recorded(extractor(network, seed=1), [other], layer, trials=2, average=False)["vone_block"][0]
    np.testing.assert_array_equal(listed["vone_block"][1], alone)
    quiet = recorded(extractor(network, noise="none"), [first, first], layer)["vone_block"]
    np.testing.assert_array_equal(quiet[0], quiet[1])


def test_seeds_trials_and_stimuli_differ_and_global_generators_are_untouched(images):
    network = tiny_vonenet()
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    one = recorded(extractor(network, seed=0), images[:1], ["vone_block"], trials=2, average=False)["vone_block"]
    other = recorded(extractor(network, seed=1), images[:1], ["vone_block"], trials=2, average=False)["vone_block"]
    assert not np.array_equal(one[0, 0], one[0, 1])
    assert not np.array_equal(one, other)
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


def test_a_network_without_noise_runs_once(images):
    network = tiny_vonenet(noise_mode=None)
    forward_passes = []
    network.vone_block.output.register_forward_hook(lambda *_: forward_passes.append(1))
    quiet = extractor(network, batch_size=7)
    each = recorded(quiet, images, ["logits"], trials=20)
    assert quiet.trials_run(20) == 1
    assert len(forward_passes) == 2  # one image to learn the number of calls, then the batch
    np.testing.assert_array_equal(each["logits"], recorded(quiet, images, ["logits"])["logits"])


def test_trials_convolve_once(images, monkeypatch):
    network = tiny_vonenet()
    convolved = []
    rates = network.vone_block.rates
    monkeypatch.setattr(network.vone_block, "rates", lambda x, *rest: convolved.append(len(x)) or rates(x, *rest))
    recorded(extractor(network), images[:3], ["logits"], trials=10)
    assert convolved == [1, 3]


def test_the_network_is_left_as_it_was_found(images):
    network = tiny_vonenet().train()
    network.model[0].eval()
    network.vone_block.fix_noise(4, seed=9)
    fixed = network.vone_block.fixed_noise
    recorded(extractor(network, noise="none"), images)
    assert network.training and network.model.training and not network.model[0].training
    assert network.vone_block.noise_mode == "neuronal"
    assert network.vone_block.fixed_noise is fixed


def test_memory_running_out_halves_the_batch(images, monkeypatch):
    network = tiny_vonenet()
    expected = recorded(extractor(network, batch_size=2), images)
    starved = extractor(network, batch_size=8)
    forward = network.forward

    def out_of_memory(x):
        if len(x) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte")
        return forward(x)

    monkeypatch.setattr(network, "forward", out_of_memory)
    ours = recorded(starved, images)
    assert starved.batch_size == 2
    for layer in LAYERS:
        np.testing.assert_array_equal(ours[layer], expected[layer])
    monkeypatch.setattr(network, "forward", lambda x: (_ for _ in ()).throw(torch.OutOfMemoryError("none left")))
    with pytest.raises(MemoryError, match="with a single image"):
        recorded(starved, images)


def test_other_errors_are_not_taken_for_memory(images, monkeypatch):
    network = tiny_vonenet()
    monkeypatch.setattr(network, "forward", lambda x: (_ for _ in ()).throw(RuntimeError("sizes do not match")))
    with pytest.raises(ValueError, match="tiny cannot answer images of 64 x 64 pixels: sizes do not match"):
        recorded(extractor(network), images)


def test_what_is_not_finite_is_refused(images):
    network = PlainNetwork().eval()
    with torch.no_grad():
        network.conv.bias[0] = float("nan")
    with pytest.raises(ValueError, match=r"tiny answers with 675 of 4050 values of layer 'conv' not finite"):
        recorded(extractor(network), images[:3], ["conv"])


def test_recurrent_layers_give_every_call(images):
    assembly = extractor(RecurrentNetwork())(images[:2], ["step", "last"])
    assert assembly.dims == ("presentation", "neuroid", "time_step")
    assert assembly.shape == (2, 2 * 3 * 64 * 64, 3)
    step = assembly.values[:, : 3 * 64 * 64]
    np.testing.assert_allclose(np.diff(step, axis=2), 1, rtol=1e-5)
    last = assembly.values[:, 3 * 64 * 64 :]
    assert np.isnan(last[..., 1:]).all() and np.isfinite(last[..., 0]).all()


def test_progress_is_shown_unless_unwanted(images, capsys):
    recorded(extractor(tiny_vonenet(), progress=True), images)
    assert "7/7" in capsys.readouterr().err
    recorded(extractor(tiny_vonenet()), images)
    assert capsys.readouterr().err == ""


def test_refusals(images):
    network = tiny_vonenet()
    with pytest.raises(ValueError, match="unknown noise 'off'; have 'model'"):
        extractor(network, noise="off")
    with pytest.raises(ValueError, match="batch_size is 0"):
        ActivationsExtractor(network, batch_size=0)
    with pytest.raises(TypeError, match=r"trials is 1\.5; it must be a whole number"):
        extractor(network, trials=1.5)
    with pytest.raises(ValueError, match=r"seed is -1; it must lie in \[0, 2\*\*32\)"):
        extractor(network, seed=-1)
    with pytest.raises(TypeError, match="seed is None"):
        extractor(network, seed=None)
    with pytest.raises(ValueError, match="trials is 0"):
        recorded(extractor(network), images, trials=0)
    with pytest.raises(FileNotFoundError, match=r"no image at nowhere\.png"):
        recorded(extractor(network), [*images[:4], "nowhere.png"])


@pytest.mark.parametrize("noise", ["model", "none"])
def test_a_recording_leaves_the_networks_own_noise(noise):
    network = tiny_vonenet()
    network.vone_block.set_noise_mode("neuronal", 0.5, 0.25)
    network.vone_block.fix_noise(2, seed=0)
    fixed = network.vone_block.fixed_noise
    extractor = ActivationsExtractor(network, "tiny", image_size=64, noise=noise, batch_size=2, progress=False)
    list(extractor.stream([np.zeros((64, 64), np.uint8)], ["vone_block"], trials=2))
    block = network.vone_block
    assert block.fixed_noise is fixed
    assert (block.noise_mode, block.noise_scale, block.noise_level) == ("neuronal", 0.5, 0.25)


def test_trials_of_a_network_without_noise_are_as_many_as_asked_for_and_equal():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    quiet = {"noise": "none", "progress": False}
    one, three = record(tiny_vonenet(), [image], **quiet), record(tiny_vonenet(), [image], None, 3, False, **quiet)
    assert three.sizes["presentation"] == 3 and three["repetition"].values.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(three.values, np.repeat(one.values, 3, axis=0))
    noisy = record(tiny_vonenet(), [image], None, 3, False, progress=False)
    assert noisy.sizes["presentation"] == 3 and (noisy.values[0] != noisy.values[1]).any()


def test_the_flat_form_has_every_coordinate():
    image = np.zeros((64, 64, 3), np.uint8)
    recorded = record(tiny_vonenet(), [image], noise="none", progress=False)
    flat = record(tiny_vonenet(), [image], noise="none", flat=True, progress=False)
    np.testing.assert_array_equal(flat.values, recorded.values)
    for name in ("layer", "cell_type", "neuroid_id", "stimulus_id", "channel_x"):
        assert name in flat.coords
        np.testing.assert_array_equal(flat[name].values, recorded[name].values)
