"""Distances between two histograms over the same bins."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def wasserstein_distance(p: ArrayLike, q: ArrayLike, positions: ArrayLike, *, period: float | None = None) -> float:
    """Wasserstein distance between two histograms: the smallest sum of shares of cells times the distances moved.

    ``sum_i |P_i - Q_i - c| (x_{i+1} - x_i)`` with the cumulative shares P and Q and ``c = 0``. On a circle the sum
    includes the way from the last position to the first, and c is the value that makes it smallest, the median of
    ``P - Q`` weighted by the ways (Rabin, Delon & Gousseau 2011, J Math Imaging Vis 41:147).

    Parameters
    ----------
    p, q : array, shape (bin,)
        Shares; each sums to 1.
    positions : array, shape (bin,)
        Where the cells of a bin are taken to lie, ascending.
    period : float, optional
        Length of the circle, if the positions lie on one.

    Returns
    -------
    float
        In the unit of `positions`.
    """
    positions = np.asarray(positions, float)
    surplus = np.cumsum(np.asarray(p, float) - np.asarray(q, float))  # (bin,), to be carried over each way
    if period is None:
        return float(np.abs(surplus[:-1]) @ np.diff(positions))
    ways = np.diff(positions, append=positions[0] + period)
    return float(np.abs(surplus - _weighted_median(surplus, ways)) @ ways)


def joint_wasserstein_distance(p: ArrayLike, q: ArrayLike, positions: ArrayLike, n_cells: int) -> float:
    """Wasserstein distance between two joint histograms of as many cells: the mean way of the best assignment.

    Parameters
    ----------
    p, q : array, shape (bin,)
        Shares; times `n_cells` they are whole.
    positions : array, shape (bin, parameter)
    n_cells : int
        In each of the two.

    Returns
    -------
    float
        Euclidean, in the unit of `positions`.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    positions = np.asarray(positions, float)
    cells = [np.repeat(positions, np.rint(np.multiply(shares, n_cells)).astype(int), axis=0) for shares in (p, q)]
    ways = cdist(*cells)  # (cell, cell)
    return float(ways[linear_sum_assignment(ways)].mean())


def _weighted_median(values: NDArray, weights: NDArray) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return values[order][np.searchsorted(reached, reached[-1] / 2)]
