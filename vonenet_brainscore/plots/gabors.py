"""Distributions of Gabor parameters: primate data as filled histograms, the model as an outline."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..gabors.gabor_comparison import DistributionComparison, GaborComparison
from ..gabors.primate_gabors import PARAMETERS
from .properties import origin_of, show_origin
from .styles import MODEL_COLOUR, PRIMATE_FILL, colour_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.projections.polar import PolarAxes

_UNSCORED_BINS = 12
_DARKEST = "#9A9A9A"  # shade of the largest count, on which a model's dots are still visible in grey print


def gabor_distributions(comparison: GaborComparison) -> "Figure":
    """One panel for each Gabor parameter, with primate data where counts have been published."""
    from matplotlib.figure import Figure

    figure, colour = Figure(figsize=(15, 7.6), layout="constrained"), colour_of(comparison.model)
    for number, name in enumerate(PARAMETERS, start=1):
        ax: Any = figure.add_subplot(2, 4, number, projection="polar" if name == "orientation" else None)
        published = [row for row in comparison.distributions if row.primate.parameters == (name,)]
        if name == "orientation":
            orientation_histogram(published[0], ax, colour=colour)
        elif published:
            parameter_histogram(published[0], ax, colour=colour)
        else:
            unscored_histogram(comparison.filters[name], name, ax, colour=colour)
    figure.suptitle(f"Gabor filters of {comparison.model} against macaque V1 (seed {comparison.seed})")
    return figure


def orientation_histogram(comparison: DistributionComparison, ax: "PolarAxes", *, colour: str = MODEL_COLOUR) -> None:
    """Model and primate orientations around the circle, each drawn twice, 180 degrees apart.

    Parameters
    ----------
    comparison : DistributionComparison
        Of orientation, as ``compare_gabors(model).of('orientation')``. At 0 degrees the filter's bars are horizontal;
        angles increase counter-clockwise.
    ax : PolarAxes
    colour : str
        Colour of the model, as from `model_styles`.

    Raises
    ------
    ValueError
        If the axes are not polar, or the comparison is not of orientation.
    """
    primate = comparison.primate
    if ax.name != "polar":
        raise ValueError(f"the axes are {ax.name}, not polar; make them with add_subplot(projection='polar')")
    if primate.parameters != ("orientation",):
        raise ValueError(f"{', '.join(primate.parameters)} is not an angle on a circle of orientations")
    angle = np.deg2rad(np.concatenate([primate.centres, primate.centres + 180]))
    width = np.deg2rad(np.tile(np.diff(primate.edges), 2))
    styles: dict[str, dict[str, Any]] = {
        "primate": {"color": PRIMATE_FILL},
        "model": {"facecolor": "none", "edgecolor": colour, "linewidth": 2},
    }
    for who, counts in (("primate", primate.counts), ("model", comparison.model_counts)):
        ax.bar(angle, np.tile(_shares(counts), 2), width=width, label=f"{who}, n = {counts.sum()}", **styles[who])
    ax.set_xticks(np.deg2rad(np.arange(0, 360, 45)), [f"{degrees % 180}°" for degrees in range(0, 360, 45)])
    ax.set_yticks(np.arange(0.1, ax.get_ylim()[1], 0.1))
    ax.tick_params(axis="y", labelsize="small")
    ax.set_rlabel_position(34)  # within a wedge
    ax.set_xlabel("Orientation (degrees); radius: fraction of cells")
    _title(comparison, ax)
    ax.legend(frameon=False, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)


def parameter_histogram(comparison: DistributionComparison, ax: "Axes", *, colour: str = MODEL_COLOUR) -> None:
    """Model and primate histograms of one parameter, with the similarity.

    Parameters
    ----------
    comparison : DistributionComparison
        Of a single parameter.
    ax : Axes
    colour : str
        Colour of the model, as from `model_styles`.

    Raises
    ------
    ValueError
        If the comparison is of two parameters.
    """
    primate = comparison.primate
    if len(primate.parameters) > 1:
        raise ValueError(f"{', '.join(primate.parameters)} is a joint distribution; see nx_ny_joint")
    _axis(ax, "x", primate.parameters[0], primate.edges)
    _stairs(ax, primate.edges, primate.counts, comparison.model_counts, colour)
    _fraction_axis(ax, primate.counts, comparison.model_counts)
    ax.legend(frameon=False, fontsize="small", title=f"{primate.population} cells", title_fontsize="small")
    _title(comparison, ax)


def unscored_histogram(values: ArrayLike, name: str, ax: "Axes", *, colour: str = MODEL_COLOUR) -> None:
    """The model's histogram of a parameter without published counts.

    Parameters
    ----------
    values : array, shape (channel,)
    name : str
        A key of `PARAMETERS`.
    ax : Axes
    colour : str
        Colour of the model, as from `model_styles`.
    """
    values, parameter = np.asarray(values, float), PARAMETERS[name]
    if parameter.period is not None:
        edges = np.linspace(0, parameter.period, _UNSCORED_BINS + 1)
    else:
        edges = np.geomspace(values.min(), values.max() * (1 + 1e-9), _UNSCORED_BINS + 1)
    _axis(ax, "x", name, edges)
    counts = np.histogram(values, edges)[0]
    _stairs(ax, edges, None, counts, colour)
    _fraction_axis(ax, counts)
    ax.legend(frameon=False, fontsize="small")
    ax.set_title("no published counts: not scored", fontsize="medium")


def spatial_frequency_histograms(comparison: GaborComparison) -> "Figure":
    """Spatial frequency compared with De Valois et al. 1982: a panel for all cells, then one for each population."""
    from matplotlib.figure import Figure

    shown = [row for row in comparison.distributions if row.primate.parameters == ("spatial_frequency",)]
    figure = Figure(figsize=(3.4 * len(shown), 3.6), layout="constrained")
    axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    top = 0.0
    for row, ax in zip(shown, axes, strict=True):
        parameter_histogram(row, ax, colour=colour_of(comparison.model))
        top = max(top, ax.get_ylim()[1])
        ax.label_outer()
        ax.set_xlabel("")
    axes[0].set_ylim(0, top)
    parameter = PARAMETERS["spatial_frequency"]
    figure.supxlabel(f"{parameter.label} ({parameter.unit})", fontsize="medium")
    figure.suptitle(f"{comparison.model}: filters against macaque V1 ({shown[0].primate.study})")
    return figure


def nx_ny_joint(comparison: GaborComparison, *, colour: str | None = None) -> "Figure":
    """The joint distribution of nx and ny with its marginals; shades are primate counts, dots the model's filters.

    Parameters
    ----------
    comparison : GaborComparison
    colour : str, optional
        Colour of the model if other models are shown as well; by default that of `model_styles`.
    """
    from matplotlib.figure import Figure
    from matplotlib.patheffects import withStroke

    joint, colour = comparison.of("nx", "ny"), colour or colour_of(comparison.model)
    primate = joint.primate
    cells = comparison.filters[comparison.filters["cell_type"] == primate.cells]
    figure = Figure(figsize=(6.6, 6), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(3, 1), height_ratios=(1, 3.3))
    ax = figure.add_subplot(grid[1, 0])
    _axis(ax, "x", "nx", primate.edges)
    _axis(ax, "y", "ny", primate.edges)
    ax.pcolormesh(primate.edges, primate.edges, primate.counts.T, cmap=_shades(_DARKEST))
    outlined = [withStroke(linewidth=3, foreground="white")]
    for (row, column), count in np.ndenumerate(primate.counts):
        if count:
            x, y = (10 ** primate.centres[index] for index in (row, column))
            ax.text(x, y, str(count), ha="center", va="center", path_effects=outlined)
    ax.plot(cells["nx"], cells["ny"], ".", color=colour, markersize=4, alpha=0.7)
    above, beside = figure.add_subplot(grid[0, 0], sharex=ax), figure.add_subplot(grid[1, 1], sharey=ax)
    nx, ny = comparison.of("nx"), comparison.of("ny")
    _stairs(above, primate.edges, nx.primate.counts, nx.model_counts, colour)
    _stairs(beside, primate.edges, ny.primate.counts, ny.model_counts, colour, orientation="horizontal")
    above.set_ylabel("Fraction")
    beside.set_xlabel("Fraction")
    above.tick_params(labelbottom=False)
    beside.tick_params(labelleft=False)
    above.legend(frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1, 1)).set_in_layout(False)
    figure.suptitle(f"{comparison.model}: {_similarity(joint).replace(chr(10), ', ')}", fontsize="medium")
    return figure


def _stairs(
    ax: "Axes",
    edges: NDArray,
    primate: NDArray | None,
    model: NDArray,
    colour: str,
    *,
    orientation: Literal["vertical", "horizontal"] = "vertical",
) -> None:
    if primate is not None:
        ax.stairs(
            _shares(primate),
            edges,
            fill=True,
            color=PRIMATE_FILL,
            orientation=orientation,
            label=f"primate, n = {primate.sum()}",
        )
    label = f"model, n = {model.sum()}"
    ax.stairs(_shares(model), edges, color=colour, linewidth=2, orientation=orientation, label=label)


def _axis(ax: "Axes", which: str, name: str, edges: NDArray) -> None:
    """Set scale, label and ticks of the x or y axis for a parameter; ticks are at most seven of the bin edges."""
    parameter = PARAMETERS[name]
    getattr(ax, f"set_{which}label")(f"{parameter.label} ({parameter.unit})" if parameter.unit else parameter.label)
    if parameter.scale != "linear":
        getattr(ax, f"set_{which}scale")("log", base=2 if parameter.scale == "log2" else 10)
    ticks = edges[:: 1 if len(edges) <= 7 else 2 if len(edges) <= 13 else 4]
    getattr(ax, f"set_{which}ticks")(ticks, [f"{tick:.2g}" if tick < 100 else f"{tick:.0f}" for tick in ticks])
    getattr(ax, f"set_{which}ticks")([], minor=True)


def _fraction_axis(ax: "Axes", *counts: NDArray) -> None:
    highest = max(_shares(each).max() for each in counts)
    ax.set_ylim(0, 1.45 * highest)  # room for the legend
    ax.set_ylabel("Fraction of cells")


def _shares(counts: NDArray) -> NDArray:
    return counts / max(counts.sum(), 1)


def _similarity(comparison: DistributionComparison) -> str:
    row = comparison.row()
    if np.isnan(row["similarity"]):
        return f"the model has no {comparison.primate.cells} cells"
    interval = f"[{row['similarity_low']:.2f}, {row['similarity_high']:.2f}]"
    return (
        f"similarity {row['similarity']:.2f} {interval}\n"
        f"ceiling {row['ceiling']:.2f}, {origin_of(comparison.primate.held_out)}"
    )


def _title(comparison: DistributionComparison, ax: "Axes") -> None:
    """Title with the similarity, its 95 % interval and whether the data are held out, as the background shows too."""
    show_origin(ax, comparison.primate.held_out)
    ax.set_title(_similarity(comparison), fontsize="medium")


def _shades(colour: str) -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("shades", ["white", colour])
