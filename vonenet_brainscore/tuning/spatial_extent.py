"""Spatial extent of receptive fields and of summation fields at several contrasts."""

import numpy as np
import pandas as pd

from ..stimuli.gratings import grating_parameters
from .best_gratings import best_gratings
from .grating_experiments import GratingExperiments
from .grating_responses import RESPONSE_THRESHOLD, TUNING_AXES, rates_by_axis

LOW_CONTRAST = 0.25  # two octaves below the full contrast of the size set


def receptive_field_size(experiments: GratingExperiments) -> pd.DataFrame:
    """The mapped receptive field, and how it compares with the Gaussian of the neuroid's Gabor filter.

    Returns
    -------
    DataFrame, one row per neuroid
        ``responsive``; ``receptive_field_diameter``, four standard deviations of the mapped field in degrees
        (`receptive_field_diameters`); and ``receptive_field_gabor_ratio``, that over four of the Gabor's Gaussian,
        ``4 sqrt(nx ny) / f``, NaN where no Gabor is known.
    """
    table = experiments.neuroids
    diameter = table["measured_receptive_field_diameter"].to_numpy()
    gabor = np.full(len(table), np.nan)
    if {"nx", "ny", "spatial_frequency"} <= set(table):
        gabor = 4 * np.sqrt(table["nx"] * table["ny"]).to_numpy() / table["spatial_frequency"].to_numpy()
    return pd.DataFrame(
        {
            "responsive": best_gratings(experiments)["responsive"],
            "receptive_field_diameter": diameter,
            "receptive_field_gabor_ratio": diameter / gabor,
        }
    )


def summation_by_contrast(experiments: GratingExperiments) -> pd.DataFrame:
    """The summation field at low and at full contrast; in macaque V1 it shrinks as contrast grows.

    The smallest diameter whose evoked mean rate reaches 95 % of the largest, on the curve over diameter at the
    neuroid's best orientation and spatial frequency, whether or not larger gratings suppress it.

    Returns
    -------
    DataFrame, one row per neuroid
        ``responsive`` (5 spikes/s evoked at both contrasts); ``summation_diameter`` and
        ``summation_diameter_low_contrast`` in degrees, at contrasts 1 and 0.25; and ``summation_contrast_ratio``, low
        over full contrast.
    """
    gratings, parameters = best_gratings(experiments), grating_parameters("size")
    blank = experiments.rates("blank")[:, 0]
    low = experiments.rates_to_gratings(parameters.assign(contrast=LOW_CONTRAST), "size at low contrast")
    diameters, peaks = [], []
    for rates in (experiments.rates("size"), low):
        by_phase, baseline, levels = rates_by_axis(rates, blank, parameters, TUNING_AXES)
        frequency, orientation = (
            np.searchsorted(levels[axis], gratings[axis]) for axis in ("spatial_frequency", "orientation")
        )
        mean_rate = by_phase.mean(axis=-1)[:, 0]  # (neuroid, radius, spatial frequency, orientation)
        evoked = mean_rate[np.arange(len(gratings)), :, frequency, orientation] - baseline[:, None]
        peak = evoked.max(axis=1)
        reached = evoked >= 0.95 * peak[:, None]
        diameters.append(np.where(peak > 0, 2 * levels["radius"][reached.argmax(axis=1)], np.nan))
        peaks.append(peak)
    return pd.DataFrame(
        {
            "responsive": np.min(peaks, axis=0) > RESPONSE_THRESHOLD,
            "summation_diameter": diameters[0],
            "summation_diameter_low_contrast": diameters[1],
            "summation_contrast_ratio": diameters[1] / diameters[0],
        }
    )
