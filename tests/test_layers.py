"""Layers are read as copies, at every call, and no further than the deepest."""

import pytest
import torch
from tiny_networks import PlainNetwork, RecurrentNetwork
from torch import nn

from vonenet_brainscore.recordings.layers import LayerReader, check_layers

IMAGES = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_layers_equal_a_forward_pass_by_hand():
    network = PlainNetwork().eval()
    read = LayerReader(network, ["conv", "relu", "logits"])(IMAGES)
    with torch.no_grad():
        conv = network.conv(IMAGES)
        assert torch.equal(read["conv"][0], conv)  # the rectification in place that follows has not reached it
        assert read["conv"][0].min() < 0
        assert torch.equal(read["relu"][0], conv.relu())
        assert torch.equal(read["logits"][0], network(IMAGES))


def test_every_call_of_a_recurrent_layer_is_read():
    read = LayerReader(RecurrentNetwork(), ["step", "last"])(IMAGES)
    assert len(read["step"]) == 3 and len(read["last"]) == 1
    for call, response in enumerate(read["step"]):
        torch.testing.assert_close(response, IMAGES + call + 1)


def test_nothing_runs_beyond_the_deepest_layer():
    network = RecurrentNetwork()
    reader = LayerReader(network, ["step"])
    reader(IMAGES)
    reader(IMAGES)
    assert network.calls_of_after == 1  # by the one image from which the number of calls is learnt


def test_hooks_are_gone_afterwards():
    network = RecurrentNetwork()
    LayerReader(network, ["step"])(IMAGES)
    assert not any(module._forward_hooks for module in network.modules())


def test_refusals():
    network = PlainNetwork()
    with pytest.raises(ValueError, match=r"no layer 'convv' in PlainNetwork; nearest: conv"):
        check_layers(network, ["convv"])
    with pytest.raises(ValueError, match="no layers to record from"):
        check_layers(network, [])
    with pytest.raises(ValueError, match="named twice: conv"):
        check_layers(network, ["conv", "relu", "conv"])
    with pytest.raises(TypeError, match="list of names, not 'conv'"):
        check_layers(network, "conv")
    with pytest.raises(ValueError, match="never calls: never"):
        LayerReader(network, ["conv", "never"])(IMAGES)

    class InParts(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = nn.Identity()

        def forward(self, x):
            return torch.cat([self.part(some) for some in x.split(1)])

    with pytest.raises(ValueError, match=r"'part' puts out \(1, 3, 64, 64\) for 2 images"):
        LayerReader(InParts(), ["part"])(IMAGES)

    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(64, 4)

        def forward(self, x):
            return self.lstm(x[:, 0])[0]

    with pytest.raises(TypeError, match="'lstm' puts out a tuple"):
        LayerReader(Pair(), ["lstm"])(IMAGES)
