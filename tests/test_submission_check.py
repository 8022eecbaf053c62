"""The check: it passes what works, stops what does not, and leaves the installed Brain-Score as it was."""

import os
import signal
import subprocess
import sys
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import torch
from submission_models import TinyResNet, tiny_checkpoint, tiny_front_end
from test_submission_rules import rezipped
from tiny_networks import SMALL

import vonenet_brainscore
from vonenet_brainscore import get_model
from vonenet_brainscore.brainscore import plugin_folder
from vonenet_brainscore.cli import submission as cli
from vonenet_brainscore.submission.check import check_zip
from vonenet_brainscore.submission.packaging import package_submission


def installed():
    """Every file of the installed brainscore_vision with its size and time; but bytecode, which any import writes."""
    folder = plugin_folder("model").parent
    return {
        path: (path.lstat().st_mtime_ns, path.lstat().st_size)
        for path in folder.rglob("*")
        if "__pycache__" not in path.parts and not path.is_dir()
    }


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A front end's zip, unchecked."""
    path = tmp_path_factory.mktemp("archive") / "mine.zip"
    return package_submission(tiny_front_end(), path, identifier="mine", check=False).path


def test_a_trained_model_passes_and_the_installed_package_is_left_alone(tmp_path, monkeypatch, capsys):
    """ResNet-50 behind a small VOneBlock with noise; `benchmarks/leaderboard_zips.py` tries the released sizes."""
    monkeypatch.chdir(tmp_path)
    network = get_model("resnet50", pretrained=False, quadrature="paper", **SMALL)
    checkpoint = tmp_path / "trained.pth.tar"
    torch.save({"flags": {"arch": "resnet50", **SMALL}, "state_dict": network.state_dict()}, checkpoint)
    before = installed()
    cli.submit("voneresnet50", identifier="mine", weights_url=checkpoint.as_uri())
    assert installed() == before
    printed = " ".join(capsys.readouterr().out.split())
    assert (
        "5 tests of Brain-Score's and 4 of the plugin's passed; V1 differs from the local model's by at most" in printed
    )
    assert f"{checkpoint.as_uri()}, sha256" in printed and "V2 model.layer3.1, V4 model.layer2.1" in printed
    assert "mine.zip" in printed and "at most five a day" in printed
    assert zipfile.is_zipfile(tmp_path / "mine.zip")


def test_a_plugin_that_needs_this_package_fails(archive, tmp_path):
    init = "mine/models/mine/__init__.py"
    source = "import vonenet_brainscore\nfrom brainscore_vision import model_registry\nmodel_registry['mine'] = None\n"
    broken = rezipped(archive, tmp_path / "broken.zip", add={init: source})
    with pytest.raises(RuntimeError, match="where vonenet_brainscore is not installed"):
        check_zip(broken, tiny_front_end(), {"V1": "vone_block"})


def test_responses_that_differ_fail(tmp_path):
    """Of a plugin whose weights are in the zip, and which passes all tests."""
    torch.set_num_threads(1)
    weights = tiny_checkpoint(tmp_path / "trained.pth", TinyResNet())
    given = {"identifier": "mine", "front_end": True, "weights": weights}
    made = package_submission("voneresnet50", tmp_path / "mine.zip", **given, check=False)
    other = get_model(None, weights=weights, noise_level=0.0701)
    with pytest.raises(
        RuntimeError, match=r"V1 of the plugin and of the local model differ by up to .* 1e-06 is allowed"
    ):
        check_zip(made.path, other, {"V1": "vone_block"})


def test_a_check_killed_midway_leaves_nothing_running_and_the_installed_package_alone(archive, tmp_path):
    before = installed()
    marker = tmp_path / "marker"
    waiting = f"""
import os, time
from pathlib import Path

def test_waits():
    Path({str(marker)!r}).write_text(f"{{os.getpid()}} {{__file__}}")
    time.sleep(600)
"""
    waits = rezipped(archive, tmp_path / "waits.zip", add={"mine/models/mine/test.py": waiting})
    code = (
        "import sys; from pathlib import Path; from vonenet_brainscore import get_model; "
        "from vonenet_brainscore.submission.check import check_zip; "
        "check_zip(Path(sys.argv[1]), get_model(None), {'V1': 'vone_block'})"
    )
    environment = os.environ | {
        "TMPDIR": str(tmp_path),
        "PYTHONPATH": str(Path(vonenet_brainscore.__file__).parents[1]),
    }
    process = subprocess.Popen([sys.executable, "-c", code, str(waits)], env=environment, start_new_session=True)
    try:
        assert within_s(120, lambda: marker.is_file() and marker.read_text())
        pid, plugin = marker.read_text().split(maxsplit=1)
        assert is_running(int(pid)) and "/site/brainscore_vision/models/mine/" in plugin  # its tests are under way
        process.kill()  # SIGKILL, to the process that checks alone
        process.wait()
        assert within_s(30, lambda: not is_running(int(pid)))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert installed() == before


def within_s(seconds, happens):
    deadline = time.monotonic() + seconds
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.05)
    return happens()


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_command_refuses_what_cannot_be():
    with pytest.raises(ValueError, match="give one of them"):
        cli.submit("voneresnet50", output=Path("a.zip"), template=Path("b"))
    with pytest.raises(ValueError, match="--layer is 'IT'; give REGION=LAYER"):
        cli.submit("voneresnet50", layer=["IT"], check=False)
    with pytest.raises(ValueError, match="names a region twice: IT=a, IT=b"):
        cli.submit("voneresnet50", layer=["IT=a", "IT=b"], check=False)


def test_tests_that_did_not_run_are_no_check(archive, tmp_path):
    silent = rezipped(archive, tmp_path / "silent.zip", add={"mine/models/mine/test.py": "# none\n"})
    with pytest.raises(RuntimeError, match=r"the check failed: 0 tests of the plugin and \d of Brain-Score's ran"):
        check_zip(silent, tiny_front_end(), {"V1": "vone_block"})
