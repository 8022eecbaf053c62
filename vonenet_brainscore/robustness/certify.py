"""Certificates: radii within which no perturbation changes the answer of a classifier smoothed by Gaussian noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from statistics import NormalDist
from typing import Any

import torch
from torch import Tensor

from ..arguments import check_real, check_seed, check_whole
from ..classification.accuracy import Accuracy, accuracy, binomial_interval
from ..classification.classifier import Classifier, contents_of
from ..classification.evaluation import Evaluation, check_classifier
from ..classification.image_folder import ImageFolder
from ..classification.keyed_draws import seed_of


@dataclass(frozen=True)
class Certificate:
    """The certified answer of the smoothed classifier to an image.

    Attributes
    ----------
    prediction : int
        The most frequent class of the first draws.
    votes : int
        How many of the further draws gave this class.
    radius : float
        L2 distance, in pixel values of [0, 1], within which the answer stays `prediction`; 0 where it abstains.
    abstained : bool
        Whether the draws do not determine the most probable class.
    """

    prediction: int
    votes: int
    radius: float
    abstained: bool


@dataclass(frozen=True)
class Certification:
    """Certificates for the images of a folder.

    Attributes
    ----------
    sigma, alpha : float
    n0, n : int
    training_noise : str
        Noise mode that the network was trained with; in evaluation it is the network's own (`noise`), beside `sigma`.
    noise : str
    rows : list of dict
        For each image: its name, label and sha256, `prediction`, `votes`, `radius`, and 1 or 0 for `abstained` and
        `correct`.
    output : Path
        The file that keeps the rows.
    """

    sigma: float
    alpha: float
    n0: int
    n: int
    training_noise: str
    noise: str
    rows: list[dict[str, Any]]
    output: Path

    def accuracy(self, radius: float = 0) -> Accuracy:
        """Share of images that are answered correctly and certified beyond a radius; one that abstains is not."""
        return accuracy(float(row["correct"] and row["radius"] > radius) for row in self.rows)

    @property
    def abstained(self) -> float:
        """Share of images without an answer."""
        return sum(row["abstained"] for row in self.rows) / len(self.rows)


def certify(
    classifier: Classifier,
    in_path: str | PathLike,
    *,
    sigma: float,
    n0: int = 100,
    n: int = 1000,
    alpha: float = 0.001,
    seed: int = 0,
    output: str | PathLike = ".",
    progress: bool = True,
    **images: Any,
) -> Certification:
    """Certify a classifier, smoothed by Gaussian noise on its images, on the images of a folder.

    Randomised smoothing (Cohen, Rosenfeld & Kolter 2019, ICML 97:1310, section 3.2.2): the smoothed classifier answers
    with the class that the network most probably gives to the image plus Gaussian noise of standard deviation `sigma`.
    If that probability is at least p > 1/2, no perturbation of L2 norm below ``sigma * Phi^-1(p)`` changes the answer.
    p is the exact one-sided lower bound of Clopper & Pearson, so that a certificate is wrong with probability `alpha`
    at most. The network's own noise is part of what is smoothed: the argument holds for any chance of an answer that
    depends on the image alone, and each noisy image has a draw of the VOneBlock's noise of its own.

    Parameters
    ----------
    classifier : Classifier
    in_path : path
        As in `validate`; so are `output`, `progress` and `images`, where `batch_size` counts noisy images.
    sigma : float
        In pixel values of [0, 1]. The noisy images are not clipped.
    n0, n : int
        Draws that choose the class, and further ones that count its votes.
    alpha : float
    seed : int

    Raises
    ------
    ValueError, TypeError, FileNotFoundError, OSError, MemoryError
        As `validate`; if `sigma` is not positive, `alpha` not between 0 and 1/2, or there are no draws.
    """
    _check(sigma, n0, n, alpha)
    folder = ImageFolder(in_path, **images)
    evaluation = Evaluation(classifier, folder, draws=1, seed=seed)

    def measure(images: Tensor, labels: Tensor) -> dict[str, list[Any]]:
        settings: dict[str, Any] = {"sigma": sigma, "n0": n0, "n": n, "alpha": alpha, "seed": seed}
        found = [certificate(classifier, image, batch_size=folder.batch_size, **settings) for image in images]
        correct = [float(each.prediction == label) for each, label in zip(found, labels.tolist(), strict=True)]
        kept = {name: [float(getattr(each, name)) for each in found] for name in ("prediction", "votes", "abstained")}
        return {**kept, "radius": [each.radius for each in found], "correct": correct}

    rows = evaluation.rows(
        "certificates",
        measure,
        dict.fromkeys(("prediction", "votes", "radius", "abstained", "correct")),
        settings={"sigma": sigma, "n0": n0, "n": n, "alpha": alpha, "noise_in_evaluation": classifier.noise},
        output=output,
        batch_size=1,  # image, of which there are many noisy ones
        progress=progress,
    )
    noise = classifier.noise if evaluation.stochastic else "none"
    return Certification(sigma, alpha, n0, n, classifier.training_noise, noise, rows, rows.path)


def certificate(
    classifier: Classifier,
    image: Tensor,
    *,
    sigma: float,
    n0: int = 100,
    n: int = 1000,
    alpha: float = 0.001,
    seed: int = 0,
    batch_size: int = 64,
) -> Certificate:
    """The certified answer of the smoothed classifier to one image; see `certify`.

    Parameters
    ----------
    image : Tensor, shape (3, y, x)
        In [0, 1].

    Raises
    ------
    ValueError, TypeError
        As `certify`, or if the image is no such Tensor.
    """
    _check(sigma, n0, n, alpha)
    check_classifier(classifier)
    check_seed(seed)
    check_whole(batch_size=batch_size)
    if not isinstance(image, Tensor):
        raise TypeError(f"an image is a Tensor (3, y, x), not {type(image).__name__}")
    if image.ndim != 3 or len(image) != 3 or not image.numel() or not image.is_floating_point():
        raise ValueError(f"an image is a Tensor (3, y, x) of floats, not {tuple(image.shape)} of {image.dtype}")
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    (content,) = contents_of(image[None])
    answers: list[int] = []
    draws = [content + draw.to_bytes(8, "little") for draw in range(n0 + n)]  # keys of the image in its draws
    for start in range(0, n0 + n, int(batch_size)):
        keys = draws[start : start + int(batch_size)]
        noisy = torch.stack([image + sigma * _gaussian(image, seed, key) for key in keys])
        logits = classifier.logits(noisy, keys, draws=1, seed=seed, purpose="certificate")[0]
        answers += logits.argmax(dim=1).tolist()
    prediction = most_frequent(answers[:n0])
    votes = answers[n0:].count(prediction)
    least, _ = binomial_interval(votes, n, 1 - 2 * alpha)  # one side of it errs with probability alpha
    if least <= 0.5:
        return Certificate(prediction, votes, 0.0, True)
    return Certificate(prediction, votes, sigma * NormalDist().inv_cdf(least), False)


def most_frequent(answers: Sequence[int]) -> int:
    """The class that was answered most often; of several, the first."""
    return min(set(answers), key=lambda answer: (-answers.count(answer), answer))


def _gaussian(image: Tensor, seed: int, key: bytes) -> Tensor:
    generator = torch.Generator().manual_seed(seed_of(seed, "smoothing", key))
    return torch.randn(image.shape, generator=generator).to(image)


def _check(sigma: float, n0: int, n: int, alpha: float) -> None:
    check_real(sigma=sigma, alpha=alpha)
    check_whole(n0=n0, n=n)
    if not 0 < sigma < float("inf"):
        raise ValueError(f"sigma is {sigma}; it is a standard deviation in pixel values of [0, 1], more than 0")
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha is {alpha}; it is the probability of a wrong certificate, more than 0 and below 0.5")
    if min(n0, n) < 1:
        raise ValueError(f"n0 is {n0}, n {n}; they are numbers of draws, at least 1")
