"""The settings of a front end, one row each, from which arguments are checked, stored and documented."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..arguments import Setting, did_you_mean

_VONENET = "Dapello, Marques et al. 2020, NeurIPS 33:13073: the released VOneNets"
_OURS = "chosen here; the released VOneNets' colours were drawn from an unrecorded seed"


@dataclass(frozen=True)
class Stage:
    """A stage of a front end.

    Attributes
    ----------
    text : str
        What it does.
    beside_weights : {'filters', 'colours', 'flags', 'free'}
        How a setting that is given beside a checkpoint meets it. The filters or the colours in the weights must be
        those that the settings make; or the checkpoint's flags must agree with it; or it applies freely.
    in_block : bool
        Whether a VOneBlock has these settings as attributes. Those that it lacks are used up where it is made.
    """

    text: str
    beside_weights: Literal["filters", "colours", "flags", "free"]
    in_block: bool = True


STAGES: dict[str, Stage] = {
    "parameters": Stage("Gabor parameters, sampled from primate distributions", "filters", in_block=False),
    "colours": Stage("the colour channel that each filter sees", "colours", in_block=False),
    "filters": Stage("Gabor filters on the image's pixels", "filters"),
    "cells": Stage("simple and complex cells that read the filters", "flags"),
    "surround": Stage("division of each rate by the activity around its cell", "flags"),
    "noise": Stage("V1-like variability of the rates", "free"),
}

# In the order of `get_model`'s documentation. Adding a setting is adding a row.
FRONT_END: tuple[Setting, ...] = (
    Setting(
        "sf_corr",
        0.75,
        "real",
        "Correlation of spatial frequency with the width of the envelope",
        within="[-1, 1]",
        source=_VONENET,
        stage="parameters",
    ),
    Setting(
        "sf_max",
        9,
        "real",
        "Highest spatial frequency that is sampled",
        within="[0, inf]",
        unit="cycles/degree",
        source=_VONENET,
        stage="parameters",
    ),
    Setting(
        "sf_min",
        0,
        "real",
        "Lowest spatial frequency that is sampled",
        within="[0, inf]",
        unit="cycles/degree",
        source=_VONENET,
        stage="parameters",
    ),
    Setting(
        "rand_param",
        False,
        "flag",
        "Gabor parameters from uniform distributions in place of the primate ones",
        source=_VONENET,
        stage="parameters",
    ),
    Setting("gabor_seed", 0, "seed", "Seed of the Gabor parameters", source=_VONENET, stage="parameters"),
    Setting(
        "image_size",
        224,
        "whole",
        "Side of the images",
        within="[1, inf)",
        unit="pixels",
        source=_VONENET,
        stage="filters",
    ),
    Setting(
        "visual_degrees",
        8,
        "real",
        "Visual angle that the images span",
        within="(0, inf)",
        unit="degrees",
        source=_VONENET,
        stage="filters",
    ),
    Setting(
        "ksize",
        25,
        "odd",
        "Side of the filters",
        within="[1, 1023]",  # larger ones are a mistake, and would fill memory before anything says so
        unit="pixels",
        source=_VONENET,
        stage="filters",
    ),
    Setting(
        "simple_channels",
        256,
        "whole",
        "Simple cells at a position",
        within="[0, 1048576]",
        source=_VONENET,
        stage="cells",
    ),
    Setting(
        "complex_channels",
        256,
        "whole",
        "Complex cells at a position",
        within="[0, 1048576]",
        source=_VONENET,
        stage="cells",
    ),
    Setting(
        "stride",
        4,
        "whole",
        "Distance between neighbouring positions",
        within="[1, inf)",
        unit="pixels",
        source=_VONENET,
        stage="cells",
    ),
    Setting(
        "k_exc", 25, "real", "Gain from filter response to rate", within="(-inf, inf)", source=_VONENET, stage="cells"
    ),
    Setting(
        "surround",
        None,
        "choice or real",
        "Suppression indices of the surrounds: a published distribution, which is sampled, or one for all cells",
        within="[0, 0.95]",
        choices=("li2022", "li2022_input", "li2022_output", "cavanaugh2002", None),
        source=f"{_VONENET} have none",
        stage="surround",
    ),
    Setting(
        "surround_extent",
        3.1,
        "real",
        "Standard deviation of the surround's Gaussian",
        within="(0, 100]",
        unit="envelopes or cycles",
        # The ratio of the fitted divisive to the excitatory extent in input layers, medians of 3.04 and 0.98 degrees.
        source="Li et al. 2022, Cell Rep 40:111221, n = 28",
        stage="surround",
    ),
    Setting(
        "surround_unit",
        "envelope",
        "choice",
        "Unit of the surround's extent: the cell's own Gabor's envelope, or the period of its carrier",
        choices=("envelope", "cycle"),
        source="Li et al. 2022, Cell Rep 40:111221, whose excitatory extent it is",
        stage="surround",
    ),
    Setting(
        "surround_orientation",
        60,
        "real",
        "Full width at half height of the pool in orientation; inf pools all alike",
        within="[10, inf]",
        unit="degrees",
        source="the normalisation pool of Sawada & Petrov 2017, J Neurophysiol 118:3051",
        stage="surround",
    ),
    Setting(
        "surround_octaves",
        math.inf,
        "real",
        "Full width at half height of the pool in spatial frequency; inf pools all alike",
        within="[0.5, inf]",
        unit="octaves",
        source="chosen here; Sawada & Petrov 2017, J Neurophysiol 118:3051, have 2",
        stage="surround",
    ),
    Setting("surround_seed", 0, "seed", "Seed of the suppression indices", source="chosen here", stage="surround"),
    Setting(
        "noise_mode",
        "neuronal",
        "choice",
        "Noise of the rates",
        choices=("neuronal", "gaussian", None),
        source=_VONENET,
        stage="noise",
    ),
    Setting(
        "noise_scale",
        0.35,
        "real",
        "Spikes of a rate of 1, or standard deviation of Gaussian noise",
        within="(0, inf)",
        source=_VONENET,
        stage="noise",
    ),
    Setting(
        "noise_level",
        0.07,
        "real",
        "Spontaneous activity of neuronal noise",
        within="[0, inf)",
        unit="spikes",
        source=_VONENET,
        stage="noise",
    ),
    Setting(
        "quadrature",
        "matched",
        "choice",
        "Whether both filters of a complex cell see one colour, or each its own as in the released models",
        choices=("matched", "paper"),
        source=_OURS,
        stage="colours",
    ),
    Setting("colour_seed", 0, "seed", "Seed of the filters' colours", source=_OURS, stage="colours"),
)
SETTINGS: dict[str, Setting] = {row.name: row for row in FRONT_END}
DEFAULTS: dict[str, Any] = {row.name: row.default for row in FRONT_END}
FRONT_END_ARGUMENTS = (*SETTINGS, "weights")  # of `get_model`: all that a VOneBlock is made of
BLOCK: tuple[str, ...] = tuple(row.name for row in FRONT_END if STAGES[row.stage].in_block)


def names_beside(*ways: str) -> list[str]:
    """Names of the settings that meet a checkpoint in one of the ways of `Stage.beside_weights`."""
    return [row.name for row in FRONT_END if STAGES[row.stage].beside_weights in ways]


def checked_settings(given: Mapping[str, Any], names: Iterable[str] = SETTINGS) -> dict[str, Any]:
    """The given settings, each checked by its row.

    Raises
    ------
    TypeError
        If a setting is not among `names`, or is not of its kind.
    ValueError
        If a setting is out of its range.
    """
    known = list(names)
    for name in given:
        if name not in known:
            raise TypeError(f"no front-end setting {name!r}; {did_you_mean(name, known)}")
    return {name: SETTINGS[name].checked(value) for name, value in given.items()}


def settings_of(values: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """Those of the values that are settings of a stage."""
    return {row.name: values[row.name] for row in FRONT_END if row.stage == stage}


def described_settings() -> str:
    """The rows as parameters of a numpydoc docstring that is indented by four spaces."""
    return "\n    ".join(f"{row.name} : {row.type.__name__}\n        {row.help}" for row in FRONT_END)
