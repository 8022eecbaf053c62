"""Projected gradient descent on a network with noise: ART's attack, on gradients averaged over the noise."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..arguments import check_real, check_seed, check_text, check_whole
from ..brainscore import seeded_global_generator
from ..classification.accuracy import label_ranks
from ..classification.classifier import Classifier, contents_of

NORMS = {"inf": math.inf, "2": 2, "1": 1}


@dataclass(frozen=True)
class ProjectedGradientDescent:
    """Untargeted projected gradient descent (Madry et al. 2018, ICLR) on the mean loss over a network's noise.

    Each step follows the mean of the cross-entropy's gradient over `k` fresh draws of the noise (expectation over
    transformation, Athalye et al. 2018, ICML), as in Dapello, Marques et al. 2020, NeurIPS 33:13073.

    Parameters
    ----------
    norm : {'inf', '2', '1'}
    eps : float
        Radius of the ball around an image, in pixel values of [0, 1] and in that norm over all pixels and colours.
    iterations : int
    k : int
        Draws a step. A network without noise needs one.
    step_size : float, optional
        As a fraction of `eps`; by default 2 / `iterations`, with which the steps span the ball once.
    restarts : int
        Runs, of which the strongest counts for each image: the first begins at the image, others anywhere in the ball.
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
    step_size: float | None = None
    restarts: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        check_text(norm=self.norm)
        check_real(eps=self.eps, step_size=1 if self.step_size is None else self.step_size)
        check_whole(iterations=self.iterations, k=self.k, restarts=self.restarts)
        check_seed(self.seed)
        if self.norm not in NORMS:
            raise ValueError(f"unknown norm {self.norm!r}; have {', '.join(NORMS)}")
        if not 0 <= self.eps < math.inf:
            raise ValueError(f"eps is {self.eps}; it is a distance in pixel values of [0, 1], 0 or more")
        if self.step_size is not None and not 0 < self.step_size <= 1:
            raise ValueError(f"step_size is {self.step_size}; it is a fraction of eps, more than 0 and at most 1")
        for name in ("iterations", "k", "restarts"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")

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
            Keys of the images' noise, where they are known already.

        Returns
        -------
        Tensor, shape (image, 3, y, x)
            In [0, 1], no farther than `eps` from the images but for rounding. They do not depend on the order of
            batches; the random beginnings of further restarts do depend on which images share a batch.

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
        if self.eps == 0:
            return images.clone()
        contents = contents_of(images) if contents is None else contents
        strongest, fewest_correct, highest_loss = images, torch.tensor(math.inf), torch.tensor(-math.inf)
        for restart in range(self.restarts):
            found = self._run(classifier, images, labels, contents, classes=classes, restart=restart)
            # Chosen by draws that neither made them nor will score them: the best of noisy scores flatters the attack.
            logits = classifier.logits(found, contents, draws=self.k, seed=self.seed, purpose="choice of restart").cpu()
            correct = (label_ranks(logits, labels) == 0).float().mean(dim=0)  # (image,)
            loss = F.cross_entropy(logits.flatten(0, 1), labels.repeat(self.k), reduction="none")
            loss = loss.unflatten(0, (self.k, -1)).mean(dim=0)  # (image,)
            stronger = (correct < fewest_correct) | ((correct == fewest_correct) & (loss > highest_loss))
            strongest = torch.where(stronger[:, None, None, None], found, strongest)
            fewest_correct = torch.where(stronger, correct, fewest_correct)
            highest_loss = torch.where(stronger, loss, highest_loss)
        return strongest

    def _run(
        self,
        classifier: Classifier,
        images: Tensor,
        labels: Tensor,
        contents: Sequence[bytes],
        *,
        classes: int,
        restart: int,
    ) -> Tensor:
        try:
            from art.attacks.evasion import ProjectedGradientDescent as Descent

            from .steepest_descent import L1Descent, MeanGradientClassifier
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"{error}; attacks are adversarial-robustness-toolbox's: pip install 'vonenet_brainscore[robustness]'"
            ) from error

        step_size = min(1, 2 / self.iterations) if self.step_size is None else self.step_size
        key = (self.seed, "attack", restart)
        shape = tuple(images.shape[1:])
        estimator = MeanGradientClassifier(classifier, contents, key=key, k=self.k, shape=shape, classes=classes)
        attack = (L1Descent if self.norm == "1" else Descent)(
            estimator,
            norm=NORMS[self.norm],
            eps=float(self.eps),
            eps_step=float(step_size * self.eps),
            max_iter=self.iterations,
            num_random_init=int(restart > 0),
            batch_size=len(images),
            verbose=False,
        )
        # ART draws random beginnings from NumPy's global generator, and ends with a prediction that is not used here.
        beginnings = hashlib.sha256(b"".join([f"{self.seed} {restart}".encode(), *contents])).digest()
        with (
            seeded_global_generator(int.from_bytes(beginnings[:4], "little")),
            classifier.drawn_noise(images, contents, *key, "unused"),
        ):
            found = attack.generate(x=images.float().cpu().numpy(), y=labels.cpu().numpy())
        return torch.from_numpy(found).clamp(0, 1)


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
