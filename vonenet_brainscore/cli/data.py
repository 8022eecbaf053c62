"""`vonenet-brainscore data`: primate recordings on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from .tables import say, table

app = typer.Typer(no_args_is_help=True, help="The primate recordings in Brain-Score's storage, on this machine.")
Name = Annotated[str, typer.Argument(help="A benchmark or a data set of Brain-Score.")]


@app.command()
def status(
    name: Annotated[str | None, typer.Argument(help="Default: the data of all benchmarks named by data set.")] = None,
) -> None:
    """List the files that are needed, their places, and whether they are present and intact."""
    from ..benchmarks.storage import data_status

    states = data_status(name)
    if not states:
        say(f"{name} wants no files: its data are part of this package")
        return
    shown = table("Files of Brain-Score's storage", "file", "state", "data set", "sha1")
    for file, state in states.items():
        shown.add_row(str(file.path), state, file.data_set, file.sha1)
    say(shown)


@app.command()
def fetch(name: Name) -> None:
    """Download missing or damaged files from Brain-Score's storage; every file is verified by its sha1."""
    from ..benchmarks.storage import fetch_data

    fetched = fetch_data(name)
    say(*[f"fetched {file.path}" for file in fetched] or [f"all of {name} is on this machine already"])


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(help="Files fetched on another machine, under any name.")],
) -> None:
    """Put files brought from elsewhere where Brain-Score looks for them, known by their sha1."""
    from ..benchmarks.importing import import_data

    say(*[f"{file.name} -> {file.path}" for file in import_data(files)])
