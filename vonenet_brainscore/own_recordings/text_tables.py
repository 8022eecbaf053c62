"""Tables in text files: detection of the encoding, the separator and the decimal mark."""

import codecs
import csv
import io
import re
from pathlib import Path

import pandas as pd

from .responses import role

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DECIMAL_COMMA = r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?"
_THOUSANDS = r"[+-]?[1-9]\d{0,2}(?:,\d{3})+"
_DECIMAL_POINT = r"[+-]?[\d,]*\.\d*(?:[eE][+-]?\d+)?"


def read_text_table(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """The table with all cells as text, and notes on the assumptions that were made; its first line is the header.

    Cells are text so that a stimulus called 007 keeps its name. Decimal commas are replaced by points.

    Raises
    ------
    ValueError
        If the separator or the meaning of commas is ambiguous, a row has more or fewer cells than the header (for
        example because it was cut off), or the file is not text.
    """
    text, notes = _decoded(path)
    declared = re.match(r'"?sep=(.)"?\r?\n', text)  # which Excel writes and follows
    if declared:
        text = text[declared.end() :]
    separator = declared[1] if declared else _separator(text)
    if text and not text.endswith(("\n", "\r")):
        notes.append("the file does not end with a line break; check that its last row is complete")
    # pandas' reader would fill up a row that was cut off, and rename a second column 'n1'.
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    header, *rows = [line for line in lines if any(line)] or [[]]
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise ValueError(
                f"row {number} below the header has {len(row)} cells, and the header {len(header)}; was it cut off? An "
                "empty cell, for a missing response, needs its separator"
            )
    table = pd.DataFrame(rows, columns=pd.Index([name.strip() for name in header], dtype=object), dtype=object)
    return _with_points(table, notes), notes


def _decoded(path: Path) -> tuple[str, list[str]]:
    content = path.read_bytes()
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    if encoding is None and b"\0" in content[:1000]:  # UTF-16 without its mark: every other byte of plain text is zero
        odd, even = content[1:1000:2].count(0), content[:1000:2].count(0)
        if min(odd, even) or max(odd, even) < len(content[:1000]) // 4:
            raise ValueError("is not text; save the table as text (CSV, UTF-8)")
        encoding = "utf-16-le" if odd else "utf-16-be"
    if encoding is None:
        try:
            return content.decode("utf-8"), []
        except UnicodeDecodeError:
            encoding = "cp1252"  # Latin-1 and what Windows adds to it
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"is text in an unknown encoding ({error}); save it as UTF-8") from error
    return text, ["non-ASCII characters are read as Latin-1 (Windows 1252)"] if encoding == "cp1252" else []


def _separator(text: str) -> str:
    """The separator of the cells: the one for which a cell of the header names the stimuli."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    cells = {mark: next(csv.reader([header], delimiter=mark, skipinitialspace=True), []) for mark in _SEPARATORS}
    several = [mark for mark in _SEPARATORS if len(cells[mark]) > 1]
    naming = [mark for mark in several if any(role(cell) == "stimulus" for cell in cells[mark])]
    if len(naming) > 1 or (not naming and len(several) > 1):
        words = " or ".join(_SEPARATORS[mark] for mark in naming or several)
        raise ValueError(f"its header {header[:80]!r} can be split at {words}; use only one of them")
    return (naming or several or [","])[0]


def _with_points(table: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """The table with decimal commas replaced by points, if commas cannot mean anything else."""
    if not table.columns.is_unique:  # which `from_table` refuses
        return table
    numbers = [name for name in table.columns if role(name) not in ("stimulus", "neuron")]
    values = table[[name for name in numbers if table[name].str.contains(",", regex=False).any()]]
    if not values.size:
        return table
    cells = table[numbers].stack().str.strip()
    commas = cells[cells.str.contains(",", regex=False)]
    first = commas.iloc[0]
    if not commas.str.fullmatch(_DECIMAL_COMMA).all() or cells.str.fullmatch(_DECIMAL_POINT).any():
        odd = commas[~commas.str.fullmatch(_DECIMAL_COMMA)]
        raise ValueError(
            f"column {(odd if len(odd) else commas).index[0][1]!r}: the comma in "
            f"{odd.iloc[0] if len(odd) else first!r} is ambiguous; write numbers with a decimal point and "
            "without thousands separators"
        )
    if commas.str.fullmatch(_THOUSANDS).all():
        raise ValueError(
            f"column {commas.index[0][1]!r}: the comma in {first!r} can be a decimal mark or a thousands separator; "
            "write numbers with a decimal point"
        )
    notes.append("commas are read as decimal marks")
    pointed = values.apply(lambda column: column.str.replace(",", ".", regex=False))
    return table.assign(**{name: pointed[name] for name in values.columns})
