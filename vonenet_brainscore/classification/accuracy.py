"""Accuracy and its confidence interval."""

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
        Wilson's score interval (Wilson 1927, J Am Stat Assoc 22:209) for the number of images. Draws of the noise do
        not count as further images: if some images are answered correctly in some draws only, the interval is slightly
        wide.
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
        For each image, the share of draws with a correct answer.

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


def majority_accuracy(correct: Iterable[float]) -> Accuracy:
    """Share of images that are misclassified in no more than half of their draws, with its interval over images.

    Parameters
    ----------
    correct : iterable of float
        As in `accuracy`.
    """
    return accuracy(float(share >= 0.5) for share in correct)


def undecided(correct: Iterable[float], draws: int) -> int:
    """Number of images for which the draws do not decide whether most answers are correct.

    Parameters
    ----------
    correct : iterable of float
        As in `accuracy`.
    draws : int
        Number of draws per image; with one, as for a network without noise, every answer is decided.
    """
    if draws == 1:
        return 0
    intervals = [binomial_interval(round(share * draws), draws) for share in correct]
    return sum(low < 0.5 < high for low, high in intervals)


def binomial_interval(successes: int, trials: int, coverage: float = COVERAGE) -> tuple[float, float]:
    """Exact, conservative interval of a probability (Clopper & Pearson 1934, Biometrika 26:404).

    Parameters
    ----------
    successes, trials : int
    coverage : float
        Of the two-sided interval; each of its ends by itself errs with half of what is left.
    """
    from scipy.stats import beta

    tail = (1 - coverage) / 2
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, trials - successes + 1))
    high = 1.0 if successes == trials else float(beta.ppf(1 - tail, successes + 1, trials - successes))
    return low, high


def label_ranks(logits: Tensor, labels: Tensor) -> Tensor:
    """Number of classes that the network prefers to the correct one: 0 if it is correct. Ties count against it.

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
