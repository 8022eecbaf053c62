"""VOneNets against recordings of the original code; `get_model` with and without checkpoints."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from vonenet_brainscore.models import vonenet
from vonenet_brainscore.models.vonenet import VOneNet, get_model

DATA = Path(__file__).parent / "data"
STATE_DICTS = json.loads((DATA / "state_dict_keys.json").read_text())


class TinyBackEnd(nn.Module):
    def __init__(self, classes=5):
        super().__init__()
        self.linear = nn.Linear(64, classes)

    def forward(self, x):
        return self.linear(x.mean(dim=(2, 3)))


def tiny_model(**kwargs):
    return get_model(back_end=TinyBackEnd(), **{"simple_channels": 6, "complex_channels": 4, "ksize": 11, **kwargs})


def reference_images():
    generator = torch.Generator().manual_seed(11)
    x = torch.rand(2, 3, 224, 224, generator=generator) * 2 - 1
    return F.avg_pool2d(x, 5, stride=1, padding=2) * 3


def fill_as_recorded(model):
    """Weights by the recipe of the recordings: a generator a tensor, its spread by what the tensor is."""
    for index, (name, value) in enumerate(model.state_dict().items()):
        generator = torch.Generator().manual_seed(1000 + index)
        if name.startswith("vone_block.simple_conv"):
            continue
        if name.endswith("num_batches_tracked"):
            value.zero_()
        elif name.endswith("running_mean"):
            value.copy_(torch.randn(value.shape, generator=generator) * 0.1)
        elif name.endswith("running_var"):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
        elif value.ndim >= 2:
            value.copy_(torch.randn(value.shape, generator=generator) * math.sqrt(2 / value[0].numel()))
        elif name.endswith("weight"):
            value.copy_(torch.rand(value.shape, generator=generator) * 0.5 + 0.5)
        else:
            value.copy_(torch.randn(value.shape, generator=generator) * 0.1)


def assert_equal_to_recorded(value, recorded, name):
    # 1e-4 of the standard deviation: single precision through some fifty layers, on another machine.
    np.testing.assert_allclose(value.numpy(), recorded, rtol=0, atol=1e-4 * recorded.std(), err_msg=name)


@pytest.mark.parametrize("architecture", STATE_DICTS)
@torch.no_grad()
def test_networks_equal_the_recorded_ones(architecture):
    recorded = np.load(DATA / f"forward_{architecture}.npz")
    model = get_model(architecture, pretrained=False, quadrature="paper", colour_seed=0, noise_mode=None).eval()
    assert [[name, list(value.shape)] for name, value in model.state_dict().items()] == STATE_DICTS[architecture]
    colours = [list(recorded[name]) for name in ("colour_q0", "colour_q1")]
    assert [list(of_bank) for of_bank in model.vone_block.colours] == colours
    fill_as_recorded(model)

    calls: dict[str, list[torch.Tensor]] = {}
    for name in {key.split("@")[0] for key in recorded if "@" in key}:
        model.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: calls.setdefault(name, []).append(output.clone())
        )
    x = reference_images()
    assert_equal_to_recorded(model(x), recorded["logits"], "logits")
    for key in (key for key in recorded if key.endswith("_mean") and "@" in key):
        name, call = key.removesuffix("_mean").split("@")
        output = calls[name][int(call)]
        assert list(output.shape) == list(recorded[f"{name}@{call}_shape"])
        assert_equal_to_recorded(output.flatten(2).mean(dim=2) if output.ndim == 4 else output, recorded[key], key)
    assert sum(map(len, calls.values())) == sum(key.endswith("_shape") for key in recorded)


@torch.no_grad()
def test_noise_equals_the_recorded_one():
    recorded = np.load(DATA / "forward_resnet50.npz")
    block = get_model(None, quadrature="paper").vone_block
    block.fixed_noise = torch.randn(2, 512, 56, 56, generator=torch.Generator().manual_seed(5))
    with block.repeated_trials():
        x = reference_images()
        noisy = block(x)
        block.set_noise_mode("gaussian", 4)
        gaussian = block(x)
        block.set_noise_mode(None)
        silent = block(x)
    assert_equal_to_recorded(silent[:, ::16, ::7, ::7], recorded["vone_slice"], "vone_slice")
    assert_equal_to_recorded(noisy[:, ::16, ::7, ::7], recorded["noisy_slice"], "noisy_slice")
    assert_equal_to_recorded(noisy.mean(dim=(2, 3)), recorded["noisy_mean"], "noisy_mean")
    assert_equal_to_recorded(gaussian.mean(dim=(2, 3)), recorded["gaussian_noisy_mean"], "gaussian_noisy_mean")


def test_the_faq_runs_as_written():
    model = tiny_model().eval()
    model.vone_block.fix_noise(1, seed=0)
    x = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    expected = model(x)
    model.module.vone_block.simple = nn.ReLU(inplace=False)
    model.module.vone_block.noise = nn.ReLU(inplace=False)
    torch.testing.assert_close(model(x), expected)
    assert model.module is model
    assert not any(name.startswith("module") for name, _ in model.named_modules())


def test_a_back_end_of_ones_own_reads_the_bottleneck():
    model = tiny_model()
    seen = []
    model.bottleneck.register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    assert model(torch.zeros(2, 3, 224, 224)).shape == (2, 5)
    assert seen == [(2, 64, 56, 56)]


def test_training_leaves_the_front_end_as_it_is():
    model = tiny_model().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)
    x = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    F.cross_entropy(model(x), torch.tensor([1, 2])).backward()
    optimiser.step()
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"bottleneck.weight", "model.linear.weight", "model.linear.bias"}


def test_the_front_end_alone_gives_what_its_block_gives():
    model = get_model(None, simple_channels=3, complex_channels=2, noise_mode=None)
    x = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model(x), model.vone_block(x))
    assert list(model.state_dict()) == ["vone_block.simple_conv_q0.weight", "vone_block.simple_conv_q1.weight"]
    assert model.weights_source is None


def test_arguments_reach_the_front_end():
    kwargs = {"simple_channels": 3, "complex_channels": 2, "ksize": 9, "stride": 2, "k_exc": 10, "image_size": 64}
    block = get_model(None, **kwargs, visual_degrees=2, noise_mode="gaussian", noise_scale=2, noise_level=1).vone_block
    assert {name: getattr(block, name) for name in kwargs} == kwargs
    assert (block.visual_degrees, block.noise_mode, block.noise_scale, block.noise_level) == (2, "gaussian", 2, 1)
    assert block(torch.zeros(1, 3, 64, 64)).shape == (1, 5, 32, 32)
    for sampling in ({"gabor_seed": 1}, {"sf_max": 4}, {"sf_min": 1}, {"rand_param": True}, {"sf_corr": 0}):
        other = get_model(None, **kwargs, visual_degrees=2, **sampling).vone_block
        assert not torch.equal(other.simple_conv_q0.weight, block.simple_conv_q0.weight), sampling


def test_new_models_match_their_pairs_and_noiseless_ones_have_no_noise(monkeypatch):
    monkeypatch.setattr(vonenet, "BACK_ENDS", {"resnet50": TinyBackEnd})
    block = get_model("resnet50_ns", pretrained=False).vone_block
    assert block.noise_mode is None and block.colours[0] == block.colours[1]
    assert get_model("resnet50_ns", pretrained=False, noise_mode="gaussian").vone_block.noise_mode == "gaussian"
    assert get_model("resnet50", pretrained=False).vone_block.noise_mode == "neuronal"


def test_building_draws_nothing_for_the_front_end_from_the_global_generator():
    torch.manual_seed(0)
    state = torch.get_rng_state()
    get_model(None, colour_seed=3, quadrature="paper")
    assert torch.equal(torch.get_rng_state(), state)


# ------------------------------------------------------------------------------------------------------- checkpoints

FLAGS = {"arch": "resnet50", "stride": 4, "simple_channels": 6, "complex_channels": 4, "k_exc": 20}
FLAGS |= {"noise_mode": "neuronal", "noise_scale": 0.3, "noise_level": 0.05}


@pytest.fixture
def saved(tmp_path):
    """A small trained model and its checkpoint."""
    model = tiny_model(quadrature="paper", k_exc=20, colour_seed=4)
    path = tmp_path / "tiny.pth.tar"
    state_dict = {f"module.{name}": value for name, value in model.state_dict().items()}
    torch.save({"flags": FLAGS, "epoch": 70, "state_dict": state_dict, "optimizer": {}}, path)
    return model, path


def same_weights(a, b):
    return all(torch.equal(value, b.state_dict()[name]) for name, value in a.state_dict().items())


def test_a_checkpoint_brings_its_front_end_and_weights(saved):
    model, path = saved
    torch.manual_seed(1)
    loaded = get_model(back_end=TinyBackEnd(), weights=path)
    assert same_weights(model, loaded)
    block = loaded.vone_block
    assert (block.simple_channels, block.complex_channels, block.ksize, block.k_exc) == (6, 4, 11, 20)
    assert (block.noise_mode, block.noise_scale, block.noise_level) == ("neuronal", 0.3, 0.05)
    assert block.gabor_parameters is not None
    assert block.colours == model.vone_block.colours
    assert loaded.weights_source.path == path and len(loaded.weights_source.sha256) == 64


def test_the_front_end_of_a_checkpoint_can_be_had_alone(saved):
    model, path = saved
    loaded = get_model(None, weights=path)
    assert torch.equal(loaded.vone_block.simple_conv_q1.weight, model.vone_block.simple_conv_q1.weight)
    assert loaded.bottleneck is None and loaded.weights_source.path == path


def test_noise_arguments_apply_beside_a_checkpoint_and_agreeing_ones_pass(saved):
    _, path = saved
    block = get_model(None, weights=path, noise_mode="gaussian", noise_scale=2).vone_block
    assert (block.noise_mode, block.noise_scale, block.noise_level) == ("gaussian", 2, 0.05)
    agreeing = {
        "simple_channels": 6,
        "ksize": 11,
        "k_exc": 20,
        "gabor_seed": 0,
        "colour_seed": 4,
        "quadrature": "paper",
    }
    get_model(None, weights=path, **agreeing)


@pytest.mark.parametrize(
    ("contradiction", "message"),
    [
        ({"simple_channels": 5}, "has simple_channels=6, not 5; leave simple_channels out"),
        ({"stride": 2}, "has stride=4, not 2"),
        ({"k_exc": 25}, "has k_exc=20, not 25"),
        ({"ksize": 25}, "has ksize=11, not 25"),
        ({"gabor_seed": 1}, "has other filters than gabor_seed=1; leave them out"),
        ({"visual_degrees": 7, "sf_max": 9}, "has other filters than sf_max=9, visual_degrees=7"),
        ({"rand_param": True}, "has other filters than rand_param=True"),
        ({"colour_seed": 0}, "has other colours than colour_seed=0"),
        ({"quadrature": "matched"}, "has other colours than quadrature='matched'"),
    ],
)
def test_arguments_that_contradict_a_checkpoint_are_refused(saved, contradiction, message):
    with pytest.raises(ValueError, match=message):
        get_model(None, weights=saved[1], **contradiction)


def test_filters_of_unknown_parameters_are_loaded_without_claiming_any(saved, tmp_path):
    model, _ = saved
    model.vone_block.simple_conv_q0.weight *= 1.5
    torch.save(model.state_dict(), tmp_path / "edited.pt")
    loaded = get_model(None, weights=tmp_path / "edited.pt", simple_channels=6, complex_channels=4)
    assert loaded.vone_block.gabor_parameters is None
    with pytest.raises(ValueError, match="has 10 filters, not 256 for simple and 256 for complex cells"):
        get_model(None, weights=tmp_path / "edited.pt")


def test_the_parameters_that_training_flags_name_are_used(tmp_path):
    model = tiny_model(gabor_seed=3, sf_max=4)
    flags = {**FLAGS, "model_arch": "resnet50", "gabor_seed": 3, "sf_max": 4, "k_exc": 25, "lr": 0.1}
    del flags["arch"]
    torch.save({"flags": flags, "state_dict": model.state_dict()}, tmp_path / "trained.pt")
    loaded = get_model(back_end=TinyBackEnd(), weights=tmp_path / "trained.pt")
    assert same_weights(model, loaded)
    assert loaded.vone_block.gabor_parameters.sf_cpd.max() <= 4
    with pytest.raises(ValueError, match="has other filters than sf_max=9"):
        get_model(None, weights=tmp_path / "trained.pt", sf_max=9)


def test_a_checkpoint_of_another_architecture_is_refused(saved, tmp_path):
    _, path = saved
    with pytest.raises(ValueError, match="holds a network of none of the named architectures, not cornets"):
        get_model("cornets", weights=path)
    with torch.device("meta"):
        names = vonenet.BACK_ENDS["cornets"]().state_dict()
    bank = torch.zeros(10, 3, 11, 11)
    state_dict = {"vone_block.simple_conv_q0.weight": bank, "vone_block.simple_conv_q1.weight": bank}
    state_dict |= {f"model.{name}": torch.zeros(1) for name in names}
    torch.save({"flags": FLAGS | {"arch": "CORnet_S"}, "state_dict": state_dict}, tmp_path / "cornets.pt")
    with pytest.raises(ValueError, match="holds a VOneNet of architecture 'cornets', not alexnet") as caught:
        get_model("alexnet", weights=tmp_path / "cornets.pt")
    assert len(str(caught.value)) < 1000  # of hundreds of weights that differ a few are named
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "resnet.pt")
    with pytest.raises(ValueError, match="holds no VOneNet: it has no vone_block"):
        get_model("resnet50", weights=tmp_path / "resnet.pt")


def test_named_models_fetch_their_released_weights(saved, monkeypatch):
    model, path = saved
    fetched = []
    monkeypatch.setattr(vonenet, "fetch_checkpoint", lambda file_name: fetched.append(file_name) or path)
    monkeypatch.setattr(vonenet, "BACK_ENDS", {"resnet50": TinyBackEnd})
    assert same_weights(model, get_model())
    assert get_model("resnet50_at").vone_block.noise_mode == "neuronal"
    assert get_model("resnet50_ns").vone_block.noise_mode is None
    assert fetched == ["voneresnet50_e70.pth.tar", "voneresnet50_at_e96.pth.tar", "voneresnet50_ns_e70.pth.tar"]
    get_model("resnet50", weights=path)  # weights of one's own are not fetched
    assert len(fetched) == 3


@pytest.mark.parametrize("architecture", ["resnet50", "cornets", "alexnet"])
@torch.no_grad()
def test_the_number_of_classes_is_chosen_and_read_back(tmp_path, architecture):
    torch.manual_seed(0)
    model = get_model(architecture, pretrained=False, n_classes=7, simple_channels=4, complex_channels=4)
    images = torch.zeros(1, 3, 224, 224)
    assert model.eval()(images).shape == (1, 7)
    path = tmp_path / "seven.pt"
    torch.save({"state_dict": model.state_dict(), "flags": {"simple_channels": 4, "complex_channels": 4}}, path)
    assert get_model(architecture, weights=path).eval()(images).shape == (1, 7)
    assert same_weights(get_model(architecture, weights=path, n_classes=7), model)
    with pytest.raises(ValueError, match=r"seven\.pt has 7 classes, not 10; leave n_classes out"):
        get_model(architecture, weights=path, n_classes=10)


def test_refusals():
    with pytest.raises(ValueError, match="n_classes is 0; give 1 or more"):
        get_model(pretrained=False, n_classes=0)
    with pytest.raises(ValueError, match=r"n_classes is 10; .* only where model_arch or back_end names"):
        get_model(back_end=TinyBackEnd(), n_classes=10)
    with pytest.raises(ValueError, match="unknown model_arch 'resnet_50'; did you mean 'resnet50'"):
        get_model("resnet_50", pretrained=False)
    with pytest.raises(TypeError, match="get_model has no argument 'noise_level_'; did you mean 'noise_level'"):
        get_model(None, noise_level_=1)
    with pytest.raises(ValueError, match="'resnet50' names no library; give timm:NAME or torchvision:NAME"):
        get_model(back_end="resnet50")
    with pytest.raises(ValueError, match="unknown noise mode 'poisson'"):
        get_model(None, noise_mode="poisson")
    with pytest.raises(FileNotFoundError, match=r"missing\.pt"):
        get_model(weights="missing.pt")
    assert isinstance(get_model(None, simple_channels=1, complex_channels=1, pretrained=True), VOneNet)
