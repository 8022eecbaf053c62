"""Joint distributions of two V1 properties, measured in the same macaque neurons.

Brain-Score compares one property at a time, so a model can match every histogram without a cell like the neurons. Here
pairs are compared by the same similarity in two dimensions (`binned_similarity.joint_ks_similarity`), over samples of
the model's neuroids as large as the study. In simulated studies of 89 neurons with a correlation of 0.8, the correct
model reaches 0.95 to 0.96 of the ceiling, and one with the same histograms but shuffled pairs 0.84 to 0.88
(``tests/test_joint_distributions.py``).
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..models.suppression_counts import SUPPRESSION
from .binned_similarity import binned_similarity, joint_ks_similarity
from .v1_property import Study

if TYPE_CHECKING:
    from brainscore_core.metrics import Score


@dataclass(frozen=True)
class JointDistribution:
    """Two properties, measured in the same neurons.

    Attributes
    ----------
    properties
        Names of two rows of the table of properties.
    study
        The study that measured the neurons.
    pairs
        The two values of each neuron, shape (neuron, 2).
    edges
        Of the bins on either axis, shape (bin + 1,).
    """

    properties: tuple[str, str]
    study: Study
    pairs: tuple[tuple[float, float], ...]
    edges: tuple[float, ...]

    def bin_numbers(self, pairs: ArrayLike) -> np.ndarray:
        """Bin numbers of pairs (cell, 2), counted row by row; values beyond the outermost bins count in these."""
        n_bins = len(self.edges) - 1
        each = np.clip(np.searchsorted(self.edges, np.asarray(pairs, float), side="right") - 1, 0, n_bins - 1)
        return each[:, 0] * n_bins + each[:, 1]


# Half an octave wide: each diameter of the grating experiment lies at the middle of a bin.
_DIAMETER = tuple(2.0 ** np.arange(-4, 4.5, 0.5))  # degrees
_CAVANAUGH = Study(SUPPRESSION["cavanaugh2002"].study, 89, "", "digitised from the published figure by others")
# fmt: off
_SUMMATION_AND_SURROUND = (
    (0.15, 0.61), (0.91, 1.23), (0.29, 0.48), (0.38, 0.55), (0.45, 0.61), (0.5, 0.72), (0.58, 0.93), (0.63, 0.97),
    (0.32, 0.68), (0.34, 0.74), (0.29, 0.95), (0.22, 0.95), (0.15, 0.95), (0.22, 1.25), (0.29, 1.25), (0.34, 1.05),
    (0.44, 0.95), (0.44, 1.23), (0.4, 1.34), (0.59, 1.21), (0.63, 1.31), (0.68, 1.39), (0.42, 1.72), (0.29, 1.81),
    (0.3, 2.5), (0.34, 2.83), (0.29, 2.47), (0.15, 2.51), (0.45, 2.5), (0.49, 2.69), (0.6, 2.44), (0.65, 2.69),
    (0.6, 2.02), (0.9, 1.85), (1.11, 1.57), (1.17, 1.8), (1.26, 1.69), (0.97, 2.04), (1.08, 2.29), (1.22, 2.49),
    (1.48, 2.34), (1.8, 2.52), (1.96, 2.65), (1.99, 2.93), (0.9, 2.5), (0.99, 2.79), (0.99, 3.04), (0.79, 3.32),
    (0.85, 3.49), (0.94, 3.76), (1.13, 3.58), (1.3, 3.9), (1.57, 3.36), (1.73, 3.57), (0.58, 3.58), (0.62, 3.81),
    (0.67, 4.01), (0.73, 4.48), (0.32, 3.87), (0.22, 4.78), (0.15, 5.29), (0.32, 5.21), (0.34, 5.69), (0.41, 7.03),
    (0.45, 5.02), (0.49, 5.54), (0.59, 4.71), (0.62, 5.21), (0.7, 5.61), (0.84, 6.84), (0.99, 8.04), (1.09, 8.66),
    (0.96, 5.6), (1.05, 5.53), (1.22, 6.83), (1.55, 8.44), (1.11, 4.48), (1.22, 4.88), (1.61, 5.06), (2.36, 4.87),
    (2.48, 5.25), (2.33, 6.41), (2.51, 6.99), (2.99, 4.46), (3.07, 6.48), (3.74, 5.38), (4.29, 6.24), (4.8, 6.81),
    (1.33, 5.53),
)
# fmt: on

JOINT_DISTRIBUTIONS = {
    row.properties: row
    for row in (
        JointDistribution(
            ("grating_summation_field", "surround_diameter"), _CAVANAUGH, _SUMMATION_AND_SURROUND, _DIAMETER
        ),
    )
}


def joint_similarity(pairs: ArrayLike, primate: JointDistribution, *, seed: int) -> "Score":
    """How similar a model's joint distribution of two properties is to that of measured neurons.

    Parameters
    ----------
    pairs : array, shape (neuroid, 2)
        Values of the model's neuroids that have both properties.
    primate : JointDistribution
    seed : int
        Of the bootstrap.

    Returns
    -------
    Score
        As from `binned_similarity`, with its errors; not yet divided by the ceiling.
    """
    return _similarity(primate.bin_numbers(pairs), primate, seed)


@cache
def joint_ceiling(primate: JointDistribution, *, seed: int) -> "Score":
    """The similarity of samples of the neurons themselves."""
    return joint_similarity(primate.pairs, primate, seed=seed)


@cache
def joint_without_pairing(primate: JointDistribution, *, seed: int) -> "Score":
    """The similarity of cells that have the distribution of each property, but not the neurons' pairs.

    In this population, the first property of each neuron is paired with the second property of every neuron.
    """
    first, second = np.array(primate.pairs).T
    every_pair = np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1).reshape(-1, 2)
    return joint_similarity(every_pair, primate, seed=seed)


def _similarity(bin_numbers: np.ndarray, primate: JointDistribution, seed: int) -> "Score":
    shape = (len(primate.edges) - 1,) * 2
    return binned_similarity(
        bin_numbers,
        primate.bin_numbers(primate.pairs),
        np.arange(np.prod(shape) + 1) - 0.5,
        name="-".join(primate.properties),
        seed=seed,
        measure=lambda p, q: joint_ks_similarity(p.reshape(shape), q.reshape(shape)),
    )
