"""Distributions of V1 tuning properties in model and primate."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..benchmarks.joint_comparison import joint_comparisons
from ..primates.property_table import V1_BENCHMARKS, V1_PROPERTIES
from ..primates.v1_property import NO_OR_YES, V1Property
from .styles import PRIMATE_COLOUR, PRIMATE_FILL, colour_of

if TYPE_CHECKING:
    from brainscore_core.metrics import Score
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..benchmarks.joint_comparison import JointComparison

BUILT_FROM_GROUND = "#ECECEC"  # background where VOneBlocks are sampled from the data; it is white for held-out data
_MOST_CHARACTERS = 42  # of all bin labels, with a space after each, that fit on the smallest panel
_LARGEST_DOT = 2500  # points^2, if all neuroids have the same values


def property_distribution(score: "Score", ax: "Axes", *, colour: str | None = None) -> None:
    """Model and primate histograms of one V1 property side by side, with the score.

    The title gives the property and the score with its 95 % interval, or ± its error if there is no interval. The
    background is grey if VOneBlocks are built from these data, and white if the data are held out. A property without
    a score is shown for the model alone.

    Parameters
    ----------
    score : Score
        Of a V1 property benchmark.
    ax : Axes
    colour : str, optional
        Colour of the model if other models are shown as well; by default that of `model_styles`.
    """
    row = V1_BENCHMARKS[score.attrs["benchmark_identifier"]]
    colour = colour or colour_of(score.attrs["model_identifier"])
    edges = np.asarray(row.edges)
    place = np.arange(len(edges) - 1)
    for who, offset, fill in (("primate", -0.2, PRIMATE_FILL), ("model", 0.2, colour)):
        values = np.asarray(score.attrs.get(f"{who}_values", []), float)
        defined = np.clip(values[~np.isnan(values)], edges[0], edges[-1])  # as the metric does
        if len(defined):
            fractions = np.histogram(defined, bins=edges)[0] / len(defined)
            edge = PRIMATE_COLOUR if who == "primate" else fill
            label = f"{who}, n = {len(defined)}"
            ax.bar(place + offset, fractions, width=0.4, color=fill, edgecolor=edge, linewidth=0.6, label=label)
    ax.set_xlabel(f"{row.label} ({row.unit})" if row.unit else row.label)
    ax.set_ylabel("Fraction of cells")
    _label_bins(ax, row)
    held_out = score.attrs.get("held_out", row.held_out)
    show_origin(ax, held_out)
    result = f"{_score_with_interval(score)}, {origin_of(held_out)}" if "error" in score.attrs else "not scored"
    ax.set_title(f"{row.label}\n{result}", fontsize="medium")
    if ax.containers:
        ax.set_ylim(top=1.25 * ax.get_ylim()[1])  # room for the legend
        ax.legend(frameon=False, fontsize="small")
    else:
        ax.text(0.5, 0.5, "no neuroid has a value", ha="center", transform=ax.transAxes)


def origin_of(held_out: bool) -> str:
    """Says whether VOneBlocks are built from the primate data or these are held out."""
    return "held out" if held_out else "built from these data"


def show_origin(ax: "Axes", held_out: bool) -> None:
    """Make the background grey if VOneBlocks are built from the panel's primate data, and white if not."""
    ax.set_facecolor("white" if held_out else BUILT_FROM_GROUND)


def _score_with_interval(score: "Score") -> str:
    ends = [score.attrs.get(f"score_{end}", np.nan) for end in ("low", "high")]
    if np.isnan(ends).any():
        return f"score {float(score):.2f} ± {score.attrs['error']:.2f}"
    return f"score {float(score):.2f} [{ends[0]:.2f}, {ends[1]:.2f}]"


def joint_distribution(comparison: "JointComparison", ax: "Axes", *, colour: str | None = None) -> None:
    """Two properties of the same cells: one dot per primate neuron, and dots for the model's neuroids.

    The area of a model's dot is proportional to the number of neuroids with these two values.

    Parameters
    ----------
    comparison : JointComparison
    ax : Axes
    colour : str, optional
        Colour of the model if other models are shown as well; by default that of `model_styles`.
    """
    primate = comparison.primate
    colour = colour or colour_of(comparison.model)
    at, how_many = np.unique(comparison.model_pairs, axis=0, return_counts=True)
    share = how_many / how_many.sum()
    neurons = np.array(primate.pairs)
    ax.scatter(at[:, 0], at[:, 1], s=_LARGEST_DOT * share, color=colour, alpha=0.6, linewidth=0)
    ax.scatter(neurons[:, 0], neurons[:, 1], s=14, color=PRIMATE_COLOUR, edgecolor="white", linewidth=0.4)
    ax.set_xscale("log")
    ax.set_yscale("log")
    limits = 2.0 ** np.arange(-3, 5)
    for axis, name, set_ticks in zip("xy", primate.properties, (ax.set_xticks, ax.set_yticks), strict=True):
        row = V1_PROPERTIES[name]
        ax.set(**{f"{axis}lim": (limits[0], limits[-1]), f"{axis}label": f"{row.label} ({row.unit})"})
        set_ticks(limits, [f"{limit:g}" for limit in limits])
        set_ticks([], minor=True)
    ax.tick_params(labelsize="small")
    (row,) = comparison.to_frame().itertuples()
    held_out = all(V1_PROPERTIES[name].held_out for name in primate.properties)
    show_origin(ax, held_out)
    result = f"score {row.score:.2f} [{row.score_low:.2f}, {row.score_high:.2f}], {origin_of(held_out)}"
    ax.set_title(f"Both in the same cells\n{result}", fontsize="medium")
    for who, n, dots in (("primate", row.n_neurons, PRIMATE_COLOUR), ("model", row.n_pairs, colour)):
        ax.scatter([], [], s=20, color=dots, label=f"{who}, n = {n}")
    ax.legend(frameon=False, fontsize="small", loc="lower right")


def _label_bins(ax: "Axes", row: V1Property) -> None:
    if row.edges == NO_OR_YES:
        ax.set_xticks([0, 1], ["no", "yes"])
        return
    edges = np.arange(len(row.edges))
    labels = [_short(edge) for edge in row.edges]
    most = min(7, _MOST_CHARACTERS // (1 + max(map(len, labels))))
    every = slice(None, None, -(-len(edges) // most))
    ax.set_xticks((edges - 0.5)[every], labels[every])


def _short(edge: float) -> str:
    """The number as it is if that takes at most five characters, otherwise with three significant digits."""
    whole = f"{edge:g}"
    return whole if len(whole) <= 5 else f"{float(f'{edge:.3g}'):g}"


def property_distributions(scores: "Mapping[str, Score]") -> "Figure":
    """Model and primate distributions: one panel for each V1 property and each pair measured in the same neurons.

    Parameters
    ----------
    scores : mapping from benchmark identifier to Score
        As returned by `score_model(model, 'V1-properties')`; scores of other benchmarks are ignored.

    Raises
    ------
    ValueError
        If none of them is of a V1 property.
    TypeError
        If `scores` is not a mapping from benchmark to Score.
    """
    from matplotlib.figure import Figure

    if not isinstance(scores, Mapping) or not all(hasattr(score, "attrs") for score in scores.values()):
        raise TypeError("scores must map benchmarks to Scores, as returned by score_model(model, 'V1-properties')")
    shown = [score for score in scores.values() if "model_values" in score.attrs]
    if not shown:
        raise ValueError(f"no V1 property among {', '.join(scores) or 'no scores'}; have {', '.join(V1_BENCHMARKS)}")
    jointly = joint_comparisons(scores)
    panels = len(shown) + len(jointly)
    columns = min(panels, 4)
    rows = -(-panels // columns)
    figure = Figure(figsize=(3.8 * columns, 3.1 * rows + 0.4), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for score, ax in zip(shown, axes, strict=False):
        property_distribution(score, ax)
    for comparison, ax in zip(jointly, axes[len(shown) :], strict=False):
        joint_distribution(comparison, ax)
    for ax in axes[panels:]:
        ax.set_axis_off()
    first = shown[0].attrs
    noise = "noise off" if first["noise"] == "none" else f"noise {first['noise']}; {first['trials']} trials"
    figure.suptitle(f"{first['model_identifier']}: V1 tuning against macaque V1 ({noise}; seed {first['seed']})")
    return figure
