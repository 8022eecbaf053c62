"""Noise ceilings: the largest r^2 that a model can reach with the recorded mean responses."""

from typing import Any

import numpy as np

from .split_half import FEWEST_STIMULI, SplitHalves


class UnevenRepetitions:
    """Explainable variance of each neuron, from the variance between its repetitions.

    The mean response to stimulus i is ``y_i = s_i + e_i``, s_i the true rate and e_i the mean of n_i independent noises
    of variance ``v_i``. A model that predicts the true rates reaches, over many stimuli,

        r^2 = S / (S + N),  S the variance of s_i over stimuli,  N the mean over stimuli of v_i / n_i,

    for any n_i and v_i, because noise that is independent of the rate adds nothing to their covariance. The
    variance of y_i over stimuli is S + N on average, and the variance between the repetitions of a stimulus is v_i, so

        1 - (mean over stimuli of v_i / n_i) / (variance over stimuli of y_i)

    estimates it. This is the signal power of Sahani & Linden (2003, NIPS 15) over the power of the mean, whose square
    root is the CC_max of Hsu, Borst & Theunissen (2004, Network 15:91) and Schoppe et al. (2016, Front Comput Neurosci
    10:10), with the v_i / n_i of each stimulus as Allen et al. (2022, Nat Neurosci 25:116) average them over images
    seen once, twice and three times. If all n_i are equal, it has the same limit as split halves.

    The variance of a stimulus that was shown once is unknown; it is replaced by that of the repeated stimuli, pooled by
    their degrees of freedom. This is valid if the repeated stimuli are as variable as the others on average.

    Parameters
    ----------
    responses : array, shape (stimulus, neuron, repetition)
        NaN for missing repetitions.
    """

    estimator = "variance between repetitions"

    def __init__(self, responses: np.ndarray) -> None:
        available = ~np.isnan(responses)
        count = available.sum(axis=-1)  # (stimulus, neuron)
        self._mean = np.where(available, responses, 0).sum(axis=-1) / count
        squares = np.where(available, (responses - self._mean[..., None]) ** 2, 0).sum(axis=-1)
        freedom = count - 1
        with np.errstate(invalid="ignore"):
            own = squares / freedom  # NaN for 0 / 0: shown once
            pooled = squares.sum(axis=0) / freedom.sum(axis=0)
        self._noise = np.where(freedom > 0, own, pooled) / count  # v_i / n_i

    def by_neuron(self) -> np.ndarray:
        """The ceiling of each neuron: array, shape (1, neuron); one row, as there are no splits."""
        return self.over_images(np.ones((1, len(self._mean))))[0]

    def over_images(self, weights: np.ndarray) -> np.ndarray:
        """The ceiling with some stimuli counted more often than others.

        Parameters
        ----------
        weights : array, shape (draw, stimulus)

        Returns
        -------
        array, shape (draw, 1, neuron)
            NaN where no response varies.
        """
        total = weights.sum(axis=1, keepdims=True)
        centred = self._mean - self._mean.mean(axis=0)
        variance = weights @ centred**2 / total - (weights @ centred / total) ** 2
        variance *= total / (total - 1)
        noise = weights @ self._noise / total
        ratio = np.divide(noise, variance, where=variance > 0, out=np.full(noise.shape, np.nan))
        return (1 - ratio)[:, None]


def repetitions_are_even(responses: np.ndarray) -> bool:
    """Whether each neuron has the same number of repetitions of all stimuli.

    Parameters
    ----------
    responses : array, shape (stimulus, neuron, repetition)
        NaN for missing repetitions.
    """
    count = (~np.isnan(responses)).sum(axis=-1)
    return bool((count == count[0]).all())


def repetition_ceiling(responses: np.ndarray, neuroids: dict[str, Any]) -> Any:
    """The ceiling of recordings with repetitions: the largest r^2 that a model can reach against their means.

    If all stimuli were repeated equally often, this is Brain-Score's ceiling from split halves. Halves of uneven
    repetitions would describe the stimuli with most repetitions, but the score covers all; then the variance between
    repetitions is subtracted, stimulus by stimulus (`UnevenRepetitions`).

    Parameters
    ----------
    responses : array, shape (stimulus, neuron, repetition)
        NaN for missing repetitions.
    neuroids : dict of arrays, shape (neuron,)
        Coordinates of the neurons, `neuroid_id` among them.

    Returns
    -------
    brainscore_core Score
        Median over neurons, mean over splits, as Brain-Score aggregates it. `attrs` has 'raw' (split, neuroid), 'error'
        (standard error over splits; NaN without splits), 'estimator' and 'claimed', True.
    SplitHalves or UnevenRepetitions
        The estimator, for intervals.

    Raises
    ------
    ValueError
        If a neuron has two repetitions of fewer than three stimuli, or the ceiling is not above 0, which means that
        repetitions of a stimulus do not agree and nothing can be predicted.
    """
    repeated = ((~np.isnan(responses)).sum(axis=-1) >= 2).sum(axis=0)  # (neuron,)
    if (repeated < FEWEST_STIMULI).any():
        few = int(np.argmin(repeated))
        raise ValueError(
            f"neuron {neuroids['neuroid_id'][few]!r} has two or more repetitions of {repeated[few]} stimuli, and "
            f"{(repeated < FEWEST_STIMULI).sum()} neurons have them of fewer than the {FEWEST_STIMULI} that a "
            "ceiling needs; leave them out, or pass means without repetitions to claim no ceiling"
        )
    estimate = SplitHalves(responses) if repetitions_are_even(responses) else UnevenRepetitions(responses)
    return _population_ceiling(estimate.by_neuron(), neuroids, estimate.estimator), estimate


def _population_ceiling(by_neuron: np.ndarray, neuroids: dict[str, Any], estimator: str) -> Any:
    from brainscore_core.metrics import Score

    with np.errstate(all="ignore"):
        by_split = np.nanmedian(by_neuron, axis=1) if np.isfinite(by_neuron).any() else np.array([np.nan])
    ceiling = by_split.mean()
    if not ceiling > 0:
        raise ValueError(
            f"the ceiling from {estimator} is {ceiling:.3f}: repetitions of a stimulus do not agree better than those "
            "of different stimuli, so nothing is left to predict; check that the repetitions of a stimulus are in its "
            "row"
        )
    score = Score(ceiling)
    score.attrs["raw"] = Score(
        by_neuron,
        coords={"split": np.arange(len(by_neuron)), **{k: ("neuroid", v) for k, v in neuroids.items()}},
        dims=("split", "neuroid"),
    )
    score.attrs["error"] = Score(by_split.std() / np.sqrt(len(by_split)) if len(by_split) > 1 else np.nan)
    score.attrs |= {"estimator": estimator, "claimed": True}
    return score


def no_ceiling(reason: str) -> Any:
    """A ceiling of 1 that claims nothing: divided by it, a score is the raw r^2.

    Brain-Score's `NeuralBenchmark` always divides by the ceiling. NaN would make every score NaN, and any estimate
    would be invented, so the divisor is 1. `attrs['claimed']` is False and `attrs['reason']` gives the reason, so that
    displays of the score show no ceiling.
    """
    from brainscore_core.metrics import Score

    score = Score(1.0)
    score.attrs.update(claimed=False, reason=reason)
    return score
