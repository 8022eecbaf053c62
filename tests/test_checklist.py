"""The checklist passes an attack that is strong enough and fails what hides its gradient or was attacked weakly."""

import json
import re

import numpy as np
import pytest
import torch
from orientation_task import gratings, save_folder, trained_classifier
from torch import nn

from vonenet_brainscore.classification.classifier import Classifier
from vonenet_brainscore.robustness.attacks import ProjectedGradientDescent
from vonenet_brainscore.robustness.checklist import (
    _falls,
    _gain,
    _plateau,
    _reaches_zero,
    _strongest,
    attack_checklist,
)

SETTINGS = {"image_size": 64, "progress": False, "squares": 40}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    images, labels = gratings(8, seed=5)
    large = nn.functional.interpolate(images, 73, mode="bilinear")
    return save_folder(tmp_path_factory.mktemp("oriented"), large, labels)


def test_a_strong_attack_on_a_network_with_noise_passes_and_is_kept_attack_by_attack(folder, tmp_path):
    attack = ProjectedGradientDescent(eps=0.04, iterations=4, k=2)
    found = attack_checklist(trained_classifier(), folder, attack, output=tmp_path, draws=4, **SETTINGS)
    assert found.passes, found.checks
    assert [each.verdict for each in found.checks] == ["passes"] * 8
    assert len(list(tmp_path.iterdir())) == len(found.evaluations) == 12
    lowest = [min(shares) for shares in zip(*(
        [row["attacked_model_model"][0] for row in each.rows]
        for each in found.evaluations.values() if each.attack.eps <= 0.04
    ), strict=True)]  # fmt: skip
    assert found.strongest.mean == np.mean([share >= 0.5 for share in lowest])
    asked = found.evaluations["as asked"]
    steps = next(each for each in found.checks if "steps" in each.question)
    assert list(steps.found) == ["1 steps", "as asked", "8 steps"]
    assert steps.found["as asked"] == asked.adversarial
    transfer = found.checks[6]
    assert transfer.found["twin"] == asked.conditions[1].attacked[0.04]
    kept = [json.loads(path.read_text().splitlines()[0])["settings"]["attack"] for path in tmp_path.iterdir()]
    assert set(kept) == {"ProjectedGradientDescent", "AutoPGD", "SquareAttack"}


def test_a_network_that_hides_its_gradient_is_found_out(folder, tmp_path):
    class Rounded(nn.Module):
        def forward(self, x):
            return (x * 255).round() / 255  # whose gradient is zero

    masked = Classifier(nn.Sequential(Rounded(), trained_classifier(None)), mean=0, std=1, name="masked")
    attack = ProjectedGradientDescent(eps=0.06, iterations=4, k=1)
    found = attack_checklist(masked, folder, attack, output=tmp_path, **SETTINGS)
    assert not found.passes
    by_question = {each.question: each for each in found.checks}
    assert by_question["Does an unbounded attack break every image?"].verdict == "fails"
    assert by_question["Is an attack that sees scores alone no stronger?"].verdict == "fails"
    assert by_question["Has every image a gradient to follow?"].reason == "8 of 8 images were left as they were"
    assert by_question["Are there draws enough in a step?"].verdict == "not tested"
    assert by_question["Is an attack on the noise-free twin no stronger?"].verdict == "not tested"
    assert found.strongest.mean < found.evaluations["as asked"].adversarial.mean


def test_verdicts_need_more_than_chance():
    some = [1.0] * 50 + [0.0] * 50
    assert _gain(some, [0.0] * 100)[0] == 0.5
    falls, half = _gain(some, some[1:] + some[:1])
    assert falls == 0 and half == pytest.approx(1.96 * (2 / 99) ** 0.5 / 10, rel=1e-3)
    lower, little_lower = [1.0] * 40 + [0.0] * 60, [1.0] * 49 + [0.0] * 51
    assert _falls("?", {"a": lower, "b": some}).verdict == "fails"
    assert _falls("?", {"a": some, "b": lower}).verdict == "passes"
    assert _falls("?", {"a": little_lower, "b": some}).verdict == "passes"  # one image of 100
    everyone, lowest = [1.0] * 100, [1.0] * 20 + [0.0] * 80
    for shares, verdict, told in (
        ((everyone, some, some), "passes", "c, accuracy falls by 0.000 ± 0.000 more: a plateau"),
        ((everyone, some, lower), "fails", "c, accuracy falls by 0.100 ± 0.059 more; no plateau up to c"),
        ((everyone, some, lower, lowest, lowest), "fails", "e, .* by 0.300 .*; the plateau is at d"),
        ((lower, some, some), "fails", "rises by 0.100"),
    ):
        found = _plateau("?", dict(zip("abcde", shares, strict=False)), asked="b")
        assert found.verdict == verdict and re.search(told, found.reason), found
    assert _strongest("?", {"mine": some, "b": [1.0] * 100, "c": lower}).reason.startswith("c: accuracy falls by 0.100")
    assert _strongest("?", {"mine": lower, "b": some}).verdict == "passes"
    assert _reaches_zero({"all": [0.0] * 9 + [0.4]}).verdict == "passes"
    assert _reaches_zero({"all": [0.0] * 9 + [0.5]}).verdict == "fails"


def test_what_cannot_be_checked(folder, tmp_path):
    classifier, attack = trained_classifier(None), ProjectedGradientDescent(iterations=1, k=1)
    with pytest.raises(ValueError, match="is no folder; each attack has a file"):
        attack_checklist(classifier, folder, attack, output=tmp_path / "one.jsonl", **SETTINGS)
    with pytest.raises(ValueError, match="eps is 0; give the size"):
        attack_checklist(classifier, folder, ProjectedGradientDescent(eps=0), output=tmp_path, **SETTINGS)
    with pytest.raises(TypeError, match="is a ProjectedGradientDescent, not str"):
        attack_checklist(classifier, folder, "pgd", output=tmp_path, **SETTINGS)
    with pytest.raises(ValueError, match="doublings is 0; it must be at least 1"):
        attack_checklist(classifier, folder, attack, output=tmp_path, **{**SETTINGS, "doublings": 0})
    torch.manual_seed(0)
    two = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(64 * 64 * 3, 2)), name="two")
    few = save_folder(tmp_path / "few", gratings(8, seed=1)[0][:4], torch.tensor([0, 1, 0, 1]))
    in_l2 = attack_checklist(two, few, ProjectedGradientDescent("2", 0.1, 1, 1), output=tmp_path, **SETTINGS)
    assert in_l2.checks[5].reason == "the Square attack is for inf alone"
    assert not any("ratio" in name for name in in_l2.evaluations)  # which needs three classes
