"""A test that a zip works on a machine that has Brain-Score but not this package.

Brain-Score finds plugins inside its own package only, so the zip is unpacked into a temporary tree of links to the
installed package, and everything runs in a new process that imports that tree. The installed package is never modified.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from ..brainscore import plugin_folder
from ..recordings.loading import load_subject
from ..registration import PLUGIN as REGISTERED_HERE

TOLERANCE = 1e-6  # relative and absolute, between V1 responses of the plugin and of the local model
_TRIALS = 2  # the smallest number that shows whether trials have the same noise draws
_TIMEOUT_S = 1800  # for a process that hangs; loading the largest checkpoint and recording take one or two minutes
# Names and formats of the images that Brain-Score's tests read but its package does not include.
_IMAGES = ("rgb1.jpg", "rgb2.jpg", "rgb3.png")

_OUTPUT = "responses.npy"
_STAND_IN = "raise ImportError('a plugin must work where vonenet_brainscore is not installed')\n"
# Runs the tests and then records V1, in one process because importing Brain-Score takes long. Its standard input stays
# empty and is closed when the checking process ends, however that happens; this process then ends, too.
_RUN = """
import os
import sys
import threading

watched = os.dup(0)  # pytest puts another in its place
threading.Thread(target=lambda: (os.read(watched, 1), os._exit(1)), daemon=True).start()

import numpy as np
import pytest
import torch

identifier, threads, trials, output, images, *options = sys.argv[1:]
torch.set_num_threads(int(threads))
failed = pytest.main(options)
if failed:
    sys.exit(int(failed))

from brainscore_vision import load_model

subject = load_model(identifier)
subject.start_recording("V1", time_bins=[(50, 200)])
np.save(output, subject.look_at(images, number_of_trials=int(trials)).values)
"""


@dataclass(frozen=True)
class CheckReport:
    """Number of tests that passed, and the largest difference of V1 responses from the local model's.

    Attributes
    ----------
    brainscore_tests, plugin_tests : int
        Number of tests that passed.
    largest_difference : float
        Between V1 responses, in units of the response.
    """

    brainscore_tests: int
    plugin_tests: int
    largest_difference: float


def require_check() -> None:
    """Raise ModuleNotFoundError unless the check's test libraries are installed."""
    missing = [name for name in ("pytest", "pytest_check") if find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f"the check runs Brain-Score's tests of plugins and needs {' and '.join(missing)}: "
            "pip install 'vonenet_brainscore[submit]', or leave the check out (--no-check)"
        )


def check_zip(archive: Path, network: nn.Module, region_layer_map: Mapping[str, str]) -> CheckReport:
    """Run a zip's plugin as the leaderboard would, using the network only to fetch weights.

    Brain-Score's `generic_plugin_tests.py` and the plugin's `test.py` must pass, and V1 responses to three images must
    equal those of the local model, including noise, whose draws depend only on the stimulus, the trial and the seed.

    Parameters
    ----------
    archive : path
        A zip that follows the leaderboard's rules.
    network : nn.Module
        The local model.
    region_layer_map : mapping from region to layer
        The map of the submission.

    Raises
    ------
    ModuleNotFoundError
        If pytest or pytest_check is missing.
    RuntimeError
        If a test fails or responses differ; with the end of the output.
    """
    require_check()
    with tempfile.TemporaryDirectory(prefix="vonenet-brainscore-check-") as folder:
        tree = Path(folder)
        package = _linked_package(tree / "site")
        plugin = _unpacked(archive, package / "models")
        images = package / "model_helpers" / "generic_plugin_tests_resources"
        _draw_images(images)
        passed = _run(tree, plugin, package / "model_helpers" / "generic_plugin_tests.py", images)
        return CheckReport(**passed, largest_difference=_largest_difference(tree, images, network, region_layer_map))


def _linked_package(site: Path) -> Path:
    """A copy of brainscore_vision made of links, except for the folders to which something is added."""
    installed = plugin_folder("model").parent
    package = site / "brainscore_vision"
    for folder in (installed, installed / "models", installed / "model_helpers"):
        made = package / folder.relative_to(installed)
        made.mkdir(parents=True)
        for entry in folder.iterdir():
            if entry.name in (
                "generic_plugin_tests.py",
                "conftest.py",
            ):  # pytest and these files search the folder in which they are
                shutil.copyfile(entry, made / entry.name)
            elif entry.name not in ("models", "model_helpers", "__pycache__", REGISTERED_HERE):
                (made / entry.name).symlink_to(entry)
    (site / "vonenet_brainscore.py").write_text(_STAND_IN, encoding="utf-8")
    return package


def _unpacked(archive: Path, models: Path) -> Path:
    """The zip's plugin in Brain-Score's folder of models."""
    unpacked = models.parents[2] / "unpacked"
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(unpacked)
    (plugin,) = unpacked.glob("*/models/*")
    return plugin.rename(models / plugin.name)


def _draw_images(folder: Path) -> None:
    """Three images with colour."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for name in _IMAGES:
        coarse = Image.fromarray(random.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        coarse.resize((256, 256), Image.Resampling.BICUBIC).save(folder / name)


def _run(tree: Path, plugin: Path, brainscore_tests: Path, images: Path) -> dict[str, int]:
    """Run the tests and record V1 in a process with the tree's Brain-Score, where this package cannot be imported."""
    environment = os.environ | {
        "PYTHONPATH": str(tree / "site"),
        "PYTHONDONTWRITEBYTECODE": "1",  # bytecode would be written through the links into the installed package
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "",
        "TMPDIR": str(tree),
        "BS_INSTALL_DEPENDENCIES": "no",
        "RESULTCACHING_HOME": str(tree / "result_caching"),
        "BRAINSCORE_HOME": str(tree / "brainscore"),
        "BRAINIO_HOME": str(tree / "brainio"),
        "VONENET_HOME": str(tree / "weights"),
        "CUDA_VISIBLE_DEVICES": "",  # the local model is recorded on the CPU too
    }
    report, settings = tree / "tests.xml", tree / "pytest.ini"
    settings.touch()  # so that pytest looks for no other settings
    recording = [plugin.name, str(torch.get_num_threads()), str(_TRIALS), str(tree / _OUTPUT), str(images)]
    options = ["-c", str(settings), "--rootdir", str(tree), "-p", "no:cacheprovider", "-q"]
    options += ["-x", "--tb=short", "--disable-warnings"]  # for the output if a test fails
    tests = [str(brainscore_tests), str(plugin / "test.py"), f"--plugin_directory={plugin}", f"--junitxml={report}"]
    watched, held_open = os.pipe()
    try:
        run = subprocess.run(
            [sys.executable, "-c", _RUN, *recording, *options, *tests],
            cwd=tree,
            env=environment,
            stdin=watched,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"the check failed: the tests of {plugin.name} did not end in {_TIMEOUT_S} s") from error
    finally:
        os.close(watched)
        os.close(held_open)
    if run.returncode:
        end = "\n".join((run.stdout + run.stderr).strip().splitlines()[-40:])
        raise RuntimeError(f"the check failed: {plugin.name} does not pass\n{end}")
    cases = [case for case in ElementTree.parse(report).getroot().iter("testcase") if case.find("skipped") is None]
    own = sum(case.attrib["classname"].endswith(f"{plugin.name}.test") for case in cases)
    if not own or own == len(cases):
        raise RuntimeError(f"the check failed: {own} tests of the plugin and {len(cases) - own} of Brain-Score's ran")
    return {"brainscore_tests": len(cases) - own, "plugin_tests": own}


def _largest_difference(tree: Path, images: Path, network: nn.Module, region_layer_map: Mapping[str, str]) -> float:
    subject = load_subject(network, region_layer_map=region_layer_map, device="cpu", progress=False)
    subject.start_recording("V1", time_bins=[(50, 200)])
    expected = subject.look_at(images, number_of_trials=_TRIALS).values
    found = np.load(tree / _OUTPUT)
    if found.shape != expected.shape:
        raise RuntimeError(
            f"the check failed: V1 responses of the plugin have shape {found.shape}, those of the local model "
            f"{expected.shape}"
        )
    largest = float(np.abs(found - expected).max())
    if not np.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE):
        raise RuntimeError(
            f"the check failed: V1 of the plugin and of the local model differ by up to {largest:.3g}; "
            f"{TOLERANCE} is allowed"
        )
    return largest
