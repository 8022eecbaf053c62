"""The installed Brain-Score: its plugins, and contexts in which its code has no side effects.

The side effects are caches by name, pip installs and the use of NumPy's global generator.
"""

import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np

PluginKind = Literal["benchmark", "data", "model", "stimulus_set"]
# Kind of plugin -> folder of the installed brainscore_vision; stimulus sets live beside the recordings.
_FOLDERS: dict[PluginKind, str] = {
    "benchmark": "benchmarks",
    "data": "data",
    "model": "models",
    "stimulus_set": "data",
}


def import_quietly() -> None:
    """Import Brain-Score without the FutureWarning of its `Score`, which only its authors can act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        import brainscore_core.metrics  # noqa: F401


def plugin_folder(kind: PluginKind) -> Path:
    """Folder of the installed brainscore_vision that holds the plugins of one kind; nothing is imported.

    Raises
    ------
    ModuleNotFoundError
        If brainscore_vision is not installed.
    """
    spec = find_spec("brainscore_vision")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("brainscore_vision is not installed; pip install brainscore-vision")
    return Path(spec.origin).parent / _FOLDERS[kind]


def registrations(kind: PluginKind, folder: Path | None = None) -> dict[str, list[str]]:
    """Identifiers that plugins of one kind register, and the plugin folders that register them.

    Brain-Score finds a plugin by the literal text ``benchmark_registry['ID']`` in its ``__init__.py``; here the same
    text is read, with the assignment that must follow it, so that nothing has to be imported.

    Parameters
    ----------
    kind : 'benchmark', 'data', 'model' or 'stimulus_set'
    folder : path, optional
        Folder of the plugin folders; by default that of the installed package.

    Returns
    -------
    dict
        Identifier -> names of the plugin folders (more than one is an error to Brain-Score).
    """
    assignment = re.compile(rf"""^{kind}_registry\[(['"])([^'"{{}}]+)\1\][ ]*=""", re.MULTILINE)
    found: dict[str, list[str]] = {}
    for init_file in sorted((folder or plugin_folder(kind)).glob("[!._]*/__init__.py")):
        for _, identifier in assignment.findall(init_file.read_text(encoding="utf-8")):
            plugins = found.setdefault(identifier, [])
            if init_file.parent.name not in plugins:
                plugins.append(init_file.parent.name)
    return found


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables within the context, and put them back afterwards."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def without_pip() -> Iterator[None]:
    """Context in which Brain-Score installs no packages for its plugins, unless the user's environment requests it."""
    with environment(BS_INSTALL_DEPENDENCIES=os.environ.get("BS_INSTALL_DEPENDENCIES", "no")):
        yield


@contextmanager
def without_result_caching() -> Iterator[None]:
    """Context in which Brain-Score's caches, which identify recordings by names only, are neither read nor written."""
    with environment(RESULTCACHING_DISABLE="1"):
        yield


@contextmanager
def without_chatter(progress: bool) -> Iterator[None]:
    """Context in which Brain-Score prints only what the user has requested.

    Lines for Brain-Score's own scheduler are always removed; without `progress`, also its progress bars and estimates
    of memory.
    """
    from brainscore_vision.benchmark_helpers import screen
    from brainscore_vision.metric_helpers import transformations
    from brainscore_vision.model_helpers.activations import core

    dropped = ("BRAINSCORE_PREFLIGHT",) if progress else ("BRAINSCORE_PREFLIGHT", "[pre-flight]")
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(_Lines(sys.stdout, dropped)))
        for module in () if progress else (screen, transformations, core):
            stack.enter_context(replaced(module, tqdm=partial(module.tqdm, disable=True)))
        yield


class _Lines:
    """A text stream that drops lines with one of several beginnings, and otherwise behaves like the stream."""

    def __init__(self, stream: TextIO, dropped: tuple[str, ...]) -> None:
        self._stream, self._dropped, self._begun = stream, dropped, ""

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            if not line.startswith(self._dropped):
                self._stream.write(f"{line}\n")
        if not any(word.startswith(self._begun) or self._begun.startswith(word) for word in self._dropped):
            self._stream.write(self._begun)
            self._begun = ""
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def seeded_global_generator(seed: int) -> Iterator[None]:
    """Seed NumPy's global generator, which Brain-Score's bootstraps use, within the context and restore it."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


@contextmanager
def replaced(module: Any, **substitutes: Any) -> Iterator[None]:
    """Replace names of another library's module within the context, and put them back afterwards."""
    before = {name: getattr(module, name) for name in substitutes}
    for name, substitute in substitutes.items():
        setattr(module, name, substitute)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)
