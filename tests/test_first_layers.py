"""First layers of plain networks: known as a chain or not at all, and measured through a window as on whole screens."""

import numpy as np
import pytest
import torch
from few_gratings import show_few_gratings
from tiny_networks import PlainNetwork, tiny_vonenet
from torch import nn
from torch.nn import functional as F

from vonenet_brainscore.recordings.loading import load_subject
from vonenet_brainscore.stimuli.gratings import grating_parameters
from vonenet_brainscore.tuning import grating_experiments
from vonenet_brainscore.tuning.first_layers import FirstLayerRecorder, first_layers
from vonenet_brainscore.tuning.grating_experiments import GratingExperiments
from vonenet_brainscore.tuning.screen_recorder import ScreenRecorder


class Stem(nn.Module):
    """Two padded convolutions, batch normalisation, rectification in place, pooling; then a residual sum."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(2)
        self.conv1 = nn.Conv2d(3, 6, 5, stride=2, padding=2)
        self.norm = nn.BatchNorm2d(6)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(6, 5, 3, padding=2, dilation=2)
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        self.conv3 = nn.Conv2d(5, 5, 3, padding=1)
        self.end = nn.Sequential(nn.Identity())
        self.norm.running_mean.uniform_(-0.1, 0.1)
        self.norm.running_var.uniform_(0.5, 2)

    def forward(self, x):
        x = self.pool(self.conv2(self.relu(self.norm(self.conv1(x)))))
        residual = self.conv3(x)
        residual += x  # in place: the tensor that conv3 gave
        return self.end(residual)


def subject_of(network, layer, **settings):
    subject = load_subject(network, region_layer_map={"V1": layer}, progress=False, **settings)
    subject.extractor.image_size = 112
    subject.start_recording("V1")
    return subject


@pytest.mark.parametrize(
    ("layer", "expected"), [("conv1", (2, 5, 2)), ("relu", (2, 5, 2)), ("conv2", (2, 13, 6)), ("pool", (4, 17, 8))]
)
def test_stride_field_and_padding_are_those_that_gradients_show(layer, expected):
    network = Stem().eval()
    first = first_layers(network, layer, 64)
    assert (first.stride, first.field, first.padding) == expected
    for index in (4, 7):
        image = torch.rand(1, 3, 64, 64, requires_grad=True)
        kept = []
        network.get_submodule(layer).register_forward_hook(lambda *args, kept=kept: kept.append(args[2].clone()))
        network(image)
        linear = kept[0][0, :, index, index].sum()
        linear.backward()
        (rows,) = np.nonzero(image.grad[0].abs().sum(dim=(0, 2)).numpy())
        start = index * first.stride - first.padding
        assert rows.min() >= start and rows.max() < start + first.field
        if layer == "conv1":
            assert (rows.min(), rows.max() + 1) == (start, start + first.field)


class Padded(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(F.pad(x, (1, 1, 1, 1)))


@pytest.mark.parametrize(
    ("network", "layer"),
    [
        (Stem(), "end"),  # behind a sum that was made in place
        (Padded(), "conv"),  # a function that no module tells of
        (nn.Sequential(nn.Conv2d(3, 4, 3, padding="same")), "0"),
        (nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular")), "0"),
        (nn.Sequential(nn.Conv2d(3, 4, (3, 1))), "0"),
        (nn.Sequential(nn.MaxPool2d(3, ceil_mode=True)), "0"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.InstanceNorm2d(4)), "1"),  # sees the whole map
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(4)), "1"),
        (PlainNetwork(), "head"),
    ],
)
def test_anything_else_is_no_chain(network, layer):
    assert first_layers(network, layer, 64) is None


def test_the_network_is_left_as_it_was():
    network = Stem().train()
    network.pool.eval()
    before = [module.training for module in network.modules()]
    means = network.norm.running_mean.clone()
    assert first_layers(network, "pool", 64) is not None
    assert [module.training for module in network.modules()] == before
    assert torch.equal(network.norm.running_mean, means)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


@pytest.mark.parametrize("layer", ["relu", "pool"])
def test_the_window_equals_whole_screens(layer, monkeypatch):
    show_few_gratings(monkeypatch)
    windowed = GratingExperiments(subject_of(Stem(), layer))
    assert isinstance(windowed._recorder, FirstLayerRecorder)
    monkeypatch.setattr(grating_experiments, "first_layers", lambda *_: None)
    whole = GratingExperiments(subject_of(Stem(), layer))
    assert isinstance(whole._recorder, ScreenRecorder)
    ours, theirs = windowed.neuroids, whole.neuroids
    assert len(ours) > 4
    for name in ("neuroid_id", "neuroid_num", "channel", "channel_x", "channel_y", "model", "layer"):
        np.testing.assert_array_equal(ours[name].to_numpy(), theirs[name].to_numpy())
    for name in ("measured_receptive_field_y", "measured_receptive_field_x"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-4)  # float32 convolution
    for name in ("blank", "orientation", "size"):
        expected = whole.responses(name)
        np.testing.assert_allclose(windowed.responses(name), expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("edge", ["first", "last", "middle"])
def test_units_at_the_edge_of_the_image_are_padded_as_the_image_is(edge):
    subject = subject_of(Stem(), "pool")
    recorder = FirstLayerRecorder(subject, first_layers(subject.extractor.network, "pool", 112))
    count = recorder._window.first.shape[1]
    units = {"first": range(2), "last": range(count - 2, count), "middle": range(9, 12)}[edge]
    window = recorder._window.at(units, units)
    gratings = grating_parameters("orientation").iloc[[3, 700]]
    (found,) = (rates for _, rates in window.rates(gratings))
    pixels = recorder._window.at(range(count), range(count))
    (whole,) = (rates for _, rates in pixels.rates(gratings))
    expected = whole.reshape(2, -1, count, count)[:, :, units.start : units.stop, units.start : units.stop]
    torch.testing.assert_close(found, expected.flatten(1), rtol=1e-4, atol=1e-5)  # float32 convolution


def test_unselective_layers_are_refused_before_the_work():
    pixels = subject_of(nn.Sequential(nn.ReLU()), "0")
    pixels.extractor.image_size = 224
    with pytest.raises(ValueError, match="prefers an orientation or a spatial frequency"):
        len(GratingExperiments(pixels).neuroids)


def test_a_voneblock_keeps_its_own_window():
    subject = load_subject(tiny_vonenet(), progress=False)
    subject.start_recording("V1")
    assert not isinstance(GratingExperiments(subject)._recorder, FirstLayerRecorder)
