"""`vonenet-brainscore`: its commands, and how errors are reported."""

import ctypes
import io
import logging
import os
import sys
import warnings
from typing import Annotated

import typer

from ..progress import LOGGER
from . import attacks, comparison, data, doctor, gabors, report, robustness, scoring, submission, sweep, training
from .many_words import ManyWords, either_spelling

app = typer.Typer(
    help="VOneNets as experimental subjects of Brain-Score: score them against primate visual cortex.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"token_normalize_func": either_spelling},
)
app.command("list")(scoring.list_models_and_benchmarks)
app.command()(scoring.score)
app.command()(comparison.compare)
app.command()(comparison.partition)
app.command()(scoring.choose_layers)
app.command()(scoring.self_check)
app.command()(gabors.gabors)
app.command(cls=ManyWords)(sweep.sweep)
app.command()(report.report)
app.command()(submission.submit)
app.command(cls=ManyWords)(attacks.evaluate)
app.command()(attacks.attack_checklist)
app.command(cls=ManyWords)(robustness.evaluate_corruptions)
app.command()(robustness.certify)
app.command()(robustness.validate)
app.command()(training.train)
app.command()(submission.register)
app.command()(submission.unregister)
app.add_typer(data.app, name="data")


app.command()(doctor.doctor)


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress and no notes, only results.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Also show warnings of other packages.")] = False,
) -> None:
    """For the help: `main` reads these itself, wherever they stand."""


# What the package raises on purpose, in words for the user; anything else is a defect of ours.
_TOLD = (ValueError, TypeError, OSError, MemoryError, ModuleNotFoundError, RuntimeError)
_DEFECT = 70  # exit status of an internal error: EX_SOFTWARE of sysexits.h


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_EVERYWHERE = ("--debug", "--quiet", "--verbose")


def _reuse_memory() -> None:
    """Let the C library keep freed memory for the next batch: mapping it anew takes a tenth of a score's time."""
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):  # glibc's
        mallopt(_M_MMAP_THRESHOLD, 2**30)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def main() -> None:
    """Run the command line: an error is a short message on standard error, with a traceback only with `--debug`.

    Exit status: 0; 1 for an error that the user can mend; 2 for a command line that cannot be read; 70 for a defect of
    this package; 130 where the user stopped it.
    """
    # A thread that waits for others would otherwise take a core from other jobs. The libraries that commands load read
    # this once; the number of threads, which may change last bits, stays the same.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Lost workers are reported here, in words. Dask reads this when it is imported.
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")
    _reuse_memory()
    debug, quiet, verbose = (flag in sys.argv for flag in _EVERYWHERE)
    sys.argv = [word for word in sys.argv if word not in _EVERYWHERE]
    LOGGER.setLevel(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)
    if not debug and not verbose:
        warnings.filterwarnings("ignore")  # of other packages, most of which only their authors can act on
        warnings.filterwarnings("default", module="vonenet_brainscore")
        warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"  # without our line of source code
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without the letters of a name shows their numbers
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except _TOLD as error:
        if debug:
            raise
        sys.exit(f"error: {str(error) or type(error).__name__}")
    except Exception as error:
        if debug:
            raise
        print(
            f"error: a defect of vonenet_brainscore, {type(error).__name__}: {error}\n"
            "Please report it with what the same command prints with --debug",
            file=sys.stderr,
        )
        sys.exit(_DEFECT)
