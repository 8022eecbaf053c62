"""Common part of all attacks on a classifier: settings, checks of arguments, and restarts."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ..arguments import check_real, check_seed, check_text, check_whole
from ..classification.accuracy import label_ranks
from ..classification.classifier import Classifier, contents_of
from ..classification.keyed_draws import seed_of
from .balls import BALLS, Ball


@dataclass(frozen=True)
class Attack(ABC):
    """An untargeted attack on the mean loss over a network's noise.

    Parameters
    ----------
    norm : {'inf', '2', '1'}
    eps : float
        Radius of the ball around an image, in pixel values of [0, 1] and in that norm over all pixels and colours.
    iterations : int
    k : int
        Number of new noise draws per step. A network without noise needs one.
    restarts : int
        Number of runs, of which the strongest counts for each image: the first starts at the image, the others at
        random points of the ball.
    seed : int

    Raises
    ------
    ValueError
        If an argument is out of its range.
    TypeError
        If it is not of its kind.
    """

    norm: str = "inf"
    eps: float = 1 / 255
    iterations: int = 64
    k: int = 10
    restarts: int = 1
    seed: int = 0

    norms: ClassVar[tuple[str, ...]] = tuple(BALLS)  # that the attack is defined for

    def __post_init__(self) -> None:
        check_text(norm=self.norm)
        check_real(eps=self.eps)
        check_whole(iterations=self.iterations, k=self.k, restarts=self.restarts)
        check_seed(self.seed)
        if self.norm not in self.norms:
            raise ValueError(f"unknown norm {self.norm!r}; have {', '.join(self.norms)}")
        if not 0 <= self.eps < math.inf:
            raise ValueError(f"eps is {self.eps}; it is a distance in pixel values of [0, 1], 0 or more")
        for name in ("iterations", "k", "restarts"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")

    @property
    def least_classes(self) -> int:
        """The smallest number of classes for which the attack is defined."""
        return 2

    @property
    def ball(self) -> Ball:
        """The perturbations of the norm."""
        return BALLS[self.norm]

    def __call__(
        self, classifier: Classifier, images: Tensor, labels: Tensor, contents: Sequence[bytes] | None = None
    ) -> Tensor:
        """Adversarial images.

        Parameters
        ----------
        classifier : Classifier
        images : Tensor, shape (image, 3, y, x)
            In [0, 1].
        labels : integer Tensor, shape (image,)
        contents : sequence of bytes, optional
            Keys of the images' noise, if they are already known.

        Returns
        -------
        Tensor, shape (image, 3, y, x)
            In [0, 1], no farther than `eps` from the images but for rounding. All that is random belongs to an image's
            content: neither the order of images nor what else is in a batch matters, but for rounding.

        Raises
        ------
        ValueError
            If images are not in [0, 1], labels are no classes of the network, their shapes are others, or its gradient
            is not finite.
        TypeError
            If they are no tensors.
        """
        _check_call(classifier, images, labels, contents)
        if not 0 <= images.min() <= images.max() <= 1:
            raise ValueError(f"images reach from {images.min()} to {images.max()}; they must be in [0, 1]")
        classes = classifier.count_classes(images.shape[-1])
        if not 0 <= labels.min() <= labels.max() < classes:
            raise ValueError(f"labels reach from {labels.min()} to {labels.max()}, but there are {classes} classes")
        if classes < self.least_classes:
            raise ValueError(f"{self} needs {self.least_classes} classes, but {classifier.name} tells {classes} apart")
        if self.eps == 0:
            return images.clone()
        contents = contents_of(images) if contents is None else contents
        place, kind = images.device, images.dtype
        images, labels = images.to(classifier.mean), labels.to(classifier.device)
        strongest, fewest_correct, highest_loss = images, torch.tensor(math.inf), torch.tensor(-math.inf)
        for restart in range(self.restarts):
            begun = images
            if restart > 0:
                begun = self._within(images + self.eps * self._drawn(images, contents, restart), images)
            found = self._run(classifier, images, begun, labels, contents, key=(self.seed, "attack", restart))
            if self.restarts == 1:
                return found.to(place, kind)
            # Chosen by separate draws, because the best of several noisy scores is biased in favour of the attack.
            logits = classifier.logits(found, contents, draws=self.k, seed=self.seed, purpose="choice of restart")
            correct = (label_ranks(logits, labels) == 0).float().mean(dim=0).cpu()  # (image,)
            loss = F.cross_entropy(logits.flatten(0, 1), labels.repeat(self.k), reduction="none").cpu()
            loss = loss.unflatten(0, (self.k, -1)).mean(dim=0)  # (image,)
            stronger = (correct < fewest_correct) | ((correct == fewest_correct) & (loss > highest_loss))
            strongest = torch.where(stronger.to(images.device)[:, None, None, None], found, strongest)
            fewest_correct = torch.where(stronger, correct, fewest_correct)
            highest_loss = torch.where(stronger, loss, highest_loss)
        return strongest.to(place, kind)

    @abstractmethod
    def _run(
        self,
        classifier: Classifier,
        images: Tensor,
        begun: Tensor,
        labels: Tensor,
        contents: Sequence[bytes],
        *,
        key: tuple[object, ...],
    ) -> Tensor:
        """Adversarial images of one run that begins at `begun`; draws of the noise have `key` before a step's own."""

    def _within(self, moved: Tensor, images: Tensor) -> Tensor:
        """Nearest images in [0, 1] and in the ball.

        Clipping first, then projecting: towards an image in [0, 1] the projection stays there.
        """
        return images + self.ball.projected(moved.clamp(0, 1) - images, self.eps)

    def _drawn(self, images: Tensor, contents: Sequence[bytes], *key: object) -> Tensor:
        """A perturbation of each image that is uniform in the ball of radius 1."""
        shape = tuple(images.shape[1:])
        seeds = [seed_of(self.seed, "beginning", *key, content) for content in contents]
        return torch.stack([self.ball.drawn(shape, torch.Generator().manual_seed(seed)) for seed in seeds]).to(images)


def _check_call(classifier: Classifier, images: Tensor, labels: Tensor, contents: Sequence[bytes] | None) -> None:
    if not isinstance(classifier, Classifier):
        raise TypeError(f"a classifier is a Classifier, as load_classifier gives it, not {type(classifier).__name__}")
    for name, tensor in (("images", images), ("labels", labels)):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name} is a {type(tensor).__name__}; give a Tensor")
    if images.ndim != 4 or images.shape[1] != 3 or labels.shape != images.shape[:1] or not images.numel():
        raise ValueError(
            f"images have shape {tuple(images.shape)}, labels {tuple(labels.shape)}; they are (image, 3, y, x) and "
            "(image,), of at least one image"
        )
    if not images.is_floating_point() or labels.is_floating_point() or labels.is_complex():
        raise ValueError(f"images are {images.dtype} and labels {labels.dtype}; they are floats and whole numbers")
    if contents is not None and (not isinstance(contents, Sequence) or len(contents) != len(images)):
        raise ValueError(f"contents are {len(images)} keys, one an image, as contents_of gives them")
    if contents is not None and not all(isinstance(key, bytes) for key in contents):
        raise TypeError("contents are keys of images as bytes, as contents_of gives them")
