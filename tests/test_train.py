"""The command that trains: folders of photographs in, checkpoints that evaluation reads out; one process or two."""

import csv
import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from orientation_task import gratings, save_folder
from torchvision_here import needs_torchvision
from typer.testing import CliRunner

from vonenet_brainscore import get_model
from vonenet_brainscore.classification.keyed_draws import keyed_draws
from vonenet_brainscore.cli.main import app
from vonenet_brainscore.training.batches import loaded_batches
from vonenet_brainscore.training.recipe import Recipe
from vonenet_brainscore.training.train import train

pytest.importorskip("lightning_fabric", reason="lightning-fabric, of the extra `training`, is not installed")
pytest.importorskip("tensorboard", reason="tensorboard, of the extra `training`, is not installed")

NETWORKS = """
from torch import nn
def plain():
    features = nn.Conv2d(3, 8, 5, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten()
    return nn.Sequential(*features, nn.Linear(128, 4))
def number():
    return 3
"""
PLAIN = ["--model_arch=plain_networks:plain", "--image_size=64", "--device=cpu", "--batch_size=16", "--lr=0.05"]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A folder with train/ and val/, of 41 and 9 images in four classes: numbers that two processes cannot halve."""
    root = tmp_path_factory.mktemp("photographs")
    save_folder(root / "train", *gratings(41, seed=0))
    save_folder(root / "val", *gratings(9, seed=1))
    return root


@pytest.fixture
def run(photographs, tmp_path, monkeypatch):
    """Runs `vonenet-brainscore train` in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain_networks.py").write_text(NETWORKS)

    def run(*flags, in_path=photographs, command="train"):
        where = [f"--in_path={in_path}", "--output_path=run"] if command == "train" else [f"--in_path={in_path}"]
        return CliRunner().invoke(app, [command, *where, *flags], catch_exceptions=False)

    return run


def last(folder):
    return torch.load(folder / "last.pth.tar", weights_only=True)


def assert_same_weights(one, other):
    for name, value in one["state_dict"].items():
        assert torch.equal(value, other["state_dict"][name]), name


@needs_torchvision
def test_two_processes_train_as_one(run, photographs, tmp_path):
    flags = [*PLAIN, "--epochs=2", "--weight_decay=0.01", "--keep_every=1"]
    assert run(*flags).exit_code == 0
    (tmp_path / "both").mkdir()
    shutil.copy(tmp_path / "run" / "epoch_01.pth.tar", tmp_path / "both" / "last.pth.tar")  # two go on where one was
    module = [sys.executable, "-m", "vonenet_brainscore", "train", f"--in_path={photographs}"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [*module, "--output_path=both", *flags, "--devices=2", "--resume"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("After 2 epochs") == 1 and "MEMBER: 2/2" in done.stderr
    one, two = last(tmp_path / "run"), last(tmp_path / "both")
    for name, value in one["state_dict"].items():
        torch.testing.assert_close(
            two["state_dict"][name], value, rtol=1e-4, atol=1e-6
        )  # float32 sums in another order
    for row, of_two in zip(one["history"], two["history"], strict=True):
        for name in ("train_loss", "train_top1", "validation_loss", "validation_top1"):
            assert of_two[name] == pytest.approx(row[name], rel=1e-5)


@needs_torchvision
def test_a_vonenet_is_trained_kept_and_evaluated(run, photographs, tmp_path):
    front_end = ["--simple_channels=4", "--complex_channels=4", "--ksize=9", "--sf_max=4", "--noise_mode=gaussian"]
    front_end += ["--surround=li2022", "--surround_octaves=2"]
    flags = ["--model_arch=voneresnet50", "--image_size=64", "--n_classes=4", "--device=cpu", "--batch_size=16"]
    flags += front_end
    trained = run(*flags, "--epochs=1", "--lr=0.001")
    assert trained.exit_code == 0 and "After 1 epochs" in trained.output
    kept = last(tmp_path / "run")
    told = {"model_arch": "resnet50", "ksize": 9, "sf_max": 4, "noise_mode": "gaussian", "noise_scale": 0.35}
    told |= {"surround": "li2022", "surround_octaves": 2, "surround_extent": 3.1}
    assert told.items() <= kept["flags"].items()
    model = get_model("resnet50", weights=tmp_path / "run" / "last.pth.tar")
    assert model.vone_block.noise_mode == "gaussian" and model.vone_block.gabor_parameters is not None
    assert_same_weights({"state_dict": model.state_dict()}, kept)
    sizes = {"image_size": 64, "simple_channels": 4, "complex_channels": 4, "ksize": 9, "sf_max": 4}
    fresh = get_model(None, **sizes, surround="li2022", surround_octaves=2).state_dict()
    assert "vone_block.normalisation.spread" in fresh
    for name, value in fresh.items():
        assert torch.equal(model.state_dict()[name], value)  # training never changes the VOneBlock
    evaluated = run(
        *["--model_arch=resnet50", "--weights=run/last.pth.tar", "--image_size=64", "--device=cpu", "--output=v.jsonl"],
        command="validate",
    )
    assert evaluated.exit_code == 0
    assert json.loads((tmp_path / "v.jsonl").read_text().splitlines()[0])["settings"]["model"] == "resnet50"


@needs_torchvision
def test_a_back_end_by_name_is_trained_kept_and_evaluated(run, tmp_path):
    flags = ["--back_end=timm:mobilenetv3_small_050", "--image_size=64", "--device=cpu"]
    front_end = ["--simple_channels=4", "--complex_channels=4", "--ksize=9", "--sf_max=4"]
    trained = run(*flags, *front_end, "--n_classes=4", "--batch_size=16", "--epochs=1", "--lr=0.001")
    assert trained.exit_code == 0 and "After 1 epochs" in trained.output
    kept = last(tmp_path / "run")["flags"]
    assert kept["back_end"] == "timm:mobilenetv3_small_050" and "model_arch" not in kept
    evaluated = run(*flags, "--weights=run/last.pth.tar", "--output=v.jsonl", command="validate")
    assert evaluated.exit_code == 0
    header = json.loads((tmp_path / "v.jsonl").read_text().splitlines()[0])
    assert header["settings"]["model"] == "timm:mobilenetv3_small_050"
    with pytest.raises(ValueError, match="no released weights of a VOneNet with timm:mobilenetv3_small_050; train one"):
        run(*flags, command="validate")
    with pytest.raises(ValueError, match="4 class folders but the model has 1000 outputs"):
        run(*flags, *front_end)


@needs_torchvision
def test_a_network_of_ones_own_is_evaluated_as_it_was_validated(run, tmp_path):
    assert run(*PLAIN, "--epochs=1").exit_code == 0
    evaluated = run(*PLAIN[:3], "--weights=run/last.pth.tar", "--output=v.jsonl", command="validate")
    assert evaluated.exit_code == 0
    shares = [json.loads(line)["top1"] for line in (tmp_path / "v.jsonl").read_text().splitlines()[1:]]
    with (tmp_path / "run" / "log.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["validation_top1"]) == pytest.approx(sum(shares) / len(shares)) and len(shares) == 9


@needs_torchvision
def test_the_same_command_again_goes_on_with_resume_alone(run, photographs, tmp_path):
    flags = [*PLAIN, "--epochs=2", "--keep_every=1", "--workers=1"]
    assert "training starts with the first epoch" in run(*flags, "--resume").output
    whole = last(tmp_path / "run")
    with pytest.raises(FileExistsError, match="run holds a training run; --resume resumes it"):
        run(*flags)
    with pytest.raises(ValueError, match=r"run holds a run with other settings: lr 0\.05, now 0\.1$"):
        run(*flags, "--resume", "--lr=0.1")
    others = shutil.copytree(photographs, tmp_path / "others")
    (others / "val" / "c" / "new.png").write_bytes((others / "val" / "c" / "002.png").read_bytes())
    (others / "val" / "c" / "002.png").unlink()
    with pytest.raises(ValueError, match=r"run holds a run with other settings: validation_images_sha256 '\w+', now"):
        run(*flags, "--resume", in_path=others)
    changed = shutil.copytree(photographs, tmp_path / "changed")  # of the same names, one with another content
    (changed / "train" / "c" / "002.png").write_bytes((changed / "train" / "c" / "006.png").read_bytes())
    with pytest.raises(ValueError, match=r"run holds a run with other settings: images_sha256 '\w+', now '\w+'$"):
        run(*flags, "--resume", in_path=changed)
    (tmp_path / "run" / "epoch_01.pth.tar").replace(tmp_path / "run" / "last.pth.tar")  # as if it was cut off then
    assert run(*flags, "--resume").exit_code == 0
    assert_same_weights(last(tmp_path / "run"), whole)


@needs_torchvision
def test_crops_are_torchvisions_and_belong_to_seed_epoch_and_image(photographs):
    from PIL import Image
    from torchvision import transforms

    from vonenet_brainscore.classification.image_folder import read_image_folder
    from vonenet_brainscore.training.photographs import RandomCrops

    images = read_image_folder(photographs / "train", 4)
    theirs = transforms.Compose(
        [transforms.RandomResizedCrop(32), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
    )
    (pixels, labels), *_ = loaded_batches(RandomCrops(images, 32), [[5, 30, 5]], key=(0, "a", 1), n_classes=4)
    for position, ours, label in zip((5, 30), pixels, labels, strict=False):
        with keyed_draws(0, "a", 1, position):
            assert torch.equal(theirs(Image.open(images[position].path)), ours)
        assert label == images[position].label
    assert torch.equal(pixels[0], pixels[2])
    ((of_next_epoch, _),) = loaded_batches(RandomCrops(images, 32), [[5]], key=(0, "a", 2), n_classes=4)
    assert not torch.equal(of_next_epoch[0], pixels[0])


@needs_torchvision
def test_first_weights_are_the_seeds(run, photographs, tmp_path):
    def first_weights(seed, name):
        recipe = Recipe(epochs=1, batch_size=40, lr=1e-12, seed=seed)
        settings = {"image_size": 64, "device": "cpu", "progress": False}
        found = train("plain_networks:plain", photographs, tmp_path / name, recipe=recipe, **settings)
        return found.network[4].weight.detach()

    torch.manual_seed(5)
    state = torch.get_rng_state()
    one = first_weights(0, "one")
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(6)
    assert torch.equal(first_weights(0, "again"), one) and not torch.equal(first_weights(1, "another"), one)


@needs_torchvision
@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_image_is_named(run, photographs, tmp_path, workers):
    broken = shutil.copytree(photographs, tmp_path / "broken")
    (broken / "train" / "c" / "010.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"^\S*train/c/010\.png cannot be read as an image"):
        run(*PLAIN, f"--workers={workers}", in_path=broken)


@needs_torchvision
@pytest.mark.parametrize(
    ("flags", "error", "message"),
    [
        (["--model_arch=alexnet"], ValueError, r"4 class folders but the model has 1000 outputs; .* --n_classes 4$"),
        (["--n_classes=5"], ValueError, "gives a network of 4 outputs, not 5; leave n_classes out"),
        (["--ksize=9"], TypeError, "plain_networks:plain makes its own network; ksize cannot be given beside it"),
        (["--model_arch=voneblock_li2022"], ValueError, "is a front end without a back end, which classifies nothing"),
        (["--model_arch=resnet5"], ValueError, "unknown model_arch 'resnet5'"),
        (["--model_arch=plain_networks:number"], TypeError, "gives a int; it must give an nn.Module"),
        (["--model_arch=plain_networks:absent"], ValueError, "has no function 'absent'"),
        (["--noise_mode=poisson", "--model_arch=alexnet"], ValueError, "unknown noise mode 'poisson'"),
        (["--mean=half"], ValueError, "'half' is neither a number nor three"),
        (["--epochs=0"], ValueError, "epochs is 0; it must be at least 1"),
        (["--output_path=/proc/run"], OSError, "cannot write to the folder /proc/run: .*choose another --output_path"),
        (["--devices=3"], ValueError, "a batch of 16 cannot be divided among 3 processes"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(run, flags, error, message):
    with pytest.raises(error, match=message):
        run(*PLAIN, *flags)


def test_folders_that_are_none(run, photographs, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder nowhere/train; give one that holds train/ and val/"):
        run(*PLAIN, in_path="nowhere")
    (tmp_path / "empty" / "train").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"no folder empty/val"):
        run(*PLAIN, in_path="empty")
    (tmp_path / "empty" / "val").mkdir()
    with pytest.raises(FileNotFoundError, match="no class folders in empty/train"):
        run(*PLAIN, in_path="empty")
    for name in "abcd":
        (tmp_path / "empty" / "train" / name).mkdir()
    with pytest.raises(FileNotFoundError, match="no images in the class folders of empty/train"):
        run(*PLAIN, in_path="empty")
    strange = shutil.copytree(photographs, tmp_path / "strange")
    (strange / "val" / "a").rename(strange / "val" / "e")
    with pytest.raises(ValueError, match=r"strange/val holds e, which the names of classes do not have"):
        run(*PLAIN, in_path=strange)


def test_without_torchvision_it_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(ModuleNotFoundError, match=r"crops and mirrors photographs with torchvision.*belongs to torch"):
        run(*PLAIN)


@pytest.mark.parametrize("absent", ["lightning_fabric", "torch.utils.tensorboard"])
def test_without_the_extra_it_says_what_to_install(run, monkeypatch, absent):
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'vonenet_brainscore\[training\]'|torchvision"):
        run(*PLAIN)


def test_module_is_the_command(run):
    helped = run("--help").output
    for flag in (
        "--in_path",
        "--output_path",
        "--resume",
        "--noise_level",
        "--precision",
        "--num_nodes",
        "--n_classes",
    ):
        assert flag in helped
    command = [sys.executable, "-m", "vonenet_brainscore", "train", "--in_path=.", "--output_path=x", "--lr=0"]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 1 and refused.stderr == "error: lr is 0.0; it must be more than 0 and finite\n"
