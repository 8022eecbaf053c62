"""The command that compares a model's filters with primate V1: `gabors`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .scoring import FIGURE_SUFFIXES, Seed
from .tables import number, say, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..gabors.gabor_comparison import GaborComparison

# What the table calls columns of `GaborComparison.sampling`.
_SAMPLING = {
    "pixels": "image_size",
    "degrees": "visual_degrees",
    "kernel": "ksize",
    "filters": "n_filters",
    "> Nyquist": "above_nyquist",
    "> kernel": "beyond_kernel",
    "either": "either",
}


def gabors(
    model: Annotated[str, typer.Argument(help="A VOneNet's name; `vonenet-brainscore list` shows them.")],
    seed: Seed = 0,
    output: Annotated[Path | None, typer.Option(help="Write the table to a .csv file.")] = None,
    figure: Annotated[
        Path | None,
        typer.Option(
            help="FILE.png for the distributions; FILE-spatial-frequency.png, FILE-nx-ny.png and FILE-filters.png "
            "are written beside it."
        ),
    ] = None,
) -> None:
    """Compare a model's Gabor filters with published distributions of macaque V1."""
    from ..files import check_writable, written_whole
    from ..gabors.gabor_comparison import compare_gabors

    for file, suffixes in ((output, (".csv",)), (figure, FIGURE_SUFFIXES)):
        if file is not None:
            check_writable(file, suffixes)
    comparison = compare_gabors(model, seed=seed)
    _print_comparison(comparison)
    if output is not None:
        with written_whole(output) as partial:
            comparison.to_frame().to_csv(partial)
        say(f"numbers: {output}")
    if figure is not None:
        for name, drawing in _drawings(comparison).items():
            target = figure.with_stem(figure.stem + name)
            with written_whole(target) as partial:
                drawing.savefig(partial, dpi=150)
            say(f"figure:  {target}")


def _print_comparison(comparison: "GaborComparison") -> None:
    """Three tables that fit a terminal of 80 columns."""
    counts, spread = ("similarity", "ceiling", "filters", "neurons"), ("distance", "floor")
    similarities = table(f"{comparison.model} against macaque V1", "parameter", *counts, numbers=counts)
    distances = table("Wasserstein distance", "parameter", *spread, "primate data", numbers=spread)
    for (parameter, population), row in comparison.to_frame().dropna(subset="n_neurons").iterrows():
        name = f"{parameter.replace('_', ' ')}, {population}"
        n_cells = (str(row["n_model"]), str(row["n_neurons"]))
        similarities.add_row(name, _with_interval(row, "similarity"), number(row["ceiling"]), *n_cells)
        distance = f"{_with_interval(row, 'distance')} {row['distance_unit']}"
        distances.add_row(name, distance, number(row["distance_floor"]), row["data"])
    lost = table("Filters that the sampling grid cannot represent", "setting", *_SAMPLING, numbers=tuple(_SAMPLING))
    for setting, row in comparison.sampling[list(_SAMPLING.values())].iterrows():
        lost.add_row(str(setting), *(f"{value:g}" for value in row))
    say(similarities, distances, "in brackets: 95 % of samples as large as the study", lost)


def _with_interval(row: Any, name: str) -> str:
    if row[name] != row[name]:
        return number(row[name])
    return f"{number(row[name])} [{number(row[f'{name}_low'])}, {number(row[f'{name}_high'])}]"


def _drawings(comparison: "GaborComparison") -> "dict[str, Figure]":
    """Figures by what their file's name ends with."""
    from ..plots.filters import filter_gallery
    from ..plots.gabors import gabor_distributions, nx_ny_joint, spatial_frequency_histograms

    return {
        "": gabor_distributions(comparison),
        "-spatial-frequency": spatial_frequency_histograms(comparison),
        "-nx-ny": nx_ny_joint(comparison),
        "-filters": filter_gallery(comparison.block),
    }
