"""Conversion of a VOneBlock to plain data and back."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from ..models.gabors import GaborParameters
from ..models.vone_block import VOneBlock


def front_end_record(block: VOneBlock) -> dict[str, Any]:
    """All parameters of a VOneBlock, as values that JSON stores exactly.

    Returns
    -------
    dict
        `settings`, arguments of `VOneBlock`; `gabor_parameters`, each a list with one value per channel, or None if
        the filters were not made from known parameters; `colours`, of the q0 and of the q1 filters, None for a filter
        that combines several.
    """
    parameters = block.gabor_parameters
    return {
        "settings": block.settings,
        "gabor_parameters": (
            None if parameters is None else {name: values.tolist() for name, values in asdict(parameters).items()}
        ),
        "colours": [list(colours) for colours in block.colours],
    }


def rebuilt_front_end(record: Mapping[str, Any]) -> VOneBlock:
    """The VOneBlock that a record describes.

    Raises
    ------
    ValueError
        If the record has no Gabor parameters, or they do not fit the settings.
    """
    if record["gabor_parameters"] is None:
        raise ValueError(
            "the front end was recorded without Gabor parameters; it can be restored only from its weights"
        )
    parameters = _recorded_parameters(record)
    return VOneBlock(parameters, *map(torch.tensor, record["colours"]), **record["settings"])


def check_front_end(block: VOneBlock, record: Mapping[str, Any]) -> None:
    """Raise unless the filters of a VOneBlock equal those of a record.

    Raises
    ------
    ValueError
        With the number of filters that differ, or the setting.
    """
    for name, value in block.settings.items():
        if record["settings"][name] != value:
            raise ValueError(f"the front end has {name}={value!r} but was recorded with {record['settings'][name]!r}")
    if [list(colours) for colours in block.colours] != record["colours"]:
        raise ValueError("the filters of the front end have other colours than the recorded ones")
    if record["gabor_parameters"] is None:
        return
    for name, made_of_them in block.is_made_of(_recorded_parameters(record)).items():
        wrong = int((~made_of_them).sum())
        if wrong:
            raise ValueError(
                f"{wrong} of {len(made_of_them)} filters of {name} are not made of the recorded parameters"
            )


def _recorded_parameters(record: Mapping[str, Any]) -> GaborParameters:
    return GaborParameters(**{name: np.array(values) for name, values in record["gabor_parameters"].items()})
