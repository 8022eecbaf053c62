"""Histograms of properties that have no benchmark, with published values of macaque V1."""

from typing import TYPE_CHECKING

import numpy as np

from ..primates.extra_properties import EXTRA_PROPERTIES, ExtraProperty
from .styles import MODEL_COLOUR, PRIMATE_COLOUR, colour_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from xarray import DataArray, Dataset

_BINS = 24


def measured_properties(dataset: "Dataset") -> "Figure":
    """Histograms over a model's neuroids, one panel for each property that has no benchmark in Brain-Score.

    Vertical lines are published values of macaque V1; a single value, and the middle one of several, is thick.

    Parameters
    ----------
    dataset : Dataset
        As returned by ``v1_properties(model, extra=True)``; properties that have a benchmark are ignored.

    Raises
    ------
    ValueError
        If the dataset contains no such property.
    """
    from matplotlib.figure import Figure

    names = [str(name) for name in dataset["property"].values if str(name) in EXTRA_PROPERTIES]
    if not names:
        raise ValueError(
            f"the dataset has none of the properties {', '.join(EXTRA_PROPERTIES)}; v1_properties(model, extra=True) "
            "measures them"
        )
    columns = min(len(names), 4)
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(4.2 * columns, 3 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    colour = colour_of(dataset.attrs["model"]) if "model" in dataset.attrs else MODEL_COLOUR
    for name, ax in zip(names, axes, strict=False):
        _histogram(EXTRA_PROPERTIES[name], dataset.sel(property=name), colour, ax)
    for ax in axes[len(names) :]:
        ax.set_axis_off()
    return figure


def _histogram(row: ExtraProperty, one: "DataArray | Dataset", colour: str, ax: "Axes") -> None:
    from matplotlib.patheffects import withStroke

    values = one["value"].values[one["responsive"].values]
    values = values[np.isfinite(values) & ((values > 0) | (not row.log_axis))]
    published = () if row.published is None else row.published.values
    ax.set_xlabel(f"{row.label} ({row.unit})" if row.unit else row.label)
    ax.set_ylabel("Fraction of neuroids")
    ax.set_title(row.label, fontsize="medium")
    if not len(values):
        ax.text(0.5, 0.5, "no neuroid has a value", ha="center", transform=ax.transAxes)
        return
    low, high = (pick([pick(values), *published]) for pick in (min, max))
    if high - low < 1e-3 * abs(high):  # practically equal values
        low, high = low - 0.5 * abs(low) - 0.05, high + 0.5 * abs(high) + 0.05
    bins = np.geomspace(low, high, _BINS + 1) if row.log_axis else np.linspace(low, high, _BINS + 1)
    weights = np.full(len(values), 1 / len(values))
    ax.hist(values, bins.tolist(), weights=weights, color=colour, label=f"model, n = {len(values)}")
    if row.log_axis:
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter("{x:.2g}")
    for place, value in enumerate(published):
        middle = 2 * place + 1 == len(published)
        label = f"macaque, {row.published.statistic}" if row.published is not None and middle else None
        outlined = [withStroke(linewidth=4 if middle else 2.5, foreground="white")]  # visible on bars in grey print
        ax.axvline(value, color=PRIMATE_COLOUR, linewidth=2.2 if middle else 1, label=label, path_effects=outlined)
    ax.set_ylim(top=1.25 * ax.get_ylim()[1])  # room for the legend
    ax.legend(frameon=False, fontsize="small")
