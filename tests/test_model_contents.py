"""A record of a sweep is known by all that tells its model from another of the same name."""

import sys

import pytest
import torch
from torchvision_here import NO_TIMM

from vonenet_brainscore.models.named_networks import named_network
from vonenet_brainscore.sweep import model_contents
from vonenet_brainscore.sweep.model_contents import contents_of_model

if NO_TIMM:
    pytest.skip(NO_TIMM, allow_module_level=True)

MADE = "from torch import nn\n\n\ndef network():\n    return nn.Conv2d(3, 4, 9)\n"


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "networks_here.py").write_text(MADE)
    yield tmp_path
    sys.modules.pop("networks_here", None)


def test_a_named_model_adds_nothing():
    assert contents_of_model("voneresnet50") == {}


def test_weights_count_value_by_value(made):
    network = named_network("networks_here:network").network
    for name, change in (("same", 0), ("other", 1)):
        weights = {key: value + change for key, value in network.state_dict().items()}
        torch.save({"state_dict": weights}, made / f"{name}.pth")
    one, same, other = (contents_of_model("networks_here:network", each) for each in (None, "same.pth", "other.pth"))
    assert one == same and one["weights"] != other["weights"] and one["source"] == other["source"]


def test_so_does_the_file_of_the_function(made):
    before = contents_of_model("networks_here:network", "random")
    (made / "networks_here.py").write_text(MADE + "\n# changed\n")
    del sys.modules["networks_here"]
    after = contents_of_model("networks_here:network", "random")
    assert before["weights"] == after["weights"] and before["source"] != after["source"]


def test_a_library_counts_by_its_version(monkeypatch):
    before = contents_of_model("timm:resnet18", "random")
    monkeypatch.setattr(model_contents, "version", lambda name: f"{name} 0")
    after = contents_of_model("timm:resnet18", "random")
    assert after["library"] == "timm 0" != before["library"]
    assert contents_of_model("vonenet:timm:resnet18", "random")["weights"] == "random"


def test_a_checkpoint_of_a_vonenet_counts_by_its_content(tmp_path):
    for name, content in (("one", b"a"), ("same", b"a"), ("other", b"b")):
        (tmp_path / name).write_bytes(content)
    one, same, other = (
        contents_of_model("vonenet:timm:resnet18", str(tmp_path / each)) for each in ("one", "same", "other")
    )
    assert one == same != other


def test_a_model_of_brainscores_counts_by_the_files_of_its_plugin():
    found = contents_of_model("brainscore:alexnet")["plugin"]
    assert {"alexnet/__init__.py", "alexnet/model.py"} <= set(found)
    assert all(len(digest) == 64 for digest in found.values())
