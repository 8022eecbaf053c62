"""Progress of long computations: a bar in a terminal, lines in a log file, nothing if the logger is silenced."""

import logging
import os
import sys
from collections.abc import Callable
from typing import Any

from tqdm.auto import tqdm

# ``logging.getLogger("vonenet_brainscore").setLevel(logging.WARNING)`` hides all progress; `--quiet` does it.
LOGGER = logging.getLogger("vonenet_brainscore")
_SECONDS_BETWEEN_LINES = 10


def is_quiet() -> bool:
    """Whether the package's logger has been told to be silent about progress."""
    return LOGGER.level > logging.INFO


def progress_bar(*, shown: bool = True, **settings: Any) -> "tqdm[Any]":
    """A progress bar on standard error.

    If that is a file or a pipe, or the terminal is dumb, lines are printed from time to time in place of a bar.

    Parameters
    ----------
    shown : bool
    **settings
        As tqdm's: `total`, `initial`, `desc`, `unit` and others.
    """
    kind = _Lines if _is_plain() else tqdm
    return kind(disable=not shown or is_quiet(), **settings)


def note(text: str) -> None:
    """Print a message on standard error, above the progress bar."""
    if not is_quiet():
        tqdm.write(text, file=sys.stderr)


def _is_plain() -> bool:
    if type(sys.stderr).__module__.startswith("ipykernel"):  # a notebook's, where the bar is a widget
        return False
    return os.environ.get("TERM") == "dumb" or not sys.stderr.isatty()


class _Lines(tqdm):
    """Prints progress as lines, at most one in ten seconds and one at the end."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(mininterval=_SECONDS_BETWEEN_LINES, ncols=0, **settings)

    @staticmethod
    def status_printer(file: Any) -> Callable[[str], None]:
        """A function that writes a line."""

        def write(text: str) -> None:
            if text:
                file.write(f"{text}\n")
                file.flush()

        return write
