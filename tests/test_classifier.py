"""A classifier normalises inside, repeats its noise by key, and is found by name, file or function."""

import numpy as np
import pytest
import torch
from orientation_task import gratings, trained_classifier
from scipy.stats import binomtest
from tiny_networks import PlainNetwork, tiny_vonenet
from torch import nn

from vonenet_brainscore.classification import classifier as classifiers
from vonenet_brainscore.classification.accuracy import accuracy, label_ranks
from vonenet_brainscore.classification.classifier import Classifier, contents_of, load_classifier
from vonenet_brainscore.stimuli.images import normalise

IMAGES, _ = gratings(4, seed=3)
CONTENTS = contents_of(IMAGES)


@pytest.mark.parametrize("share", [0, 3, 17, 20])
def test_interval_is_wilsons(share):
    found = accuracy([1.0] * share + [0.0] * (20 - share))
    theirs = binomtest(share, 20).proportion_ci(0.95, method="wilson")
    assert (found.mean, found.images) == (share / 20, 20)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)  # float64
    with pytest.raises(ValueError, match="no images"):
        accuracy([])


def test_ranks_are_those_of_sorted_logits_and_ties_count_against():
    logits = torch.randn(3, 5, 7, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 6, 3, 2, 5])
    order = logits.argsort(dim=-1, descending=True)  # (draw, image, place)
    expected = (order == labels[:, None]).int().argmax(dim=-1)
    assert label_ranks(logits, labels).tolist() == expected.tolist()
    assert label_ranks(torch.zeros(2, 5), torch.tensor([0, 4])).tolist() == [4, 4]


def test_normalisation_is_inside():
    network = PlainNetwork()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    expected = network(torch.from_numpy(normalise(pixels)))
    torch.testing.assert_close(Classifier(network)(images), expected)
    three = Classifier(nn.Identity(), mean=[0.1, 0.2, 0.3], std=[1, 2, 4])
    torch.testing.assert_close(three(torch.ones(1, 3, 1, 1)).flatten(), torch.tensor([0.9, 0.4, 0.175]))
    with pytest.raises(ValueError, match="std is 0; give one number or three"):
        Classifier(network, std=0)
    with pytest.raises(ValueError, match=r"mean is \[1, 2\]"):
        Classifier(network, mean=[1, 2])


def test_noise_belongs_to_the_key_and_the_image():
    classifier = trained_classifier()
    both = classifier.logits(IMAGES, CONTENTS, draws=2, seed=0)
    assert both.shape == (2, 4, 4)
    assert not torch.equal(both[0], both[1])
    assert torch.equal(both, classifier.logits(IMAGES, CONTENTS, draws=2, seed=0))
    assert not torch.equal(both, classifier.logits(IMAGES, CONTENTS, draws=2, seed=1))
    assert not torch.equal(both, classifier.logits(IMAGES, CONTENTS, draws=2, seed=0, purpose="another"))
    alone = classifier.logits(IMAGES[2:3], CONTENTS[2:3], draws=2, seed=0)
    torch.testing.assert_close(alone[:, 0], both[:, 2], rtol=1e-4, atol=1e-4)  # float32 in another batch size
    same_image = classifier.logits(IMAGES[[0, 0]], [CONTENTS[0]] * 2, draws=1, seed=0)[0]
    assert torch.equal(same_image[0], same_image[1])


def test_draws_of_a_vone_block_are_standard_normal_and_independent():
    classifier = trained_classifier()
    block = classifier.network.vone_block
    drawn = []
    for key in (("one",), ("two",)):
        with classifier.drawn_noise(IMAGES, CONTENTS, *key):
            drawn.append(block.fixed_noise)
    assert block.fixed_noise is None
    samples = torch.stack(drawn).flatten(2).flatten(0, 1)  # (draw, unit)
    assert samples.mean().abs() < 0.02 and (samples.std() - 1).abs() < 0.02  # 131,072 of them
    correlation = torch.corrcoef(samples) - torch.eye(len(samples))
    assert correlation.abs().max() < 4 / 16384**0.5  # four standard errors for 16,384 units


def test_other_noise_is_repeated_too_and_told_from_none():
    noisy = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(48, 3), Jitter()))
    images = torch.rand(2, 3, 4, 4)
    state = torch.get_rng_state()
    first = noisy.logits(images, [b"a", b"b"], draws=2, seed=0)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, noisy.logits(images, [b"a", b"b"], draws=2, seed=0))
    assert noisy.is_stochastic(4) and not Classifier(noisy.network[:2]).is_stochastic(4)
    assert trained_classifier().is_stochastic(64) and not trained_classifier(None).is_stochastic(64)


class Jitter(nn.Module):
    def forward(self, x):
        return x + torch.randn_like(x)


def test_description_tells_networks_apart():
    one, same, other = (trained_classifier(), Classifier(trained_classifier().network, name="oriented"), tiny_vonenet())
    assert one.description() == same.description()
    assert one.description()["noise"] == [["neuronal", 0.35, 0.07]]
    assert one.description()["weights"] != Classifier(other).description()["weights"]


def test_what_is_no_classifier():
    with pytest.raises(ValueError, match=r"shape \(2, 3, 8, 8\); logits are \(2, classes\)"):
        Classifier(nn.Identity(), name="pixels").count_classes(8)
    with pytest.raises(ValueError, match="odd answers with logits that are not finite"):
        Classifier(nn.Sequential(nn.Flatten(), Infinite()), name="odd").count_classes(8)


class Infinite(nn.Module):
    def forward(self, x):
        return x / 0


def test_models_are_found_by_name_file_and_function(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_networks.py").write_text(
        "from torch import nn\ndef tiny():\n    return nn.Sequential(nn.Flatten(), nn.Linear(12, 2))\n"
        "def number():\n    return 3\n"
    )
    found = load_classifier("my_networks:tiny", mean=0, std=1, device="cpu")
    assert found.name == "my_networks:tiny" and found.count_classes(2) == 2
    with pytest.raises(TypeError, match="my_networks:number gives a int"):
        load_classifier("my_networks:number")
    with pytest.raises(ValueError, match="my_networks has no function 'absent'"):
        load_classifier("my_networks:absent")
    with pytest.raises(ValueError, match="no module 'no_such_networks'; looked in"):
        load_classifier("no_such_networks:tiny")
    weights = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).state_dict()
    torch.save({"state_dict": weights, "flags": {"model_arch": "my_networks:tiny"}}, "mine.pth")
    loaded = load_classifier("my_networks:tiny", weights="mine.pth", device="cpu").network
    assert all(torch.equal(value, weights[name]) for name, value in loaded.state_dict().items())
    torch.save({"1.weight": torch.zeros(3, 12), "1.bias": torch.zeros(3)}, "another.pth")
    with pytest.raises(ValueError, match=r"another\.pth holds another network than my_networks:tiny gives: .*size mis"):
        load_classifier("my_networks:tiny", weights="another.pth")
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at nowhere\.pth"):
        load_classifier("my_networks:tiny", weights="nowhere.pth")
    with pytest.raises(ValueError, match="unknown model_arch 'resnet5'"):
        load_classifier("resnet5")
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at nowhere\.pth"):
        load_classifier("voneresnet50", weights="nowhere.pth")


def test_names_stand_for_architectures_and_files_for_weights(monkeypatch):
    asked = []

    def get_model(model_arch, weights):
        asked.append((model_arch, weights))
        return PlainNetwork()

    monkeypatch.setattr(classifiers, "get_model", get_model)
    load_classifier("voneresnet50_ns", device="cpu")
    load_classifier("cornets", weights="mine.pth", device="cpu")
    assert asked == [("resnet50_ns", None), ("cornets", "mine.pth")]
