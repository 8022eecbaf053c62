"""Tuning curves of chosen neuroids."""

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


AXES = {  # dimension of a curve -> how it is drawn
    "orientation": _Axis("Orientation (degrees)", tick_step=45),
    "spatial_frequency": _Axis("Spatial frequency (cycles/degree)", octaves=True),
    "diameter": _Axis("Grating diameter (degrees)", octaves=True),
    "phase": _Axis("Phase (degrees)", tick_step=90),
    "contrast": _Axis("Contrast", octaves=True),
}
# Okabe & Ito's colours; the first of the eight, black, last.
COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#F0E442", "#000000")


def tuning_curve(curves: "DataArray", ax: "Axes") -> None:
    """Rates of neuroids along one stimulus axis, one line for each neuroid.

    Parameters
    ----------
    curves : DataArray, dims (neuroid, stimulus axis)
        Firing rates in spikes/s; the axis is one of `AXES` and has its values as coordinate. A NaN leaves a gap.
    ax : Axes

    Raises
    ------
    ValueError
        If the dimensions are others, or there are no neuroids or more than eight.
    """
    from matplotlib.ticker import MultipleLocator

    axis = _stimulus_axis(curves)
    count = curves.sizes["neuroid"]
    if not 1 <= count <= len(COLOURS):
        raise ValueError(
            f"{count} neuroids do not make readable curves; choose 1 to {len(COLOURS)}, as by "
            "curves.isel(neuroid=[0, 7])"
        )
    for rates, name, colour in zip(curves.transpose("neuroid", axis).values, _names(curves), COLOURS, strict=False):
        ax.plot(curves[axis].values, rates, "o-", color=colour, markersize=3.5, label=name)
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
    """All tuning curves of chosen neuroids, one panel for each stimulus axis.

    Parameters
    ----------
    curves : Dataset
        With variables of dims (neuroid, stimulus axis), as `tuning_curve` takes them; others are left out.

    Raises
    ------
    ValueError
        If there is no such variable, or `tuning_curve` refuses one.
    """
    from matplotlib.figure import Figure

    shown = [each for each in curves.data_vars.values() if any(set(each.dims) == {"neuroid", axis} for axis in AXES)]
    if not shown:
        raise ValueError(
            f"no tuning curve among {', '.join(map(str, curves.data_vars)) or 'no variables'}; their dimensions are "
            f"neuroid and one of {', '.join(AXES)}"
        )
    columns = min(len(shown), 3)
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(3.8 * columns, 3.2 * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for each, ax in zip(shown, axes, strict=False):
        tuning_curve(each, ax)
    for ax in axes[len(shown) :]:
        ax.set_axis_off()
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4), frameon=False)
    return figure


def _stimulus_axis(curves: "DataArray") -> str:
    others = [str(name) for name in curves.dims if name != "neuroid"]
    if "neuroid" not in curves.dims or len(others) != 1 or others[0] not in AXES:
        raise ValueError(
            f"a tuning curve has the dimensions neuroid and one of {', '.join(AXES)}, "
            f"not {', '.join(map(str, curves.dims))}"
        )
    return others[0]


def _names(curves: "DataArray") -> list[str]:
    """What the legend calls each neuroid: its number, and its channel and cell type where these are known."""
    if isinstance(curves.indexes.get("neuroid"), pd.MultiIndex):
        curves = curves.reset_index("neuroid")
    of_neuroids = {str(name): values.values for name, values in curves.coords.items() if values.dims == ("neuroid",)}
    names = [f"neuroid {number}" for number in of_neuroids.get("neuroid", np.arange(curves.sizes["neuroid"]))]
    if "channel" in of_neuroids:
        names = [f"{name}: channel {channel}" for name, channel in zip(names, of_neuroids["channel"], strict=True)]
    if "cell_type" in of_neuroids:
        names = [f"{name}, {cell_type}" for name, cell_type in zip(names, of_neuroids["cell_type"], strict=True)]
    return names
