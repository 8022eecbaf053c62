"""ART's projected gradient descent, given gradients averaged over a network's noise, and an L1 step that gets on."""

from collections.abc import Sequence
from typing import Any

import torch
from art.attacks.evasion.projected_gradient_descent.projected_gradient_descent_pytorch import (
    ProjectedGradientDescentPyTorch,
)
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn
from torch.nn import functional as F

from ..classification.classifier import Classifier

# Share of the pixel values that one L1 step moves: 1 % (Tramèr & Boneh 2019, NeurIPS 32:5866).
L1_SHARE = 0.01


class MeanGradientClassifier(PyTorchClassifier):
    """ART's view of a classifier, with the gradient of its loss averaged over fresh draws of its noise.

    Parameters
    ----------
    classifier : Classifier
    contents : sequence of bytes
        Keys of the images' noise.
    key : tuple
        Of the run; every step of it has draws of its own.
    k : int
        Draws a step.
    shape : (3, y, x)
        Of an image.
    classes : int
    """

    def __init__(
        self,
        classifier: Classifier,
        contents: Sequence[bytes],
        *,
        key: tuple[object, ...],
        k: int,
        shape: tuple[int, ...],
        classes: int,
    ) -> None:
        on_gpu = classifier.device.type == "cuda"
        with torch.cuda.device(classifier.device if on_gpu else -1):  # ART moves the network to the current GPU
            super().__init__(
                classifier,
                loss=nn.CrossEntropyLoss(),
                input_shape=shape,
                nb_classes=classes,
                clip_values=(0.0, 1.0),
                device_type="gpu" if on_gpu else "cpu",
            )
        self._classifier, self._contents, self._key, self._k = classifier, contents, key, k
        self._step = 0

    def loss_gradient(self, x: Tensor, y: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Mean over draws of each image's gradient of the cross-entropy.

        Parameters
        ----------
        x : Tensor, shape (image, 3, y, x)
        y : Tensor, shape (image, class)
            One-hot labels.

        Raises
        ------
        ValueError
            If the gradient is not finite.
        """
        images = x.detach().to(self._classifier.mean).requires_grad_()
        labels = y.argmax(dim=1)
        mean = torch.zeros_like(images)
        for draw in range(self._k):
            with self._classifier.drawn_noise(images, self._contents, *self._key, self._step, draw):
                loss = F.cross_entropy(self._classifier(images), labels, reduction="sum")
                mean += torch.autograd.grad(loss, images)[0] / self._k
        self._step += 1
        if not mean.isfinite().all():
            raise ValueError(f"the gradient of {self._classifier.name} is not finite; it cannot be attacked by descent")
        return mean


class L1Descent(ProjectedGradientDescentPyTorch):
    """Descent within an L1 ball, by steps along the largest entries of the gradient.

    ART steps along the single largest entry. A pixel value soon reaches 0 or 1, and such steps then lead nowhere: on
    ImageNet they leave accuracy as it was. Here a step goes to the share `L1_SHARE` of entries with the largest
    gradient among those that can still move.
    """

    def _compute_perturbation_pytorch(self, x: Tensor, y: Tensor, mask: Any, momentum: Tensor) -> Tensor:
        gradient = self.estimator.loss_gradient(x, y)
        stuck = ((x >= 1) & (gradient > 0)) | ((x <= 0) & (gradient < 0))
        gradient = gradient.masked_fill(stuck, 0).flatten(1)  # (image, pixel value)
        moved = max(1, round(L1_SHARE * gradient.shape[1]))
        largest = gradient.abs().topk(moved, dim=1).indices  # (image, moved)
        signs = gradient.gather(1, largest).sign() / moved
        return torch.zeros_like(gradient).scatter(1, largest, signs).reshape(x.shape)
