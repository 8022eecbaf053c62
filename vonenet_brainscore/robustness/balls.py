"""Norm balls of perturbations: steepest-ascent steps, projections and random points."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

# Share of the pixel values that one L1 step moves: 1 % (Tramèr & Boneh 2019, NeurIPS 32:5866).
L1_SHARE = 0.01


@dataclass(frozen=True)
class Ball:
    """The perturbations of a norm.

    Attributes
    ----------
    order : float
        Of the norm, over all pixels and colours.
    step : callable
        From a gradient and the images that it was taken at, both (image, 3, y, x), to the step of norm 1 along which a
        linear loss rises most; zero for an image without gradient.
    projected : callable
        From perturbations (image, 3, y, x) and a radius to the nearest ones within it.
    drawn : callable
        From a shape (3, y, x) and a generator to a perturbation that is uniform in the ball of radius 1.
    """

    order: float
    step: Callable[[Tensor, Tensor], Tensor]
    projected: Callable[[Tensor, float], Tensor]
    drawn: Callable[[tuple[int, ...], torch.Generator], Tensor]

    def norm(self, perturbations: Tensor) -> Tensor:
        """Of each perturbation: (image, 3, y, x) to (image,)."""
        return torch.linalg.vector_norm(perturbations.flatten(1), ord=self.order, dim=1)


def _l2_step(gradient: Tensor, images: Tensor) -> Tensor:
    norm = torch.linalg.vector_norm(gradient.flatten(1), dim=1)[:, None, None, None]
    return torch.where(norm > 0, gradient / norm, 0)


def _l1_step(gradient: Tensor, images: Tensor) -> Tensor:
    """Along the share `L1_SHARE` of entries with the largest gradient among those that can still move.

    The steepest step goes along the one largest entry alone. A pixel value soon reaches 0 or 1, and such steps then
    lead nowhere: on ImageNet they leave accuracy as it was.
    """
    stuck = ((images >= 1) & (gradient > 0)) | ((images <= 0) & (gradient < 0))
    flat = gradient.masked_fill(stuck, 0).flatten(1)  # (image, pixel value)
    moved = max(1, round(L1_SHARE * flat.shape[1]))
    largest = flat.abs().topk(moved, dim=1).indices  # (image, moved)
    signs = flat.gather(1, largest).sign() / moved
    return torch.zeros_like(flat).scatter(1, largest, signs).reshape(gradient.shape)


def _projected_l2(perturbations: Tensor, radius: float) -> Tensor:
    norm = torch.linalg.vector_norm(perturbations.flatten(1), dim=1)[:, None, None, None]
    return torch.where(norm > radius, perturbations * (radius / norm), perturbations)


def _projected_l1(perturbations: Tensor, radius: float) -> Tensor:
    """By soft thresholding (Duchi et al. 2008, ICML 25:272, figure 1)."""
    flat = perturbations.flatten(1)
    size = flat.abs().sort(dim=1, descending=True).values  # (image, pixel value)
    excess = size.cumsum(dim=1) - radius
    count = torch.arange(1, size.shape[1] + 1, device=size.device)
    kept = (size * count > excess).sum(dim=1, keepdim=True).clamp(min=1)  # how many entries stay other than 0
    threshold = excess.gather(1, kept - 1) / kept  # (image, 1)
    shrunk = flat.sign() * (flat.abs() - threshold).clamp(min=0)
    outside = size.sum(dim=1, keepdim=True) > radius
    return torch.where(outside, shrunk, flat).reshape(perturbations.shape)


def _drawn_linf(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator) * 2 - 1


def _drawn_l2(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    direction = torch.randn(shape, generator=generator, dtype=torch.float64)
    radius = torch.rand((), generator=generator, dtype=torch.float64) ** (1 / direction.numel())
    return (direction * (radius / direction.norm())).float()


def _drawn_l1(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Spacings of a Poisson process with random signs: exponentials over their sum and one more."""
    numbers = math.prod(shape)
    spacings = -torch.rand(numbers + 1, generator=generator, dtype=torch.float64).clamp(min=1e-300).log()
    signs = torch.randint(2, (numbers,), generator=generator) * 2 - 1
    return (spacings[:-1] / spacings.sum() * signs).float().reshape(shape)


BALLS = {
    "inf": Ball(
        math.inf,
        lambda gradient, images: gradient.sign(),
        lambda perturbations, radius: perturbations.clamp(-radius, radius),
        _drawn_linf,
    ),
    "2": Ball(2, _l2_step, _projected_l2, _drawn_l2),
    "1": Ball(1, _l1_step, _projected_l1, _drawn_l1),
}
