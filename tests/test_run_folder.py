"""What a training run keeps: whole whatever happens, and only of one run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vonenet_brainscore.training.run_folder import RunFolder

pytest.importorskip("tensorboard", reason="tensorboard, of the extra `training`, is not installed")

SETTINGS = {
    "flags": {"model_arch": "resnet50", "ksize": 25},
    "recipe": {"lr": 0.1, "epochs": 70},
    "data": {"images": 9},
}


def content(epoch):
    history = [{"epoch": each, "lr": 0.1, "train_loss": 1 / each} for each in range(1, epoch + 1)]
    weights = {"weight": torch.full((1000,), float(epoch))}
    return {"epoch": epoch, "state_dict": weights, "answers": [[0.0]], "history": history}


def opened(path, resume=False, **changes):
    return RunFolder(path, settings={**SETTINGS, **changes}, resume=resume)


def test_checkpoints_and_log_are_of_the_same_epoch(tmp_path):
    folder = opened(tmp_path)
    assert folder.checkpoint() is None
    for epoch in (1, 2, 3):
        folder.save(content(epoch), kept=epoch == 2)
    folder.close()
    assert folder.checkpoint()["epoch"] == 3
    assert (tmp_path / "log.csv").read_text().count("\n") == 4
    (tmp_path / "epoch_02.pth.tar").replace(tmp_path / "last.pth.tar")
    again = opened(tmp_path, resume=True)
    assert again.checkpoint()["epoch"] == 2
    again.save(content(3), kept=False)
    again.close()
    assert [line.split(",")[0] for line in (tmp_path / "log.csv").read_text().splitlines()] == ["epoch", "1", "2", "3"]
    assert not list(tmp_path.glob(".*"))  # nothing half written


def test_what_a_process_killed_while_saving_left_is_removed(tmp_path, monkeypatch):
    class KilledError(BaseException):
        pass

    def killed(self, target):
        raise KilledError

    folder = opened(tmp_path)
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(Path, "replace", killed)
        patch.setattr(Path, "unlink", lambda self, missing_ok: None)
        folder.save(content(1), kept=False)
    (tmp_path / ".log.0123.part.csv").touch()
    assert len(list(tmp_path.glob(".*"))) == 2
    opened(tmp_path, resume=True)
    assert not list(tmp_path.glob(".*"))


def test_another_run_is_neither_overwritten_nor_continued(tmp_path):
    opened(tmp_path).save(content(1), kept=False)
    with pytest.raises(FileExistsError, match="holds a training run; --resume resumes it, another --output_path"):
        opened(tmp_path)
    assert opened(tmp_path, resume=True, recipe={"lr": 0.1, "epochs": 90}).checkpoint()["epoch"] == 1
    flags = {"model_arch": "alexnet", "ksize": 25, "stride": 4}
    message = r"other settings: model_arch 'resnet50', now 'alexnet'; stride None, now 4; lr 0\.1, now 0\.2$"
    with pytest.raises(ValueError, match=message):
        opened(tmp_path, resume=True, flags=flags, recipe={"lr": 0.2, "epochs": 70}).checkpoint()
    for other in ({"weight": torch.zeros(2)}, {"state_dict": {}, "flags": {}}, torch.zeros(2)):
        torch.save(other, tmp_path / "last.pth.tar")
        with pytest.raises(ValueError, match="is no checkpoint of a training run"):
            opened(tmp_path, resume=True).checkpoint()
    (tmp_path / "last.pth.tar").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"last\.pth\.tar"):
        opened(tmp_path, resume=True).checkpoint()


def test_a_place_that_cannot_be_written_to_is_found_out_at_once(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"cannot write to the folder .*/file/run: Not a directory; choose another"):
        opened(tmp_path / "file" / "run")
    with pytest.raises(OSError, match=r"cannot write to the folder /proc/run: No such file"):
        opened("/proc/run")  # where not even root may make a folder


def test_a_full_disk_leaves_the_checkpoint_before_whole(tmp_path):
    """On a real file system of 64 KiB, in a mount namespace that ends with the process."""
    script = Path(__file__).with_name("on_a_small_disk.py")
    mounted = f"mount -t tmpfs -o size=64k tmpfs {tmp_path} && exec {sys.executable} {script} {tmp_path}"
    if not shutil.which("unshare"):
        pytest.skip("no unshare, of util-linux")
    if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", tmp_path], capture_output=True).returncode:
        pytest.skip("no right to mount a file system")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(["unshare", "-m", "sh", "-c", mounted], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    said, kept, left, after = done.stdout.splitlines()
    assert said.endswith(
        "epoch_02.pth.tar: No space left on device. The epochs before are whole; make room and run the same command "
        "with --resume"
    )
    assert kept == "epoch 1 of weight 1.0" and left == "['last.pth.tar', 'log.csv', 'tensorboard']"
    assert after == "epoch 2 after there was room"


def test_tensorboard_has_each_epoch_once_after_a_process_was_killed(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = opened(tmp_path)
    for epoch in (1, 2):
        folder.save(content(epoch), kept=epoch == 1)
    folder.close()
    shutil.rmtree(tmp_path / "tensorboard")
    for path in ("last.pth.tar", "epoch_01.pth.tar"):  # the second time, an epoch of the log is no longer true
        (tmp_path / path).replace(tmp_path / "last.pth.tar")
        again = opened(tmp_path, resume=True)
        again.log(again.checkpoint()["history"])
        again.close()
        logged = EventAccumulator(str(tmp_path / "tensorboard")).Reload().Scalars("train_loss")
        assert [event.step for event in logged] == ([1, 2] if path == "last.pth.tar" else [1])


@pytest.mark.parametrize("log", ["log.csv", "tensorboard"])
def test_a_log_that_cannot_be_written_leaves_the_checkpoint(tmp_path, log):
    folder = opened(tmp_path)
    in_the_way = tmp_path / log
    in_the_way.mkdir() if log == "log.csv" else in_the_way.write_text("")
    with pytest.raises(OSError, match=rf"cannot write .*{log}: .*\. The epochs before are whole; mend it and run"):
        folder.save(content(1), kept=False)
    folder.close()
    assert opened(tmp_path, resume=True).checkpoint()["epoch"] == 1
