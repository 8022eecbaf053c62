"""Brain-Score's comparison of a model's distribution of a quantity with that of measured neurons, seeded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..brainscore import seeded_global_generator

if TYPE_CHECKING:
    from brainscore_core.metrics import Score
    from brainscore_core.supported_data_standards.brainio.assemblies import PropertyAssembly

N_TRIALS = 20  # presentations of each grating in these benchmarks


def binned_similarity(
    model_values: ArrayLike,
    primate_values: ArrayLike,
    edges: ArrayLike,
    *,
    name: str,
    seed: int,
    measure: Callable[[np.ndarray, np.ndarray], float] | None = None,
) -> Score:
    """How similar a model's distribution of a quantity is to that of measured neurons.

    Brain-Score's metric: the mean over 1000 samples of model neuroids, each as large as the study, of
    ``1 - D / D_max``, D being the Kolmogorov-Smirnov distance between the binned distributions. Values beyond the
    outermost bins count in these. A NaN can be drawn and is then left out of that sample's histogram.

    Parameters
    ----------
    model_values : array, shape (neuroid,)
        Of the model's responsive neuroids; NaN where the quantity is undefined.
    primate_values : array, shape (neuron,)
    edges : array, shape (bin + 1,)
    name : str
        Of the quantity, for messages.
    seed : int
        Of the bootstrap. The metric draws from NumPy's global generator, whose state is restored; do not use it in
        several threads at once.
    measure : callable, optional
        Replaces ``1 - D / D_max``: a function of the shares (bin,) of a model sample and of the neurons. With the same
        seed, every measure is computed on the same samples.

    Returns
    -------
    Score
        Not yet divided by the ceiling. ``attrs``: ``error``, the standard deviation over samples; ``raw``, the samples;
        ``n_neuroids``; and ``n_undefined``, the number of NaN among these.

    Raises
    ------
    ValueError
        If no value is defined, or so few that a tenth of the samples contain none.
    TypeError
        If `seed` is None.
    """
    from brainscore_vision.metrics.distribution_similarity.metric import BootstrapDistributionSimilarity

    if seed is None:
        raise TypeError("seed must be a whole number; None would leave the bootstrap unseeded")
    values = np.array(model_values, dtype=float)  # a copy, because the metric writes to its argument
    undefined = int(np.isnan(values).sum())
    if values.ndim != 1 or undefined == values.size:
        raise ValueError(
            f"{name}: need values of shape (neuroid,), some of them defined, but got shape {values.shape} "
            f"with {undefined} undefined (NaN); did any neuroid respond?"
        )
    chosen = {} if measure is None else {"similarity_func": measure}
    metric = BootstrapDistributionSimilarity(property_name=name, **chosen)
    primate = property_assembly(np.array(primate_values, dtype=float), name, edges)
    # A sample without defined values has no histogram; the metric's 0 / 0 is intended and left out of its mean.
    with seeded_global_generator(seed), np.errstate(invalid="ignore"):
        score = metric(property_assembly(values, name, edges), primate)
    empty = int(np.isnan(score.attrs["raw"]).sum())
    if empty > len(score.attrs["raw"]) / 10:  # where Brain-Score's metric returns 0, which is not a measured similarity
        raise ValueError(
            f"{name}: only {values.size - undefined} of {values.size} neuroids have a value, so few that {empty} of "
            f"{len(score.attrs['raw'])} samples have none (Brain-Score's metric then returns 0)"
        )
    score.attrs["n_neuroids"] = values.size
    score.attrs["n_undefined"] = undefined
    return score


def joint_ks_similarity(p: np.ndarray, q: np.ndarray) -> float:
    """Similarity of two joint histograms, ``1 - D / D_max``.

    D is Peacock's Kolmogorov-Smirnov distance (1983, Mon Not R Astron Soc 202:615): the largest difference between the
    shares of cells in a quadrant, over all four quadrants at every corner of a bin. D_max is the largest
    distance of `q` from a population in a single corner bin, so that one row of bins gives Brain-Score's similarity.

    Parameters
    ----------
    p, q : array, shape (bin, bin)
        Shares; each sums to 1.
    """
    corners = []
    for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        all_there = np.zeros_like(q)
        all_there[corner] = 1
        corners.append(_quadrant_distance(all_there, q))
    return 1 - _quadrant_distance(p, q) / max(corners)


def _quadrant_distance(p: np.ndarray, q: np.ndarray) -> float:
    difference = p - q
    quadrants = (difference, difference[::-1], difference[:, ::-1], difference[::-1, ::-1])
    return max(float(np.abs(quadrant.cumsum(axis=0).cumsum(axis=1)).max()) for quadrant in quadrants)


def property_assembly(values: np.ndarray, name: str, edges: ArrayLike) -> PropertyAssembly:
    """Values (neuroid,) of one quantity in Brain-Score's format, with its bins in ``attrs``."""
    from brainscore_core.supported_data_standards.brainio.assemblies import PropertyAssembly

    return PropertyAssembly(
        values[:, None],
        coords={
            "neuroid_id": ("neuroid", np.arange(len(values))),
            "region": ("neuroid", np.full(len(values), "V1")),
            "neuronal_property": [name],
        },
        dims=["neuroid", "neuronal_property"],
        attrs={"number_of_trials": N_TRIALS, f"{name}_bins": np.array(edges)},
    )
