"""Evaluations of a folder of images: what they measure, what they keep, how they go on, and what they refuse."""

import hashlib
import json
import re
import resource
import shutil
import subprocess
import sys
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
import typer
from orientation_task import gratings, save_folder, trained_classifier
from PIL import Image
from typer.testing import CliRunner

from vonenet_brainscore.classification.classifier import Classifier, contents_of
from vonenet_brainscore.classification.image_folder import load_crop, read_image_folder
from vonenet_brainscore.classification.validation import validate
from vonenet_brainscore.cli import attacks
from vonenet_brainscore.cli import robustness as commands
from vonenet_brainscore.cli.many_words import ManyWords
from vonenet_brainscore.robustness.attacks import ProjectedGradientDescent
from vonenet_brainscore.robustness.corrupted_evaluation import evaluate_corruptions
from vonenet_brainscore.robustness.corruptions import TYPES, corrupt
from vonenet_brainscore.robustness.evaluate import evaluate
from vonenet_brainscore.version import code_digest

pytest.importorskip("imagecorruptions", reason="imagecorruptions-imaug, of the extra `robustness`, is not installed")

ATTACK = ProjectedGradientDescent("inf", 0.04, iterations=3, k=2)
SETTINGS = {"image_size": 64, "batch_size": 4, "progress": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    images, labels = gratings(8, seed=5)
    large = torch.nn.functional.interpolate(images, 73, mode="bilinear")  # the crop of 64 is taken from 73 pixels
    return save_folder(tmp_path_factory.mktemp("oriented"), large, labels)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_evaluation_is_kept_image_by_image_and_is_reproducible(folder, tmp_path):
    found = evaluate(trained_classifier(), folder, ATTACK, draws=3, output=tmp_path / "a.jsonl", **SETTINGS)
    first, *rows = lines(tmp_path / "a.jsonl")
    assert rows == found.rows and len(rows) == 8
    assert rows[1]["image"] == "a/004.png" and [row["label"] for row in rows] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert found.clean.mean == np.mean([row["clean_model"] for row in rows]) == 1
    assert found.adversarial.mean == np.mean([row["attacked_model_model"] for row in rows]) < 0.5
    assert all(0 < row["distance_model"][0] <= 0.04 * (1 + 1e-5) for row in rows)
    assert first["settings"]["eps"] == [0.04] and first["settings"]["draws"] == 3
    again = evaluate(trained_classifier(), folder, ATTACK, draws=3, output=tmp_path / "b.jsonl", **SETTINGS)
    assert (tmp_path / "b.jsonl").read_bytes() == (tmp_path / "a.jsonl").read_bytes()
    assert replace(again, output=found.output) == found


def test_several_epsilons_in_one_call_equal_a_call_each(folder, tmp_path):
    classifier, epsilons = trained_classifier(), [0.01, 0, 0.04]
    together = evaluate(classifier, folder, ATTACK, epsilons=epsilons, draws=3, output=tmp_path, **SETTINGS)
    assert list(together.attacked) == epsilons and together.attack.eps == 0.04
    assert together.adversarial == together.attacked[0.04]
    for index, eps in enumerate(epsilons):
        alone = evaluate(classifier, folder, replace(ATTACK, eps=eps), draws=3, output=tmp_path, **SETTINGS)
        assert alone.attacked == {eps: together.attacked[eps]} and alone.clean == together.clean
        for name in ("attacked_model_model", "attacked_none_model", "distance_model", "distance_none"):
            assert [row[name] for row in alone.rows] == [[row[name][index]] for row in together.rows]
    assert together.attacked[0] == together.clean
    assert len(list(tmp_path.iterdir())) == 4  # files are named by what made them
    assert lines(together.output)[1:] == together.rows
    for wrong, told in (([], "at least one"), ([0.1, 0.1], "each size once"), ([-1.0], r"eps is -1\.0")):
        with pytest.raises(ValueError, match=told):
            evaluate(classifier, folder, ATTACK, epsilons=wrong, output=tmp_path, **SETTINGS)
    with pytest.raises(TypeError, match=r"epsilons is .*; give numbers in a list"):
        evaluate(classifier, folder, ATTACK, epsilons=0.1, output=tmp_path, **SETTINGS)


@pytest.fixture
def shown(monkeypatch):
    """How many images a classifier is shown at a time to be scored."""
    sizes, logits = [], Classifier.logits

    def counted(self, images, contents, **settings):
        if settings.get("purpose", "score") == "score":
            sizes.append(len(images))
        return logits(self, images, contents, **settings)

    monkeypatch.setattr(Classifier, "logits", counted)
    return sizes


def test_clean_images_are_scored_once_for_all_epsilons(folder, tmp_path, shown):
    evaluate(trained_classifier(None), folder, ATTACK, epsilons=[0, 0.01, 0.02], output=tmp_path, **SETTINGS)
    assert shown.count(4) == 2 * 4  # batches of four: as they are, and at three sizes


def test_three_rows_tell_noise_in_attack_and_evaluation_apart(folder, tmp_path):
    """Each row against the attack and the logits themselves, with the noise switched off by hand."""
    noisy, silent = trained_classifier(), deepcopy(trained_classifier())
    silent.network.vone_block.set_noise_mode(None)
    weak = replace(ATTACK, eps=0.018)  # at which the noise decides some answers
    found = evaluate(noisy, folder, weak, draws=7, output=tmp_path, image_size=64, batch_size=8, progress=False)
    pairs = [(each.attack_noise, each.evaluation_noise) for each in found.conditions]
    assert pairs == [("model", "model"), ("none", "model"), ("none", "none")]
    images = read_image_folder(folder, 4)
    pixels = torch.from_numpy(np.stack([load_crop(image, 64) for image in images])).permute(0, 3, 1, 2) / 255
    labels, contents = torch.tensor([image.label for image in images]), contents_of(pixels)
    attacked = {"model": weak(noisy, pixels, labels), "none": replace(weak, k=1)(silent, pixels, labels)}
    for condition, (attack, evaluation) in zip(found.conditions, pairs, strict=True):
        classifier, draws = (noisy, 7) if evaluation == "model" else (silent, 1)
        logits = classifier.logits(attacked[attack], contents, draws=draws, seed=0)
        right = (logits.argmax(dim=-1) == labels).double()
        assert [row[f"attacked_{attack}_{evaluation}"][0] for row in found.rows] == right.mean(dim=0).tolist()
        assert condition.attacked[0.018].mean == pytest.approx(right.mean().item())
        by_majority = (right.mean(dim=0) >= 0.5).double().mean().item()
        assert condition.robust[0.018].mean == by_majority
    shares = {pair: [row["attacked_{}_{}".format(*pair)][0] for row in found.rows] for pair in pairs}
    assert shares["none", "model"] != shares["none", "none"] != shares["model", "model"]
    assert found.training_noise == "unknown"
    fixed = evaluate(noisy, folder, ATTACK, noise=[("fixed", "fixed"), ("none", "fixed")], output=tmp_path, **SETTINGS)
    assert [each.evaluation_noise for each in fixed.conditions] == ["fixed", "fixed"]
    assert {row["attacked_fixed_fixed"][0] for row in fixed.rows} <= {0, 1}
    twin = evaluate(noisy.with_noise("none"), folder, ATTACK, output=tmp_path, **SETTINGS)
    assert twin.conditions[0].attack_noise == "none" and twin.attack.k == 1
    for wrong, told in (
        ([("loud", "model")], "give pairs of model, fixed, none"),
        ([], "at least one"),
        ([("model", "model")] * 2, "each once"),
    ):
        with pytest.raises(ValueError, match=told):
            evaluate(noisy, folder, ATTACK, noise=wrong, output=tmp_path, **SETTINGS)
    with pytest.raises(TypeError, match="give pairs of text"):
        evaluate(noisy, folder, ATTACK, noise=["none"], output=tmp_path, **SETTINGS)
    with pytest.raises(ValueError, match="chance has noise that is not a VOneBlock's and cannot be left out"):
        evaluate(noisy_at_random(), folder, ATTACK, noise=[("none", "none")], output=tmp_path, **SETTINGS)


def test_an_attack_has_draws_of_its_seed(folder, tmp_path):
    classifier = noisy_at_random()
    shares = []
    for seed in (0, 1):
        attack = replace(ATTACK, seed=seed, iterations=1)
        found = evaluate(classifier, folder, attack, draws=20, output=tmp_path, **SETTINGS)
        assert len(found.conditions) == 1  # its noise cannot be left out
        shares.append([row["clean_model"] for row in found.rows])
    assert shares[0] == [
        row["top1"] for row in validate(classifier, folder, draws=20, output=tmp_path, **SETTINGS).rows
    ]
    assert shares[0] != shares[1]


def test_corruptions_have_draws_of_their_seed(folder, tmp_path):
    class Telltale(torch.nn.Module):
        """Answers by the last digits of the pixels, so that any other draw gives other answers."""

        def forward(self, x):
            return torch.nn.functional.one_hot((x.double().sum(dim=(1, 2, 3)) * 255).round().long() % 4, 4).float()

    found = [
        evaluate_corruptions(
            Classifier(Telltale(), mean=0, std=1), folder, types=["shot_noise", "contrast"], seed=seed,
            output=tmp_path / name, **SETTINGS
        )
        for seed, name in ((0, "a"), (0, "b"), (1, "c"))
    ]  # fmt: skip
    noise, contrast = ([[row[name] for row in each.rows] for each in found] for name in ("shot_noise", "contrast"))
    assert noise[0] == noise[1] != noise[2] and contrast[0] == contrast[1] == contrast[2]


def test_the_seed_is_of_the_noise(folder, tmp_path):
    """Noise that leaves some answers to chance, so that another seed gives other shares and the same one the same."""
    classifier = noisy_at_random()
    shares = [
        [
            row["top1"]
            for row in validate(classifier, folder, output=tmp_path / name, draws=20, seed=seed, **SETTINGS).rows
        ]
        for seed, name in ((0, "a"), (0, "b"), (1, "c"))
    ]
    assert shares[0] == shares[1] != shares[2]
    images = read_image_folder(folder, 4)
    pixels = torch.from_numpy(np.stack([load_crop(image, 64) for image in images])).permute(0, 3, 1, 2) / 255
    for share, seed in ((shares[0], 0), (shares[2], 1)):
        logits = [classifier.logits(part, contents_of(part), draws=20, seed=seed) for part in pixels.split(4)]
        right = torch.cat(logits, dim=1).argmax(dim=-1) == torch.tensor([image.label for image in images])
        assert share == right.double().mean(dim=0).tolist()


def noisy_at_random():
    """A network without weights whose noise alone decides between four classes."""

    class Chance(torch.nn.Module):
        def forward(self, x):
            return torch.randn(len(x), 4) + x.mean()

    return Classifier(Chance(), name="chance")


def test_folders_of_the_same_file_names_have_results_of_their_own(command_line, tmp_path, monkeypatch):
    """The layout of ImageNet-C: the same names at each severity. The first answer may not be given for the second."""
    images, labels = gratings(8, seed=5)
    easy, hard = tmp_path / "fog" / "1", tmp_path / "fog" / "5"
    save_folder(easy, torch.nn.functional.interpolate(images, 73, mode="bilinear"), labels)
    save_folder(hard, torch.nn.functional.interpolate(images.flip(-1).transpose(-1, -2), 73, mode="bilinear"), labels)
    shutil.copytree(hard, tmp_path / "snow" / "1")
    top1 = []
    for folder in (easy, hard, tmp_path / "snow" / "1", easy):
        told = command_line("validate", f"--in_path={folder}")
        top1.append(float(told.output.split("top-1")[1].split()[0]))
    assert top1 == [1, 0, 0, 1]
    assert len(list(tmp_path.glob("oriented-network-validation-*.jsonl"))) == 3
    for evaluation in ("validate", "evaluate"):
        flags = (
            ("--output=one.jsonl",) if evaluation == "validate" else ("--output=two.jsonl", "--iterations=1", "--k=1")
        )
        command_line(evaluation, f"--in_path={easy}", *flags)
        with pytest.raises(ValueError, match=r"results of other images: .*fog/5/a/000\.png is not the file that a/000"):
            command_line(evaluation, f"--in_path={hard}", *flags)


def test_an_image_that_changed_under_its_name_is_noticed(folder, tmp_path):
    images, labels = gratings(8, seed=6)
    place = save_folder(tmp_path / "changing", images, labels)
    found = validate(trained_classifier(None), place, output=tmp_path, **SETTINGS)
    file = place / "b" / "005.png"
    assert found.rows[3]["image"] == "b/005.png"
    assert found.rows[3]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert validate(trained_classifier(None), place, output=found.output, **SETTINGS) == found
    Image.fromarray(255 - np.asarray(Image.open(file))).save(file)
    with pytest.raises(ValueError, match=r"b/005\.png is not the file that b/005\.png was; choose another --output"):
        validate(trained_classifier(None), place, output=tmp_path, **SETTINGS)
    again = validate(trained_classifier(None), place, output=tmp_path / "new.jsonl", **SETTINGS)
    assert [row["sha256"] for row in again.rows] != [row["sha256"] for row in found.rows]


def test_a_run_that_was_cut_off_goes_on_to_the_same_results(folder, tmp_path):
    output = tmp_path / "cut.jsonl"
    validate(trained_classifier(), folder, output=output, draws=2, **SETTINGS)
    whole = output.read_bytes()
    parts = whole.splitlines(keepends=True)
    for kept in (b"".join(parts[:6]) + parts[6][:9], parts[0], parts[0][:20], b"", whole):
        output.write_bytes(kept)
        validate(trained_classifier(), folder, output=output, draws=2, **SETTINGS)
        assert output.read_bytes() == whole


def test_batches_of_a_run_that_goes_on_are_those_of_a_whole_one(folder, tmp_path, shown):
    output = validate(trained_classifier(), folder, output=tmp_path, **SETTINGS).output
    whole = output.read_bytes()
    output.write_bytes(b"".join(whole.splitlines(keepends=True)[:6]))  # the settings and five of eight images
    shown.clear()
    validate(trained_classifier(), folder, output=output, **SETTINGS)
    assert [size for size in shown if size > 2] == [4]  # two images are shown to learn what the network is
    assert output.read_bytes() == whole


def test_a_full_disk_loses_nothing_that_was_kept(folder, tmp_path):
    output = tmp_path / "full.jsonl"
    validate(trained_classifier(), folder, output=output, **SETTINGS)
    whole = output.read_bytes()
    output.unlink()
    with (
        files_of_at_most(len(whole) - 100),
        pytest.raises(OSError, match=r"cannot write results to .*4 images are kept"),
    ):
        validate(trained_classifier(), folder, output=output, **SETTINGS)
    assert whole.startswith(output.read_bytes())
    validate(trained_classifier(), folder, output=output, **SETTINGS)
    assert output.read_bytes() == whole


@contextmanager
def files_of_at_most(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_results_of_other_settings_or_images_are_not_continued(folder, tmp_path):
    output = tmp_path / "kept.jsonl"
    validate(trained_classifier(), folder, output=output, **SETTINGS)
    kept = output.read_bytes()
    with pytest.raises(ValueError, match=r"other settings \(seed 0, now 1\); choose another --output"):
        validate(trained_classifier(), folder, output=output, seed=1, **SETTINGS)
    with pytest.raises(ValueError, match=r"other settings.*weights"):
        validate(trained_classifier(None), folder, output=output, **SETTINGS)
    first, _, rest = kept.partition(b"\n")
    for change in ({"seed": None}, {"seed": 0, "another": 1}):
        settings = json.loads(first)["settings"] | change
        settings = {name: value for name, value in settings.items() if value is not None}
        output.write_bytes(json.dumps({"settings": settings}).encode() + b"\n" + rest)
        told = "another 1, now None" if "another" in change else "seed None, now 0"
        with pytest.raises(ValueError, match=rf"other settings \({told}\)"):
            validate(trained_classifier(), folder, output=output, **SETTINGS)
    output.write_bytes(kept.replace(code_digest().encode(), b"0" * 64))
    with pytest.raises(ValueError, match=r"other settings \(code '0000"):
        validate(trained_classifier(), folder, output=output, **SETTINGS)
    output.write_bytes(kept.replace(b"a/004", b"a/005"))
    with pytest.raises(ValueError, match="holds results of other images"):
        validate(trained_classifier(), folder, output=output, **SETTINGS)
    output.write_text("some text\n")
    with pytest.raises(ValueError, match="is no file of results"):
        validate(trained_classifier(), folder, output=output, **SETTINGS)
    assert output.read_text() == "some text\n"


def test_places_and_images_that_cannot_be(folder, tmp_path):
    with pytest.raises(OSError, match=r"cannot write results to .*No such file or directory.*another --output"):
        validate(trained_classifier(), folder, output=tmp_path / "nowhere" / "a.jsonl", **SETTINGS)
    images, labels = gratings(5, seed=6)
    broken = save_folder(tmp_path / "broken", images, labels)
    (broken / "d" / "003.png").write_bytes(b"no picture")
    for workers in (0, 1):
        output = tmp_path / f"{workers}.jsonl"
        with pytest.raises(ValueError, match=r"^\S*003\.png cannot be read as an image"):
            validate(trained_classifier(), broken, output=output, workers=workers, **SETTINGS)
        assert len(lines(output)) == 5  # the settings and a whole batch
    with pytest.raises(ValueError, match="batch_size is 0"):
        validate(trained_classifier(), folder, output=tmp_path / "b", image_size=64, batch_size=0)
    with pytest.raises(ValueError, match="draws is 0"):
        evaluate(trained_classifier(), folder, ATTACK, output=tmp_path / "c", draws=0)
    with pytest.raises(ValueError, match="holds 4 class folders but the model has 2 outputs"):
        narrow = Classifier(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12288, 2)))
        validate(narrow, folder, output=tmp_path / "d", **SETTINGS)


def test_a_network_without_noise_is_asked_once(folder, tmp_path):
    found = evaluate(trained_classifier(None), folder, ATTACK, output=tmp_path / "a.jsonl", **SETTINGS)
    assert (found.attack.k, found.draws) == (1, 1)
    assert {row["attacked_none_none"][0] for row in found.rows} <= {0, 1}


def test_top1_and_top5_equal_a_plain_count(folder, tmp_path):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.AvgPool2d(8), torch.nn.Flatten(), torch.nn.Linear(192, 12))
    names = list("abcdefghijkl")
    found = validate(Classifier(network), folder, output=tmp_path / "a.jsonl", classes=names, **SETTINGS)
    images = read_image_folder(folder, 12, classes=names)
    pixels = np.stack([load_crop(image, 64) for image in images])
    logits = network(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 127.5 - 1)
    best = logits.topk(5).indices.tolist()
    labels = [image.label for image in images]
    assert found.top1.mean == np.mean([label == five[0] for label, five in zip(labels, best, strict=True)])
    assert found.top5.mean == np.mean([label in five for label, five in zip(labels, best, strict=True)])
    assert 0 < found.top5.mean < 1
    assert validate(trained_classifier(), folder, output=tmp_path / "b.jsonl", **SETTINGS).top5 is None


def test_corruptions_made_here_and_read_from_a_folder_agree(folder, tmp_path):
    classifier, types = trained_classifier(None), ("gaussian_noise", "fog", "contrast")
    made = evaluate_corruptions(classifier, folder, types=types, output=tmp_path / "a.jsonl", **SETTINGS)
    assert made.clean.mean == 1 and made.mce is None
    assert set(made.groups) == {"noise", "weather", "digital"}
    assert made.groups["noise"] == pytest.approx(np.mean([each.mean for each in made.by_type["gaussian_noise"]]))
    assert made.by_type["contrast"][0].mean > made.by_type["contrast"][4].mean
    for image in read_image_folder(folder, 4):
        for name in types:
            group = "noise/" if name == "gaussian_noise" else ""  # with and without the folder of the group
            for severity in range(1, 6):
                path = tmp_path / "imagenet-c" / f"{group}{name}" / str(severity) / image.name
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(corrupt(load_crop(image, 64), name, severity, seed=0)).save(path)
    stored = tmp_path / "imagenet-c"
    read = evaluate_corruptions(classifier, stored, types=types, output=tmp_path / "b.jsonl", **SETTINGS)
    assert read.clean is None and read.by_type == made.by_type
    fog = stored / "fog" / "4" / "a" / "000.png"
    Image.fromarray(255 - np.asarray(Image.open(fog))).save(fog)  # not the folder that names the images
    with pytest.raises(ValueError, match=r"holds results of other images: .*000\.png is not the file"):
        evaluate_corruptions(classifier, stored, types=types, output=tmp_path / "b.jsonl", **SETTINGS)
    fog.unlink()
    with pytest.raises(FileNotFoundError, match=r"no image at .*fog/4/a/000\.png"):
        evaluate_corruptions(classifier, stored, types=types, output=tmp_path / "c.jsonl", **SETTINGS)
    with pytest.raises(FileNotFoundError, match=r"but not shot_noise.*name them with --types"):
        evaluate_corruptions(classifier, stored, output=tmp_path / "d.jsonl", **SETTINGS)
    with pytest.raises(ValueError, match="unknown corruptions rain; have gaussian_noise"):
        evaluate_corruptions(classifier, folder, types=["rain"], output=tmp_path / "e.jsonl", **SETTINGS)


def test_all_types_give_a_mean_corruption_error(folder, tmp_path):
    found = evaluate_corruptions(
        trained_classifier(), folder, output=tmp_path / "a.jsonl", draws=2, DS_factor=8, **SETTINGS
    )
    assert set(found.by_type) == set(TYPES) and 0 < found.mce < 200
    assert set(found.groups) == {"noise", "blur", "weather", "digital"}


@pytest.fixture
def command_line(folder, tmp_path, monkeypatch):
    app = typer.Typer()
    for command in (
        attacks.evaluate,
        attacks.attack_checklist,
        commands.evaluate_corruptions,
        commands.certify,
        commands.validate,
    ):
        app.command(cls=ManyWords)(command)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "oriented.py").write_text(
        "from orientation_task import trained_classifier\nfrom torch import nn\n"
        "def network():\n    return trained_classifier().network\n"
        "def saturated():\n    return nn.Sequential(network(), nn.Threshold(1e9, 0))\n"
    )
    common = [f"--in_path={folder}", "--model_arch=oriented:network", "--image_size=64", "--device=cpu"]

    def run(command, *flags):
        return CliRunner().invoke(app, [command, *common, *flags], catch_exceptions=False)

    return run


def test_command_line(command_line, tmp_path):
    attacked = command_line(
        "evaluate", "--DS_factor=2", "--norm=inf", "--eps=0.0039215686", "--iterations=2", "--k=2", "--step_size=0.5"
    )
    assert attacked.exit_code == 0 and "noise in training: unknown" in attacked.output
    for row in (r"model +model", r"none +model", r"none +none"):
        assert re.search(row + r" +0.00392157 ", attacked.output)
    (kept,) = tmp_path.glob("oriented-network-adversarial-inf-*.jsonl")
    settings = lines(kept)[0]["settings"]
    assert {"eps": [0.0039215686], "k": 2, "step_size": 0.5, "restarts": 1, "DS_factor": 2}.items() <= settings.items()
    curve = command_line("evaluate", "--eps", "1/255", "0.1", "--DS_factor=4", "--iterations=1", "--k=1", "--draws=1")
    assert re.search(r"model +model +0.00392157 ", curve.output) and re.search(r"none +none +0.1 ", curve.output)
    assert len(list(tmp_path.glob("oriented-network-adversarial-inf-*.jsonl"))) == 2
    few = ("--DS_factor=4", "--iterations=1", "--k=1", "--draws=1")
    adaptive = command_line(
        "evaluate", "--attack=apgd-dlr", "--noise=none/none", "--figure=curve.png", "--eps=0.1", *few
    )
    assert "AutoPGD" in adaptive.output and (tmp_path / "curve.png").stat().st_size > 10_000
    assert not re.search(r"model +model", adaptive.output)
    for flags, told in (
        (("--attack=fgsm",), "unknown attack 'fgsm'; have pgd, momentum-pgd"),
        (("--attack=square", "--step_size=0.1"), "square has no --step_size"),
        (("--figure=curve.txt",), "curve.txt has not one of the suffixes"),
        (("--protocol=dapello",), "unknown protocol 'dapello'; have dapello2020, descendants"),
        (("--protocol=dapello2020", "--k=3"), "--protocol dapello2020 says what --k is"),
        (("--protocol=dapello2020", "--norm=3"), "unknown norm '3'; have "),
        (("--protocol=dapello2020", "--output=one.jsonl"), "one.jsonl is one file, the protocol has 3 norms"),
    ):
        with pytest.raises(ValueError, match=told):
            command_line("evaluate", *flags)
    with pytest.raises(ValueError, match="eps is '1/0'; give a number such as"):
        command_line("evaluate", "--eps=1/0")
    valid = command_line("validate", "--output=v.jsonl", "--mean=0.5,0.5,0.5")
    assert valid.exit_code == 0 and "top-1" in valid.output and len(lines(tmp_path / "v.jsonl")) == 9
    (tmp_path / "checks").mkdir()
    checked = command_line(
        "attack-checklist", "--eps=0.04", "--iterations=1", "--k=1", "--squares=1", "--output=checks", *few
    )
    assert "Has every image a gradient to follow?" in checked.output and "by majority" in checked.output
    certified = command_line("certify", "--sigma=0.02", "--n0=5", "--n=20", "--alpha=0.05", "--DS_factor=4")
    assert "in evaluation: model, and sigma 0.02" in certified.output and "abstained on" in certified.output
    corrupted = command_line("evaluate-corruptions", "--types=fog", "--types=snow", "--DS_factor=4")
    assert corrupted.exit_code == 0 and "weather" in corrupted.output
    unmoved = command_line("evaluate", "--model_arch=oriented:saturated", "--k=1", "--iterations=1")
    assert "8 images had no gradient to follow" in unmoved.output
    with pytest.raises(ValueError, match="'a half' is neither a number nor three"):
        command_line("validate", "--mean=a half")


def test_protocols_are_what_they_say(command_line, monkeypatch):
    asked = []
    monkeypatch.setattr(ProjectedGradientDescent, "__call__", lambda self, c, images, *_: asked.append(self) or images)
    told = command_line("evaluate", "--protocol=dapello2020", "--DS_factor=8", "--noise=model/model", "--draws=1")
    assert "Dapello, Marques et al. 2020" in told.output and "not said there" in told.output
    sizes = {norm: [each.eps for each in asked if each.norm == norm] for norm in ("inf", "2", "1")}
    assert sizes == {"inf": [1 / 1020, 1 / 255, 4 / 255], "2": [0.15, 0.6, 2.4], "1": [40, 160, 640]}
    assert {(each.iterations, each.k, each.step_size, each.momentum) for each in asked} == {(64, 10, 1 / 32, 0)}
    asked.clear()
    command_line("evaluate", "--protocol=descendants", "--norm=1", "--DS_factor=8", "--noise=none/none", "--draws=1")
    assert [(each.norm, each.eps, each.k) for each in asked] == [("1", eps, 1) for eps in (40, 160, 640, 2560)]


def test_module_is_the_command():
    module = [sys.executable, "-m", "vonenet_brainscore", "evaluate"]
    helped = subprocess.run([*module, "--help"], capture_output=True, text=True, timeout=120)
    assert helped.returncode == 0
    for flag in ("--in_path", "--DS_factor", "--model_arch", "--norm", "--eps", "--iterations", "--k", "--restarts"):
        assert flag in helped.stdout
    refused = subprocess.run([*module, "--in_path=.", "--norm=3"], capture_output=True, text=True, timeout=120)
    assert refused.returncode == 1 and refused.stderr == "error: unknown norm '3'; have inf, 2, 1\n"
