"""Registering the models with the installed Brain-Score, so that its own `load_model` and `score` find them.

Brain-Score finds models only by the text of plugin folders inside its own package. A small folder is therefore written
there, whose models are this package's subjects. It lists no requirements, so that Brain-Score installs nothing for it.
"""

import errno
import importlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .brainscore import plugin_folder, registrations
from .models.registry import MODELS
from .version import __version__

PLUGIN = "vonenet_brainscore"
_MARKER = "registered_by.json"
_UNFINISHED = f".{PLUGIN}-"  # Brain-Score ignores folders that begin with a dot

_INIT = '''\
"""VOneNets. Written by `vonenet-brainscore register`; `vonenet-brainscore unregister` removes it."""

from brainscore_vision import model_registry


def _subject(name):
    from vonenet_brainscore.recordings.loading import load_subject

    return load_subject(name)


'''
_MODEL = '''\
"""What Brain-Score asks of a model plugin beside the models."""


def get_bibtex(model_identifier):
    from vonenet_brainscore.submission.plugin import BIBTEX

    return BIBTEX
'''
_TEST = """\
import brainscore_vision
import pytest


@pytest.mark.parametrize("identifier", {identifiers!r})
def test_visual_degrees(identifier):
    assert brainscore_vision.load_model(identifier).visual_degrees() == 8
"""


def register(target: Path | None = None) -> Path:
    """Make Brain-Score find all models, each under its row's `brainscore_identifier`.

    Registering again changes nothing; the registration of another version is replaced. The folder is written
    atomically.

    Parameters
    ----------
    target : path, optional
        Folder of Brain-Score's model plugins; by default that of the installed package.

    Returns
    -------
    Path
        The plugin folder.

    Raises
    ------
    FileNotFoundError
        If the target does not exist.
    FileExistsError
        If the plugin folder exists and `register` did not write it, or did not finish.
    ValueError
        If another plugin registers one of the identifiers already.
    PermissionError
        If the target can't be written to.
    """
    target = _existing(target)
    folder = target / PLUGIN
    registered = registrations("model", target)
    for row in MODELS.values():
        others = [plugin for plugin in registered.get(row.brainscore_identifier, []) if plugin != PLUGIN]
        if others:
            raise ValueError(
                f"Brain-Score plugin {target / others[0]} registers {row.brainscore_identifier!r} already, and one "
                "identifier in two plugins is an error to Brain-Score; remove that plugin to register ours"
            )
    files = _plugin_files()
    if _is_ours(folder) and all(_text(folder / name) == text for name, text in files.items()):
        return folder
    with _writing(target):
        built = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=target))
        try:
            for name, text in files.items():
                (built / name).write_text(text, encoding="utf-8")
            built.chmod(0o755)  # mkdtemp's is for its owner alone; Brain-Score may be shared
            if folder.exists():
                folder.rename(built / "replaced")
            built.rename(folder)
            shutil.rmtree(folder / "replaced", ignore_errors=True)
        finally:
            shutil.rmtree(built, ignore_errors=True)
    importlib.invalidate_caches()  # Brain-Score may have been imported already
    return folder


def unregister(target: Path | None = None) -> bool:
    """Undo `register` completely.

    Returns
    -------
    bool
        Whether the models were registered.

    Raises
    ------
    FileNotFoundError, FileExistsError, PermissionError
        As `register`.
    """
    target = _existing(target)
    folder = target / PLUGIN
    found = _is_ours(folder)
    with _writing(target):
        if found:  # renamed first, so that Brain-Score never finds a part of it
            folder.rename(Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=target)) / PLUGIN)
        for unfinished in target.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(unfinished)
    return found


def _plugin_files() -> dict[str, str]:
    """File name -> text; the marker comes last, so that a folder with a marker is complete."""
    lines = [
        f"model_registry[{row.brainscore_identifier!r}] = lambda: _subject({name!r})\n" for name, row in MODELS.items()
    ]
    return {
        "__init__.py": _INIT + "".join(lines),
        "model.py": _MODEL,
        "test.py": _TEST.format(identifiers=[row.brainscore_identifier for row in MODELS.values()]),
        _MARKER: json.dumps({"package": PLUGIN, "version": __version__}),
    }


def _is_ours(folder: Path) -> bool:
    """Whether `register` wrote a folder; False if there is none."""
    if not folder.exists() and not folder.is_symlink():
        return False
    if not (folder / _MARKER).is_file():
        raise FileExistsError(
            f"{folder} is there, and `vonenet-brainscore register` did not write it, or not to the end "
            f"(it has no {_MARKER}); remove it and try again"
        )
    return True


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _existing(target: Path | None) -> Path:
    target = plugin_folder("model") if target is None else Path(target)
    if not target.is_dir():
        raise FileNotFoundError(f"no folder {target} of Brain-Score model plugins; is brainscore-vision installed?")
    return target


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise PermissionError(
            f"can't change {target} ({error.strerror}): Brain-Score finds models only there, so use an environment "
            "that you may write to, or have its owner do this"
        ) from error
