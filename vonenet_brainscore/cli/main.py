"""`vonenet-brainscore`: its commands, and what it says when one fails."""

import sys
import warnings
from typing import Annotated

import typer

from . import data, gabors, report, robustness, scoring, setting_up, submission, sweep, training

app = typer.Typer(
    help="VOneNets as experimental subjects of Brain-Score: score them against primate visual cortex.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("list")(scoring.list_models_and_benchmarks)
app.command()(scoring.score)
app.command()(scoring.choose_layers)
app.command()(scoring.self_check)
app.command()(gabors.gabors)
app.command(cls=sweep.ManyWords)(sweep.sweep)
app.command()(report.report)
app.command()(submission.submit)
app.command()(robustness.evaluate)
app.command()(robustness.evaluate_corruptions)
app.command()(robustness.validate)
app.command()(training.train)
app.command()(setting_up.register)
app.command()(setting_up.unregister)
app.add_typer(data.app, name="data")


@app.callback()
def _options(debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False) -> None:
    """For the help: `main` reads `--debug` itself, wherever it stands."""


def main() -> None:
    """Run the command line: an error that a user can mend is a sentence and exit status 1, without a traceback."""
    debug = "--debug" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--debug"]
    if not debug:  # Brain-Score's imports warn of what only its authors can change
        warnings.filterwarnings("ignore", category=FutureWarning)
        warnings.filterwarnings("ignore", category=SyntaxWarning)
    try:
        app()
    except (ValueError, TypeError, OSError, MemoryError, ModuleNotFoundError, RuntimeError) as error:
        if debug:
            raise
        sys.exit(f"error: {error}")
