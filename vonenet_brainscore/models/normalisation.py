"""Divisive normalisation: each cell's rate divided by the activity of the cells around it."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

FloatArray = NDArray[np.float64]

# Weights of the Gaussians below this share of their peak are zero: single precision would add nothing for them, and
# denormal numbers multiply slowly.
_NEGLIGIBLE = 1e-12
_REACH = float(np.sqrt(-2 * np.log(_NEGLIGIBLE)))  # 7.4 standard deviations
# The largest responses of cells to gratings of full contrast, for a gain of 1 and a Gabor whose Gaussian has the
# integral 1: half for a simple cell, ``sqrt(1/8)`` for the root mean square of a quadrature pair.
LARGEST_SIMPLE, LARGEST_COMPLEX = 0.5, 0.125**0.5

Blur = tuple[Tensor, Tensor]


class Normalisation(nn.Module):
    """Divides the rates of each channel by the activity of a pool.

    ``y_c = x_c / (1 + k_c P_c)`` with ``P_c = (1 / p_c) sum_j W_cj (G_c * (x_j / a_j)²)`` (Heeger 1992, Vis Neurosci
    9:181; Cavanaugh, Bair & Movshon 2002, J Neurophysiol 88:2530): W pools over channels and its rows have the sum 1,
    G is a Gaussian in space of the integral 1, a the largest rate of a cell to a grating, and p makes P one for a
    grating of the channel's own without end. Beyond the field there are no cells and nothing is pooled.

    Rates are normalised before noise is added, and there is no other order: what a pool adds up are the rates of many
    cells, in which the noise of single cells averages out, whereas noise represents the count of one cell's spikes,
    whose variance follows the rate that is left after normalisation. A noisy count that was divided would vary less
    than a count of spikes does.

    W has few features (`surround.pool_features`), so that the pool is two thin products over channels in place of a
    square one; and a Gaussian that is zero nowhere in the field costs no more than a short one, as it is a product with
    a matrix along each axis. Nothing is approximated but for what single precision cannot hold.

    All that it is made of are buffers, which checkpoints hold and no optimiser sees.

    Parameters
    ----------
    features : array, shape (channel, feature)
        Their inner products are the similarities of channels; with rows scaled to the sum 1 they are W.
    sigma : array, shape (channel,)
        Standard deviations of the Gaussians, in positions of the grid of cells.
    strength : array, shape (channel,)
        k, non-negative.
    energy : array, shape (grating, channel)
        Mean ``(x_j / a_j)²`` to each channel's own grating without end, from `surround.grating_energy`.
    simple_channels : int
        The first channels are simple cells, the others complex.
    """

    collect: Tensor
    spread: Tensor
    sigma: Tensor

    def __init__(
        self, features: FloatArray, sigma: FloatArray, strength: FloatArray, energy: FloatArray, simple_channels: int
    ):
        super().__init__()
        similarity = features @ features.sum(axis=0)  # (channel,), the sums of the rows
        own_grating = ((energy @ features) * features).sum(axis=1) / similarity  # p, (channel,)
        distance = np.arange(1, np.ceil(_REACH * sigma.max()) + 1)
        integral = 1 + 2 * np.exp(-((distance / sigma[:, None]) ** 2) / 2).sum(axis=1)  # along an axis of the grid
        spread = features * (strength / (similarity * own_grating * integral**2))[:, None]
        largest = np.where(np.arange(len(features)) < simple_channels, LARGEST_SIMPLE, LARGEST_COMPLEX)
        # Each half of the product has a scale that half precision can hold.
        balance = len(features)
        self.register_buffer("collect", torch.from_numpy((features / largest[:, None] ** 2).T / balance).float())
        self.register_buffer("spread", torch.from_numpy(spread * balance).float())
        self.register_buffer("sigma", torch.from_numpy(sigma).float())

    def forward(self, rates: Tensor, gain: float = 1, blur: Blur | None = None) -> Tensor:
        """Normalised rates.

        Parameters
        ----------
        rates : Tensor, shape (batch, channel, y, x)
            Of a whole field.
        gain : float
            That the rates have been multiplied by. What is pooled is relative to it, so that a gain scales the
            normalised rates.
        blur : pair of Tensors, optional
            From `blur`, where it is at hand.

        Returns
        -------
        Tensor of the same shape
        """
        rows, columns = (range(side) for side in rates.shape[2:])
        blur = self.blur(rows, columns, rows, columns) if blur is None else blur
        if rates.requires_grad or rates.device.type != "cpu" or torch.compiler.is_compiling():
            return rates / (1 + self.suppression(rates.square(), gain, blur))
        normalised = torch.empty_like(rates)
        for image in range(len(rates)):  # whose intermediate results stay in the processor's cache
            rate = rates[image : image + 1]
            suppression = self.suppression(rate.square(), gain, blur)
            torch.div(rate, suppression.add_(1), out=normalised[image : image + 1])
        return normalised

    def suppression(self, squares: Tensor, gain: float, blur: Blur) -> Tensor:
        """``k P`` at the positions of a blur; linear in the squares of the rates that are pooled.

        Parameters
        ----------
        squares : Tensor, shape (batch, channel, y, x)
        gain : float
            As in `forward`.
        blur : pair of Tensors
            From `blur`.

        Returns
        -------
        Tensor, shape (batch, channel, y there, x there)
        """
        collect = self.collect / gain**2 if gain else torch.zeros_like(self.collect)
        collected = collect.to(squares.dtype) @ squares.flatten(2)  # (batch, feature, position)
        pooled = (self.spread.to(squares.dtype) @ collected).unflatten(2, squares.shape[2:])  # (batch, channel, y, x)
        down, across = blur
        return down @ pooled @ across.mT

    def blur(self, rows: range, columns: range, at_rows: Sequence[int], at_columns: Sequence[int]) -> Blur:
        """Gaussians from positions of cells to others.

        Parameters
        ----------
        rows, columns : range
            Of the cells that are pooled.
        at_rows, at_columns : sequence of int
            Of the cells whose surround is wanted, which need not be among them.

        Returns
        -------
        tuple of two Tensors, (channel, y there, y) and (channel, x there, x)
        """
        down = self._gaussians(rows, at_rows)
        return down, down if (rows, at_rows) == (columns, at_columns) else self._gaussians(columns, at_columns)

    def _gaussians(self, cells: range, at: Sequence[int]) -> Tensor:
        there, here = (torch.tensor([*positions], device=self.sigma.device) for positions in (at, cells))
        distance = (there[:, None] - here).abs()  # (there, here)
        farthest = max(abs(a - b) for a in (at[0], at[-1]) for b in (cells[0], cells[-1]))
        in_sigmas = torch.arange(farthest + 1, device=self.sigma.device) / self.sigma.float()[:, None]
        weight = (-in_sigmas.square() / 2).exp()  # (channel, distance)
        weight = weight.masked_fill(in_sigmas > _REACH, 0).to(self.sigma.dtype)
        return weight[:, distance]  # (channel, there, here)
