"""Scores of a sweep against its settings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..seeds import SEEDS, mean_and_interval
from .styles import model_styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from xarray import DataArray, Dataset

_LONGEST_LABEL = 24  # characters; longer labels keep their end, which says most about a checkpoint's path


def sweep_figure(sweep: "Dataset") -> "Figure":
    """Score against each setting, one row of panels per benchmark and one line per model.

    If seeds are swept, lines are means over the values of the first swept one of `SEEDS`, and bars are 95 % intervals
    over them. Scores are first averaged over any other seed, because crossed seeds are not independent samples, and
    over the settings of the other panels, which the title names. With exactly one other swept setting, a thin line for
    each of its values, labelled at its end, shows whether the two settings interact. A seed with a failed combination
    is omitted. If only seeds are swept, models are shown side by side with one dot per seed. If no seed is swept, bars
    are the 95 % intervals of the single scores, unless these are averaged over another setting.

    Parameters
    ----------
    sweep : Dataset
        As returned by `score_models`.
    """
    from matplotlib.figure import Figure

    scores = sweep["score"]
    settings = [str(name) for name in scores.dims if name not in ("model", "benchmark", *SEEDS)]
    drawn = [name for name in SEEDS if scores.sizes.get(name, 1) > 1][:1]
    shown = [name for name in settings if scores.sizes[name] > 1] or ["model"]
    benchmarks = scores["benchmark"].values
    panels = [(benchmark, setting) for benchmark in benchmarks for setting in shown]
    has_ends = False
    columns = len(shown) if len(shown) > 1 else min(len(benchmarks), 4)
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(4.4 * columns, 3.2 * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for (benchmark, setting), ax in zip(panels, axes, strict=False):
        averaged = set(scores.dims) - {"model", "benchmark", setting, *drawn}
        of_benchmark = sweep.sel(benchmark=benchmark, drop=True)
        draws = of_benchmark["score"].mean(averaged, skipna=False)
        over = [name for name in settings if name != setting and scores.sizes[name] > 1]
        ends = None if drawn or over or "score_low" not in sweep else of_benchmark[["score_low", "score_high"]]
        if ends is not None:
            ends = ends.squeeze(averaged, drop=True)
            has_ends |= bool(ends.notnull().to_array().any())
        _panel(draws, setting, drawn, ends, ax)
        if len(over) == 1:
            _interaction(scores.sel(benchmark=benchmark, drop=True), setting, over[0], ax)
        note = f"\nmean over {', '.join(over)}" if over else ""
        ax.set_title(f"{benchmark}{note}", fontsize="small")
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    handles, labels = axes[0].get_legend_handles_labels()
    if handles:
        wide = max(map(len, labels)) > _LONGEST_LABEL - 6
        ncols = min(len(labels), columns if wide else 2 * columns)
        figure.legend(handles, labels, loc="outside lower center", ncols=ncols, frameon=False)
    titles = [f"Mean and 95 % interval over {scores.sizes[name]} {name}s" for name in drawn]
    alone = "Scores and their 95 % intervals" if has_ends else "Scores without intervals (no seed was swept)"
    figure.suptitle(titles[0] if titles else alone, fontsize="medium")
    return figure


def _panel(scores: "DataArray", setting: str, drawn: Sequence[str], ends: "Dataset | None", ax: "Axes") -> None:
    """Draw the scores (model, setting, *drawn) of one benchmark against one setting, with their intervals."""
    place, labels = _places(scores[setting].values)
    order = np.argsort(place)
    place, scores = place[order], scores.isel({setting: order})
    mean, half = mean_and_interval(scores, drawn)
    below = above = half
    if ends is not None:  # a mean of skewed samples may be outside their interval
        ends = ends.isel({setting: order})
        below, above = (mean - ends["score_low"]).clip(0), (ends["score_high"] - mean).clip(0)
    styles = model_styles(map(str, scores["model"].values))
    if setting == "model":
        draws = scores.transpose("model", ...).values.reshape(scores.sizes["model"], -1)  # (model, draw)
        beside = np.linspace(-0.15, 0.15, draws.shape[1]) if draws.shape[1] > 1 else [0]
        for at, values in zip(place, draws, strict=True):
            ax.plot(at + np.asarray(beside), values, ".", color="0.7", zorder=1)
        for at, model in zip(place, scores["model"].values, strict=True):
            style = styles[str(model)]
            value, low, high = (each.sel(model=model).item() for each in (mean, below, above))
            ax.errorbar([at], [value], [[low], [high]], fmt=style.marker, capsize=3, color=style.colour)
    else:
        apart = _apart(place, scores.sizes["model"])
        for index, model in enumerate(scores["model"].values):
            line, *reach = (each.sel(model=model).values for each in (mean, below, above))
            colour, marker, dashes = styles[str(model)]
            ax.errorbar(
                place + apart[index],
                line,
                None if np.isnan(reach).all() else reach,
                color=colour,
                marker=marker,
                linestyle=dashes,
                markersize=4,
                capsize=3,
                label=str(model),
            )
    if labels is not None:
        ax.set_xticks(place, labels, rotation=20 if max(map(len, labels)) > 8 else 0)
    if len(place) == 1:  # a single value is shown in the middle, not at an edge
        ax.set_xlim(place[0] - 0.5, place[0] + 0.5)
    ax.set_xlabel(setting)
    ax.set_ylabel("Score")
    if scores.isnull().all():
        ax.text(0.5, 0.5, "no score", ha="center", transform=ax.transAxes)


def _interaction(scores: "DataArray", setting: str, other: str, ax: "Axes") -> None:
    """Draw thin lines of means against one setting, one for each value of another."""
    place, _ = _places(scores[setting].values)
    order = np.argsort(place)
    means = scores.mean(set(scores.dims) - {"model", setting, other})
    styles = model_styles(map(str, scores["model"].values))
    for index, model in enumerate(scores["model"].values):
        for value in scores[other].values:
            line = means.sel({"model": model, other: value}).values[order]
            ax.plot(place[order], line, color=styles[str(model)].colour, linewidth=0.7, alpha=0.6, zorder=1)
            if index == 0:
                ax.annotate(f" {value}", (place[order][-1], line[-1]), fontsize=6, color="0.4", va="center")


def _places(values: np.ndarray) -> tuple[np.ndarray, Sequence[str] | None]:
    """Positions of values on the axis, and their labels if they are not numbers."""
    if np.issubdtype(values.dtype, np.number):
        return values.astype(float), None
    words = map(str, values)
    labels = [word if len(word) <= _LONGEST_LABEL else f"…{word[1 - _LONGEST_LABEL :]}" for word in words]
    return np.arange(len(values), dtype=float), labels


def _apart(place: np.ndarray, models: int) -> np.ndarray:
    """A shift for each model, so that intervals do not overlap: multiples of a twentieth of the smallest distance."""
    closest = np.diff(np.sort(place)).min(initial=np.inf)
    step = closest / 20 if np.isfinite(closest) else 0
    return step * (np.arange(models) - (models - 1) / 2)
