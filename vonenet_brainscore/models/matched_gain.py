"""The gain that gives front ends with and without surrounds the same median rate."""

import torch
from torch import Tensor

from .vone_block import VOneBlock


def gain_of_the_same_median(block: VOneBlock, images: Tensor) -> float:
    """The `k_exc` with which surrounds leave the median rate to images as it would be without them.

    Surrounds lower the rates to photographs and so the ratio of signal to noise, whose scale and level were chosen for
    rates without surrounds. `k_exc` scales normalised rates and leaves the pools as they are, so that a greater one
    makes up for it. The default stays as published all the same: a surround leaves a cell's response to its own small
    grating as it is, and with it the range of rates, and lower rates to large images are what surrounds are.

    Parameters
    ----------
    block : VOneBlock
        With surrounds.
    images : Tensor, shape (batch, colour, y, x)
        Normalised.

    Returns
    -------
    float
        For `get_model`, beside the settings of `block`.

    Raises
    ------
    TypeError
        If `block` is no VOneBlock or `images` no tensor.
    ValueError
        If the block has no surrounds, or half of its cells or more are silent.

    Examples
    --------
    >>> import torch
    >>> from vonenet_brainscore import gain_of_the_same_median, get_model
    >>> block = get_model(None, simple_channels=4, complex_channels=4, surround="li2022").vone_block
    >>> images = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    >>> gain_of_the_same_median(block, images) > block.k_exc  # surrounds lower rates
    True
    """
    if not isinstance(block, VOneBlock) or not isinstance(images, Tensor):
        kinds = f"{type(block).__name__} and {type(images).__name__}"
        raise TypeError(f"the gain is that of a VOneBlock and a tensor of images, not of {kinds}")
    if block.normalisation is None:
        raise ValueError("the front end has no surrounds; give it one, such as surround='li2022'")
    with torch.no_grad():
        before = block.cell_rates(images)
        after = block.normalisation(before, block.k_exc)
    if not after.median() > 0:
        raise ValueError("the median rate to these images is 0; give images with contrast, such as photographs")
    return float(block.k_exc * before.median() / after.median())
