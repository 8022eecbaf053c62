"""The variance that models explain alone, together and uniquely, as bars."""

from typing import TYPE_CHECKING

from ..variance_partition import VariancePartition
from .styles import model_styles

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def explained_variance(partition: VariancePartition) -> "Figure":
    """Each part of the explained variance as a bar: the mean over neurons and its 95 % interval.

    Intervals are over images and neurons.

    Parameters
    ----------
    partition : VariancePartition
        As returned by `partition_variance`.
    """
    from matplotlib.figure import Figure
    from matplotlib.patheffects import withStroke

    parts = partition.parts
    models = [model for part, model in parts.index if part == "alone"]
    colours = {model: style.colour for model, style in model_styles(models).items()} | {"": "0.6"}
    figure = Figure(figsize=(5.4, 0.9 + 0.38 * len(parts)), layout="constrained")
    ax = figure.subplots()
    outlined = {"path_effects": [withStroke(linewidth=3, foreground="white")]}  # intervals are visible on dark bars
    labels = []
    for place, ((part, model), row) in enumerate(parts.iterrows()):
        reach = [[row["mean"] - row["low"]], [row["high"] - row["mean"]]]
        ax.barh(place, row["mean"], xerr=reach, color=colours[model], height=0.7, capsize=2.5, error_kw=outlined)
        labels.append(f"{model} {part}" if model else {"together": "all together"}.get(part, part))
    ax.set_yticks(range(len(parts)), labels)
    ax.invert_yaxis()
    ax.axvline(0, color="0.2", linewidth=0.8)
    ax.set_xlabel("Explained variance (R² of held-out stimuli)")
    ax.spines[["top", "right"]].set_visible(False)
    said = f"{partition.benchmark}\n{partition.n_stimuli} stimuli, {len(partition.neurons)} neurons, 95 % intervals"
    figure.suptitle(said, fontsize="medium")
    return figure
