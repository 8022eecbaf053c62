"""A VOneBlock whose rates are normalised by their surround."""

import numpy as np
import pytest
import torch

from vonenet_brainscore import get_model
from vonenet_brainscore.models.filter_bank import draw_colours
from vonenet_brainscore.models.gabors import sample_gabor_parameters
from vonenet_brainscore.models.matched_gain import gain_of_the_same_median
from vonenet_brainscore.models.suppression_counts import SUPPRESSION
from vonenet_brainscore.models.surround import sample_suppression
from vonenet_brainscore.models.vone_block import VOneBlock

SMALL = {"image_size": 22, "visual_degrees": 1, "ksize": 7, "stride": 3, "simple_channels": 10, "complex_channels": 6}


def small_block(surround="li2022", **settings):
    settings = {**SMALL, "noise_mode": None, **settings}
    channels = settings["simple_channels"] + settings["complex_channels"]
    bank = (sample_gabor_parameters(channels, seed=1), *draw_colours(channels, seed=2))
    return VOneBlock(*bank, surround=surround, **settings)


def images(count=2, size=22, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(count, 3, size, size, generator=generator, dtype=torch.float64) * 2 - 1).to(dtype)


def endless_grating(frequency_cpd, theta_deg, phase, size=224, pixels_per_degree=28):
    """Normalised pixels of a grating of full contrast in the direction of a Gabor's carrier."""
    offset = (torch.arange(size, dtype=torch.float64) - size // 2) / pixels_per_degree
    angle = np.deg2rad(theta_deg)
    carrier = offset[:, None] * np.cos(angle) + offset * np.sin(angle)  # (y, x), degrees
    return torch.cos(2 * np.pi * frequency_cpd * carrier + phase).float().expand(1, 3, size, size)


def test_without_one_nothing_is_there():
    block = small_block(None)
    assert block.normalisation is None
    assert torch.equal(block(images()), block.cell_rates(images()))
    assert not any("normalisation" in name for name in block.state_dict())


@pytest.mark.parametrize("settings", [{}, {"surround_unit": "cycle", "surround_extent": 1.7}])
@pytest.mark.parametrize("gain", [25, -3])
def test_a_grating_of_ones_own_without_end_is_suppressed_by_the_index(settings, gain):
    """As far as 8 degrees are without end: the surrounds are those of frequencies of 4 cycles/degree and more."""
    cells = {"image_size": 224, "visual_degrees": 8, "ksize": 25, "stride": 4, "simple_channels": 8}
    bank = sample_gabor_parameters(12, seed=1, sf_min=4)
    colours = draw_colours(12, seed=2)
    block = VOneBlock(
        bank, *colours, **cells, complex_channels=4, surround="li2022", k_exc=gain, noise_mode=None, **settings
    )
    suppression = sample_suppression("li2022", 12, seed=0)
    for channel in range(12):
        phases = [
            endless_grating(bank.sf_cpd[channel], bank.theta_deg[channel], phase) for phase in np.arange(8) * np.pi / 4
        ]
        grating = torch.cat(phases)
        with torch.no_grad():
            before = block.cell_rates(grating)[:, channel, 28, 28].mean()
            after = block.rates(grating)[:, channel, 28, 28].mean()
        # .02: simple cells answer in phase with the grating, and are a few positions of the grid
        np.testing.assert_allclose(1 - after / before, suppression[channel], atol=0.02)


@pytest.mark.parametrize("distribution", [*SUPPRESSION, 0.5, 0])
def test_every_distribution_suppresses_and_none_of_it_does_not(distribution):
    block = small_block(distribution)
    before, after = block.cell_rates(images()), block.rates(images())
    assert torch.equal(before, after) if distribution == 0 else (after[:, :] <= before).all() and after.lt(before).any()


def test_it_is_seeded_and_its_other_settings_change_it():
    first = small_block()(images())
    assert torch.equal(first, small_block()(images()))
    changes = {
        "surround": "li2022_input",
        "surround_seed": 1,
        "surround_extent": 2,
        "surround_unit": "cycle",
        "surround_orientation": 30,
        "surround_octaves": 2,
    }
    for name, value in changes.items():
        assert not torch.equal(first, small_block(**{name: value})(images())), name


def test_noise_comes_after_it():
    block = small_block(noise_mode="neuronal")
    block.fix_noise(2, seed=0)
    expected = block.add_noise(block.normalisation(block.cell_rates(images()), block.k_exc), block.fixed_noise[:2])
    torch.testing.assert_close(block(images()), expected)


@pytest.mark.parametrize("size", [(22, 22), (22, 31), (7, 7)])
def test_any_size(size):
    x = images(size=40)[:, :, : size[0], : size[1]]
    assert small_block()(x).shape == (2, *small_block().units(*size))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-5), (torch.float16, 0.02), (torch.bfloat16, 0.05)])
def test_any_dtype(dtype, tolerance):
    block, x = small_block(), images()
    expected = block(x)
    rates = block.to(dtype)(x.to(dtype))
    assert rates.dtype == dtype
    torch.testing.assert_close(rates, expected.to(dtype), rtol=tolerance, atol=tolerance * expected.max().item())


@pytest.mark.parametrize("grey", [0, 0.5])
def test_gradients_are_finite_and_those_of_finite_differences(grey):
    block = small_block().double()
    x = images(1, 9, torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(block, (x,))
    uniform = torch.full((1, 3, 22, 22), float(grey), dtype=torch.float64, requires_grad=True)
    block(uniform).sum().backward()
    assert uniform.grad.isfinite().all()


def test_compiles_into_one_graph():
    torch.compiler.reset()
    block = small_block(noise_mode="neuronal")
    block.fix_noise(2, seed=0)
    compiled = torch.compile(block, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(images()), block(images()), rtol=1e-4, atol=1e-4)


def test_works_under_autocast():
    block = small_block()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rates = block(images(9))
    torch.testing.assert_close(rates.float(), block(images(9)), rtol=0.1, atol=0.05 * rates.max().item())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_is_the_same_on_every_device():
    block = small_block()
    expected = block(images())
    torch.testing.assert_close(block.cuda()(images().cuda()).cpu(), expected, rtol=1e-2, atol=1e-2)  # TF32


def test_it_is_part_of_a_model():
    model = get_model("resnet50", pretrained=False, surround=0.5, simple_channels=2, complex_channels=2)
    assert model.settings["surround"] == 0.5 and model.vone_block.settings["surround_extent"] == 3.1
    assert model.eval()(images(1, 224)).shape == (1, 1000)


# ------------------------------------------------------------------------------------------------------------- gain


def test_the_gain_of_the_same_median_makes_it_the_same():
    block = small_block("li2022_output")
    gain = gain_of_the_same_median(block, images())
    assert gain > 25
    rates = small_block("li2022_output", k_exc=gain)(images())
    torch.testing.assert_close(rates.median(), block.cell_rates(images()).median(), rtol=1e-4, atol=0)
    assert gain_of_the_same_median(small_block(0), images()) == pytest.approx(25)


def test_a_gain_is_asked_for_where_there_is_one():
    with pytest.raises(ValueError, match="has no surrounds"):
        gain_of_the_same_median(small_block(None), images())
    with pytest.raises(ValueError, match="median rate to these images is 0"):
        gain_of_the_same_median(small_block(), 0 * images())
    with pytest.raises(TypeError, match="not of VOneBlock and ndarray"):
        gain_of_the_same_median(small_block(), images().numpy())


# ------------------------------------------------------------------------------------------------------- checkpoints


def saved(path, model, **flags):
    torch.save({"flags": {**model.settings, **flags}, "state_dict": model.state_dict()}, path)
    return path


def test_a_checkpoint_brings_its_surround(tmp_path):
    model = get_model(None, **SMALL, surround="li2022_output", surround_seed=3, noise_mode=None)
    back = get_model(None, weights=saved(tmp_path / "it.pt", model))
    assert torch.equal(back(images()), model(images()))
    half = tmp_path / "half.pt"
    torch.save({"flags": model.settings, "state_dict": model.half().state_dict()}, half)
    assert get_model(None, weights=half).settings == back.settings


def test_a_checkpoint_with_another_surround_is_refused(tmp_path):
    without = saved(tmp_path / "without.pt", get_model(None, **SMALL))
    with pytest.raises(ValueError, match=r"without\.pt has surround=None, not 0\.5; leave surround out"):
        get_model(None, weights=without, surround=0.5)
    older = tmp_path / "older.pt"  # whose flags know of no surround
    torch.save({"flags": SMALL, "state_dict": get_model(None, **SMALL).state_dict()}, older)
    with pytest.raises(ValueError, match=r"older\.pt has surround=None, not 0\.5; leave surround out"):
        get_model(None, weights=older, surround=0.5)

    model = get_model(None, **SMALL, surround=0.5)
    silent = tmp_path / "silent.pt"
    torch.save({"flags": SMALL, "state_dict": model.state_dict()}, silent)
    with pytest.raises(ValueError, match=r"silent\.pt has a surround and does not say which"):
        get_model(None, weights=silent)
    assert get_model(None, weights=silent, surround=0.5).settings["surround"] == 0.5
    for other in ({"surround": 0.6}, {"surround": 0.5, "surround_extent": 2}, {"surround": 0.5, "gabor_seed": 1}):
        with pytest.raises(ValueError, match=r"silent\.pt has another surround than .*surround="):
            get_model(None, weights=silent, **other)
