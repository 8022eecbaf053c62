"""Filter banks of the VOneBlock: dense weights, of which each filter uses one colour."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .settings import DEFAULTS, checked_settings

COLOURS = 3
NEGLIGIBLE = 1e-5  # of what the dtype rounds off the largest weight: 1e-12 of that weight in single precision


class FilterBank(nn.Module):
    """Kernels, each in its own colour of a dense weight.

    The weight, (channel, colour, y, x) in single precision, is a buffer: no optimiser sees it.

    Parameters
    ----------
    kernels : Tensor, shape (channel, y, x)
    colours : Tensor, shape (channel,)
        Colour channel (0, 1, 2 for red, green, blue) that each filter sees.
    """

    weight: Tensor

    def __init__(self, kernels: Tensor, colours: Tensor):
        super().__init__()
        weight = torch.zeros(len(kernels), COLOURS, *kernels.shape[1:])
        weight[torch.arange(len(kernels)), colours] = kernels.float()
        self.register_buffer("weight", weight)

    @property
    def colours(self) -> tuple[int | None, ...]:
        """Colour that each filter sees, read off the weight; None for a filter with several colours or none."""
        return tuple(row.index(True) if sum(row) == 1 else None for row in _has_weight(self.weight).tolist())

    def has_kernels(self, kernels: Tensor) -> Tensor:
        """Which filters are the given kernels (channel, y, x), in one colour: (channel,)."""
        weight = self.weight.detach()
        one_colour = (_has_weight(weight).sum(dim=1) == 1).cpu()
        # Kernels of other parameters differ in the first digits; single-precision trigonometry by 1e-5 of the peak.
        tolerance = max(1e-4, 2 * torch.finfo(weight.dtype).eps) * kernels.abs().amax(dim=(1, 2), keepdim=True)
        difference = (weight.sum(dim=1).to("cpu", torch.float64) - kernels).abs()
        return one_colour & (difference <= tolerance).flatten(1).all(dim=1)


class FilterGroup(NamedTuple):
    """Filters of a bank that see the same colours."""

    colours: slice
    filters: Tensor  # (filter,), positions in the bank
    kernels: Tensor  # (filter, colour, y, x)


def filters_by_colour(weight: Tensor) -> list[FilterGroup]:
    """A bank in groups of filters that see one colour each, and a last group of those that see several.

    Finding the colours takes a twentieth of the time of convolving one image. It is repeated at each call, so that no
    change of the weights is missed.

    Negligible weights are cleared in the kernels (`cleared`); the bank itself is not changed.

    Parameters
    ----------
    weight : Tensor, shape (filter, colour, y, x)

    Returns
    -------
    list of FilterGroup
        Every filter is in one of them.
    """
    if torch.compiler.is_compiling():  # a traced graph cannot depend on where the weights are zero
        return [FilterGroup(slice(None), torch.arange(len(weight), device=weight.device), cleared(weight))]
    has_weight = _has_weight(weight)
    colour = has_weight.int().argmax(dim=1)  # (filter,)
    several = has_weight.sum(dim=1) > 1
    groups = []
    for value in range(COLOURS):
        filters = ((colour == value) & ~several).nonzero()[:, 0]
        groups.append(FilterGroup(slice(value, value + 1), filters, cleared(weight[filters, value : value + 1])))
    groups.append(FilterGroup(slice(None), several.nonzero()[:, 0], cleared(weight[several])))
    return [group for group in groups if len(group.filters)]


def cleared(weight: Tensor) -> Tensor:
    """Weights with zeros in place of negligible ones, which would only cost time.

    Weights below a hundred-thousandth of the rounding error of the largest one do not change a sum of a few hundred
    products. Some weights in the tails of the Gabors' Gaussians are denormal, and many processors need a hundred cycles
    to multiply by a denormal number: a few hundred of them make a convolution several times slower. No weight that is
    denormal in its own dtype remains, however small the largest weight is.
    """
    if not weight.numel():
        return weight
    size = weight.detach().abs()
    dtype = torch.finfo(weight.dtype)
    least = (NEGLIGIBLE * dtype.eps * size.amax()).clamp_min(dtype.tiny)
    return weight.masked_fill(size < least, 0)


def filter_responses(x: Tensor, groups: list[FilterGroup], *, stride: int, padding: int) -> Tensor:
    """Convolution of images (batch, colour, y, x) with a bank given by its groups: (batch, filter, y, x)."""
    filtered = [F.conv2d(x[:, group.colours], group.kernels, stride=stride, padding=padding) for group in groups]
    filters = sum(len(group.filters) for group in groups)
    responses = filtered[0].new_empty(len(x), filters, *filtered[0].shape[2:])  # in autocast's dtype, if there is one
    for group, of_group in zip(groups, filtered, strict=True):
        responses.index_copy_(1, group.filters, of_group)
    return responses


def draw_colours(channels: int, *, seed: int, quadrature: str = DEFAULTS["quadrature"]) -> tuple[Tensor, Tensor]:
    """Random colours of the two filters of each quadrature pair.

    Parameters
    ----------
    channels : int
    seed : int
        Seed of a separate torch generator.
    quadrature : {'matched', 'paper'}
        'matched': both filters of a pair see one colour, as quadrature means it. 'paper': each sees its own, as in the
        released VOneNets, where about two thirds of the pairs disagree.

    Returns
    -------
    tuple of two Tensors, shape (channel,)
        Colours of the q0 and of the q1 filters, the same q0 for either `quadrature`.

    Raises
    ------
    ValueError
        If `quadrature` is unknown.
    """
    checked = checked_settings({"quadrature": quadrature, "colour_seed": seed})
    generator = torch.Generator().manual_seed(checked["colour_seed"])
    q0 = torch.randint(0, COLOURS, (channels,), generator=generator)
    q1 = torch.randint(0, COLOURS, (channels,), generator=generator)
    return q0, q1 if quadrature == "paper" else q0


def _has_weight(weight: Tensor) -> Tensor:
    return weight.detach().abs().amax(dim=(2, 3)) != 0  # (filter, colour)
