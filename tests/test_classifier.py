"""A classifier normalises inside, repeats its noise by key, and is found by name, file or function."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from orientation_task import gratings, trained_classifier
from scipy.stats import binomtest
from tiny_networks import PlainNetwork, tiny_vonenet
from torch import nn

from vonenet_brainscore.classification import loading
from vonenet_brainscore.classification.accuracy import (
    accuracy,
    binomial_interval,
    label_ranks,
    majority_accuracy,
    undecided,
)
from vonenet_brainscore.classification.classifier import Classifier, contents_of
from vonenet_brainscore.classification.keyed_draws import keyed_draws, seed_of
from vonenet_brainscore.classification.loading import load_classifier
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


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (10, 10), (51, 100), (1, 1)])
def test_exact_interval_is_scipys(successes, trials):
    theirs = binomtest(successes, trials).proportion_ci(0.95, method="exact")
    assert binomial_interval(successes, trials) == pytest.approx((theirs.low, theirs.high), abs=1e-10)


def test_majority_of_draws_decides_and_says_when_it_cannot():
    shares = [1.0, 0.6, 0.5, 0.4, 0.0]
    assert majority_accuracy(shares).mean == 3 / 5 and majority_accuracy(shares).images == 5
    # Of ten draws, 1 to 9 right ones leave it open but for 0 and 1, 9 and 10: scipy's two-sided test at 5 % says so.
    for right in range(11):
        decided = binomtest(right, 10).pvalue < 0.05
        assert undecided([right / 10], 10) == (not decided)
    assert undecided([0.0, 1.0], 1) == 0
    assert undecided([0.53] * 3, 100) == 3 and undecided([0.7] * 3, 100) == 0


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
    assert one.description(64) == same.description(64)
    assert one.description(64)["noise"] == [["neuronal", 0.35, 0.07]]
    assert one.description(64)["weights"] != Classifier(other).description(64)["weights"]


def test_description_tells_what_weights_do_not_say():
    """Two networks of the same weights that answer otherwise: by an attribute, a forward of their own, a hook."""

    class Cooled(nn.Linear):
        temperature = 1.0

        def forward(self, x):
            return super().forward(x.flatten(1)) / self.temperature

    network, twin = Cooled(48, 3), Cooled(48, 3)
    twin.load_state_dict(network.state_dict())
    before = Classifier(network).description(4)
    assert Classifier(twin).description(4) == before
    twin.temperature = 2.0
    assert Classifier(twin).description(4)["weights"] == before["weights"]
    assert Classifier(twin).description(4) != before
    twin.temperature = 1.0
    twin.forward = lambda x: Cooled.forward(twin, x).flip(1)  # the order of the outputs alone
    assert Classifier(twin).description(4) != before
    del twin.forward
    handle = twin.register_forward_hook(lambda module, inputs, output: output + 1)
    assert Classifier(twin).description(4) != before
    handle.remove()
    assert Classifier(twin).description(4) == before
    rounded = Cooled(48, 3).bfloat16()
    network.load_state_dict(rounded.state_dict())
    assert Classifier(rounded).description(4)["weights"] != Classifier(network).description(4)["weights"]


def test_noise_can_be_fixed_or_left_out():
    classifier = trained_classifier()
    off = classifier.with_noise("none")
    assert off.noise == "none" and classifier.noise == "model" and off.network is classifier.network
    assert not off.is_stochastic(64) and not classifier.with_noise("fixed").is_stochastic(64)
    logits = off.logits(IMAGES, CONTENTS, draws=1, seed=0)[0]
    silent = deepcopy(classifier)
    silent.network.vone_block.set_noise_mode(None)
    assert torch.equal(logits, silent(IMAGES))
    block = classifier.network.vone_block
    assert (block.noise_mode, block.fixed_noise) == ("neuronal", None)
    fixed = classifier.with_noise("fixed")
    first = fixed.logits(IMAGES, CONTENTS, draws=1, seed=0)
    assert torch.equal(first, fixed.logits(IMAGES, CONTENTS, draws=1, seed=1, purpose="another"))
    assert not torch.equal(first[0], logits)
    one, two = fixed.logits(IMAGES[[0, 0]], CONTENTS[:2], draws=1, seed=0)[0]
    assert not torch.equal(one, two)  # each image has a draw of its own
    assert off.mean.item() == 0.5 and off.name == "oriented"
    with pytest.raises(ValueError, match="unknown noise 'loud'; have model, fixed, none"):
        classifier.with_noise("loud")


def test_keys_are_told_apart_by_their_parts():
    assert seed_of("ab", "c") != seed_of("a", "bc")
    assert seed_of(1, 12) != seed_of(11, 2) and seed_of(b"ab", b"c") != seed_of(b"abc")
    assert seed_of(0, "attack") == seed_of("0", b"attack") and 0 <= seed_of() < 2**63
    with keyed_draws("ab", "c"):
        first = torch.rand(2)
    with keyed_draws("a", "bc"):
        assert not torch.equal(torch.rand(2), first)


def test_what_is_no_classifier():
    with pytest.raises(ValueError, match=r"shape \(2, 3, 8, 8\); logits are \(2, classes\)"):
        Classifier(nn.Identity(), name="pixels").count_classes(8)
    with pytest.raises(ValueError, match="odd answers with logits that are not finite"):
        Classifier(nn.Sequential(nn.Flatten(), Infinite()), name="odd").count_classes(8)
    with pytest.raises(ValueError, match=r"square cannot answer images of 16 x 16 pixels \(.*\); set --image_size"):
        Classifier(nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2)), name="square").count_classes(16)


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


def test_a_module_of_another_folder_is_not_taken_for_this_ones(tmp_path, monkeypatch):
    for folder, outputs in (("first", 2), ("second", 3)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "namesakes.py").write_text(
            f"from torch import nn\ndef net():\n    return nn.Sequential(nn.Flatten(), nn.Linear(12, {outputs}))\n"
        )
    monkeypatch.chdir(tmp_path / "first")
    assert load_classifier("namesakes:net", device="cpu").count_classes(2) == 2
    monkeypatch.chdir(tmp_path / "second")
    with pytest.raises(ValueError, match=r"second has a module 'namesakes', but another one from .*first"):
        load_classifier("namesakes:net", device="cpu")


def test_noise_in_training_is_known_from_name_or_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loading, "get_model", lambda model_arch, weights: PlainNetwork())
    noise = {name: load_classifier(name, device="cpu").training_noise for name in ("voneresnet50", "resnet50_ns")}
    assert noise == {"voneresnet50": "neuronal", "resnet50_ns": "none"}
    weights = PlainNetwork().state_dict()
    for name, flags in (("a", {"noise_mode": "gaussian"}), ("b", {"noise_mode": None}), ("c", {"k_exc": 25})):
        torch.save({"state_dict": weights, "flags": flags}, f"{name}.pth")
    told = [load_classifier("alexnet", weights=f"{name}.pth", device="cpu").training_noise for name in "abc"]
    assert told == ["gaussian", "none", "unknown"]


def test_names_stand_for_architectures_and_files_for_weights(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = []

    def get_model(model_arch, weights):
        asked.append((model_arch, weights))
        return PlainNetwork()

    monkeypatch.setattr(loading, "get_model", get_model)
    load_classifier("voneresnet50_ns", device="cpu")
    torch.save(PlainNetwork().state_dict(), "mine.pth")
    load_classifier("cornets", weights="mine.pth", device="cpu")
    assert asked == [("resnet50_ns", None), ("cornets", "mine.pth")]
