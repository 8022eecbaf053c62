"""Tables on a terminal."""

import shutil
from typing import Any

_WIDTH = 140  # of output that goes to a file or a pipe


def table(title: str, *columns: str, numbers: tuple[str, ...] = ()) -> Any:
    """A rich table whose first column folds where the terminal is narrow, rather than losing the ends of names.

    Parameters
    ----------
    title : str
    columns : str
    numbers : tuple of str
        Which of them are aligned to the right.
    """
    from rich import box
    from rich.table import Table

    made = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", padding=(0, 1, 0, 0))
    for position, column in enumerate(columns):
        made.add_column(column, overflow="fold", no_wrap=position > 0, justify="right" if column in numbers else "left")
    return made


def say(*things: Any) -> None:
    """Print text and tables."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=False)
    if not console.is_terminal:
        width = shutil.get_terminal_size((_WIDTH, 24)).columns
        console = Console(highlight=False, markup=False, width=width)
    for thing in things:
        console.print(thing)


def number(value: Any, digits: int = 3) -> str:
    """A number with so many digits after the point; a dash where there is none."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"
