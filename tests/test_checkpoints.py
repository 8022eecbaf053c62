"""Checkpoint files in the layouts that exist, and in those that must be refused."""

import argparse
import hashlib
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vonenet_brainscore.models import checkpoints
from vonenet_brainscore.models.checkpoints import Checkpoint, fetch_checkpoint, read_checkpoint, vonenet_home

FLAGS = {
    "stride": 4,
    "simple_channels": 256,
    "complex_channels": 256,
    "k_exc": 25.0,
    "noise_mode": "neuronal",
    "noise_scale": 0.35,
    "noise_level": 0.07,
}


def _network() -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    for parameter in network.parameters():
        nn.init.normal_(parameter, generator=generator)
    return network


def _weights(prefix: str = "") -> dict[str, Tensor]:
    return {prefix + key: value for key, value in _network().state_dict().items()}


def _save(content: Any, path: Path, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


def _assert_same_weights(checkpoint: Checkpoint) -> None:
    """The weights load strictly into a network of the same layout, and are what was saved."""
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    network.load_state_dict(checkpoint.state_dict, strict=True)
    for key, value in _weights().items():
        assert torch.equal(checkpoint.state_dict[key], value)


# Both formats of torch.save: the released files are of the time before the zip format.
@pytest.mark.parametrize("zipped", [True, False])
def test_released_layout(tmp_path: Path, zipped: bool) -> None:
    network = _network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    network(torch.zeros(2, 3, 4, 4)).sum().backward()
    optimizer.step()
    content = {
        "flags": {"arch": "CORnet_S", **FLAGS},
        "epoch": 70,
        "state_dict": nn.DataParallel(network).state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    path = _save(content, tmp_path / "vonecornets_e70.pth.tar", _use_new_zipfile_serialization=zipped)
    checkpoint = read_checkpoint(path)
    assert checkpoint.flags == {"model_arch": "cornets", **FLAGS}
    assert checkpoint.epoch == 70
    assert checkpoint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert checkpoint.path == path
    assert checkpoint.state_dict.keys() == network.state_dict().keys()
    assert all(torch.equal(checkpoint.state_dict[key], value) for key, value in network.state_dict().items())


def test_adversarially_trained_layout(tmp_path: Path) -> None:
    extra = {"vone_block.div_u.weight": torch.ones(2, 2), "vone_block.div_t.weight": torch.ones(2, 2)}
    content = {"flags": {"arch": "resnet50", **FLAGS}, "epoch": 96, "state_dict": {**_weights(), **extra}}
    checkpoint = read_checkpoint(str(_save(content, tmp_path / "at")))
    _assert_same_weights(checkpoint)
    assert checkpoint.state_dict.keys() == _weights().keys()


@pytest.mark.parametrize("as_flags", [dict, lambda flags: argparse.Namespace(**flags)])
def test_training_layout(tmp_path: Path, as_flags: Any) -> None:
    content = {"flags": as_flags({"model_arch": "alexnet", **FLAGS}), "epoch": 3.0, "state_dict": _weights("module.")}
    checkpoint = read_checkpoint(_save(content, tmp_path / "training"))
    _assert_same_weights(checkpoint)
    assert checkpoint.flags == {"model_arch": "alexnet", **FLAGS}
    assert checkpoint.epoch == 3 and isinstance(checkpoint.epoch, int)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_state_dict_alone(tmp_path: Path, prefix: str) -> None:
    checkpoint = read_checkpoint(_save(_weights(prefix), tmp_path / "weights"))
    _assert_same_weights(checkpoint)
    assert (checkpoint.flags, checkpoint.epoch) == ({}, None)


@pytest.mark.parametrize(
    ("spelling", "architecture"),
    [
        ("resnet50", "resnet50"),
        ("ResNet50", "resnet50"),
        ("ResNet-50", "resnet50"),
        ("resnet50_at", "resnet50"),
        ("resnet50_ns", "resnet50"),
        ("cornet_s", "cornets"),
        ("CORnet_S", "cornets"),
        ("CORnet-S", "cornets"),
        ("AlexNet", "alexnet"),
    ],
)
@pytest.mark.parametrize("key", ["arch", "model_arch"])
def test_spellings_of_the_architecture(tmp_path: Path, key: str, spelling: str, architecture: str) -> None:
    path = _save({"flags": {key: spelling}, "state_dict": _weights()}, tmp_path / "spelled")
    assert read_checkpoint(path).flags == {"model_arch": architecture}


def test_missing_file_says_where_and_how(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"no checkpoint at {tmp_path}/nowhere.*pretrained=True"):
        read_checkpoint(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("zipped", [True, False])
def test_truncated_anywhere(tmp_path: Path, zipped: bool) -> None:
    whole = _save({"state_dict": _weights()}, tmp_path / "w", _use_new_zipfile_serialization=zipped).read_bytes()
    path = tmp_path / "cut"
    for length in range(1, len(whole), 97):
        path.write_bytes(whole[:length])
        # in the old format a cut through a class's name looks like another class, which is refused as such
        with pytest.raises(ValueError, match=r"[Dd]elete it, and the \.sha256 beside it"):
            read_checkpoint(path)
    path.write_bytes(whole[:-1])
    with pytest.raises(ValueError, match="cut short or damaged"):
        read_checkpoint(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"is empty\. Delete it"):
        read_checkpoint(path)


class _LeavesAFile:
    """Unpickled without care, it makes a folder at ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("place", ["flags", "state_dict"])
def test_code_is_never_run(tmp_path: Path, zipped: bool, place: str) -> None:
    trace = tmp_path / "trace"
    content = {"flags": {}, "state_dict": _weights(), place: {"x": _LeavesAFile(trace)}}
    path = _save(content, tmp_path / "crafted", _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r"would run posix\.mkdir, and nothing of it was run"):
        read_checkpoint(path)
    assert not trace.exists()
    torch.load(path, weights_only=False)
    assert trace.exists()  # the crafted file does what it is for


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
def test_plain_pickle_is_never_run(tmp_path: Path) -> None:
    path, trace = tmp_path / "pickle", tmp_path / "trace"
    for protocol in range(6):
        path.write_bytes(pickle.dumps(_LeavesAFile(trace), protocol))
        with pytest.raises(ValueError, match=r"holds more than weights|cut short|not a file that torch\.save wrote"):
            read_checkpoint(path)
        assert not trace.exists()


def test_saved_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds more than weights: .*save its state_dict\(\) alone"):
        read_checkpoint(_save(_network(), tmp_path / "module"))


def test_web_page_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "page"
    path.write_text("<html>Please log in</html>")
    with pytest.raises(ValueError, match=r"not a file that torch\.save wrote: it starts with b'<html>"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (torch.ones(3), "has no state dict but a Tensor"),
        ({}, "has no state dict but a dict"),
        ({"state_dict": [1]}, "has no state dict but a list"),
        ({"model": {"a": torch.ones(1)}, "epoch": 1}, "'model' is no tensor, and its keys are model, epoch"),
        ({"state_dict": {"a": 1.0}}, "'a' is no tensor"),
        ({"state_dict": {"module.a": torch.ones(1), "b": torch.ones(1)}}, "front of 1 of 2 names"),
        ({"state_dict": _weights(), "flags": ["resnet50"]}, "a list as flags"),
        ({"state_dict": _weights(), "flags": {"arch": 50}}, "gives its architecture as"),
        ({"state_dict": _weights(), "flags": {"arch": "alexnet", "model_arch": "resnet50"}}, "two architectures"),
        ({"state_dict": _weights(), "epoch": "last"}, "epoch as 'last'; save a whole number"),
        ({"state_dict": _weights(), "epoch": 1.5}, r"epoch as 1\.5"),
        ({"state_dict": _weights(), "epoch": float("nan")}, "epoch as nan"),
    ],
)
def test_other_layouts_are_refused(tmp_path: Path, content: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_checkpoint(_save(content, tmp_path / "odd"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_must_be_finite(tmp_path: Path, value: float) -> None:
    weights = _weights()
    weights["0.weight"][1, 2, 0, 0] = value
    with pytest.raises(ValueError, match=r"NaN or infinity in 1 of its tensors, 0\.weight first"):
        read_checkpoint(_save(weights, tmp_path / "diverged"))


def test_large_weights_are_finite(tmp_path: Path) -> None:
    weights = {"a": torch.full((4,), torch.finfo(torch.float32).max), "b": torch.zeros(0)}  # the sum overflows
    assert read_checkpoint(_save(weights, tmp_path / "large")).state_dict.keys() == {"a", "b"}


def test_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VONENET_HOME", str(tmp_path))
    assert vonenet_home() == tmp_path
    monkeypatch.delenv("VONENET_HOME")
    assert vonenet_home() == Path.home() / ".vonenet"
    monkeypatch.setenv("VONENET_HOME", "")
    assert vonenet_home() == Path.home() / ".vonenet"


def test_fetch_then_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    release = tmp_path / "release"
    release.mkdir()
    _save({"flags": {"arch": "resnet50"}, "state_dict": _weights("module.")}, release / "voneresnet50_e70.pth.tar")
    monkeypatch.setenv("VONENET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(checkpoints, "RELEASE", release.as_uri())
    path = fetch_checkpoint("voneresnet50_e70.pth.tar")
    assert path == tmp_path / "home" / "voneresnet50_e70.pth.tar"
    _assert_same_weights(read_checkpoint(path))
    other = fetch_checkpoint("other", address=(release / "voneresnet50_e70.pth.tar").as_uri())
    assert read_checkpoint(other).sha256 == read_checkpoint(path).sha256
    with pytest.raises(FileNotFoundError, match=f"download {release.as_uri()}/gone by hand and save it as {tmp_path}"):
        fetch_checkpoint("gone")


def test_released_addresses() -> None:
    assert checkpoints.RELEASE == "https://vonenet-models.s3.us-east-2.amazonaws.com"


@pytest.mark.parametrize("file_name", ["", "..", "../x", "/tmp/x"])
def test_paths_are_no_file_names(file_name: str) -> None:
    with pytest.raises(ValueError, match="is not a file name"):
        fetch_checkpoint(file_name)


def test_the_digest_of_a_file_that_changes_is_another(tmp_path):
    """A file is read once; of the same size and another time it is another."""
    import os
    from hashlib import sha256

    from vonenet_brainscore.models.checkpoints import checkpoint_sha256

    path = tmp_path / "weights.pth"
    for time, content in enumerate((b"one", b"two", b"three")):
        path.write_bytes(content)
        os.utime(path, (time, time))
        for _ in range(2):
            assert checkpoint_sha256(path) == sha256(content).hexdigest()
