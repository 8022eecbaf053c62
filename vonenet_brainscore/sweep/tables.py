"""A sweep's outcomes as a table, as an xarray Dataset, and as files."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from ..files import written_whole
from ..provenance import in_words
from ..results import flat
from .cells import Cell, Sweep
from .work import Outcome

NUMBERS = ("score", "raw", "ceiling", "error")
ENDS = ("score_low", "score_high")  # of the 95 % interval, where a score has one
FILES = ("results.csv", "results.nc", "results.png")


def sweep_table(cells: Iterable[Cell], outcomes: Mapping[str, Outcome]) -> pd.DataFrame:
    """One row per cell: the request, the numbers or the `problem`, and the record of their origin."""
    rows = []
    for cell in cells:
        found = {"problem": "", **outcomes[cell.key].row}
        settings = {name: "none" if value is None else value for name, value in cell.settings.items()}
        asked = {"model": cell.model, **settings, "benchmark": cell.benchmark}
        first = {name: found[name] for name in (*NUMBERS, "problem")}
        rows.append({**asked, **first, **{name: value for name, value in found.items() if name not in asked}})
    return pd.DataFrame(rows)


def sweep_dataset(sweep: Sweep, table: pd.DataFrame) -> xr.Dataset:
    """The numbers and problems of a sweep: dims (model, *settings, benchmark).

    A setting whose values are not all numbers has a text coordinate, in which None is 'none'. `error` has the attribute
    `of`, which names the quantity of which it is the error (not the score).
    """
    dims = ("model", *sweep.settings, "benchmark")
    coordinates = {
        "model": list(sweep.models),
        **{name: _coordinate(values) for name, values in sweep.settings.items()},
        "benchmark": list(sweep.benchmarks),
    }
    shape = tuple(len(coordinates[name]) for name in dims)
    # Cells come model by model, then by settings, then by benchmark: the order of the axes.
    numbers = table.reindex(columns=[*NUMBERS, *ENDS])
    data = {name: (dims, numbers[name].to_numpy(float).reshape(shape)) for name in numbers}
    problems = table["problem"].to_numpy(object).reshape(shape)
    common = {"noise": sweep.noise, "trials": str(sweep.trials), "seed": sweep.seed, "threads": sweep.threads}
    dataset = xr.Dataset({**data, "problem": (dims, problems)}, coords=coordinates, attrs=common)
    kinds = table["error_of"].dropna().unique() if "error_of" in table else ()
    dataset["error"].attrs["of"] = "; ".join(kinds)
    return dataset


def _coordinate(values: Sequence[Any]) -> list[Any]:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return list(values) if numbers else ["none" if value is None else str(value) for value in values]


def write_results(folder: Path, table: pd.DataFrame, dataset: xr.Dataset) -> list[str]:
    """Write `FILES`, each atomically.

    Returns
    -------
    list of str
        Files that could not be written, with the reasons; the results themselves are not lost.
    """
    from ..plots.sweep import sweep_figure

    def csv(path: Path) -> None:
        flat(table).to_csv(path, index=False)

    def figure(path: Path) -> None:
        sweep_figure(dataset).savefig(path, dpi=150)

    problems = []
    for name, write in zip(FILES, (csv, lambda path: dataset.to_netcdf(path), figure), strict=True):
        try:
            with written_whole(folder / name) as partial:
                write(partial)
        except Exception as error:  # if one file or figure fails, the others are still written
            problems.append(f"{folder / name}: {in_words(error)}")
    return problems
