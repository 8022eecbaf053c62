"""Results stored one image per line as they are computed, so that an interrupted run resumes."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class ResultsFile:
    """JSON Lines: the first line holds the settings, every further one the results of an image.

    Opening writes the settings, so that a folder that cannot be written to is reported before the computation.

    Parameters
    ----------
    path : path
        Created if it does not exist; otherwise its results are continued.
    settings : mapping
        Everything on which the results depend, as plain values.
    measured : mapping
        What is measured of each image, and how many numbers that is; None for a number by itself, not in a list.

    Attributes
    ----------
    rows : list of dict
        The results so far, one per image.

    Raises
    ------
    ValueError
        If the file is there and has other settings, or is no file of results.
    OSError
        If it cannot be written.
    """

    def __init__(
        self, path: str | os.PathLike, settings: Mapping[str, Any], measured: Mapping[str, int | None]
    ) -> None:
        self.path = Path(path).expanduser()
        self._measured = measured
        self.rows: list[dict[str, Any]] = []
        if self.path.exists():
            self._continue(json.loads(_line(settings)))
        else:
            self._write([{"settings": settings}])

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store the results of further images."""
        self._write(rows)
        self.rows += [dict(row) for row in rows]

    def _write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        text = "".join(_line(line) + "\n" for line in lines)
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OSError(
                error.errno,
                f"cannot write results to {self.path}: {error.strerror}. {len(self.rows)} images are kept there; make "
                "room and run the same command again, which resumes, or choose another --output",
            ) from error

    def _continue(self, settings: Mapping[str, Any]) -> None:
        try:
            text = self.path.read_bytes()
            whole = text[: text.rfind(b"\n") + 1]  # a line that was cut off is computed again
            first, *rows = [json.loads(line) for line in whole.decode().splitlines()] or [{"settings": settings}]
            before = dict(first["settings"])
            if not all(map(self._is_result, rows)):
                raise ValueError("a line holds no results of an image")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"{self.path} is no file of results ({error}); choose another --output") from error
        different = [name for name in {**settings, **before} if settings.get(name) != before.get(name)]
        if different:
            told = ", ".join(f"{name} {before.get(name)!r}, now {settings.get(name)!r}" for name in different)
            raise ValueError(f"{self.path} holds results of other settings ({told}); choose another --output")
        self.rows = rows
        if whole != text:
            os.truncate(self.path, len(whole))
        if not whole:
            self._write([{"settings": settings}])
        else:
            self._write([])  # fails now if it cannot be written

    def _is_result(self, row: Any) -> bool:
        """Whether a line that was read holds what is measured: shares and distances, finite and not negative."""
        if not isinstance(row, dict):
            return False
        for name, count in self._measured.items():
            numbers = [row.get(name)] if count is None else row.get(name)
            if not isinstance(numbers, list) or len(numbers) != (count or 1):
                return False
            if not all(isinstance(number, int | float) and 0 <= number < math.inf for number in numbers):
                return False
        return True


def _line(content: Mapping[str, Any]) -> str:
    return json.dumps(content, default=lambda number: number.item())  # NumPy's numbers become Python's
