"""Divisive normalisation against its formula written as a plain loop, and what must hold of it."""

import numpy as np
import pytest
import torch

from vonenet_brainscore.models.normalisation import Normalisation

SIMPLE, CHANNELS = 3, 7
RANDOM = np.random.default_rng(0)
FEATURES = np.concatenate([np.ones((CHANNELS, 1)), RANDOM.uniform(-0.5, 0.5, (CHANNELS, 2))], axis=1)
SIGMA = np.array([0.3, 0.7, 1.5, 2.0, 3.1, 6.0, 24.0])
STRENGTH = np.array([0, 0.1, 0.5, 1, 2, 5, 19])
ENERGY = RANDOM.uniform(0.01, 1, (CHANNELS, CHANNELS))
GAIN = 25.0


def stage(**changes):
    made_of = {"features": FEATURES, "sigma": SIGMA, "strength": STRENGTH, "energy": ENERGY, **changes}
    return Normalisation(**made_of, simple_channels=SIMPLE)


def rates(height=9, width=11, dtype=torch.float32, batch=2):
    generator = torch.Generator().manual_seed(0)
    return (12 * torch.rand(batch, CHANNELS, height, width, generator=generator, dtype=torch.float64)).to(dtype)


def normalised_by_loop(x, features=FEATURES, gain=GAIN):
    """The formula, one cell of the field at a time."""
    batch, channels, height, width = x.shape
    largest = gain * np.array([1 / 2] * SIMPLE + [1 / np.sqrt(8)] * (CHANNELS - SIMPLE))
    weights = features @ features.T
    weights = weights / weights.sum(axis=1, keepdims=True)
    result = np.empty_like(x)
    far = np.arange(-200, 201)  # 8 of the widest standard deviations
    for c in range(channels):
        integral = np.exp(-(far**2) / (2 * SIGMA[c] ** 2)).sum() ** 2
        own_grating = sum(weights[c, j] * ENERGY[c, j] for j in range(channels))
        for image, y, x_ in np.ndindex(batch, height, width):
            pool = 0.0
            for row, column in np.ndindex(height, width):
                squared_distance = (row - y) ** 2 + (column - x_) ** 2
                gaussian = np.exp(-squared_distance / (2 * SIGMA[c] ** 2)) / integral
                relative = x[image, :, row, column] / largest
                pool += gaussian * sum(weights[c, j] * relative[j] ** 2 for j in range(channels))
            result[image, c, y, x_] = x[image, c, y, x_] / (1 + STRENGTH[c] * pool / own_grating)
    return result


def test_equals_the_plain_loop():
    x = rates(6, 7, batch=1)
    expected = normalised_by_loop(x.double().numpy())
    np.testing.assert_allclose(stage()(x, GAIN).numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(stage().double()(x.double(), GAIN).numpy(), expected, rtol=1e-6)  # float32 parameters
    assert (expected[:, 1:] < 0.95 * x.numpy()[:, 1:]).any(axis=(0, 2, 3)).all()  # each channel is suppressed


def test_half_precision_holds_it():
    x = rates()
    half = stage().half()(x.half(), GAIN)
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.float(), stage()(x, GAIN), rtol=0.01, atol=0.01)


def test_cells_elsewhere_are_pooled_as_in_the_whole_field():
    """Positions within the field whose cells are not among those pooled: the others' activity alone."""
    x, whole = rates(), stage()
    silent = torch.zeros_like(x)
    silent[:, :, 2:6, 4:9] = x[:, :, 2:6, 4:9]
    everywhere = whole.suppression(silent.square(), GAIN, whole.blur(range(9), range(11), range(9), range(11)))
    rows, columns = [0, 3, 8], [1, 10]
    blur = whole.blur(range(2, 6), range(4, 9), rows, columns)
    there = whole.suppression(x[:, :, 2:6, 4:9].square(), GAIN, blur)
    torch.testing.assert_close(there, everywhere[:, :, rows][..., columns], rtol=1e-5, atol=1e-7)


def test_a_gain_scales_what_is_normalised():
    x = rates()
    torch.testing.assert_close(stage()(3 * x, 3 * GAIN), 3 * stage()(x, GAIN))
    torch.testing.assert_close(stage()(-3 * x, -3 * GAIN), -3 * stage()(x, GAIN))
    assert not stage()(0 * x, 0).any()


def test_no_strength_changes_nothing_and_more_suppresses_more():
    x = rates()
    assert torch.equal(stage(strength=0 * STRENGTH)(x, GAIN), x)
    assert (stage(strength=2 * STRENGTH)(x, GAIN)[:, 1:] < stage()(x, GAIN)[:, 1:]).all()


def test_a_uniform_field_without_end_that_is_the_channels_own_grating_has_a_pool_of_one():
    sigma = np.full(CHANNELS, 2.0)
    largest = torch.tensor([0.5] * SIMPLE + [0.125**0.5] * (CHANNELS - SIMPLE))
    for channel in range(CHANNELS):
        x = (GAIN * largest * torch.from_numpy(ENERGY[channel]).float().sqrt())[None, :, None, None]
        field = x.expand(1, CHANNELS, 41, 41)
        suppressed = stage(sigma=sigma)(field, GAIN)[0, channel, 20, 20]
        torch.testing.assert_close(suppressed, x[0, channel, 0, 0] / (1 + STRENGTH[channel].astype(np.float32)))


def test_gradients_are_finite_and_those_of_finite_differences():
    x = rates(4, 5, torch.float64, batch=1).requires_grad_()
    module = stage().double()
    assert torch.autograd.gradcheck(lambda x: module(x, GAIN), (x,))
    zeros = torch.zeros(1, CHANNELS, 4, 5, requires_grad=True)
    stage()(zeros, GAIN).sum().backward()
    assert torch.equal(zeros.grad, torch.ones_like(zeros))


def test_checkpoints_hold_it_and_optimisers_do_not_see_it():
    module = stage()
    assert list(module.state_dict()) == ["collect", "spread", "sigma"]
    assert not list(module.parameters())
    other = stage(sigma=2 * SIGMA, strength=2 * STRENGTH)
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(rates(), GAIN), module(rates(), GAIN))


@pytest.mark.parametrize("side", [1, 30])
def test_no_weight_is_a_denormal_number(side):
    for weights in stage().blur(range(side), range(side), range(side), range(side)):
        assert ((weights == 0) | (weights > 1e-13)).all()
        assert weights.shape == (CHANNELS, side, side)
