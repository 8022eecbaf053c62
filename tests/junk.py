"""Arguments that users pass by mistake, and the law that every public function keeps when it meets one."""

import linecache
import math
import os
import signal
import traceback
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from PIL import Image

import vonenet_brainscore
from vonenet_brainscore.models import downloads

PACKAGE = Path(vonenet_brainscore.__file__).parent
# Times as many examples, other ones each time: VONENET_FUZZ=100 pytest -n 0 tests/test_fuzz_functions.py
_TIMES = int(os.environ.get("VONENET_FUZZ", "1"))
LONGEST_S = 20  # of a call; those that are refused take milliseconds, and the machine may be busy
# What a public function may raise. Anything else, and a subclass of these that Python itself raises, is a defect.
DOCUMENTED = (ValueError, TypeError, OSError, MemoryError, ModuleNotFoundError, RuntimeError)

_SCALARS: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 0.5, -0.0, 1.0, 2.5, 1e-320, math.nan, math.inf, -math.inf, 1j,
    np.int64(3), np.float32("nan"), np.float64(0.5), np.bool_(True), np.str_("V1"), np.datetime64("2020-01-01"),
]  # fmt: skip
_TEXTS = ["", " ", "no such", "V1", "vone_block", "3", "nan", "ünïcode 🙂", "a\0b", "\ud800", "../..", "x" * 5000, "\n"]
_OBJECTS: list[Callable[[], Any]] = [
    lambda: b"bytes",
    lambda: [],
    lambda: [1],
    lambda: [None],
    lambda: ["a", "a"],
    lambda: ["vone_block"],
    lambda: [[1, 2], [3]],
    lambda: [math.nan, math.inf, 1.0],
    lambda: (),
    lambda: (1, 2),
    lambda: {},
    lambda: {"V1": "vone_block"},
    lambda: {"V1": None},
    lambda: {1: 2},
    lambda: {"a"},
    lambda: range(3),
    lambda: iter(["a"]),
    lambda: ...,
    object,
    lambda: int,
    lambda: len,
    lambda: np.array(3),
    lambda: np.zeros(0),
    lambda: np.zeros((0, 3)),
    lambda: np.arange(3),
    lambda: np.full((2, 3), math.nan),
    lambda: np.full((40, 3), math.inf),
    lambda: np.zeros((4, 4, 3), np.uint8),
    lambda: np.zeros((4, 4, 4), np.uint8),
    lambda: np.zeros((0, 4, 3), np.uint8),
    lambda: np.zeros((2, 3, 4, 5)),
    lambda: np.array([["a", "b"]]),
    lambda: np.array([1, "a", None], object),
    lambda: np.zeros((2, 2), complex),
    lambda: torch.tensor(math.nan),
    lambda: torch.zeros(0),
    lambda: torch.zeros(2, 3, 4, 4),
    torch.nn.Identity,
    lambda: torch.device("meta"),
    lambda: Image.new("RGB", (4, 4)),
    lambda: Image.new("F", (4, 4)),
    pd.DataFrame,
    lambda: pd.DataFrame({"stimulus": ["a"], "n": ["b"]}),
    lambda: pd.Series([1, 2]),
    lambda: xr.DataArray(np.zeros((2, 2)), dims=("a", "b")),
    lambda: Path("no such folder") / "ünïcode file.npy",
    lambda: Path(),
    lambda: Path("/"),
    lambda: Path("/proc/1/mem"),
    lambda: Path("/dev/null/x"),
    lambda: Path("a\0b"),
    lambda: Path("x" * 5000),
]
_HUGE = [2**31, 2**32, 2**63, 2**70, -(2**70), 1e30, 1e308, 10**400]


@contextmanager
def workplace(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    """A folder to work in, with what is kept in it and without network; what else is patched ends with it."""

    def no_network(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("no network")

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("RESULTCACHING_HOME", "BRAINIO_HOME", "VONENET_HOME"):
            patch.setenv(name, str(folder / name))
        patch.setattr("urllib.request.urlopen", no_network)
        patch.setattr(downloads, "WAITS_S", (0.0,))
        yield patch


def _each(values: list[Any]) -> list[Callable[[], Any]]:
    return [lambda value=value: value for value in values]


def junk(*, flag: bool = False, size: bool = False, work: bool = False) -> st.SearchStrategy[Any]:
    """Values for an argument.

    Parameters
    ----------
    flag : bool
        For one that is only asked whether it is true, which an array cannot say.
    size : bool
        For one that says how large something is to be made: no numbers that are large but could be.
    work : bool
        For one that says how much is to be done: no large numbers at all.
    """
    made = [*_each([*_SCALARS, *_TEXTS]), *([] if flag else _OBJECTS), *([] if work else _each(_HUGE))]
    most = 3 if work or size else None
    numbers = [st.integers(max_value=most), st.floats(max_value=most)]
    return st.one_of(st.sampled_from(made).map(lambda make: make()), st.text(max_size=20), *numbers)


def fuzz(examples: int) -> settings:
    """So many examples, the same ones in every run of the suite."""
    return settings(
        max_examples=examples * _TIMES,
        derandomize=_TIMES == 1,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


class Hangs(BaseException):
    """A call that does not come back."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """An error where the block takes longer."""

    def too_long(*_: Any) -> None:
        raise Hangs(f"no answer in {seconds} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def lawful() -> Iterator[None]:
    """The block returns, or raises a documented error on purpose, with words, and soon."""
    try:
        with within(LONGEST_S):
            yield
    except DOCUMENTED as error:
        assert len(str(error)) > 10, f"says nothing: {error!r}"
        assert is_meant(error), f"raised by accident: {_told(error)}"
    except Exception as error:
        raise AssertionError(f"not documented: {_told(error)}") from error


# Words of Python's own that say what is wrong with a path or a list.
_PLAIN = (
    "expected str, bytes or os.PathLike object",
    "embedded null byte",
    "surrogates not allowed",
    "0-d ",
    "a str object or an os.PathLike object",
)


def is_meant(error: BaseException) -> bool:
    """Whether a `raise` of this package raised it, or the system refused a file or memory, which says so itself."""
    if isinstance(error, OSError) and error.errno is not None:
        return True
    if isinstance(error, MemoryError) or any(words in str(error) for words in _PLAIN):
        return True
    frame = traceback.extract_tb(error.__traceback__)[-1]
    line = linecache.getline(frame.filename, frame.lineno or 0).strip()
    return frame.filename.startswith(str(PACKAGE) + os.sep) and line.startswith("raise")


def _told(error: BaseException) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(str(PACKAGE))]
    places = " > ".join(f"{Path(f.filename).name}:{f.lineno}" for f in frames)
    return f"{type(error).__name__}: {str(error)[:300]} [{places}]"
