"""From logits to accuracy with its interval."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

COVERAGE = 0.95


@dataclass(frozen=True)
class Accuracy:
    """Mean accuracy with its 95 % interval.

    Attributes
    ----------
    mean : float
    low, high : float
        Wilson's score interval (Wilson 1927, J Am Stat Assoc 22:209) for so many images. Draws of the noise are no
        further images: where an image is answered correctly in some draws only, the interval is a little wide.
    images : int
    """

    mean: float
    low: float
    high: float
    images: int

    def __str__(self) -> str:
        return f"{self.mean:.1%} [{self.low:.1%}, {self.high:.1%}]"


def accuracy(correct: Iterable[float]) -> Accuracy:
    """Accuracy over images.

    Parameters
    ----------
    correct : iterable of float
        For each image, the share of draws that were answered correctly.

    Raises
    ------
    ValueError
        If there is no image.
    """
    shares = list(correct)
    if not shares:
        raise ValueError("there is no accuracy over no images")
    n, mean = len(shares), math.fsum(shares) / len(shares)
    z = NormalDist().inv_cdf((1 + COVERAGE) / 2)
    centre = (mean + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(mean * (1 - mean) / n + z**2 / (4 * n**2))
    return Accuracy(mean, max(0.0, centre - half), min(1.0, centre + half), n)


def label_ranks(logits: Tensor, labels: Tensor) -> Tensor:
    """How many classes the network prefers to the right one: 0 where it is correct. A tie counts against the network.

    Parameters
    ----------
    logits : Tensor, shape (..., image, class)
    labels : integer Tensor, shape (image,)

    Returns
    -------
    integer Tensor, shape (..., image)
    """
    of_label = torch.take_along_dim(logits, labels.expand(logits.shape[:-1])[..., None], dim=-1)  # (..., image, 1)
    return (logits >= of_label).sum(dim=-1) - 1  # (..., image)
