"""Tables in a terminal: columns are chosen by the available width, and names are never truncated."""

import shutil
from dataclasses import dataclass, field
from typing import Any

_WIDTH = 140  # of output that goes to a file or a pipe
_NARROWEST = 14  # of a column of text, whose words are wrapped


@dataclass
class TextTable:
    """A table that chooses what to show by the width of the terminal.

    Names and numbers are never cut; text is wrapped between words. If that is not enough, columns of `least` are
    omitted one after the other, with a note; if that is still not enough, each row becomes a paragraph.

    Attributes
    ----------
    title : str
    columns : tuple of str
    numbers : tuple of str
        Columns that are aligned to the right.
    names : tuple of str
        Columns of names that a user may type; the first column by default.
    least : tuple of str
        Columns that may be left out, the first one first; by default numbers but the first, from the right.
    rows : list of tuple of str
    """

    title: str
    columns: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    least: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.names = self.names or self.columns[:1]
        if not self.least:
            self.least = tuple(name for name in reversed(self.columns) if name in self.numbers)[:-1]

    def add_row(self, *cells: str) -> None:
        """Add a row: a cell for each column."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells for the {len(self.columns)} columns of {self.title!r}")
        self.rows.append(cells)

    def shown(self, width: int) -> list[Any]:
        """The lines for a terminal of a given width."""
        columns, left_out = list(range(len(self.columns))), []
        for name in self.least:
            if self._least_width(columns) <= width:
                break
            kept = [column for column in columns if self.columns[column] != name]
            if len(kept) < len(columns):
                columns = kept
                left_out.append(name.replace("\n", " "))
        if self._least_width(columns) > width:
            return self._paragraphs()
        return [
            *self._heading(),
            self._table(columns),
            *([f"left out for want of width: {', '.join(left_out)}"] if left_out else []),
        ]

    def _heading(self) -> list[Any]:
        """The title, on a line of its own: within a table it would be cut to the table's width, names in it too."""
        from rich.text import Text

        return [Text(self.title, style="italic")] if self.title else []

    def _is_fixed(self, column: int) -> bool:
        return self.columns[column] in (*self.names, *self.numbers)

    def _natural(self, column: int) -> int:
        cells = [self.columns[column], *(row[column] for row in self.rows)]
        return max(len(line) for cell in cells for line in cell.split("\n"))

    def _least_width(self, columns: list[int]) -> int:
        return sum(map(self._least, columns)) + len(columns) + 1  # a space after each, and one before the first

    def _least(self, column: int) -> int:
        """Width below which a name or number would be cut, or a word."""
        natural = self._natural(column)
        if self._is_fixed(column):
            return natural
        words = " ".join([self.columns[column], *(row[column] for row in self.rows)]).split()
        return min(natural, max(_NARROWEST, *map(len, words)))

    def _table(self, columns: list[int]) -> Any:
        from rich import box
        from rich.table import Table

        made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
        for column in columns:
            fixed, name = self._is_fixed(column), self.columns[column]
            justify: Any = "right" if name in self.numbers else "left"
            made.add_column(name, no_wrap=fixed, min_width=self._least(column), overflow="fold", justify=justify)
        for row in self.rows:
            made.add_row(*(row[column] for column in columns))
        return made

    def _paragraphs(self) -> list[str]:
        """Each row as lines: its names, and the other cells that are not empty, each behind its column's name."""
        lines = [self.title]
        for row in self.rows:
            cells = list(zip(self.columns, row, strict=True))
            lines += ["", *(cell for name, cell in cells if name in self.names)]
            others = ((name.replace("\n", " "), cell) for name, cell in cells if cell and name not in self.names)
            lines += [f"  {name}: {cell}" for name, cell in others]
        return lines


def table(
    title: str,
    *columns: str,
    numbers: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    least: tuple[str, ...] = (),
) -> TextTable:
    """A table without rows yet; arguments as the attributes of `TextTable`."""
    return TextTable(title, columns, numbers, names, least)


def say(*things: Any) -> None:
    """Print text and tables; words are wrapped, names are not cut."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        width = shutil.get_terminal_size((_WIDTH, 24)).columns
        console = Console(highlight=False, markup=False, width=width)
    for thing in things:
        for line in thing.shown(console.width) if isinstance(thing, TextTable) else [thing]:
            # A line of text that is longer than the terminal is left to it, so that what is copied from it is whole.
            console.print(line, soft_wrap=isinstance(line, str) and " " not in line.strip())


def number(value: Any, digits: int = 3) -> str:
    """A number with `digits` decimal places; a dash for None or NaN."""
    return "–" if value is None or value != value else f"{round(float(value), digits) + 0.0:.{digits}f}"  # no -0.000
