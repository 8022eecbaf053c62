"""Attacks on networks with noise: projected gradient descent, with fixed and with adaptive steps, and random search.

They are implemented here because libraries evaluate a network once per step and keep the best of several noisy answers.
Here every step follows the mean over new noise draws, keyed image by image. On networks without noise
the descent equals that of the adversarial-robustness-toolbox to rounding (tested).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..arguments import check_real, check_text
from ..classification.classifier import Classifier
from ..classification.keyed_draws import seed_of
from .attack import Attack
from .losses import LOSSES, margin, mean_gradient, mean_loss


@dataclass(frozen=True)
class ProjectedGradientDescent(Attack):
    """Projected gradient descent on the cross-entropy (Madry et al. 2018, ICLR).

    Each step follows the mean gradient over `k` fresh draws of the noise (expectation over transformation, Athalye et
    al. 2018, ICML), as in Dapello, Marques et al. 2020, NeurIPS 33:13073.

    Parameters
    ----------
    norm, eps, iterations, k, restarts, seed
        As in `Attack`.
    step_size : float, optional
        As a fraction of `eps`; by default 2 / `iterations`, with which the steps span the ball once.
    momentum : float
        Decay of the accumulated gradient, to which each gradient is added divided by its L1 norm (Dong et al. 2018,
        CVPR, eq. 6, with a decay of 1); 0 for none.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from vonenet_brainscore import Classifier, ProjectedGradientDescent
    >>> classifier = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 5)))
    >>> images, labels = torch.full((2, 3, 8, 8), 0.5), torch.tensor([0, 1])
    >>> attack = ProjectedGradientDescent("inf", eps=0.1, iterations=4, k=1)
    >>> float((attack(classifier, images, labels) - images).abs().max()) <= 0.1 + 1e-6
    True
    """

    step_size: float | None = None
    momentum: float = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_real(step_size=1 if self.step_size is None else self.step_size, momentum=self.momentum)
        if self.step_size is not None and not 0 < self.step_size <= 1:
            raise ValueError(f"step_size is {self.step_size}; it is a fraction of eps, more than 0 and at most 1")
        if not 0 <= self.momentum <= 1:
            raise ValueError(f"momentum is {self.momentum}; it is a share, 0 to 1")

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
        step_size = self.eps * (min(1, 2 / self.iterations) if self.step_size is None else self.step_size)
        loss, found, gathered = LOSSES["cross-entropy"], begun, torch.zeros_like(images)
        for step in range(self.iterations):
            gradient, _ = mean_gradient(classifier, loss, found, labels, contents, key=(*key, step), k=self.k)
            size = gradient.abs().sum(dim=(1, 2, 3), keepdim=True)
            gathered = self.momentum * gathered + torch.where(size > 0, gradient / size, 0)
            found = self._within(found + step_size * self.ball.step(gathered, found), images)
        return found


@dataclass(frozen=True)
class AutoPGD(Attack):
    """Projected gradient descent with steps that are halved on a plateau (Croce & Hein 2020, ICML 119:2206).

    Their algorithm 1, with the mean loss over `k` draws for the loss. Steps begin at 2 `eps`. In the L1 norm its steps
    are those of `ProjectedGradientDescent`; Croce & Hein 2021 (ICML 139:2201) adapt their sparsity too.

    Parameters
    ----------
    norm, eps, iterations, k, restarts, seed
        As in `Attack`.
    loss : {'cross-entropy', 'dlr'}
        'dlr', the difference of logits ratio, needs three classes.

    Examples
    --------
    >>> from vonenet_brainscore import AutoPGD
    >>> AutoPGD("2", eps=0.5, iterations=20, k=1, loss="dlr").least_classes
    3
    """

    loss: str = "cross-entropy"

    losses: ClassVar[tuple[str, ...]] = ("cross-entropy", "dlr")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_text(loss=self.loss)
        if self.loss not in self.losses:
            raise ValueError(f"unknown loss {self.loss!r}; have {', '.join(self.losses)}")

    @property
    def least_classes(self) -> int:
        """How many classes a network must tell apart: the difference of logits ratio is of the first three."""
        return 3 if self.loss == "dlr" else super().least_classes

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
        loss, checkpoints = LOSSES[self.loss], _checkpoints(self.iterations)

        def at(moved: Tensor, step: int) -> tuple[Tensor, Tensor]:
            return mean_gradient(classifier, loss, moved, labels, contents, key=(*key, step), k=self.k)

        size = torch.full_like(images[:, :1, :1, :1], 2 * self.eps)  # of each image's steps
        before = found = best = begun
        gradient, losses = at(found, 0)
        best_gradient, best_losses = gradient, losses
        rises, halved = torch.zeros_like(losses), torch.ones_like(losses, dtype=torch.bool)
        best_at_checkpoint, last_checkpoint = best_losses, 0
        for step in range(1, self.iterations + 1):
            straight = self._within(found + size * self.ball.step(gradient, found), images)
            ahead = 0.75 * (straight - found) + 0.25 * (found - before) if step > 1 else straight - found
            before, found = found, self._within(found + ahead, images)
            losses_before = losses
            if step == self.iterations:
                losses = mean_loss(classifier, loss, found, labels, contents, key=(*key, step), k=self.k)
            else:
                gradient, losses = at(found, step)
            rises += losses > losses_before
            better = losses > best_losses
            best = _where(better, found, best)
            best_gradient, best_losses = (
                _where(better, gradient, best_gradient),
                torch.where(better, losses, best_losses),
            )
            if step in checkpoints:
                rarely = rises < 0.75 * (step - last_checkpoint)
                halved = rarely | (~halved & (best_losses <= best_at_checkpoint))
                size = _where(halved, size / 2, size)
                found, gradient = _where(halved, best, found), _where(halved, best_gradient, gradient)
                before, losses = _where(halved, best, before), torch.where(halved, best_losses, losses)
                rises, best_at_checkpoint, last_checkpoint = torch.zeros_like(rises), best_losses, step
        return best


@dataclass(frozen=True)
class SquareAttack(Attack):
    """Random search by squares of colour, which uses only scores (Andriushchenko et al. 2020, ECCV 12368:484).

    Their algorithm for the L-infinity norm. A square is kept if it lowers the mean margin over `k` draws. The
    current and the new square are compared in the same new draws, so that a margin that was low by chance is not kept.

    Parameters
    ----------
    norm : {'inf'}
    eps, iterations, k, restarts, seed
        As in `Attack`; `iterations` are squares, of which the authors take 5,000 and more.
    share : float
        Of the image that the first squares cover. It falls in the authors' steps, stretched to `iterations`.

    Examples
    --------
    >>> from vonenet_brainscore import SquareAttack
    >>> SquareAttack(eps=8 / 255, iterations=500, k=1).norms
    ('inf',)
    """

    iterations: int = 5000
    share: float = 0.8  # AutoAttack's (Croce & Hein 2020); the attack's own paper takes 0.05

    norms: ClassVar[tuple[str, ...]] = ("inf",)
    # Parts of 10,000 iterations after which the share is halved (section 4.1).
    _HALVED: ClassVar[tuple[float, ...]] = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_real(share=self.share)
        if not 0 < self.share <= 1:
            raise ValueError(f"share is {self.share}; it is a share of the image, more than 0 and at most 1")

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
        generators = [torch.Generator().manual_seed(seed_of(*key, "squares", content)) for content in contents]
        colours, height, width = images.shape[1:]
        stripes = torch.stack([_signs((colours, 1, width), generator) for generator in generators]).to(images)
        found = self._within(images + self.eps * stripes, images)
        for step in range(self.iterations):
            halvings = sum(step >= part * self.iterations for part in self._HALVED)
            side = max(1, min(round(math.sqrt(self.share / 2**halvings * height * width)), height, width))
            tried = found.clone()
            for index, generator in enumerate(generators):
                top = int(torch.randint(height - side + 1, (), generator=generator))
                left = int(torch.randint(width - side + 1, (), generator=generator))
                square = (index, slice(None), slice(top, top + side), slice(left, left + side))
                tried[square] = images[square] + self.eps * _signs((colours, 1, 1), generator).to(images)
            tried = self._within(tried, images)
            stands, new = (
                mean_loss(classifier, margin, each, labels, contents, key=(*key, step), k=self.k)
                for each in (found, tried)
            )
            found = _where(new > stands, tried, found)
        return found


# By name, with the settings that their authors give.
ATTACKS: dict[str, Attack] = {
    "pgd": ProjectedGradientDescent(),
    "momentum-pgd": ProjectedGradientDescent(momentum=1),
    "apgd-ce": AutoPGD(),
    "apgd-dlr": AutoPGD(loss="dlr"),
    "square": SquareAttack(),
}


def _checkpoints(iterations: int) -> set[int]:
    """Steps at which AutoPGD may halve its step (Croce & Hein 2020, section 3.2)."""
    before, part, found = 0.0, 0.22, []
    while part <= 1:
        found.append(math.ceil(part * iterations))
        before, part = part, part + max(part - before - 0.03, 0.06)
    return set(found)


def _where(chosen: Tensor, these: Tensor, others: Tensor) -> Tensor:
    """Images (image, ...) of one batch where `chosen` (image,) and of another elsewhere."""
    return torch.where(chosen[:, None, None, None], these, others)


def _signs(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randint(2, shape, generator=generator).float() * 2 - 1
