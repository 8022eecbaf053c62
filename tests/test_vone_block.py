"""The VOneBlock against its formulas written with dense convolutions, and what must hold of it."""

import copy
import math
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from vonenet_brainscore import MODELS, get_model, small_image_settings
from vonenet_brainscore.models import filter_bank
from vonenet_brainscore.models import vone_block as vone_block_module
from vonenet_brainscore.models.filter_bank import NEGLIGIBLE, cleared, draw_colours, filters_by_colour
from vonenet_brainscore.models.gabors import sample_gabor_parameters
from vonenet_brainscore.models.vone_block import VOneBlock

SIMPLE, COMPLEX, KSIZE, STRIDE, IMAGE = 10, 6, 7, 3, 22


def small_block(*, quadrature="paper", simple=SIMPLE, complex_=COMPLEX, **kwargs):
    settings = {"image_size": IMAGE, "visual_degrees": 1, "ksize": KSIZE, "stride": STRIDE}
    settings |= {"noise_mode": None, **kwargs}
    parameters = sample_gabor_parameters(simple + complex_, seed=1)
    colours = draw_colours(simple + complex_, seed=2, quadrature=quadrature)
    return VOneBlock(parameters, *colours, simple_channels=simple, complex_channels=complex_, **settings)


def images(count=2, *, size=IMAGE, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(count, 3, size, size, generator=generator, dtype=torch.float64) * 2 - 1).to(dtype)


def dense_rates(block, x, padding=None):
    """The noise-free formulas with every filter and every colour."""
    padding = block.ksize // 2 if padding is None else padding
    q0, q1 = (
        F.conv2d(x, bank.weight, stride=block.stride, padding=padding)
        for bank in (block.simple_conv_q0, block.simple_conv_q1)
    )
    cells = block.simple_channels
    amplitude = torch.sqrt(q0[:, cells:] ** 2 + q1[:, cells:] ** 2)
    return block.k_exc * torch.cat((F.relu(q0[:, :cells]), amplitude / math.sqrt(2)), dim=1)


def assert_rates_are_dense(block, x, **kwargs):
    # Single precision sums up to 147 products in another order.
    torch.testing.assert_close(block.rates(x, **kwargs), dense_rates(block, x, **kwargs), rtol=1e-5, atol=1e-5)


@pytest.fixture
def block():
    return small_block()


@pytest.mark.parametrize("quadrature", ["matched", "paper"])
@pytest.mark.parametrize("differentiated", [False, True])
@pytest.mark.parametrize("size", [IMAGE, IMAGE + 1, KSIZE - 2])
def test_rates_equal_dense_convolutions(quadrature, differentiated, size):
    x = images(size=size).requires_grad_(differentiated)
    assert_rates_are_dense(small_block(quadrature=quadrature), x)


@pytest.mark.parametrize(("simple", "complex_"), [(0, 5), (5, 0)])
def test_cells_of_one_type_alone(simple, complex_):
    assert_rates_are_dense(small_block(simple=simple, complex_=complex_), images())


@pytest.mark.parametrize("count", [0, 1, 7])
def test_rates_do_not_depend_on_how_many_images_are_computed_at_once(block, monkeypatch, count):
    monkeypatch.setattr(vone_block_module, "_RESPONSES_AT_ONCE", 3 * 8 * 8 * (SIMPLE + 2 * COMPLEX))
    assert block.rates(images(count)).shape == (count, SIMPLE + COMPLEX, 8, 8)
    assert_rates_are_dense(block, images(count))


def test_valid_positions_are_the_inner_ones_of_padded_images(block):
    # Padding 3 with stride 3: padded position i + 1 is valid position i.
    assert_rates_are_dense(block, images(), padding=0)
    torch.testing.assert_close(block.rates(images(), padding=0), block.rates(images())[:, :, 1:7, 1:7])


def test_the_gain_scales_rates_and_a_grey_image_gives_none(block):
    rates = block.rates(images())
    block.k_exc *= 2
    torch.testing.assert_close(block.rates(images()), 2 * rates)
    assert not block.rates(torch.zeros(1, 3, IMAGE, IMAGE)).any()


def test_complex_cells_of_a_matched_pair_do_not_care_about_contrast_sign():
    block = small_block(quadrature="matched")
    positive, negative = block.rates(images()), block.rates(-images())
    torch.testing.assert_close(positive[:, SIMPLE:], negative[:, SIMPLE:])
    assert not (positive[:, :SIMPLE] * negative[:, :SIMPLE]).any()  # a simple cell answers one sign only


# ------------------------------------------------------------------------------------------------------- the weights


def edit_by_data(block):
    block.simple_conv_q0.weight.data[3] = block.simple_conv_q0.weight.data[3].roll(1, 0)


def edit_to_several_colours(block):
    block.simple_conv_q0.weight[SIMPLE + 1] = 0.01 * torch.randn(3, KSIZE, KSIZE, generator=torch.manual_seed(0))
    block.simple_conv_q1.weight[SIMPLE + 2, 1:] = 0.02


def edit_to_nothing(block):
    block.simple_conv_q0.weight[0] = 0


def edit_by_loading(block):
    other = {name: value.roll(1, 1) for name, value in block.state_dict().items()}
    block.load_state_dict(other)


def edit_by_assigning(block):
    other = {name: value.roll(2, 1) for name, value in block.state_dict().items()}
    block.load_state_dict(other, assign=True)


@pytest.mark.parametrize(
    "edit", [edit_by_data, edit_to_several_colours, edit_to_nothing, edit_by_loading, edit_by_assigning]
)
def test_rates_follow_the_weights(block, edit):
    before = block.rates(images())
    edit(block)
    assert_rates_are_dense(block, images())
    assert not torch.allclose(block.rates(images()), before)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-6), (torch.float16, 0.02)])
def test_rates_follow_the_dtype(block, dtype, tolerance):
    expected = block.rates(images())
    rates = block.to(dtype).rates(images(dtype=dtype))
    assert rates.dtype == dtype
    torch.testing.assert_close(rates, expected.to(dtype), rtol=tolerance, atol=tolerance * expected.max().item())


def test_every_filter_is_in_one_group_with_all_of_its_weight(block):
    edit_to_several_colours(block)
    edit_to_nothing(block)
    weight = block.simple_conv_q0.weight
    rebuilt, seen = torch.zeros_like(weight), []
    for group in filters_by_colour(weight):
        rebuilt[group.filters, group.colours] = group.kernels
        seen += group.filters.tolist()
    assert sorted(seen) == list(range(len(weight)))
    assert torch.equal(rebuilt, weight)


FRONT_ENDS = {name: row.published for name, row in MODELS.items()}
FRONT_ENDS |= {
    "28 pixels": small_image_settings(28),
    "large filters": {"ksize": 63, "simple_channels": 40, "complex_channels": 40},
    "many degrees": {"image_size": 112, "simple_channels": 40, "complex_channels": 40},
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("settings", FRONT_ENDS.values(), ids=FRONT_ENDS)
def test_no_number_too_small_to_matter_is_left_in_what_is_convolved(settings, dtype):
    block = get_model(None, pretrained=False, **settings).vone_block.to(dtype)
    before = {name: value.clone() for name, value in block.state_dict().items()}
    for bank in (block.simple_conv_q0, block.simple_conv_q1):
        groups = filters_by_colour(bank.weight)
        for group in groups:
            negligible = NEGLIGIBLE * torch.finfo(dtype).eps * group.kernels.abs().max().double().item()
            there = group.kernels[group.kernels != 0].abs().double()
            assert (there >= torch.finfo(dtype).tiny).all() and (there > 0.9 * negligible).all()
            dropped = (bank.weight[group.filters, group.colours].double() - group.kernels.double()).abs()
            assert dropped.max() <= max(1.1 * negligible, torch.finfo(dtype).tiny)
    if block.normalisation is not None and dtype in (
        torch.float32,
        torch.float64,
    ):  # half precision is multiplied in single
        field = range(block.units(block.image_size, block.image_size)[1])
        for kernel in (*block.normalisation.buffers(), *block.normalisation.blur(field, field, field, field)):
            assert (kernel[kernel != 0].abs() >= torch.finfo(dtype).tiny).all()
    for name, value in block.state_dict().items():
        assert torch.equal(value, before[name])  # to the bit
    assert block.gabor_parameters is not None


@torch.no_grad()
def test_weights_too_small_to_matter_change_no_rate(monkeypatch):
    block = get_model(None, noise_mode=None, ksize=63, simple_channels=40, complex_channels=40).vone_block
    weight = block.simple_conv_q0.weight
    denormal = (weight != 0) & (weight.abs() < torch.finfo(torch.float32).tiny)
    assert denormal.sum() > 100  # or this test says nothing
    x = images(1, size=32)
    rates = block.rates(x)
    monkeypatch.setattr(filter_bank, "cleared", lambda weight: weight)
    torch.testing.assert_close(rates, block.rates(x), rtol=0, atol=1e-6 * rates.max().item())  # float32 sums


def test_what_is_cleared_is_relative_to_the_largest_weight_unless_that_is_tiny_too():
    negligible = 2 * NEGLIGIBLE * torch.finfo(torch.float32).eps
    weight = torch.tensor([2.0, -0.99 * negligible, 1.01 * negligible, 1e-40, 0])
    kept = [2.0, 0, weight[2].item(), 0, 0]
    assert cleared(weight).tolist() == kept
    assert cleared(weight * 1e-30).tolist() == torch.tensor([2e-30, 0, 0, 0, 0]).tolist()
    assert torch.equal(cleared(weight[:3].double()), weight[:3].double())  # which rounds at 1e-16
    assert cleared(weight[:0]).shape == (0,) and cleared(torch.zeros(2)).tolist() == [0, 0]


def test_state_dict_and_optimisers_see_the_filters_as_fixed(block):
    block.fix_noise(2, seed=0)
    assert list(block.state_dict()) == ["simple_conv_q0.weight", "simple_conv_q1.weight"]
    assert not list(block.requires_grad_(True).train().parameters())
    assert copy.deepcopy(block)(images()).shape == block(images()).shape


def test_metadata_are_read_off_the_weights(block):
    q0, q1 = draw_colours(SIMPLE + COMPLEX, seed=2, quadrature="paper")
    assert block.colours == (tuple(q0.tolist()), tuple(q1.tolist()))
    assert block.gabor_parameters is not None
    assert block.half().gabor_parameters is not None
    edit_by_data(block)
    assert block.gabor_parameters is not None  # another colour, the same kernel
    edit_to_several_colours(block)
    edit_to_nothing(block)
    assert block.colours[0][0] is None and block.colours[0][SIMPLE + 1] is None
    assert block.gabor_parameters is None


def test_parameters_of_other_kernels_are_not_claimed(block):
    block.simple_conv_q1.weight[5] *= 1.01
    assert block.gabor_parameters is None


def test_matched_pairs_share_a_colour_and_paper_pairs_mostly_do_not():
    torch.manual_seed(7)
    expected_q0, expected_q1 = torch.randint(0, 3, (512,)), torch.randint(0, 3, (512,))  # as the original draws them
    state = torch.get_rng_state()
    q0, q1 = draw_colours(512, seed=7, quadrature="paper")
    assert torch.equal(q0, expected_q0) and torch.equal(q1, expected_q1)
    assert (q0 != q1).float().mean().item() == pytest.approx(2 / 3, abs=0.09)  # four standard errors
    q0, q1 = draw_colours(512, seed=7)
    assert torch.equal(q0, expected_q0) and torch.equal(q0, q1)
    assert torch.equal(torch.get_rng_state(), state)


# --------------------------------------------------------------------------------------------------------- the noise


@pytest.mark.parametrize("differentiated", [False, True])
def test_noise_equals_its_formulas(block, differentiated):
    # Less than 0 too, as a replaced rectification may let through.
    x = (block.rates(images()).double() - 1).requires_grad_(differentiated)
    z = torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    before = x.detach().clone(), z.clone()
    s, level = 0.35, 0.07
    block.set_noise_mode("neuronal", s, level)
    expected = F.relu((s * x + level + z * torch.sqrt(F.relu(s * x + level) + 1e-4) - level) / s)
    torch.testing.assert_close(block.add_noise(x, z), expected)
    block.set_noise_mode("gaussian", 4)
    torch.testing.assert_close(block.add_noise(x, z), F.relu(x + 4 * z))
    block.set_noise_mode(None)
    assert block.add_noise(x, z) is x
    assert torch.equal(x, before[0]) and torch.equal(z, before[1])


def test_variance_of_neuronal_noise_grows_with_the_rate(block):
    block.set_noise_mode("neuronal", 0.35, 0.07)
    draw = torch.randn(200_000, generator=torch.Generator().manual_seed(4))
    for rate in (100.0, 400.0):  # far from the rectification
        noisy = block.add_noise(torch.full_like(draw, rate), draw)
        assert noisy.mean().item() == pytest.approx(rate, rel=0.002)
        assert noisy.var().item() == pytest.approx((rate + 0.07 / 0.35) / 0.35, rel=0.02)  # 6 standard errors


@pytest.mark.parametrize("size", [IMAGE, IMAGE + 1])
def test_fixed_noise_repeats_and_serves_smaller_batches(size):
    block = small_block(image_size=size, noise_mode="neuronal")
    x = images(3, size=size)
    block.fix_noise(3, seed=0)
    first = block(x)
    assert torch.equal(block(x), first)
    torch.testing.assert_close(block(x[:2]), first[:2], rtol=1e-4, atol=1e-4)
    block.fix_noise(3, seed=1)
    assert not torch.equal(block(x), first)
    block.fix_noise(3, seed=0)
    assert torch.equal(block(x), first)  # seed 0 is a seed
    assert not torch.equal(block.rates(x), first)
    with pytest.raises(ValueError, match=r"noise is fixed for \(3, 16, 8, 8\).* but this batch needs \(4, 16, 8, 8\)"):
        block(images(4, size=size))
    block.unfix_noise()
    assert not torch.equal(block(x), block(x))


def test_fixed_noise_can_be_assigned_and_is_the_same_in_every_dtype():
    block = small_block(noise_mode="gaussian", noise_scale=1.0)
    draw = torch.randn(2, SIMPLE + COMPLEX, 8, 8, generator=torch.Generator().manual_seed(5))
    block.fixed_noise = draw
    torch.testing.assert_close(block(images()), F.relu(block.rates(images()) + draw))
    block.double()
    assert block(images(dtype=torch.float64)).dtype == torch.float64
    block.fix_noise(2, seed=9)
    assert torch.equal(block.fixed_noise, noise_fixed_by(seed=9).double())


def noise_fixed_by(seed):
    block = small_block()
    block.fix_noise(2, seed=seed)
    return block.fixed_noise


def test_seeds_leave_the_global_generator_alone_and_no_seed_uses_it(block):
    state = torch.get_rng_state()
    small_block().fix_noise(2, seed=0)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(0)
    block.fix_noise(2)
    unseeded = block.fixed_noise
    torch.manual_seed(0)
    block.fix_noise(2)
    assert torch.equal(block.fixed_noise, unseeded)
    assert not torch.equal(unseeded, noise_fixed_by(seed=1))


def test_a_scale_and_level_left_out_stay(block):
    block.set_noise_mode("gaussian", 3, 0.5)
    block.set_noise_mode("neuronal")
    assert (block.noise_mode, block.noise_scale, block.noise_level) == ("neuronal", 3, 0.5)


# ----------------------------------------------------------------------------------------------------------- trials


@pytest.fixture
def counted(block, monkeypatch):
    block.set_noise_mode("neuronal")
    block.convolved = 0
    rates = block.rates

    def counting(x):
        block.convolved += 1
        return rates(x)

    monkeypatch.setattr(block, "rates", counting)
    return block


def test_repeated_trials_convolve_once_and_draw_anew(counted):
    x = images()
    with counted.repeated_trials():
        first, second = counted(x), counted(x)
        assert counted.convolved == 1
        assert not torch.equal(first, second)
        counted.set_noise_mode(None)
        x += 0.1
        torch.testing.assert_close(counted(x), dense_rates(counted, x), rtol=1e-5, atol=1e-5)
        assert counted.convolved == 2
        assert counted(x) is not counted(x.clone())
        first, second = counted(images()), counted(images(seed=1))
        assert not torch.equal(first, second)
    before = counted.convolved
    counted(x), counted(x)
    assert counted.convolved == before + 2  # outside the context every call convolves


def test_repeated_trials_do_not_return_rates_that_were_written_to(counted):
    counted.set_noise_mode(None)
    x = images()
    with counted.repeated_trials():
        expected = counted(x).clone()
        counted(x).zero_()
        assert torch.equal(counted(x), expected)


def test_repeated_trials_with_gradients_and_in_inference_mode_stay_right(counted):
    with counted.repeated_trials():
        x = images().requires_grad_()
        for _ in range(2):
            counted(x).sum().backward()
        with torch.inference_mode():
            x = images()
            counted(x)
            x.zero_()
            assert not counted.rates(x).any()
            counted.set_noise_mode(None)
            assert not counted(x).any()


# -------------------------------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize("mode", [None, "neuronal", "gaussian"])
def test_gradients_agree_with_finite_differences(mode):
    block = small_block(image_size=9, noise_mode=mode).double()
    block.fix_noise(2, seed=0)
    x = images(2, size=9, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(block, x)


@pytest.mark.parametrize("mode", [None, "neuronal", "gaussian"])
@pytest.mark.parametrize("grey", [0.0, 0.5])
def test_gradients_of_uniform_images_are_finite(mode, grey):
    block = small_block(noise_mode=mode)
    x = torch.full((1, 3, IMAGE, IMAGE), grey, requires_grad=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Anomaly Detection has been enabled")  # raises for a NaN on the way, too
        with torch.autograd.detect_anomaly():
            block(x).sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("mode", [None, "neuronal"])
def test_compiles_into_one_graph(backend, mode):
    torch.compiler.reset()
    block = small_block(noise_mode=mode)
    block.fix_noise(2, seed=0)
    compiled = torch.compile(block, backend=backend, fullgraph=True)
    x, same_x = images().requires_grad_(), images().requires_grad_()
    torch.testing.assert_close(compiled(x), block(same_x), rtol=1e-4, atol=1e-4)
    compiled(x).square().sum().backward()
    block(same_x).square().sum().backward()
    torch.testing.assert_close(x.grad, same_x.grad, rtol=1e-3, atol=1e-2)  # gradients of up to 1e3
    edit_by_loading(block)
    torch.testing.assert_close(compiled(images()), block(images()), rtol=1e-4, atol=1e-4)


def test_works_under_autocast(block):
    block.set_noise_mode("neuronal")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rates = block.rates(images(9))
        assert block(images()).isfinite().all()
    torch.testing.assert_close(rates.float(), block.rates(images(9)), rtol=0.05, atol=0.05 * rates.max().item())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_fixed_noise_is_the_same_on_every_device():
    block = small_block(noise_mode="neuronal")
    block.fix_noise(2, seed=0)
    expected = block(images())
    block.cuda().fix_noise(2, seed=0)
    torch.testing.assert_close(block(images().cuda()).cpu(), expected, rtol=1e-2, atol=1e-2)  # TF32 convolution


# ------------------------------------------------------------------------------------------------- modules, refusals


def test_replaced_modules_are_used(block):
    x = images()
    rates = block.rates(x)
    block.simple = nn.ReLU(inplace=False)
    torch.testing.assert_close(block.rates(x), rates)
    block.simple = nn.Identity()
    assert (block.rates(x)[:, :SIMPLE] < 0).any() and (block.rates(x)[:, SIMPLE:] >= 0).all()
    block.set_noise_mode("gaussian", 5)
    block.noise = nn.Identity()
    assert (block(x)[:, SIMPLE:] < 0).any()
    block.simple = nn.PReLU(SIMPLE)
    block(images(30)).sum().backward()
    assert block.simple.weight.grad is not None


def test_the_output_can_be_recorded_as_a_layer_of_its_own(block):
    seen = []
    block.output.register_forward_hook(lambda module, inputs, output: seen.append(output))
    assert block(images()) is seen[0]


def test_refusals(block):
    with pytest.raises(ValueError, match=r"input has shape \(1, 1, 22, 22\); the VOneBlock takes \(batch, 3, y, x\)"):
        block(torch.zeros(1, 1, IMAGE, IMAGE))
    with pytest.raises(ValueError, match=r"\(6, 9\) pixels with padding 0 are less than a 7-pixel filter"):
        block.rates(torch.zeros(1, 3, 6, 9), padding=0)
    with pytest.raises(ValueError, match="unknown noise mode 'poisson'; have 'neuronal', 'gaussian', None"):
        block.set_noise_mode("poisson", 1, 1)
    with pytest.raises(ValueError, match="noise_scale is 0; it must be more than 0 and finite"):
        block.set_noise_mode("neuronal", 0)
    with pytest.raises(ValueError, match="noise_level is -1; it must be at least 0 and finite"):
        block.set_noise_mode("neuronal", 1, -1)
    assert block.noise_mode is None  # refused arguments leave it as it was
    with pytest.raises(ValueError, match=r"the draw has shape \(1, 2\) but the rates \(2, 2\)"):
        block.add_noise(torch.ones(2, 2), torch.ones(1, 2))
    block.noise_mode = "Neuronal"
    with pytest.raises(ValueError, match="unknown noise mode 'Neuronal'"):
        block(images())
    with pytest.raises(ValueError, match="unknown quadrature 'both'; have 'matched', 'paper'"):
        draw_colours(4, seed=0, quadrature="both")
    with pytest.raises(ValueError, match="4 simple and 5 complex channels, but 9 Gabor parameters and colours of 8"):
        VOneBlock(
            sample_gabor_parameters(9),
            torch.zeros(8).long(),
            torch.zeros(9).long(),
            simple_channels=4,
            complex_channels=5,
        )
    with pytest.raises(ValueError, match="stride is 0; it must be at least 1"):
        small_block(stride=0)
