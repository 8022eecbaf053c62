"""A VOneBlock as plain data, and back."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from ..models.gabors import GaborParameters
from ..models.vone_block import VOneBlock

NOISE = ("noise_mode", "noise_scale", "noise_level")
_SETTINGS = (
    *("image_size", "visual_degrees", "ksize", "stride"),
    *("simple_channels", "complex_channels", "k_exc"),
    *NOISE,
)


def front_end_record(block: VOneBlock) -> dict[str, Any]:
    """Everything that makes a VOneBlock, as values that JSON keeps exactly.

    Returns
    -------
    dict
        `settings`, arguments of `VOneBlock`; `gabor_parameters`, each a list with one value a channel, or None where
        the filters were not made from known parameters; `colours`, of the q0 and of the q1 filters, None for a filter
        that weighs several.
    """
    parameters = block.gabor_parameters
    return {
        "settings": front_end_settings(block),
        "gabor_parameters": (
            None if parameters is None else {name: values.tolist() for name, values in asdict(parameters).items()}
        ),
        "colours": [list(colours) for colours in block.colours],
    }


def front_end_settings(block: VOneBlock) -> dict[str, Any]:
    """The arguments of `VOneBlock` that are single values."""
    return {name: getattr(block, name) for name in _SETTINGS}


def rebuilt_front_end(record: Mapping[str, Any]) -> VOneBlock:
    """The VOneBlock that a record describes.

    Raises
    ------
    ValueError
        If the record has no Gabor parameters, or they do not fit the settings.
    """
    if record["gabor_parameters"] is None:
        raise ValueError("the front end was recorded without Gabor parameters; only its weights can make it again")
    parameters = GaborParameters(**{name: np.array(values) for name, values in record["gabor_parameters"].items()})
    return VOneBlock(parameters, *map(torch.tensor, record["colours"]), **record["settings"])


def check_front_end(block: VOneBlock, record: Mapping[str, Any]) -> None:
    """Raise unless the filters of a VOneBlock are those of a record.

    Raises
    ------
    ValueError
        Saying how many filters differ, or which setting.
    """
    for name, value in front_end_settings(block).items():
        if record["settings"][name] != value:
            raise ValueError(f"the front end has {name}={value!r} but was recorded with {record['settings'][name]!r}")
    if [list(colours) for colours in block.colours] != record["colours"]:
        raise ValueError("the filters of the front end have other colours than were recorded")
    if record["gabor_parameters"] is None:
        return
    expected = rebuilt_front_end(record)
    for name in ("simple_conv_q0", "simple_conv_q1"):
        loaded, rebuilt = (getattr(each, name).weight.detach().cpu() for each in (block, expected))
        # Filters of other parameters differ in the first digits; single-precision trigonometry by 1e-5 of the peak.
        tolerance = 1e-4 * rebuilt.abs().amax(dim=(1, 2, 3), keepdim=True)
        wrong = int(((loaded - rebuilt).abs() > tolerance).flatten(1).any(dim=1).sum())
        if wrong:
            raise ValueError(f"{wrong} of {len(loaded)} filters of {name} are not made of the recorded parameters")
