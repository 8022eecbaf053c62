"""Kernel ridge regression from several feature spaces, with a separate penalty for each."""

from collections.abc import Iterable
from itertools import product

import numpy as np

# Ratios tried between the weights of two spaces; 0 leaves a space out.
_WEIGHTS = (0.0, 1e-3, 1e-2, 1e-1, 1.0)
# For kernels whose mean diagonal is 1: from almost no penalty to one at which every prediction is the mean.
PENALTIES = tuple(float(10.0**exponent) for exponent in np.linspace(-5, 5, 21))


def kernel_weights(spaces: int) -> np.ndarray:
    """Combinations of weights to try: array, shape (combination, space); the largest weight in each is 1."""
    return np.array([each for each in product(_WEIGHTS, repeat=spaces) if max(each) == 1])


def multiple_kernel_ridge(
    kernels: np.ndarray,
    responses: np.ndarray,
    new_kernels: np.ndarray,
    splits: Iterable[tuple[np.ndarray, np.ndarray]],
    weights: np.ndarray | None = None,
    penalties: Iterable[float] = PENALTIES,
) -> np.ndarray:
    """Predictions of ridge regression from several feature spaces, the penalty of each chosen for each neuron.

    Minimises ``sum_i (y_i - sum_s x_si b_s)^2 + sum_s (penalty / weight_s) |b_s|^2``, which is kernel ridge regression
    with the kernel ``sum_s weight_s X_s X_s^T`` (banded ridge regression; Nunez-Elizalde et al. 2019, NeuroImage
    197:482; Dupre la Tour et al. 2022, NeuroImage 264:119728, whose library himalaya computes the same). Weights and
    penalty minimise each neuron's mean squared error over the splits.

    Parameters
    ----------
    kernels : array, shape (space, stimulus, stimulus)
        Inner products of the training stimuli in each space, centred.
    responses : array, shape (stimulus, neuron)
        With a mean of zero for each neuron.
    new_kernels : array, shape (space, new stimulus, stimulus)
        Inner products of new stimuli with training stimuli, centred by the means of the training stimuli.
    splits : iterable of (rows for fitting, rows for evaluation)
        Splits of the training stimuli, by which weights and penalty are chosen.
    weights : array, shape (combination, space), optional
        Of the spaces; `kernel_weights` by default.
    penalties : iterable of float

    Returns
    -------
    array, shape (new stimulus, neuron)
    """
    splits, penalties = list(splits), list(penalties)
    weights = kernel_weights(len(kernels)) if weights is None else weights
    smallest = np.full(responses.shape[1], np.inf)
    predicted = np.zeros((new_kernels.shape[1], responses.shape[1]))
    for each in weights:
        kernel = np.tensordot(each, kernels, 1)
        losses = np.mean([_losses(kernel, responses, split, penalties) for split in splits], axis=0)
        better = losses.min(axis=0) < smallest
        if not better.any():
            continue
        smallest[better] = losses.min(axis=0)[better]
        chosen = np.asarray(penalties)[losses.argmin(axis=0)][better]
        variances, vectors = np.linalg.eigh(kernel)
        dual = vectors @ ((vectors.T @ responses[:, better]) / (variances[:, None] + chosen))
        predicted[:, better] = np.tensordot(each, new_kernels, 1) @ dual
    return predicted


def _losses(
    kernel: np.ndarray, responses: np.ndarray, split: tuple[np.ndarray, np.ndarray], penalties: list[float]
) -> np.ndarray:
    """Mean squared errors of one split: array, shape (penalty, neuron)."""
    fitted, judged = split
    variances, vectors = np.linalg.eigh(kernel[np.ix_(fitted, fitted)])
    onto = vectors.T @ responses[fitted]
    seen = kernel[np.ix_(judged, fitted)] @ vectors
    return np.stack(
        [
            ((responses[judged] - seen @ (onto / (variances[:, None] + penalty))) ** 2).mean(axis=0)
            for penalty in penalties
        ]
    )
