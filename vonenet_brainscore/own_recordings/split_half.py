"""Split-half reliability of responses, the ceiling if all stimuli were repeated equally often."""

from collections.abc import Iterator

import numpy as np

# The correlation of two points is always +1 or -1.
FEWEST_STIMULI = 3


class SplitHalves:
    """Reliability of each neuron's mean response, from the correlation between halves of the repetitions.

    With r the Pearson correlation over stimuli between the means of two random halves,
    ``2 r / (1 + r)`` (Spearman 1910, Br J Psychol 3:271; Brown 1910, Br J Psychol 3:296), which for independent noise
    of variance N and signal of variance S tends to ``S / (S + N / repetitions)``: the largest r^2 that a perfect model
    can reach against the mean. Brain-Score's `internal_consistency` computes the same, with the same splits.

    The repetitions are halved separately for each neuron and stimulus, so that none is lost if repetitions are
    numbered through a session. A stimulus that was shown once to a neuron has no halves and is omitted for this
    neuron: if repetitions are unequal, this is the reliability of the repeated stimuli only.

    Parameters
    ----------
    responses : array, shape (stimulus, neuron, repetition)
        NaN for missing repetitions.
    splits : int
        Number of random splits.
    seed : int
        Seed of the splits; 1 as in Brain-Score.
    """

    estimator = "split halves"

    def __init__(self, responses: np.ndarray, *, splits: int = 10, seed: int = 1) -> None:
        from sklearn.model_selection import ShuffleSplit

        self._responses = responses
        self._count = (~np.isnan(responses)).sum(axis=-1)  # (stimulus, neuron)
        parts = ShuffleSplit(splits, train_size=0.5, random_state=seed).split(np.empty(responses.shape[-1]))
        self._orders = [np.concatenate(each) for each in parts]

    def _halves(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Means of both halves (stimulus, neuron), split by split because those of all splits would fill the memory."""
        halved = self._count >= 2
        for order in self._orders:
            responses = self._responses[..., order]
            present = ~np.isnan(responses)
            in_first = present & (np.cumsum(present, axis=-1) <= (self._count // 2)[..., None])
            shuffled = np.where(present, responses, 0)
            half1, half2 = (
                np.divide(
                    (shuffled * half).sum(axis=-1),
                    half.sum(axis=-1),
                    where=halved,
                    out=np.zeros(self._count.shape),
                )
                for half in (in_first, present & ~in_first)
            )
            yield half1, half2

    def by_neuron(self) -> np.ndarray:
        """Reliability of each neuron in each split.

        Returns
        -------
        array, shape (split, neuron)
            NaN if fewer than three stimuli have two repetitions, or if the mean of a half is the same for all stimuli,
            as for a neuron that hardly fires.
        """
        r = np.stack([_correlation(*halves, where=self._count >= 2) for halves in self._halves()])
        return 2 * r / (1 + r)

    def over_images(self, weights: np.ndarray) -> np.ndarray:
        """Reliability with weighted stimuli, for neurons with at least two repetitions of every stimulus.

        Parameters
        ----------
        weights : array, shape (draw, stimulus)

        Returns
        -------
        array, shape (draw, split, neuron)
        """
        r = np.stack([weighted_correlation(*halves, weights) for halves in self._halves()], axis=1)
        with np.errstate(divide="ignore"):
            return 2 * r / (1 + r)


def _correlation(x: np.ndarray, y: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Pearson correlation of each column over the rows in `where`; NaN if constant or fewer than three rows."""
    rows = where.sum(axis=0)
    x, y = (np.where(where, a - np.where(where, a, 0).sum(axis=0) / np.maximum(rows, 1), 0) for a in (x, y))
    norm = np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
    defined = (norm > 0) & (rows >= FEWEST_STIMULI)
    return np.divide((x * y).sum(axis=0), norm, where=defined, out=np.full(norm.shape, np.nan))


def weighted_correlation(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson correlation of each neuron over weighted stimuli.

    Parameters
    ----------
    x, y : arrays, shape (stimulus, neuron)
    weights : array, shape (draw, stimulus)

    Returns
    -------
    array, shape (draw, neuron)
        NaN if x or y is constant over the stimuli with a weight.
    """
    # In units of the standard deviation, so that a product of variances below 1e-12 is due to rounding.
    x, y = ((a - a.mean(axis=0)) / np.where(a.std(axis=0) > 0, a.std(axis=0), 1) for a in (x, y))
    total = np.maximum(weights.sum(axis=1, keepdims=True), 1)
    mean_x, mean_y = weights @ x / total, weights @ y / total
    variance = (weights @ x**2 / total - mean_x**2) * (weights @ y**2 / total - mean_y**2)
    covariance = weights @ (x * y) / total - mean_x * mean_y
    defined = variance > 1e-12
    return np.divide(
        covariance,
        np.sqrt(variance, where=defined, out=np.ones_like(variance)),
        where=defined,
        out=np.full(covariance.shape, np.nan),
    )
