"""Tuning curves of selected neuroids."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from xarray import DataArray, Dataset


class _Axis(NamedTuple):
    label: str
    octaves: bool = False
    tick_step: float | None = None


AXES = {  # by the stimulus dimension of a curve
    "orientation": _Axis("Orientation (degrees)", tick_step=45),
    "spatial_frequency": _Axis("Spatial frequency (cycles/degree)", octaves=True),
    "diameter": _Axis("Grating diameter (degrees)", octaves=True),
    "phase": _Axis("Phase (degrees)", tick_step=90),
    "contrast": _Axis("Contrast", octaves=True),
}
# Neuroids and conditions have the colours of Okabe & Ito, with black moved to the end; `styles` has those of models.
# Markers distinguish lines in grey print.
COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#F0E442", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_OF_TRIALS = ("_mean", "_half_width")  # ends of the names of variables that belong to the curve of the same beginning


def tuning_curve(
    curves: "DataArray", ax: "Axes", *, trials: "DataArray | None" = None, half_width: "DataArray | None" = None
) -> None:
    """Tuning curves along one stimulus axis: one line per neuroid, its 95 % interval as a band, and a dot per trial.

    Parameters
    ----------
    curves : DataArray, dims (neuroid, stimulus axis)
        Firing rates in spikes/s; the axis is one of `AXES`, with its values as coordinate. NaN leaves a gap.
    ax : Axes
    trials : DataArray, dims (neuroid, stimulus axis, trial), optional
        Firing rate in each trial; the line is then their mean in place of `curves`.
    half_width : DataArray, dims (neuroid, stimulus axis), optional
        Half the width of the 95 % interval of this mean.

    Raises
    ------
    ValueError
        If the dimensions differ from these, there are no neuroids or more than eight, or `half_width` is given without
        `trials`.
    """
    from matplotlib.ticker import MultipleLocator

    axis = _stimulus_axis(curves)
    count = curves.sizes["neuroid"]
    if not 1 <= count <= len(COLOURS):
        raise ValueError(
            f"{count} neuroids do not make a readable figure; select 1 to {len(COLOURS)}, for example with "
            "curves.isel(neuroid=[0, 7])"
        )
    if half_width is not None and trials is None:
        raise ValueError("half_width is the interval of the mean over trials; pass the trials too")
    levels = curves[axis].values
    by_neuroid = (curves if trials is None else trials.mean("trial")).transpose("neuroid", axis).values
    of_neuroids = zip(by_neuroid, _names(curves), COLOURS, MARKERS, strict=False)
    for rates, name, colour, marker in of_neuroids:
        ax.plot(levels, rates, color=colour, marker=marker, markersize=4.5, label=name)
    if trials is not None:
        by_trial = trials.transpose("neuroid", axis, "trial").values
        for rates, colour in zip(by_trial, COLOURS, strict=False):
            ax.plot(levels, rates, ".", color=colour, markersize=1.5, alpha=0.4, zorder=1)
        if half_width is not None:
            halves = half_width.transpose("neuroid", axis).values
            for mean, half, colour in zip(by_neuroid, halves, COLOURS, strict=False):
                low = np.maximum(mean - half, 0)  # rates are not negative
                ax.fill_between(levels, low, mean + half, color=colour, alpha=0.25, linewidth=0)
    drawn = AXES[axis]
    if drawn.octaves and (curves[axis] > 0).all():
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter("{x:.2g}")
    if drawn.tick_step is not None:
        ax.xaxis.set_major_locator(MultipleLocator(drawn.tick_step))
    ax.set_xlabel(drawn.label)
    ax.set_ylabel("Firing rate (spikes/s)")
    ax.set_ylim(bottom=min(0, float(np.nanmin(curves.values, initial=0))))


def tuning_curves(curves: "Dataset") -> "Figure":
    """All tuning curves of selected neuroids, one panel per stimulus axis.

    Parameters
    ----------
    curves : Dataset
        As returned by the function `tuning_curves`: variables with dims (neuroid, stimulus axis), drawn with trials
        and intervals if the dataset has ``<name>_trials`` and ``<name>_half_width``. If it has ``best_orientation``,
        ``best_spatial_frequency`` and ``best_diameter``, the legend describes each neuroid's best grating.

    Raises
    ------
    ValueError
        If the dataset has no tuning curve, or more than eight neuroids.
    """
    from matplotlib.figure import Figure

    shown = {
        str(name): each
        for name, each in curves.data_vars.items()
        if any(set(each.dims) == {"neuroid", axis} for axis in AXES) and not str(name).endswith(_OF_TRIALS)
    }
    if not shown:
        raise ValueError(
            f"no tuning curve among {', '.join(map(str, curves.data_vars)) or 'no variables'}; their dimensions are "
            f"neuroid and one of {', '.join(AXES)}"
        )
    columns = min(len(shown), 3)
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(3.8 * columns, 3.2 * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for (name, each), ax in zip(shown.items(), axes, strict=False):
        tuning_curve(each, ax, trials=curves.get(f"{name}_trials"), half_width=curves.get(f"{name}_half_width"))
    for ax in axes[len(shown) :]:
        ax.set_axis_off()
    handles, labels = axes[0].get_legend_handles_labels()
    labels = [f"{label}{best}" for label, best in zip(labels, _best_gratings(curves), strict=True)]
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 2), frameon=False)
    return figure


def _stimulus_axis(curves: "DataArray") -> str:
    others = [str(name) for name in curves.dims if name != "neuroid"]
    if "neuroid" not in curves.dims or len(others) != 1 or others[0] not in AXES:
        raise ValueError(
            f"a tuning curve has the dimensions neuroid and one of {', '.join(AXES)}, "
            f"not {', '.join(map(str, curves.dims))}"
        )
    return others[0]


def _best_gratings(curves: "Dataset") -> list[str]:
    """A line for the legend on each neuroid's best grating, which its other curves use; empty if unknown."""
    units = {"best_orientation": "°", "best_spatial_frequency": " cycles/degree", "best_diameter": "° wide"}
    if not set(units) <= set(curves.data_vars):
        return [""] * curves.sizes["neuroid"]
    columns = [[f"{value:.3g}{unit}" for value in curves[name].values] for name, unit in units.items()]
    return [f"\nbest grating: {', '.join(of_neuroid)}" for of_neuroid in zip(*columns, strict=True)]


def _names(curves: "DataArray") -> list[str]:
    """Name of each neuroid in the legend: its number, and its channel and cell type if known."""
    if isinstance(curves.indexes.get("neuroid"), pd.MultiIndex):
        curves = curves.reset_index("neuroid")
    of_neuroids = {str(name): values.values for name, values in curves.coords.items() if values.dims == ("neuroid",)}
    names = [f"neuroid {number}" for number in of_neuroids.get("neuroid", np.arange(curves.sizes["neuroid"]))]
    if "channel" in of_neuroids:
        names = [f"{name}: channel {channel}" for name, channel in zip(names, of_neuroids["channel"], strict=True)]
    if "cell_type" in of_neuroids:
        names = [f"{name}, {cell_type}" for name, cell_type in zip(names, of_neuroids["cell_type"], strict=True)]
    return names
