"""The noise of the VOneBlock, computed from a standard-normal draw."""

import torch
from torch import Tensor

# Added to the variance, so that its square root has a gradient at a rate of zero.
VARIANCE_FLOOR = 1e-4


def noisy(rates: Tensor, draw: Tensor, *, mode: str, scale: float, level: float) -> Tensor:
    """Noisy rates before they are rectified.

    With x the rates, z the draw, s the scale and l the level, neuronal noise is
    ``(s x + l + z sqrt(relu(s x + l) + 1e-4) - l) / s``, whose variance grows with the mean as that of V1 neurons does
    (Softky & Koch 1993, J Neurosci 13:334; scale and level of Dapello, Marques et al. 2020, NeurIPS 33:13073). Gaussian
    noise is ``x + s z``.

    Parameters
    ----------
    rates : Tensor
        Never written to.
    draw : Tensor of the same shape
    mode : {'neuronal', 'gaussian'}
    scale, level : float

    Returns
    -------
    Tensor of the same shape
        New memory.
    """
    if mode == "gaussian":
        return torch.add(rates, draw, alpha=scale)
    # x + z sqrt(relu(x / s + l / s²) + 1e-4 / s²) is the same with one temporary, written in place: a recording draws
    # noise for millions of units a trial, and memory traffic is what it costs.
    floor = VARIANCE_FLOOR / scale**2
    spread = rates.mul(1 / scale).add_(level / scale**2 + floor).clamp_min_(floor).sqrt_()
    if torch.is_grad_enabled() and (rates.requires_grad or draw.requires_grad):
        return torch.addcmul(rates, draw, spread)
    return torch.addcmul(rates, draw, spread, out=spread)
