"""Simple and complex cells: rates from the responses of a bank of quadrature pairs."""

import math
from collections.abc import Callable

from torch import Tensor


def simple_and_complex_cells(
    responses: Tensor, simple: int, complex_: int, *, gain: float, rectify: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """Rates of simple cells, ``gain * rectify(q0)``, and of complex cells, ``gain * sqrt(q0² + q1²) / sqrt(2)``.

    Parameters
    ----------
    responses : Tensor, shape (batch, filter, y, x)
        q0 of the simple cells, q0 and then q1 of the complex cells. Written to, unless they are differentiated.
    simple, complex_ : int
        How many cells of each type.
    gain : float
    rectify : callable

    Returns
    -------
    tuple of two Tensors, (batch, simple cell, y, x) and (batch, complex cell, y, x)
    """
    first, q0, q1 = responses.split((simple, complex_, complex_), dim=1)
    rectified = rectify(first)
    amplitude = _amplitude(q0, q1, in_place=not (rectified.requires_grad or q0.requires_grad))
    return rectified * gain, amplitude.mul_(gain / math.sqrt(2))


def _amplitude(q0: Tensor, q1: Tensor, *, in_place: bool) -> Tensor:
    """``sqrt(q0² + q1²)``, with a gradient of zero where both are zero."""
    if in_place:
        return q0.square_().addcmul_(q1, q1).sqrt_()
    energy = q0.square() + q1.square()
    silent = energy == 0
    return energy.masked_fill(silent, 1).sqrt().masked_fill(silent, 0)
