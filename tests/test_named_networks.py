"""Networks by name are made as their library makes them, and scored like any other."""

import sys
from importlib import import_module

import numpy as np
import pytest
import torch
from made_benchmarks import neural_benchmark, responses_assembly, stimulus_set
from PIL import Image
from torchvision_here import NO_TIMM, needs_torchvision

from vonenet_brainscore import choose_layers, get_model, record, score_model, v1_properties
from vonenet_brainscore.models.named_networks import named_network, network_of
from vonenet_brainscore.recordings.loading import is_reference, load_subject
from vonenet_brainscore.stimuli.images import normalise

if NO_TIMM:
    pytest.skip(NO_TIMM, allow_module_level=True)
timm = import_module("timm")

MADE = """
from torch import nn

def network():
    return nn.Sequential(nn.Conv2d(3, 4, 9, stride=8), nn.ReLU(), nn.Flatten())
"""


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "made_networks.py").write_text(MADE)
    yield "made_networks:network"
    sys.modules.pop("made_networks", None)


def test_timms_network_and_what_it_is_fed():
    named = named_network("timm:resnet18", "random")
    fed = timm.create_model("resnet18", pretrained=False).pretrained_cfg
    assert (named.mean, named.std) == (tuple(fed["mean"]), tuple(fed["std"]))
    assert named.weights == "random, seed 0"
    again = named_network("timm:resnet18", "random").network.state_dict()
    assert all(torch.equal(value, again[name]) for name, value in named.network.state_dict().items())


def test_a_voneblock_before_a_network():
    settings = {"progress": False, "front_end": {"gabor_seed": 3}}
    untrained = load_subject("vonenet:timm:resnet18", **settings)
    drawn = load_subject("vonenet:timm:resnet18", weights="random", **settings)
    block = get_model(None, gabor_seed=3).vone_block
    for subject in (untrained, drawn):
        weights = subject.extractor.network.vone_block.state_dict()
        assert all(torch.equal(value, weights[name]) for name, value in block.state_dict().items())
        assert "; changed: gabor_seed=3" in subject.weights
    assert "; by depth, not chosen on data: V2" in drawn.weights and drawn.weights.startswith("random behind the front")
    assert set(untrained.region_layer_map) == {"V1"} and set(drawn.region_layer_map) == {"V1", "V2", "V4", "IT"}
    with pytest.raises(ValueError, match="it has V1 alone, not IT"):
        load_subject("vonenet:timm:resnet18", region_layer_map={"IT": "model.layer4"}, **settings)
    with pytest.raises(TypeError, match="front_end has no argument 'gabor_sede'"):
        load_subject("vonenet:timm:resnet18", front_end={"gabor_sede": 1})
    again = load_subject("vonenet:timm:resnet18", weights="random", **settings)
    of_both = [each.extractor.network.state_dict() for each in (drawn, again)]
    assert all(torch.equal(value, of_both[1][name]) for name, value in of_both[0].items())


def test_a_checkpoint_of_a_vonenet_before_a_network(tmp_path):
    network = get_model(back_end="timm:resnet18", n_classes=3)
    flags = network.settings
    torch.save({"state_dict": network.state_dict(), "flags": flags}, tmp_path / "mine.pth.tar")
    subject = load_subject("vonenet:timm:resnet18", weights=tmp_path / "mine.pth.tar", progress=False)
    loaded = subject.extractor.network.state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in network.state_dict().items())
    assert subject.weights.startswith("mine.pth.tar, sha256 ")


@needs_torchvision
def test_torchvisions_network_and_what_it_is_fed():
    named = named_network("torchvision:squeezenet1_1", "random")
    assert named.mean == (0.485, 0.456, 0.406)
    with pytest.raises(ValueError, match="torchvision has no network 'resnet19'; nearest: resnet18"):
        named_network("torchvision:resnet19", "random")


def test_the_generator_is_left_as_it_was(made):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    named_network(made, "random")
    assert torch.equal(torch.rand(2), expected)


def test_a_checkpoint_is_loaded_and_named(made, tmp_path):
    weights = {name: value + 1 for name, value in named_network(made).network.state_dict().items()}
    torch.save({"state_dict": weights}, tmp_path / "mine.pth.tar")
    named = named_network(made, tmp_path / "mine.pth.tar")
    assert named.weights.startswith("mine.pth.tar, sha256 ")
    assert torch.equal(named.network[0].weight, weights["0.weight"])
    torch.save({"state_dict": {"other": torch.zeros(1)}}, tmp_path / "other.pth.tar")
    with pytest.raises(ValueError, match="holds another network than made_networks:network gives"):
        named_network(made, tmp_path / "other.pth.tar")


def test_images_are_normalised_as_the_network_expects():
    subject = load_subject("timm:resnet18", region_layer_map={"V1": "layer1"}, weights="random", progress=False)
    fed = []
    subject.extractor.network.register_forward_pre_hook(lambda module, inputs: fed.append(inputs[0].numpy()))
    image = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    subject.record([image], ["layer1"])
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = ((image / 255 - mean) / std).transpose(2, 0, 1)
    np.testing.assert_allclose(fed[0][0], expected, rtol=1e-5, atol=1e-6)  # float32
    np.testing.assert_array_equal(normalise(image), normalise(image, (0.5,) * 3, (0.5,) * 3))
    assert subject.identifier == "timm:resnet18" and subject.weights == "random, seed 0"


def test_a_reference_is_scored_and_its_layers_are_chosen(made, tmp_path):
    stimuli = stimulus_set("images", 40)
    rng = np.random.default_rng(0)
    for name in stimuli["stimulus_id"]:
        stimuli.stimulus_paths[name] = tmp_path / f"{name}.png"
        Image.fromarray(rng.integers(0, 256, (32, 32), np.uint8)).save(stimuli.stimulus_paths[name])
    from brainscore_vision.metrics.regression_correlation.metric import (
        CrossRegressedCorrelation,
        pearsonr_correlation,
        ridge_regression,
    )

    split = {"splits": 2, "stratification_coord": None}
    metric = CrossRegressedCorrelation(ridge_regression(), pearsonr_correlation(), split)
    benchmark = neural_benchmark(metric, responses_assembly(stimuli, rng.normal(size=(40, 5))))
    score = score_model(made, benchmark, region_layer_map={"IT": "1"}, progress=False)
    assert score.attrs["layer"] == "1" and score.attrs["model_identifier"] == made
    assert score.attrs["weights"] == "as the function made them"
    choice = choose_layers(made, benchmark, ["0", "1"], progress=False)
    assert choice.scores.loc["1", "raw"] == pytest.approx(float(score.attrs["raw"]))
    everything = choose_layers(made, benchmark, progress=False)
    assert set(everything.scores.index) == {"0"}  # a rectification is no candidate
    network = named_network(made).network
    assert float(choose_layers(network, benchmark, ["1"], progress=False).scores["raw"].iloc[0]) == pytest.approx(
        float(score.attrs["raw"])
    )


def test_refusals(made, tmp_path):
    with pytest.raises(ValueError, match=r"timm has no network 'resnet1a'; nearest: resnet"):
        named_network("timm:resnet1a", "random")
    with pytest.raises(ValueError, match=r"say which layer represents which region, such as --layer V1=layer1"):
        load_subject(made)
    with pytest.raises(ValueError, match="weights are given with timm:NAME, torchvision:NAME or module:function only"):
        score_model("voneresnet50", "V1-properties", weights="random")
    with pytest.raises(ValueError, match="no module 'nothing_here'"):
        v1_properties("nothing_here:network", "0")
    with pytest.raises(ValueError, match="no layer 'rellu'"):
        v1_properties(made, "rellu")
    with pytest.raises(FileNotFoundError, match=r"missing\.pth"):
        named_network(made, tmp_path / "missing.pth")
    assert is_reference("timm:resnet18") and not is_reference("brainscore:alexnet") and not is_reference("alexnet")


def test_pretrained_weights_that_are_unavailable_say_what_to_give(monkeypatch):
    def offline(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(FileNotFoundError, match=r"timm:resnet18 are unavailable \(no network\); use random ones"):
        named_network("timm:resnet18")


def test_record_takes_a_reference(made):
    image = np.full((64, 64), 100, np.uint8)
    by_name = record(made, [image], layers=["1"], progress=False)
    by_network = record(named_network(made).network, [image], layers=["1"], progress=False)
    np.testing.assert_array_equal(by_name.values, by_network.values)


@needs_torchvision
def test_torchvisions_weights_are_of_a_thousand_classes():
    with pytest.raises(ValueError, match="torchvision's weights are of 1000 classes, not 10; leave out one of the two"):
        get_model(back_end="torchvision:resnet18", back_end_pretrained=True, n_classes=10)


def test_a_users_module_that_fails_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "divides.py").write_text("1 / 0\n")
    with pytest.raises(ValueError, match="'divides' cannot be imported: ZeroDivisionError: division by zero"):
        network_of("divides:network")
    (tmp_path / "needs_more.py").write_text("import a_module_of_nobody\n")
    with pytest.raises(ModuleNotFoundError, match="No module named 'a_module_of_nobody'"):
        network_of("needs_more:network")


def test_timms_tag_of_pretrained_weights_is_part_of_a_name():
    network = get_model(back_end="timm:resnet18.a1_in1k", simple_channels=8, complex_channels=8)
    assert type(network).__name__ == "VOneNet"
    with pytest.raises(ValueError, match=r"timm has no network 'resnet18\.a1_in2k'; nearest: resnet18"):
        get_model(back_end="timm:resnet18.a1_in2k")


def test_a_library_beside_another_torch_is_told(tmp_path, monkeypatch):
    (tmp_path / "timm.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    for name in [name for name in sys.modules if name.partition(".")[0] == "timm"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    expected = r"timm does not import \(operator .*\); install the torchvision that belongs to the installed torch"
    with pytest.raises(ModuleNotFoundError, match=expected):
        named_network("timm:resnet18", "random")
