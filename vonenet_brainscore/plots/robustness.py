"""Accuracy of classifiers under attack, against epsilon."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..robustness.evaluate import AdversarialEvaluation, NoiseCondition
from .tuning import COLOURS, MARKERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NOISE = {"model": "on", "fixed": "fixed", "none": "off"}


def accuracy_against_epsilon(evaluations: AdversarialEvaluation | Sequence[AdversarialEvaluation]) -> "Figure":
    """Accuracy against epsilon with 95 % intervals, one panel per norm and one line per noise condition.

    Filled markers are means over draws, with Wilson's interval over images; open markers are the accuracy by majority,
    in which an image counts as misclassified only if most of its draws are. Epsilon 0 stands for the original images.
    Lines are shifted slightly so that their intervals do not overlap.

    Parameters
    ----------
    evaluations : AdversarialEvaluation or sequence of AdversarialEvaluation
        As returned by `evaluate`; those with the same norm share a panel.
    """
    from matplotlib.figure import Figure

    several = [evaluations] if isinstance(evaluations, AdversarialEvaluation) else list(evaluations)
    if not several:
        raise ValueError("there are no evaluations to draw")
    norms = list(dict.fromkeys(each.attack.norm for each in several))
    figure = Figure(figsize=(1 + 4.4 * len(norms), 4), layout="constrained")
    for norm, ax in zip(norms, figure.subplots(1, len(norms), squeeze=False)[0], strict=True):
        conditions = [
            (each, condition) for each in several if each.attack.norm == norm for condition in each.conditions
        ]
        for index, (evaluation, condition) in enumerate(conditions):
            epsilons, means, below, above, robust = _curve(condition)
            colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
            label = f"{_NOISE[condition.attack_noise]} / {_NOISE[condition.evaluation_noise]}"
            if len({each.attack.__class__ for each in several}) > 1:
                label = f"{type(evaluation.attack).__name__}, {label}"
            aside = 0.008 * max(epsilons) * (index - (len(conditions) - 1) / 2)
            places = [eps + aside for eps in epsilons]
            ax.errorbar(
                places, means, (below, above), color=colour, marker=marker, capsize=3, label=label, linewidth=1.2
            )
            ax.plot(places, robust, color=colour, marker=marker, markerfacecolor="white", linestyle=":", linewidth=1)
        units = "pixel values of [0, 1]"
        name = "L$_\\infty$" if norm == "inf" else f"L$_{norm}$"
        ax.set(xlabel=f"$\\epsilon$ ({name}, {units})", ylabel="Accuracy", ylim=(-0.03, 1.03))
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize="small", title="noise in attack / evaluation", title_fontsize="small")
    images = several[0].clean.images
    figure.suptitle(f"{images} images; dotted: by majority of {several[0].draws} draws", fontsize="medium")
    return figure


def _curve(condition: NoiseCondition) -> tuple[list[float], list[float], list[float], list[float], list[float]]:
    """Increasing epsilons, mean accuracy, lengths of its interval below and above, and accuracy by majority."""
    points = sorted({0.0: condition.clean, **condition.attacked}.items())
    means = [each.mean for _, each in points]
    below, above = [each.mean - each.low for _, each in points], [each.high - each.mean for _, each in points]
    robust = [condition.robust[eps].mean if eps in condition.robust else float("nan") for eps, _ in points]
    return [eps for eps, _ in points], means, below, above, robust
