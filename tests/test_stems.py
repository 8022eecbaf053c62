"""Back ends by name: every family's networks, cut behind their stem and put behind a VOneBlock."""

import math
import sys
import warnings
from importlib import import_module

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision_here import NO_TIMM

from vonenet_brainscore import base_network, get_model, record
from vonenet_brainscore.layer_choice import candidate_layers
from vonenet_brainscore.models import libraries
from vonenet_brainscore.models.libraries import library_network
from vonenet_brainscore.models.stems import CUTS, Refit, cut_behind_stem, regions_by_depth
from vonenet_brainscore.recordings.loading import load_subject
from vonenet_brainscore.training.fit import _options

if NO_TIMM:
    pytest.skip(NO_TIMM, allow_module_level=True)
timm = import_module("timm")

SMALL = {"image_size": 64, "visual_degrees": 2, "simple_channels": 4, "complex_channels": 4, "noise_mode": None}
# A small network of each row of CUTS, and of families that share a row.
NETWORKS = {
    ("ResNet", "timm"): ["timm:resnet10t", "timm:resnext50_32x4d"],
    ("ConvNeXt", "timm"): ["timm:convnext_atto"],
    ("EfficientNet", "timm"): ["timm:tinynet_e", "timm:mobilenetv2_035"],
    ("MobileNetV3", "timm"): ["timm:mobilenetv3_small_050"],
    ("RegNet", "timm"): ["timm:regnetx_002"],
    ("DenseNet", "timm"): ["timm:densenet121"],
    ("VGG", "timm"): ["timm:vgg11_bn"],
    ("ViT", "timm"): ["timm:vit_tiny_patch16_224", "timm:deit_tiny_distilled_patch16_224"],
    ("Swin", "timm"): ["timm:swin_tiny_patch4_window7_224"],
    ("ResNet", "torchvision"): ["torchvision:resnet18"],
    ("ConvNeXt", "torchvision"): ["torchvision:convnext_tiny"],
    ("EfficientNet", "torchvision"): ["torchvision:efficientnet_b0"],
    ("MobileNetV2", "torchvision"): ["torchvision:mobilenet_v2"],
    ("MobileNetV3", "torchvision"): ["torchvision:mobilenet_v3_small"],
    ("RegNet", "torchvision"): ["torchvision:regnet_x_400mf"],
    ("DenseNet", "torchvision"): ["torchvision:densenet121"],
    ("VGG", "torchvision"): ["torchvision:vgg11"],
    ("Swin", "torchvision"): ["torchvision:swin_t"],
}


@pytest.fixture(autouse=True)
def cheap_first_weights(monkeypatch):
    """First weights uniform with the variance 2 / fan-in; the libraries' own take seconds for the largest networks."""

    def uniform(tensor, *_, **__):
        with torch.no_grad():
            bound = math.sqrt(6 / max(1, tensor[0].numel())) if tensor.ndim > 1 else 0.02
            return tensor.uniform_(-bound, bound)

    for name in ("kaiming_normal_", "kaiming_uniform_", "xavier_uniform_", "trunc_normal_", "normal_"):
        monkeypatch.setattr(nn.init, name, uniform)
    torch.manual_seed(0)


def images(count=2, side=64):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


def tiny(name="timm:resnet10t", **settings):
    return get_model(back_end=name, n_classes=5, **{**SMALL, **settings}).eval()


def test_every_row_is_tested():
    assert set(NETWORKS) == {(cut.family, cut.library) for cut in CUTS} and len(NETWORKS) == len(CUTS)


@pytest.mark.parametrize("name", [name for names in NETWORKS.values() for name in names])
def test_a_network_of_each_family_runs_learns_and_has_the_same_v1(name):
    model = tiny(name)
    with torch.no_grad():
        seen = []
        hook = model.vone_block.register_forward_hook(lambda module, inputs, output: seen.append(output))
        model(images())
        hook.remove()
        assert torch.equal(seen[0], get_model(None, **SMALL).vone_block(images()))
    x = images().requires_grad_()
    labels = torch.tensor([1, 3])
    logits = model(x)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    assert logits.shape == (2, 5) and x.grad.isfinite().all() and x.grad.abs().sum() > 0
    with torch.no_grad():
        # A step so short that the loss should fall by 1 %, which curvature cannot turn round.
        gradients = [(weight, weight.grad) for weight in model.parameters() if weight.grad is not None]
        step = 0.01 * loss / sum(gradient.square().sum() for _, gradient in gradients)
        for weight, gradient in gradients:
            weight -= step * gradient
        assert F.cross_entropy(model(images()), labels) < loss
    stages = dict(model.named_modules())
    assert list(model.regions_by_depth) == ["V2", "V4", "IT"] and set(model.regions_by_depth.values()) <= set(stages)
    assert model.settings["back_end"] == name


@pytest.mark.parametrize("name", ["timm:resnet10t", "timm:vit_tiny_patch16_224", "timm:swin_tiny_patch4_window7_224"])
@pytest.mark.parametrize("side", [224, 64])
def test_what_follows_the_stem_sees_the_size_that_it_was_made_for(name, side):
    def first_stage_input(network, x):
        stage = next(module for where, module in network.named_modules() if where in ("layer1", "blocks.0", "layers.0"))
        shapes = []
        stage.register_forward_pre_hook(lambda module, inputs: shapes.append(inputs[0].shape))
        network(x)
        return shapes[0]

    with torch.no_grad():
        made_for = first_stage_input(library_network(name, image_size=side).eval(), images(1, side))
        back_end = cut_behind_stem(library_network(name, image_size=side).eval(), name, side)
        maps = torch.zeros(1, back_end.channels, side // 4, side // 4)
        assert first_stage_input(back_end.network, maps) == made_for


def test_a_stride_of_ones_own_gives_the_grid_without_interpolation():
    model = tiny("timm:mobilenetv3_small_050", stride=2)
    (refit,) = (module for module in model.modules() if isinstance(module, Refit))
    x = torch.rand(1, 16, 32, 32)
    assert model.vone_block.units(64, 64)[1:] == refit.grid == (32, 32) and refit(x) is x


def test_refit_takes_means_or_interpolates_and_keeps_what_is_uniform():
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert Refit((2, 2), "maps")(x).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]
    assert Refit((2, 2), "tokens")(x).shape == (1, 4, 1) and Refit((2, 2), "tokens")(x)[0, :, 0].tolist()[1] == 4.5
    assert Refit((8, 4), "channels last")(x).shape == (1, 8, 4, 1)
    for grid in ((3, 3), (8, 8), (2, 8)):
        assert torch.allclose(Refit(grid, "maps")(torch.full((1, 2, 4, 4), 3.0)), torch.full((1, 2, *grid), 3.0))


def test_regions_are_the_ends_of_thirds():
    assert regions_by_depth(list("abcdefghijkl")) == {"V2": "d", "V4": "h", "IT": "l"}
    assert regions_by_depth(list("abcd")) == {"V2": "a", "V4": "c", "IT": "d"}
    assert regions_by_depth(["a"]) == {"V2": "a", "V4": "a", "IT": "a"} and regions_by_depth([]) == {}


def test_a_checkpoint_carries_the_name_and_loads_back(tmp_path):
    model = tiny()
    path = tmp_path / "mine.pth"
    torch.save({"flags": _options(model), "state_dict": model.state_dict()}, path)
    back = get_model(back_end="timm:resnet10t", weights=path).eval()
    with torch.no_grad():
        assert torch.equal(back(images()), model(images()))
    assert back.settings == model.settings and back.regions_by_depth == model.regions_by_depth
    assert get_model(None, weights=path).model is None
    with pytest.raises(ValueError, match=r"mine\.pth has 5 classes, not 7; leave n_classes out"):
        get_model(back_end="timm:resnet10t", weights=path, n_classes=7)
    with pytest.raises(ValueError, match=r"has back_end='timm:resnet10t', not 'timm:resnet18'"):
        get_model(back_end="timm:resnet18", weights=path)
    with pytest.raises(ValueError, match="not resnet50; give back_end='timm:resnet10t'"):
        get_model("resnet50", weights=path)
    torch.save({"flags": {}, "state_dict": model.state_dict()}, path)
    with pytest.raises(ValueError, match="does not say that it has a back end of a library"):
        get_model(back_end="timm:resnet10t", weights=path, simple_channels=4, complex_channels=4)


@pytest.mark.parametrize("name", ["timm:resnet10t", "timm:vit_tiny_patch16_224"])
def test_regions_by_depth_are_recorded_and_called_so(name):
    subject = load_subject(tiny(name), progress=False)
    assert list(subject.region_layer_map) == ["V1", "V2", "V4", "IT"] and name in subject.identifier
    assert "by depth, not chosen on data: V2 model." in subject.weights
    subject = load_subject(tiny(name), region_layer_map={"V2": "bottleneck"}, progress=False)
    assert subject.region_layer_map["V2"] == "bottleneck" and "on data: V4 model." in subject.weights
    recorded = record(tiny(name), [np.zeros((64, 64, 3), np.uint8)], layers=[subject.region_layer_map["IT"]])
    assert recorded.shape[0] == 1 and np.isfinite(recorded.values).all()
    candidates = candidate_layers(tiny(name))
    assert candidates[:2] == ["vone_block", "bottleneck"] and subject.region_layer_map["IT"] in str(candidates)
    assert not any(isinstance(tiny(name).get_submodule(layer), Refit) for layer in candidates)


@torch.no_grad()
def test_the_base_network_has_its_own_stem_and_the_same_rest():
    model = tiny()
    base = base_network(model).eval()
    assert base(images()).shape == (2, 5) and base.conv1[0].in_channels == 3
    behind = model.model.state_dict()
    assert all(torch.equal(value, base.state_dict()[name]) for name, value in behind.items())
    assert set(base.state_dict()) - set(behind) == {
        name for name in base.state_dict() if name.startswith(("conv1", "bn1"))
    }
    assert base_network("timm:resnet10t").eval()(images()).shape == (2, 1000)
    with pytest.raises(ValueError, match="has no name; give get_model back_end='timm:NAME'"):
        base_network(get_model(None, **SMALL))
    with pytest.raises(ValueError, match="n_classes is 0"):
        base_network("timm:resnet10t", n_classes=0)


def test_pretrained_weights_are_taken_and_need_training(monkeypatch):
    asked = []

    def fetched(name, *, pretrained, **settings):
        asked.append(pretrained)
        return library_network(name, **settings)

    monkeypatch.setattr("vonenet_brainscore.models.vonenet.library_network", fetched)
    with pytest.warns(UserWarning, match="of timm:resnet10t were trained behind another stem: .*training"):
        tiny(back_end_pretrained=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tiny()
    assert asked == [True, False]


def test_pretrained_weights_that_cannot_be_had_are_refused(monkeypatch):
    def no_network(*_, pretrained, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", no_network)
    with pytest.raises(FileNotFoundError, match=r"weights of timm:resnet18 are unavailable \(no route to host\)"):
        library_network("timm:resnet18", pretrained=True)
    with pytest.raises(ValueError, match="timm does not make 'resnet18': no route to host"):
        library_network("timm:resnet18")


@pytest.mark.parametrize(
    ("back_end", "message"),
    [
        ("timm:resnet1", r"timm has no network 'resnet1'; nearest: resnet1\w+"),
        ("timm:hf-hub:someone/resnet18", "timm has no network 'hf-hub:someone/resnet18'"),
        ("torchvision:resnet_18", "torchvision has no network 'resnet_18'; nearest: resnet"),
        ("resnet50", "'resnet50' names no library; give timm:NAME or torchvision:NAME"),
        (
            "timm:xcit_nano_12_p8_224",
            r"is a Xcit, and where its stem ends is not known; known of timm: .*ViT",
        ),
        ("timm:vit_tiny_patch16_224", "cannot take images of 8 pixels"),
    ],
)
def test_what_cannot_be_cut_is_refused_when_the_model_is_made(back_end, message):
    with pytest.raises(ValueError, match=message):
        get_model(back_end=back_end, **{**SMALL, "image_size": 8, "ksize": 3})


def test_a_network_of_ones_own_that_does_not_fit_is_refused_with_the_module_and_the_sizes():
    network = library_network("timm:resnet10t")
    with pytest.raises(
        ValueError,
        match=r"^ResNet does not fit behind the VOneBlock, whose bottleneck gives \(batch, 64, 16, 16\): its module "
        r"'conv1\.0' \(Conv2d\) gets \(1, 64, 16, 16\): .*3 channels",
    ):
        get_model(back_end=network, **SMALL)
    assert network.training  # as it was given
    with pytest.raises(ValueError, match="back_end_pretrained is for a back end by name"):
        get_model(None, back_end_pretrained=True, **SMALL)
    with pytest.raises(TypeError, match="back_end is a int; give timm:NAME, torchvision:NAME or an nn"):
        get_model(back_end=3)


def test_a_stem_that_is_not_as_its_family_has_it_is_refused():
    network = library_network("timm:resnet10t")
    network.pretrained_cfg = {**network.pretrained_cfg, "first_conv": "layer1.0.conv1"}
    with pytest.raises(ValueError, match=r"not that of a ResNet: its first convolution is 'layer1\.0\.conv1'"):
        cut_behind_stem(network, "timm:resnet10t", 64)
    del network.maxpool
    with pytest.raises(ValueError, match="not that of a ResNet: it has no module 'maxpool'"):
        cut_behind_stem(network, "timm:resnet10t", 64)


def test_a_library_that_is_not_installed_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'vonenet_brainscore\[backends\]'"):
        libraries.library_network("timm:resnet18")
