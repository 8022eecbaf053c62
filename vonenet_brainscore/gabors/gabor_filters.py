"""A model's Gabor filters, as a table."""

from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from ..models.named_networks import VONENET_PREFIX, vonenet_behind
from ..models.registry import MODELS
from ..models.vone_block import VOneBlock, vone_blocks
from ..models.vonenet import get_model
from ..recordings.neuroids import vone_units
from .primate_gabors import PARAMETERS


def gabor_front_end(model: Any) -> tuple[str, VOneBlock]:
    """The name of a model and its VOneBlock, whose filters are Gabors of known parameters.

    Parameters
    ----------
    model : str, nn.Module or VOneBlock
        A name in `MODELS`, whose published front end is rebuilt, with colours of its own draw; ``vonenet:timm:NAME``;
        a network with a VOneBlock; or a VOneBlock.

    Raises
    ------
    ValueError
        If the model has no Gabor filters of known parameters.
    TypeError
        If it is not a model.
    """
    have = (
        f"models with Gabor parameters: {', '.join(MODELS)}, vonenet:timm:NAME, a network from get_model, a VOneBlock"
    )
    if isinstance(model, str) and model.startswith(VONENET_PREFIX):
        return model, vonenet_behind(model)[0].vone_block
    if isinstance(model, str):
        if model not in MODELS:
            raise ValueError(f"{model!r} has no Gabor parameters that we know; {have}")
        row = MODELS[model]
        return model, get_model(None, pretrained=False, **row.published).vone_block
    if not isinstance(model, nn.Module):
        raise TypeError(f"a model is a name or a network, not {type(model).__name__}; {have}")
    block = next(iter(vone_blocks(model)), None)
    identifier = type(model).__name__
    if block is None:
        raise ValueError(f"{identifier} has no VOneBlock, so it has no Gabor parameters; {have}")
    if block.gabor_parameters is None:
        raise ValueError(
            f"the filters of {identifier}'s VOneBlock are not the Gabors that it was made with: they were loaded or "
            f"changed, and their parameters are unknown; {have}"
        )
    return identifier, block


def gabor_table(block: VOneBlock) -> pd.DataFrame:
    """Cell type, colour and parameters of a VOneBlock's filters, one row per channel; NaN where they are not known.

    `width` and `length` are the sigmas of the Gaussian along and across the carrier in degrees of visual angle,
    `aspect_ratio` is length over width. TypeError for anything but a VOneBlock.

    Examples
    --------
    >>> from vonenet_brainscore import gabor_table, get_model
    >>> table = gabor_table(get_model(None, simple_channels=2, complex_channels=1).vone_block)
    >>> table["cell_type"].tolist()
    ['simple', 'simple', 'complex']
    """
    if not isinstance(block, VOneBlock):
        raise TypeError(f"block is a {type(block).__name__}; give a VOneBlock, such as get_model(None).vone_block")
    channel = np.arange(block.simple_channels + block.complex_channels)
    units = vone_units(block, channel, row=channel, column=channel)
    table = pd.DataFrame({name: units[name] for name in ("cell_type", "colour", *PARAMETERS) if name in units})
    table["width"] = table["nx"] / table["spatial_frequency"]
    table["length"] = table["ny"] / table["spatial_frequency"]
    table["aspect_ratio"] = table["ny"] / table["nx"]
    return table.rename_axis("channel")
