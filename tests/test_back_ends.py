"""The back ends by themselves; their equality with the original's is in test_vonenet."""

import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F

from vonenet_brainscore.models.back_ends import BACK_ENDS, CORnetSArea, ResidualBlock


@pytest.mark.parametrize("name", BACK_ENDS)
def test_logits_have_the_asked_classes_and_gradients_reach_the_bottleneck(name):
    network = BACK_ENDS[name](classes=7).eval()
    x = torch.rand(1, 64, 56, 56, generator=torch.Generator().manual_seed(0), requires_grad=True)
    logits = network(x)
    assert logits.shape == (1, 7)
    logits.sum().backward()
    assert x.grad.isfinite().all() and x.grad.any()


def filled_with_noise(module, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for value in module.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=generator) / value[0].numel() ** 0.5 if value.ndim else 1.0)
    return module.eval()


def batch_norm(x, norm):
    return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)


@pytest.mark.parametrize(("in_channels", "stride"), [(8, 1), (8, 2), (16, 1)])
def test_a_residual_block_adds_its_shortcut(in_channels, stride):
    block = filled_with_noise(ResidualBlock(in_channels, 4, stride))
    x = torch.rand(2, in_channels, 6, 6, generator=torch.Generator().manual_seed(1)) - 0.5
    y = F.relu(batch_norm(F.conv2d(x, block.conv1.weight), block.bn1))
    y = F.relu(batch_norm(F.conv2d(y, block.conv2.weight, stride=stride, padding=1), block.bn2))
    y = batch_norm(F.conv2d(y, block.conv3.weight), block.bn3)
    if (in_channels, stride) == (16, 1):
        assert block.downsample is None
        shortcut = x
    else:
        shortcut = batch_norm(F.conv2d(x, block.downsample[0].weight, stride=stride), block.downsample[1])
    torch.testing.assert_close(block(x), F.relu(y + shortcut))


def test_a_recurrent_area_answers_once_a_time_step():
    area = filled_with_noise(CORnetSArea(3, 4, times=3))
    outputs = []
    area.output.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    result = area(torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1)))
    assert [tuple(output.shape) for output in outputs] == [(2, 4, 4, 4)] * 3
    assert outputs[-1] is result
    # A later step is the block applied to the output before it, at its resolution and with its own normalisation.
    x = outputs[1]
    y = F.relu(batch_norm(F.conv2d(x, area.conv1.weight), area.norm1_2))
    y = F.relu(batch_norm(F.conv2d(y, area.conv2.weight, padding=1), area.norm2_2))
    y = F.relu(batch_norm(F.conv2d(y, area.conv3.weight), area.norm3_2) + x)
    torch.testing.assert_close(result, y)


def test_areas_of_cornet_s_keep_their_time_steps():
    with torch.device("meta"):
        network = BACK_ENDS["cornets"]()
    assert [network.get_submodule(area).times for area in ("V2", "V4", "IT")] == [2, 4, 2]


def test_layers_without_weights_draw_nothing_and_load_no_compiler():
    """A subject knows its layers by them; torch's compiler would double the time in which a model is loaded."""
    code = (
        "import sys, torch; from vonenet_brainscore.models.back_ends import BACK_ENDS, initialise_convolutions\n"
        "with torch.device('meta'): made = [make() for make in BACK_ENDS.values()]\n"
        "assert all(weight.is_meta for each in made for weight in each.parameters())\n"
        "with torch.device('meta'): initialise_convolutions(torch.nn.Conv2d(3, 4, 1))\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
