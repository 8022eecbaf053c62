"""The command line: words to functions, results to tables. Nothing is computed here."""

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from brainscore_core.metrics import Score

app = typer.Typer(
    help="VOneNets as experimental subjects of Brain-Score: score them against primate visual cortex.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Model = Annotated[str, typer.Argument(help="A model's name; `vonenet-brainscore list` shows them.")]
Seed = Annotated[int, typer.Option(help="Of the noise and of every bootstrap.")]
Trials = Annotated[int | None, typer.Option(min=1, help="Noise draws to average over; default, the benchmark's own.")]
Noise = Annotated[str, typer.Option(help="'model', the neuronal noise as the model has it, or 'none'.")]
Device = Annotated[str | None, typer.Option(help="Where to run, for example 'cuda'; default, a GPU if there is one.")]


@app.callback()
def _options(debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False) -> None:
    """Options of every command; `main` reads `--debug` itself."""


@app.command("list")
def list_models_and_benchmarks(
    all_benchmarks: Annotated[bool, typer.Option("--all", help="Also every benchmark that Brain-Score knows.")] = False,
) -> None:
    """Models, benchmarks, and what of their weights and data is on this machine."""
    from .benchmarks.names import DATASET_NAMES, V1_PROPERTIES_NAME, known_benchmarks
    from .benchmarks.primate_v1 import PRIMATE_V1
    from .benchmarks.storage import data_status
    from .models.checkpoints import vonenet_home
    from .models.registry import MODELS

    models = _table("Models", "model", "in Brain-Score", "V1", "V2, V4, IT")
    for name, row in MODELS.items():
        here = (vonenet_home() / row.checkpoint).is_file()
        models.add_row(
            name,
            row.brainscore_identifier,
            "ready",
            "ready" if here else f"needs {row.checkpoint}, fetched when asked for",
        )
    benchmarks = _table("Benchmarks", "benchmark", "region", "data")
    benchmarks.add_row(V1_PROPERTIES_NAME, "V1", "ready: the seven below")
    for identifier in PRIMATE_V1:
        benchmarks.add_row(f"  {identifier}", "V1", "ready: part of this package")
    for name in DATASET_NAMES:
        states = data_status(name).values()
        ready = all(state == "verified" for state in states)
        region = name.rpartition("-")[2].upper()
        benchmarks.add_row(name, region, "ready" if ready else f"vonenet-brainscore data fetch {name}")
    console = _console()
    console.print(models, benchmarks)
    if all_benchmarks:
        console.print("\n".join(known_benchmarks()))
    else:
        console.print(f"and {len(known_benchmarks())} names of Brain-Score's in all: vonenet-brainscore list --all")


@app.command()
def score(
    model: Model,
    benchmarks: Annotated[
        list[str] | None, typer.Argument(help="Benchmarks; default, the V1 properties whose data ship here.")
    ] = None,
    seed: Seed = 0,
    trials: Trials = None,
    noise: Noise = "model",
    device: Device = None,
    output: Annotated[Path | None, typer.Option(help="Write every number to a .json, .csv or .nc file.")] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Where the figure of V1 properties goes; default MODEL-V1-properties.png.")
    ] = None,
) -> None:
    """Score a model on benchmarks: a table, and for V1 properties a figure of model and primate distributions."""
    from .benchmarks.primate_v1 import PRIMATE_V1
    from .results import check_results_file, save_results
    from .scoring import score_model

    for file in (output, figure):
        if file is not None and not file.resolve().parent.is_dir():
            raise FileNotFoundError(f"no folder {file.resolve().parent} to write {file.name} to; make it first")
    if output is not None:
        check_results_file(output)
    scores: Any = score_model(
        model, benchmarks or ["V1-properties"], noise=noise, trials=trials, seed=seed, device=device
    )
    _print_scores(model, scores)
    if output is not None:
        save_results(scores, output)
        _console().print(f"numbers: {output}")
    if any(identifier in PRIMATE_V1 for identifier in scores):
        target = figure or Path(f"{model.replace(':', '-')}-V1-properties.png")
        _save_figure(scores, target)
        _console().print(f"figure:  {target}")


def _save_figure(scores: "dict[str, Score]", target: Path) -> None:
    from .files import written_whole
    from .plots.properties import property_distributions

    drawing = property_distributions(scores)
    with written_whole(target) as partial:
        drawing.savefig(partial, dpi=150)


def _print_scores(model: str, scores: "dict[str, Score]") -> None:
    from .results import results_table

    table = _table(model, "benchmark", "score", "raw", "ceiling", "error", "neurons", "model units", "primate data")
    for column in table.columns[1:7]:
        column.justify = "right"
    rows = results_table(scores)
    for identifier, row in rows.iterrows():
        numbers = [f"{row[name]:.3f}" for name in ("score", "raw", "ceiling", "error")]
        units, held_out = "", ""
        if "n_units" in row and row["n_units"] == row["n_units"]:
            units = f"{row['n_units'] - row['n_undefined']:.0f} of {row['n_units']:.0f}"
            held_out = "held out" if row["held_out"] else "built from"
        table.add_row(str(identifier), *numbers, _whole(row.get("n_neurons")), units, held_out)
    _console().print(table)
    if "n_units" in rows:
        _console().print("model units: those with a value of the property, of the responsive ones at the probed place")
    first = rows.iloc[0]
    record = [f"{name} {first[name]}" for name in ("layer", "noise", "trials", "seed", "weights") if name in first]
    _console().print("; ".join(record))


def _whole(number: Any) -> str:
    return "" if number is None or number != number else f"{number:.0f}"


def _table(title: str, *columns: str) -> Any:
    """A table whose first column folds, rather than losing the ends of names, where the terminal is narrow."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", padding=(0, 1, 0, 0))
    for position, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=position > 0)
    return table


def _console() -> Any:
    import shutil

    from rich.console import Console

    console = Console(highlight=False)
    return (
        console if console.is_terminal else Console(highlight=False, width=shutil.get_terminal_size((140, 24)).columns)
    )


def main() -> None:
    """Run the command line: an error that a user can mend is one sentence and exit status 1, without a traceback."""
    debug = "--debug" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--debug"]  # wherever it stands
    # Brain-Score's imports warn of what only its authors can change.
    warnings.filterwarnings("default" if debug else "ignore", category=FutureWarning)
    warnings.filterwarnings("default" if debug else "ignore", category=SyntaxWarning)
    try:
        app()
    except (ValueError, TypeError, OSError, MemoryError, ModuleNotFoundError, RuntimeError) as error:
        if debug:
            raise
        sys.exit(f"error: {error}")
