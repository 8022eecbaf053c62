"""Losses that attacks maximise, averaged over a network's noise."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from ..classification.classifier import Classifier

# From logits (image, class) and labels (image,) to a loss of each image (image,), which grows as the label loses.
Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The training loss of the networks."""
    return F.cross_entropy(logits, labels, reduction="none")


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Logit of the best other class minus that of the label; positive if the network is wrong."""
    of_label = logits.gather(1, labels[:, None])[:, 0]
    others = logits.scatter(1, labels[:, None], -torch.inf)
    return others.amax(dim=1) - of_label


def logits_ratio(logits: Tensor, labels: Tensor) -> Tensor:
    """The margin over the distance of the largest and the third largest logit (DLR, Croce & Hein 2020, ICML, eq. 6).

    Unlike the cross-entropy, it does not saturate for confident networks and does not depend on the scale of logits.
    """
    first, _, third = logits.topk(3, dim=1).values.unbind(dim=1)
    return margin(logits, labels) / (first - third + 1e-12)


LOSSES: dict[str, Loss] = {"cross-entropy": cross_entropy, "dlr": logits_ratio, "margin": margin}


def mean_gradient(
    classifier: Classifier,
    loss: Loss,
    images: Tensor,
    labels: Tensor,
    contents: Sequence[bytes],
    *,
    key: tuple[object, ...],
    k: int,
) -> tuple[Tensor, Tensor]:
    """Mean over `k` draws of the noise of each image's gradient of the loss, and of the loss itself.

    Expectation over transformation (Athalye et al. 2018, ICML).

    Parameters
    ----------
    images : Tensor, shape (image, 3, y, x)
    labels : integer Tensor, shape (image,)
    contents : sequence of bytes
        Keys of the images' noise.
    key : tuple
        Of the draws.

    Returns
    -------
    gradient : Tensor, shape (image, 3, y, x)
    losses : Tensor, shape (image,)

    Raises
    ------
    ValueError
        If the gradient is not finite.
    """
    images = images.detach().requires_grad_()
    gradient, losses = torch.zeros_like(images), images.new_zeros(len(images))
    for draw in range(k):
        with classifier.drawn_noise(images, contents, *key, draw):
            of_draw = loss(classifier(images), labels)
            gradient += torch.autograd.grad(of_draw.sum(), images)[0] / k
        losses += of_draw.detach() / k
    if not gradient.isfinite().all():
        raise ValueError(f"the gradient of {classifier.name} is not finite; it cannot be attacked by descent")
    return gradient.detach(), losses


def mean_loss(
    classifier: Classifier,
    loss: Loss,
    images: Tensor,
    labels: Tensor,
    contents: Sequence[bytes],
    *,
    key: tuple[object, ...],
    k: int,
) -> Tensor:
    """The losses of `mean_gradient` alone."""
    losses = images.new_zeros(len(images))
    with torch.no_grad():
        for draw in range(k):
            with classifier.drawn_noise(images, contents, *key, draw):
                losses += loss(classifier(images), labels) / k
    return losses
