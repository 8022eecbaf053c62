"""The command that inspects the installation: `doctor`."""

import os
import platform
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .tables import say, table

_PACKAGES: tuple[str, ...] = (
    "vonenet_brainscore",
    "brainscore_vision",
    "brainscore_core",
    "torch",
    "torchvision",
    "numpy",
    "scipy",
)
_PACKAGES += ("scikit-learn", "xarray", "pandas", "pillow", "timm", "imagecorruptions-imaug", "lightning-fabric")
_EXTRAS = {"timm": "backends", "imagecorruptions-imaug": "robustness", "lightning-fabric": "training"}


def doctor() -> None:
    """Versions, device, caches, weights and data on this machine, what is missing and how to get it, and its speed.

    The output is meant to be pasted into a bug report. Exit status 1 if something that scoring V1 needs does not work.
    """
    problems: list[str] = []
    versions = table("Versions", "package", "version", "note")
    for name in _PACKAGES:
        versions.add_row(name, *_package(name, problems))
    say(versions, "", f"Python {platform.python_version()}, {platform.platform()}, {Path(sys.prefix)}")
    say(*_machine(problems), "")
    places = table("Places", "what", "where", "size", numbers=("size",))
    for what, where in _caches().items():
        places.add_row(what, str(where), _size(where))
    say(places, "")
    missing = table("Weights and data", "what", "state", "to get it")
    for row in _weights_and_data():
        missing.add_row(*row)
    say(missing, "")
    try:
        say(*_measurement())
    except Exception as error:  # whatever is wrong with an installation is what this command is for
        problems.append(f"the VOneBlock does not run: {type(error).__name__}: {error}")
    if problems:
        raise RuntimeError("; ".join(problems))
    say("no problem found")


def _package(name: str, problems: list[str]) -> tuple[str, str]:
    """Version of a package, and a note on it."""
    try:
        found = version(name)
    except PackageNotFoundError:
        if name in _EXTRAS:
            return "–", f"not installed: pip install '.[{_EXTRAS[name]}]'"
        if name == "torchvision":
            return "–", "not installed: folders of images cannot be trained on or evaluated; all else works"
        problems.append(f"{name} is not installed; install this package again: pip install .")
        return "–", "not installed"
    if name == "torchvision":
        try:
            import torchvision  # noqa: F401
        except (ImportError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            return found, f"does not import beside this torch ({reason}): no folders of images; all else works"
    return found, ""


def _machine(problems: list[str]) -> Iterator[str]:
    import psutil
    import torch
    from threadpoolctl import threadpool_info

    memory = psutil.virtual_memory()
    yield f"{os.cpu_count()} cores, {memory.total / 1e9:.1f} GB of memory, {memory.available / 1e9:.1f} GB available"
    threads = {pool["internal_api"]: pool["num_threads"] for pool in threadpool_info()}
    yield f"threads: torch {torch.get_num_threads()}, {', '.join(f'{name} {count}' for name, count in threads.items())}"
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        yield f"device: cuda (CUDA {torch.version.cuda}): {', '.join(names)}"
    else:
        yield "device: cpu (no GPU that torch can use)"


def _caches() -> dict[str, Path]:
    from ..models.checkpoints import vonenet_home

    home = os.environ.get
    return {
        "released weights": vonenet_home(),
        "Brain-Score's data": Path(home("BRAINIO_HOME") or "~/.brainio").expanduser(),
        "cached scores": Path(home("RESULTCACHING_HOME") or "~/.result_caching").expanduser(),
    }


def _size(folder: Path) -> str:
    if not folder.is_dir():
        return "not there"
    size = sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())
    return f"{size / 1e6:.1f} MB"


def _weights_and_data() -> Iterator[tuple[str, str, str]]:
    from ..benchmarks.names import DATASET_NAMES, V1_PROPERTIES_NAME
    from ..benchmarks.storage import data_status
    from ..models.checkpoints import vonenet_home
    from ..models.registry import MODELS

    yield V1_PROPERTIES_NAME, "part of this package", ""
    for name in DATASET_NAMES:
        here = all(state == "verified" for state in data_status(name).values())
        yield name, "here" if here else "missing", "" if here else f"vonenet-brainscore data fetch {name}"
    for name, row in MODELS.items():
        if row.checkpoint:
            here = (vonenet_home() / row.checkpoint).is_file()
            yield name, "weights here" if here else "weights missing", "" if here else "downloaded at first use"


def _measurement() -> Iterator[str]:
    """How fast this machine multiplies matrices and runs the VOneBlock, in about two seconds."""
    import torch

    from ..models.vonenet import get_model

    matrix = torch.rand(1500, 1500)
    start, products = time.perf_counter(), 0
    while time.perf_counter() - start < 0.5:
        matrix @ matrix
        products += 1
    rate = 2 * 1500**3 * products / (time.perf_counter() - start) / 1e9
    block = get_model(None, noise_mode=None).vone_block
    images, start, shown = torch.rand(4, 3, 224, 224) * 2 - 1, time.perf_counter(), 0
    with torch.no_grad():
        while time.perf_counter() - start < 1.5:
            block(images)
            shown += len(images)
    speed = shown / (time.perf_counter() - start)
    yield f"measured: {rate:.0f} GFLOP/s (float32 products), {speed:.1f} images/s (VOneBlock, noise off)"
