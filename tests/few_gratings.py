"""The grating experiments with few gratings, for tests that record on whole screens or many times."""

import numpy as np
import pytest

from vonenet_brainscore.stimuli import gratings
from vonenet_brainscore.tuning import grating_experiments, screen_recorder, tuning_curves, window_recorder


def show_few_gratings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine positions, two orientations, four phases and frequencies, four sizes."""
    everything = gratings.grating_parameters
    frequencies = np.unique(everything("orientation")["spatial_frequency"])

    def some(name):
        table = everything(name)
        if name == "receptive_field":
            table = table[table[["position_y", "position_x"]].isin([0.25, 0.5, 0.75]).all(axis=1)]
        elif name != "blank":
            table = table[table["phase"].isin([0, 90, 180, 270]) & table["orientation"].isin([0, 90])]
            table = table[table["spatial_frequency"].isin(frequencies)]
        if name == "size":
            table = table[table["radius"].isin(np.unique(table["radius"])[1::3])]
        return table.reset_index(drop=True)

    for module in (gratings, grating_experiments, screen_recorder, window_recorder, tuning_curves):
        monkeypatch.setattr(module, "grating_parameters", some)
