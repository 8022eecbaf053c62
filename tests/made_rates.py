"""Random firing rates to every set of stimuli of the table of V1 properties."""

from itertools import product

import numpy as np
import pandas as pd

from vonenet_brainscore.primates.property_table import TEXTURE_STIMULI
from vonenet_brainscore.stimuli.gratings import grating_parameters

_TEXTURES = pd.DataFrame(product((1, 2), range(1, 4), range(1, 5)), columns=["type", "family", "sample"])
STIMULI_OF = {
    **{name: grating_parameters(name) for name in ("orientation", "spatial_frequency", "size")},
    TEXTURE_STIMULI: _TEXTURES,
}


def made_rates(stimuli: str, neuroids: int = 40) -> tuple[np.ndarray, pd.DataFrame]:
    """Rates (neuroid, presentation) in spikes/s, whose curves have every odd shape, and the stimuli's table."""
    table = STIMULI_OF[stimuli]
    return 10 + np.random.default_rng(4).gamma(0.5, 15, (neuroids, len(table))), table
