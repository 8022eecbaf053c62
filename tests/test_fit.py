"""Training: the steps of a plain loop, the same bits however it is cut up, and what it keeps and refuses."""

import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from orientation_task import CLASSES, gratings
from tiny_networks import SMALL, tiny_vonenet
from torch import nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from vonenet_brainscore import get_model
from vonenet_brainscore.models.checkpoints import read_checkpoint
from vonenet_brainscore.training.batches import digest_of, split_by_rank, training_order
from vonenet_brainscore.training.fit import fit
from vonenet_brainscore.training.recipe import Recipe

pytest.importorskip("lightning_fabric", reason="lightning-fabric, of the extra `training`, is not installed")
pytest.importorskip("tensorboard", reason="tensorboard, of the extra `training`, is not installed")

IMAGES = TensorDataset(*gratings(80, seed=0))
HELD_OUT = TensorDataset(*gratings(30, seed=1))
RECIPE = Recipe(batch_size=32, epochs=3, lr=0.02, step_size=2)
QUIET = {"device": "cpu", "progress": False}


class Jittered(torch.utils.data.Dataset):
    """Images shifted by chance, as augmentation does."""

    def __init__(self, fails_at=None):
        self.loaded, self.fails_at = 0, fails_at

    def __len__(self):
        return len(IMAGES)

    def __getitem__(self, index):
        if self.loaded == self.fails_at:
            raise RuntimeError("the power went off")
        self.loaded += 1
        image, label = IMAGES[index]
        return image.roll(int(torch.randint(8, ())), dims=-1), label


def network(**changes):
    """A VOneNet with dropout, batch norm and V1 noise, of which everything random must be repeated."""
    torch.manual_seed(0)
    back_end = nn.Sequential(
        nn.Conv2d(64, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(392, CLASSES)
    )
    return get_model(None, pretrained=False, back_end=back_end, **{**SMALL, **changes})


def assert_same_weights(one, other):
    for (name, value), (_, of_other) in zip(one.state_dict().items(), other.state_dict().items(), strict=True):
        assert torch.equal(value, of_other), name


def without_timing(history):
    return [{name: row[name] for name in row if name not in ("images_per_s", "seconds")} for row in history]


@pytest.fixture(scope="module")
def trained():
    """A whole run, to which runs that are cut up must be equal."""
    return fit(network(), Jittered(), HELD_OUT, recipe=RECIPE, **QUIET)


def test_steps_are_those_of_a_plain_loop():
    recipe = Recipe(batch_size=32, epochs=3, lr=0.05, momentum=0.8, weight_decay=0.01, step_size=1, step_factor=0.5)
    ours, plain = network(noise_mode=None).eval(), network(noise_mode=None)
    ours.model[4].p = plain.model[4].p = 0  # no dropout
    found = fit(ours, IMAGES, HELD_OUT, recipe=recipe, mean=0.4, std=0.3, **QUIET)
    sgd = torch.optim.SGD(plain.parameters(), lr=0.05, momentum=0.8, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.StepLR(sgd, step_size=1, gamma=0.5)
    pixels, labels = IMAGES.tensors
    for epoch in (1, 2, 3):
        assert found.history[epoch - 1]["lr"] == pytest.approx(sgd.param_groups[0]["lr"], rel=1e-12)
        losses, correct = 0, 0
        for batch in torch.tensor(training_order(80, seed=0, epoch=epoch)).split(32):
            logits = plain((pixels[batch] - 0.4) / 0.3)
            loss = F.cross_entropy(logits, labels[batch])
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            losses += loss.item() * len(batch)
            correct += (logits.argmax(dim=1) == labels[batch]).sum().item()
        schedule.step()
        assert found.history[epoch - 1]["train_loss"] == pytest.approx(losses / 80, rel=1e-5)  # float32
        assert found.history[epoch - 1]["train_top1"] == correct / 80
    for value, expected in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-6)  # float32 sums in another order
    with torch.no_grad():
        logits = plain.eval()((HELD_OUT.tensors[0] - 0.4) / 0.3)
    expected = F.cross_entropy(logits, HELD_OUT.tensors[1]).item()
    assert found.history[-1]["validation_loss"] == pytest.approx(expected, rel=1e-4)
    assert found.history[-1]["validation_top1"] == (logits.argmax(dim=1) == HELD_OUT.tensors[1]).double().mean().item()
    assert found.history[-1]["validation_top5"] is None  # of four classes


def test_the_original_recipe_is_the_default():
    recipe = Recipe()
    rates = [recipe.lr_in(epoch) for epoch in (1, 20, 21, 40, 41, 60, 61, 70)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.0001, 0.0001])
    assert (recipe.batch_size, recipe.epochs, recipe.momentum, recipe.weight_decay) == (256, 70, 0.9, 1e-4)
    block = get_model(None).vone_block
    assert (block.noise_mode, block.noise_scale, block.noise_level) == ("neuronal", 0.35, 0.07)


def test_it_learns_and_leaves_the_vone_block_and_the_generators_as_they_were():
    ours = tiny_vonenet()
    before = {name: value.clone() for name, value in ours.vone_block.state_dict().items()}
    state = torch.get_rng_state()
    found = fit(ours, IMAGES, HELD_OUT, recipe=Recipe(batch_size=16, epochs=6, lr=0.03, step_size=4), **QUIET)
    assert torch.equal(torch.get_rng_state(), state)
    assert found.network is ours and not ours.training
    assert found.history[-1]["train_loss"] < found.history[0]["train_loss"] / 2
    assert found.history[-1]["validation_top1"] > 0.6  # chance is 0.25
    assert found.history[-1]["validation_top5"] > 0.9  # of ten outputs
    assert before.keys() == {"simple_conv_q0.weight", "simple_conv_q1.weight"}
    assert all(torch.equal(value, before[name]) for name, value in ours.vone_block.state_dict().items())


def test_workers_and_a_second_time_give_the_same_bits(trained):
    torch.manual_seed(7)  # global draws must not matter
    found = fit(network(), Jittered(), HELD_OUT, recipe=RECIPE, workers=2, **QUIET)
    assert_same_weights(found.network, trained.network)
    assert without_timing(found.history) == without_timing(trained.history)


def test_what_is_random_is_drawn_by_seed(trained):
    other = Recipe(batch_size=32, epochs=3, lr=0.02, step_size=2, seed=1)
    found = fit(network(), Jittered(), recipe=other, **QUIET)
    assert not torch.equal(found.network.model[5].weight, trained.network.model[5].weight)
    orders = [training_order(80, seed=seed, epoch=epoch) for seed, epoch in ((0, 1), (0, 2), (1, 1), (0, 1))]
    assert orders[0] == orders[3] and orders[0] != orders[1] and orders[0] != orders[2]
    assert sorted(orders[1]) == list(range(80))


class Drawing(nn.Module):
    """A network, or the images it sees, that keeps what it draws."""

    def __init__(self):
        super().__init__()
        self.network, self.drawn, self.images_drawn = network(noise_mode=None), [], []

    def forward(self, x):
        self.drawn.append(torch.rand(()).item())
        return self.network(x)

    def __len__(self):
        return len(IMAGES)

    def __getitem__(self, index):
        self.images_drawn.append(torch.rand(()).item())
        return IMAGES[index]


def test_no_step_image_or_epoch_draws_what_another_has_drawn():
    state, drawing = torch.get_rng_state(), Drawing()
    torch.set_rng_state(state)
    fit(drawing, drawing, recipe=RECIPE, **QUIET)
    assert torch.equal(torch.get_rng_state(), state) and not drawing.training
    steps = drawing.drawn[-9:]  # three an epoch; before them, its outputs were counted
    assert len(set(steps)) == 9
    assert len(drawing.images_drawn) == len(set(drawing.images_drawn)) == 1 + 3 * 80  # the first was looked at before


@pytest.mark.parametrize("fails_at", [110, 210])
def test_a_run_cut_off_in_an_epoch_reaches_the_same_weights(trained, tmp_path, fails_at):
    with pytest.raises(RuntimeError, match="the power went off"):
        fit(network(), Jittered(fails_at), HELD_OUT, recipe=RECIPE, output_path=tmp_path, **QUIET)
    assert (tmp_path / "last.pth.tar").exists() == (
        fails_at > 161
    )  # an epoch is 80 images; all were read before, and the first once more
    found = fit(network(), Jittered(), HELD_OUT, recipe=RECIPE, output_path=tmp_path, resume=True, **QUIET)
    assert_same_weights(found.network, trained.network)
    assert without_timing(found.history) == without_timing(trained.history)


def test_a_killed_process_leaves_a_run_that_reaches_the_same_weights(trained, tmp_path):
    code = f"""
import pathlib, time
from test_fit import HELD_OUT, QUIET, RECIPE, Jittered, fit, network

class Stuck(Jittered):
    def __getitem__(self, index):
        if self.loaded == 210:
            pathlib.Path({str(tmp_path / "stuck")!r}).touch()
            time.sleep(600)
        return super().__getitem__(index)

fit(network(), Stuck(), HELD_OUT, recipe=RECIPE, output_path={str(tmp_path / "run")!r}, **QUIET)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        waited_since = time.monotonic()
        while not (tmp_path / "stuck").exists():
            assert process.poll() is None and time.monotonic() < waited_since + 120
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
    assert read_checkpoint(tmp_path / "run" / "last.pth.tar").epoch == 1
    found = fit(network(), Jittered(), HELD_OUT, recipe=RECIPE, output_path=tmp_path / "run", resume=True, **QUIET)
    assert_same_weights(found.network, trained.network)
    assert without_timing(found.history) == without_timing(trained.history)


def test_two_processes_go_on_to_the_same_weights_and_only_from_the_same_checkpoint(tmp_path):
    """As in a batch script of Slurm that does not call srun."""
    program = [sys.executable, Path(__file__).with_name("two_processes.py"), tmp_path]
    slurm = {"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2", "SLURM_JOB_NAME": "train", "SLURM_NNODES": "1"}
    environment = {**os.environ, **slurm, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    # Names that torch is about to drop are errors, but for the one by which Lightning gathers.
    gathering = "ignore:torch.distributed.nn.functional.all_gather is deprecated:FutureWarning"
    environment["PYTHONWARNINGS"] = f"error::FutureWarning,{gathering}"
    done = subprocess.run(program, capture_output=True, text=True, env=environment, timeout=240)
    assert done.returncode == 0, done.stderr
    one, other = (torch.load(tmp_path / f"weights_{rank}.pt") for rank in (0, 1))
    assert all(torch.equal(value, other[name]) for name, value in one.items())  # buffers too
    for rank in (0, 1):
        assert "sees another checkpoint in" in (tmp_path / f"refusal_{rank}").read_text()


def test_a_run_goes_on_for_more_epochs_and_when_done_is_read(trained, tmp_path, capsys):
    shorter = Recipe(batch_size=32, epochs=2, lr=0.02, step_size=2)
    settings = {"output_path": tmp_path, "resume": True, "device": "cpu"}
    fit(network(), Jittered(), HELD_OUT, recipe=shorter, **settings)
    assert f"no checkpoint in {tmp_path} yet; training starts with the first epoch" in capsys.readouterr().err
    found = fit(network(), Jittered(), HELD_OUT, recipe=RECIPE, **settings)
    assert_same_weights(found.network, trained.network)
    again = fit(network(), Jittered(), HELD_OUT, recipe=RECIPE, **settings)
    assert_same_weights(again.network, trained.network)
    assert again.history == found.history
    with pytest.raises(ValueError, match="holds 3 epochs, more than the 2 asked for"):
        fit(network(), Jittered(), HELD_OUT, recipe=shorter, **settings)


def test_a_run_knows_its_images_by_their_content_and_its_network_by_its_answers(tmp_path):
    pixels, labels = IMAGES.tensors
    settings = {"recipe": Recipe(batch_size=40, epochs=1), "output_path": tmp_path, "resume": True, **QUIET}
    fit(network(), IMAGES, HELD_OUT, **settings)
    others = TensorDataset(pixels.clone(), labels)
    others.tensors[0][57, 0, 3, 4] += 1e-3  # one value of one image
    with pytest.raises(ValueError, match=r"other settings: images_sha256 '\w+', now '\w+'$"):
        fit(network(), others, HELD_OUT, **settings)
    with pytest.raises(ValueError, match="other settings: images_sha256"):
        fit(network(), TensorDataset(pixels, labels.roll(1)), HELD_OUT, **settings)
    with pytest.raises(ValueError, match="other settings: validation_images_sha256"):
        fit(network(), IMAGES, TensorDataset(HELD_OUT.tensors[0].flip(0), HELD_OUT.tensors[1]), **settings)
    ours = network()
    ours.model[2] = nn.GELU()  # which has no weights
    with pytest.raises(ValueError, match="holds another network: this one answers otherwise with the same weights"):
        fit(ours, IMAGES, HELD_OUT, **settings)
    assert len(fit(network(), IMAGES, HELD_OUT, **settings).history) == 1

    class Named(TensorDataset):
        def sha256(self):
            return "mine"

    assert digest_of(Named(*IMAGES.tensors), n_classes=CLASSES) == "mine"
    assert digest_of(Jittered(), n_classes=CLASSES) == digest_of(Jittered(), n_classes=CLASSES, workers=2)


def test_a_batch_is_the_same_images_in_any_number_of_processes():
    order = training_order(83, seed=0, epoch=1)
    whole = split_by_rank(order, 12)
    for processes in (2, 3, 4):
        parts = [split_by_rank(order, 12, rank=rank, processes=processes) for rank in range(processes)]
        for step, batch in enumerate(whole):
            assert sorted(image for part in parts for image in part[step]) == sorted(batch)
    assert [len(split_by_rank(range(13), 12, rank=rank, processes=2)) for rank in (0, 1)] == [2, 1]


def test_what_a_run_leaves(tmp_path):
    recipe = Recipe(batch_size=40, epochs=5, lr=0.01)
    ours = network(sf_corr=0.5, gabor_seed=3, quadrature="paper", noise_level=0.1)
    found = fit(
        ours,
        IMAGES,
        HELD_OUT,
        recipe=recipe,
        output_path=tmp_path / "new" / "run",
        keep_every=2,
        flags={"by": "us"},
        **QUIET,
    )
    folder = tmp_path / "new" / "run"
    left = sorted(path.name for path in folder.iterdir())
    assert left == [
        "epoch_02.pth.tar", "epoch_04.pth.tar", "epoch_05.pth.tar", "last.pth.tar", "log.csv", "tensorboard"
    ]  # fmt: skip
    with (folder / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(found.history[0])
    assert [float(row["train_loss"]) for row in rows] == [row["train_loss"] for row in found.history]
    assert rows[0]["validation_top5"] == "" and float(rows[0]["images_per_s"]) > 0
    assert read_checkpoint(folder / "epoch_04.pth.tar").epoch == 4

    last = read_checkpoint(folder / "last.pth.tar")
    assert last.flags["by"] == "us" and last.flags["noise_level"] == 0.1 and last.flags["image_size"] == 64
    back_end = network().model
    back = get_model(None, weights=folder / "last.pth.tar", back_end=back_end).eval()
    assert back.vone_block.gabor_parameters is not None  # those that the flags tell give the filters that were saved
    assert back.vone_block.extra_repr() == ours.vone_block.extra_repr()
    back.vone_block.set_noise_mode(None)
    ours.vone_block.set_noise_mode(None)
    assert torch.equal(back(IMAGES.tensors[0]), ours(IMAGES.tensors[0]))
    raw = torch.load(folder / "last.pth.tar", weights_only=True)
    assert raw["recipe"]["momentum"] == 0.9 and raw["history"] == found.history and raw["scaler"] == {}


def test_the_log_for_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = fit(network(), IMAGES, recipe=RECIPE, output_path=tmp_path, **QUIET)
    log = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    points = [(event.step, event.value) for event in log.Scalars("train_loss")]
    assert [epoch for epoch, _ in points] == [1, 2, 3]
    assert [value for _, value in points] == pytest.approx([row["train_loss"] for row in found.history])  # float32


def labelled(labels):
    return TensorDataset(IMAGES.tensors[0][: len(labels)], torch.tensor(labels))


@pytest.mark.parametrize("workers", [0, 1])
def test_labels_that_are_no_outputs_are_named(workers):
    with pytest.raises(ValueError, match=r"^image 2 has label 4, but the network's outputs are 0 to 3$"):
        fit(network(), labelled([0, 3, 4, 1]), recipe=RECIPE, workers=workers, **QUIET)
    with pytest.raises(ValueError, match="image 0 has label -1"):
        fit(network(), labelled([0, 1]), labelled([-1, 0]), recipe=RECIPE, workers=workers, **QUIET)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (torch.zeros(0, 3, 64, 64), ValueError, "there are no images to train on"),
        (torch.zeros(9, 1, 64, 64), ValueError, r"an image has shape \(1, 64, 64\); it must be \(3, side, side\)"),
        (torch.zeros(9, 3, 64, 32), ValueError, r"an image has shape \(3, 64, 32\)"),
        (torch.full((9, 3, 64, 64), 255.0), ValueError, r"values from 255 to 255; they must be in \[0, 1\]"),
        (torch.zeros(9, 3, 64, 64, dtype=torch.uint8), TypeError, "images are to be float Tensors"),
    ],
)
def test_images_that_cannot_be_trained_on(images, error, message):
    with pytest.raises(error, match=message):
        fit(network(), TensorDataset(images, torch.zeros(len(images), dtype=torch.long)), recipe=RECIPE, **QUIET)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"devices": 3}, "a batch of 32 cannot be divided among 3 processes evenly"),
        ({"devices": 0}, "devices is 0, num_nodes 1"),
        ({"device": "cuda:7"}, "nothing can be computed on the device 'cuda:7' here"),
        ({"device": "gpu"}, "nothing can be computed on the device 'gpu' here"),
        ({"devices": 32, "device": "cuda"}, "32 of cuda asked for, but there are|nothing can be computed on .* 'cuda'"),
        ({"resume": True}, "there is no output_path to resume from"),
        ({"keep_every": 0}, "keep_every is 0, workers 0"),
        ({"workers": -1}, "workers -1"),
        ({"recipe": Recipe(precision="16-mixed")}, "16-mixed is for GPUs; on a CPU take bf16-mixed"),
        ({"std": 0}, "std is 0; give one number or three"),
        ({"validation_set": labelled([])}, "there are no images to validate with"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(ValueError, match=message):
        fit(network(), IMAGES, **{"recipe": RECIPE, **QUIET, **settings})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"devices": 1.5}, r"devices is 1\.5; it must be a whole number"),
        ({"keep_every": "2"}, "keep_every is '2'; it must be a whole number"),
        ({"device": 0}, "device is 0; give text"),
        ({"flags": {"by": object()}}, r"flags cannot be saved \(.*\); give numbers, text, and lists"),
    ],
)
def test_arguments_of_another_kind(settings, message):
    with pytest.raises(TypeError, match=message):
        fit(network(), IMAGES, **{"recipe": RECIPE, **QUIET, **settings})


def test_numbers_of_numpy_are_taken_and_saved(tmp_path):
    recipe = Recipe(batch_size=np.int64(40), epochs=np.int64(1), lr=np.float32(0.25), seed=np.uint8(3))
    settings = {"flags": {"by": np.int64(2), "of": np.array([0.5, 1])}, "keep_every": np.int64(1)}
    fit(network(ksize=np.int64(9)), IMAGES, recipe=recipe, output_path=tmp_path, **settings, **QUIET)
    kept = torch.load(tmp_path / "last.pth.tar", weights_only=True)
    assert kept["flags"]["by"] == 2 and kept["flags"]["of"] == [0.5, 1.0] and kept["flags"]["ksize"] == 9
    assert kept["recipe"]["lr"] == 0.25 and type(kept["recipe"]["batch_size"]) is int


def test_a_run_goes_on_with_the_same_images_and_network_alone(tmp_path):
    recipe = Recipe(batch_size=40, epochs=1, lr=0.01)
    settings = {"recipe": recipe, "output_path": tmp_path, "resume": True, **QUIET}
    fit(tiny_vonenet(), IMAGES, HELD_OUT, **settings)
    with pytest.raises(ValueError, match="other settings: validation_images 30, now 0; "):
        fit(tiny_vonenet(), IMAGES, **settings)
    with pytest.raises(ValueError, match="other settings: image_size 64, now 32"):
        smaller = TensorDataset(IMAGES.tensors[0][..., ::2, ::2], IMAGES.tensors[1])
        fit(tiny_vonenet(image_size=32), smaller, HELD_OUT, **settings)
    wider = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256, 10))
    with pytest.raises(ValueError, match=r"holds another network: Error\(s\) in .*; choose another --output_path$"):
        fit(get_model(None, pretrained=False, back_end=wider, **SMALL), IMAGES, HELD_OUT, **settings)


def test_a_vonenet_for_images_of_another_size_is_refused():
    images = TensorDataset(IMAGES.tensors[0][..., ::2, ::2], IMAGES.tensors[1])
    with pytest.raises(ValueError, match="have 32 pixels a side, the VOneNet is one for 64; give get_model image_size"):
        fit(tiny_vonenet(), images, recipe=RECIPE, **QUIET)


def test_logs_that_a_killed_process_did_not_write_are_written(tmp_path):
    settings = {"recipe": RECIPE, "output_path": tmp_path, **QUIET}
    fit(network(), IMAGES, **settings)
    table = (tmp_path / "log.csv").read_text()
    (tmp_path / "log.csv").write_text(table[: table.index("\n2,") + 1])
    fit(network(), IMAGES, resume=True, **settings)
    assert (tmp_path / "log.csv").read_text() == table


def test_tasks_of_srun_do_not_train_alone_into_one_folder(monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    with pytest.raises(ValueError, match="srun started 4 tasks; give devices=4"):
        fit(network(), IMAGES, recipe=RECIPE, **QUIET)
    monkeypatch.delenv("SLURM_STEP_NUM_TASKS")
    monkeypatch.setenv("SLURM_NTASKS", "2")
    with pytest.raises(ValueError, match="2 nodes under Slurm, but no srun; start it with srun, one task a device"):
        fit(network(), IMAGES, recipe=RECIPE, num_nodes=2, **QUIET)


def test_a_last_batch_must_have_an_image_for_each_process():
    with pytest.raises(ValueError, match="65 images in batches of 32 leave 1 for the last batch, too few for 2 proc"):
        fit(network(), labelled([0] * 65), recipe=RECIPE, devices=2, **QUIET)


@pytest.mark.parametrize(("images", "devices"), [(65, 1), (67, 2)])
def test_batch_norm_needs_two_images(images, devices):
    with pytest.raises(ValueError, match=f"{images} images in batches of 32 leave a process with one image .* norm"):
        fit(network(), labelled([0] * images), recipe=RECIPE, devices=devices, **QUIET)
    if devices == 1:  # a network without batch norm may have one
        fit(tiny_vonenet(), labelled([0] * images), recipe=Recipe(batch_size=32, epochs=1), **QUIET)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size is 0; it must be at least 1"),
        ({"epochs": 1.5}, TypeError, r"epochs is 1\.5; it must be a whole number"),
        ({"lr": "0.1"}, TypeError, "lr is '0.1'; it must be a number"),
        ({"lr": float("inf")}, ValueError, "lr is inf; it must be more than 0 and finite"),
        ({"seed": -1}, ValueError, r"seed is -1; it must lie in \[0, 2\*\*32\)"),
        ({"lr": 0}, ValueError, "lr is 0; it must be more than 0"),
        ({"lr": float("nan")}, ValueError, "lr is nan"),
        ({"weight_decay": -1e-4}, ValueError, r"weight_decay is -0\.0001; it must be at least 0"),
        ({"momentum": 1}, ValueError, r"momentum is 1; it must be in \[0, 1\)"),
        ({"precision": "16"}, ValueError, "unknown precision '16'; have '32-true', '16-mixed', 'bf16-mixed'"),
    ],
)
def test_recipes_that_cannot_be(wrong, error, message):
    with pytest.raises(error, match=message):
        Recipe(**wrong)


def test_training_that_diverges_stops_with_its_last_checkpoint(tmp_path):
    with pytest.raises(
        ValueError, match=r"training diverges: epoch \d has loss (nan|inf), .* take a smaller lr and another"
    ):
        fit(tiny_vonenet(), IMAGES, recipe=Recipe(batch_size=8, lr=1e9), output_path=tmp_path, **QUIET)


def test_a_loss_that_explodes_is_told_in_its_first_epoch(tmp_path):
    message = r"training diverges: epoch 1 has loss \S+, where guessing has 2\.3; take a smaller lr"
    with pytest.raises(ValueError, match=message):
        linear = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(3 * 8 * 8, 10))  # which never overflows
        fit(linear, IMAGES, recipe=Recipe(batch_size=8, lr=1e5), output_path=tmp_path, **QUIET)
    assert not (tmp_path / "last.pth.tar").exists()


def test_weights_that_the_last_step_spoils_are_not_saved(tmp_path):
    """The loss of an epoch of one step is that before it."""
    recipe = Recipe(batch_size=80, lr=1e20, weight_decay=1e30)
    with pytest.raises(ValueError, match=r"training diverges: epoch 1 has loss \d.*, its weights are not finite; take"):
        fit(tiny_vonenet(), IMAGES, HELD_OUT, recipe=recipe, output_path=tmp_path, **QUIET)
    assert not (tmp_path / "last.pth.tar").exists()


def test_memory_that_runs_out_is_told(monkeypatch):
    ours = network()
    forward = ours.model.forward
    full = iter([False])

    def fails(x):
        if next(full, True):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(x)

    monkeypatch.setattr(ours.model, "forward", fails)
    with pytest.raises(MemoryError, match="memory ran out with 32 images a step over 1 processes; take more --devices"):
        fit(ours, IMAGES, recipe=RECIPE, **QUIET)


def test_mixed_precision_trains():
    found = fit(
        tiny_vonenet(), IMAGES, recipe=Recipe(batch_size=16, epochs=4, lr=0.03, precision="bf16-mixed"), **QUIET
    )
    assert found.history[-1]["train_loss"] < found.history[0]["train_loss"] / 1.5
    assert {value.dtype for value in found.network.parameters()} == {torch.float32}


@pytest.mark.parametrize("wrong", [True, 3, "images", {"image": 0}])
def test_what_is_no_dataset_is_refused(wrong):
    right = TensorDataset(torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 0, 1]))
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2))
    for name, sets in (("train_set", (wrong, right)), ("validation_set", (right, wrong))):
        with pytest.raises(TypeError, match=f"{name} is .*; give a dataset of which each item is an image and its"):
            fit(network, *sets, progress=False)
    with pytest.raises(TypeError, match=r"an item of train_set is \[1\]; it must be an image and its label"):
        fit(network, [[1]] * 256, progress=False)


@pytest.mark.parametrize(
    ("gpus", "settings", "message"),
    [
        (2, {"devices": 4, "device": "cuda"}, "4 of cuda asked for, but there are 2 GPUs"),
        (2, {"devices": 2, "device": "cuda:1"}, "device cuda:1 is one GPU; for 2 give cuda"),
        (0, {"device": "meta"}, "training runs on cpu or cuda, not on meta"),
    ],
)
def test_devices_that_are_not_there(monkeypatch, gpus, settings, message):
    """On a made machine with so many GPUs; refused before any is used."""
    from vonenet_brainscore.training import devices

    made = network()
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(devices, "usable_device", torch.device)
    with pytest.raises(ValueError, match=message):
        fit(made, IMAGES, **{"recipe": RECIPE, **QUIET, **settings})


def test_torchrun_starts_as_many_processes_as_are_asked_for(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_torchelastic_launched", lambda: True)
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(ValueError, match="torchrun started 4 processes; 2 devices on 1 nodes are asked for"):
        fit(network(), IMAGES, **{"recipe": RECIPE, **QUIET, "devices": 2})
