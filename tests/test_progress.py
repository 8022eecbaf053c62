"""Progress is a bar on a terminal, lines elsewhere, and nothing where it is not wanted."""

import io
import logging
import sys
import types

import pytest

from vonenet_brainscore import progress
from vonenet_brainscore.progress import LOGGER, progress_bar


@pytest.fixture
def shown(capsys):
    def shown(**settings):
        with progress_bar(total=3, desc="recording", unit="image", **settings) as bar:
            for _ in range(3):
                bar.update()
        return capsys.readouterr().err

    return shown


@pytest.fixture
def level():
    before = LOGGER.level
    yield LOGGER.setLevel
    LOGGER.setLevel(before)


def test_lines_where_there_is_no_terminal(shown):
    text = shown()
    assert "\r" not in text and text.splitlines()[-1 if text.splitlines()[-1] else -2].startswith("recording: 100%")
    assert len(text.splitlines()) <= 3  # not a line for every image


def test_a_bar_on_a_terminal_that_is_not_dumb(shown, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "\r" in shown()
    monkeypatch.setenv("TERM", "dumb")
    assert "\r" not in shown()


def test_a_notebook_is_told_by_its_stream(shown, monkeypatch):
    """Not by an imported module, which tests and other programs may have too."""
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    assert "\r" not in shown()
    monkeypatch.setattr(sys, "stderr", type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})())
    with progress_bar(total=3) as bar:
        assert type(bar) is progress.tqdm


def test_silence(shown, level):
    assert shown(shown=False) == ""
    level(logging.WARNING)
    assert shown() == ""
    level(logging.INFO)
    assert shown() != ""
