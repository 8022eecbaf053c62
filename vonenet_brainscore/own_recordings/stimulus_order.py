"""Matching of responses and images by name, by number, or by an unambiguous order."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any


def _by_number(name: str) -> list[Any]:
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def _letters_and_digits(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).lower()
    return "".join(letter for letter in plain if letter.isalnum())


# Orders in which programs list the files of a folder.
_ORDERS: tuple[tuple[str, Callable[[str], Any]], ...] = (
    ("by the numbers in them", _by_number),  # Windows, macOS, natsort
    ("without regard to capitals", str.lower),  # MATLAB's dir on Windows, R's list.files
    ("by the numbers in them, without regard to capitals", lambda name: _by_number(name.lower())),
    ("by letters and digits alone", _letters_and_digits),  # ls and sort in many languages
    ("without the suffix", lambda name: PurePath(name).stem),
    ("by kind of file", lambda name: (PurePath(name).suffix.lower(), name)),  # *.jpg, then *.png
)


def check_order(names: Sequence[str]) -> None:
    """Refuse names, sorted as text, that other programs may list in another order, because rows may follow either.

    Raises
    ------
    ValueError
        The message gives the first two files whose order differs, and the other order.
    """
    for words, key in _ORDERS:
        for as_text, otherwise in zip(names, sorted(names, key=key), strict=True):
            if as_text != otherwise:
                raise ValueError(
                    f"the responses do not name their stimuli, and the order of the files is ambiguous: {as_text} "
                    f"comes before {otherwise} if sorted as text, and after it if sorted {words}; name the stimuli in "
                    "the responses, or pass a list of files in the order of the rows"
                )


def rows_of_images(
    stimuli: Sequence[str], stimulus_ids: Sequence[Any], filenames: Sequence[str]
) -> tuple[list[int], str | None]:
    """The row of the responses for each image, matched by the image's id or file name, and a note.

    If the stimuli are numbers and none of them names an image, they are positions in the order of the images, counted
    from 1 or from 0. The note says so; otherwise it is None.

    Raises
    ------
    ValueError
        If an image has no response or a response has no image, or if numbers are ambiguous.
    """
    rows = {name: row for row, name in enumerate(stimuli)}
    row_of = {
        filename: rows.get(str(stimulus_id), rows.get(filename))
        for stimulus_id, filename in zip(stimulus_ids, filenames, strict=True)
    }
    found = [row for row in row_of.values() if row is not None]
    if not found and len(stimuli) == len(filenames) and all(name.isdecimal() for name in stimuli):
        rows_by_place = _rows_by_place([int(name) for name in stimuli], list(filenames))
        return (
            rows_by_place,
            f"the numbers of the stimuli are taken as positions in the order of the images, {filenames[0]} first",
        )
    without_response = [filename for filename, row in row_of.items() if row is None]
    matched = set(found)
    without_image = [name for name, row in rows.items() if row not in matched]
    if without_response or without_image:
        raise ValueError(
            f"{len(without_response)} of {len(filenames)} images have no response"
            + (f" ({listed(without_response)})" if without_response else "")
            + f", and {len(without_image)} of {len(rows)} stimuli named by the responses have no image"
            + (f" ({listed(without_image)})" if without_image else "")
            + "; correct the names, or remove what has no counterpart"
        )
    return found, None


def _rows_by_place(numbers: Sequence[int], filenames: Sequence[str]) -> list[int]:
    """The row of the responses for each image, from the numbers of stimuli as positions of images."""
    first = min(numbers)
    if sorted(numbers) != list(range(first, first + len(numbers))) or first not in (0, 1):
        raise ValueError(
            f"the responses number their stimuli {min(numbers)} to {max(numbers)}, but no image has such a number as "
            f"its name; name the stimuli, or number them from 1 to {len(filenames)} in the order of the images' names"
        )
    own = [[int(each) for each in re.findall(r"\d+", PurePath(name).stem)] for name in filenames]
    last = [each[-1] for each in own if each]
    if len(set(last)) == len(filenames) and last != list(range(first, first + len(numbers))):
        raise ValueError(
            f"the responses number their stimuli {first} to {max(numbers)}, and the names of the files contain other "
            f"numbers, {filenames[0]} being the first: it is ambiguous whether {first} means the file with this number "
            "or the first file; use the numbers of the files, or the names of the files"
        )
    check_order(filenames)
    row_of_number = {number: row for row, number in enumerate(numbers)}
    return [row_of_number[place + first] for place in range(len(filenames))]


def listed(names: Sequence[Any], *, quote: bool = True, most: int = 5) -> str:
    """The first names, and the number of the remaining ones."""
    shown = ", ".join(repr(name) if quote else str(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
