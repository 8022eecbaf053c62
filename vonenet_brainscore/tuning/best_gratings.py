"""The optimal grating of each neuroid, and its rates to variants of that grating."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from ..stimuli.gratings import PARAMETERS, grating_parameters
from .grating_experiments import GratingExperiments
from .grating_responses import RESPONSE_THRESHOLD, TUNING_AXES, rates_by_axis, strongest_response

# Turns gratings, one row per presentation, into as many others: of another contrast, or with a mask.
Variant = Callable[[pd.DataFrame], pd.DataFrame]
_PHASES_DEG = np.arange(0, 360, 45)  # those of the grating sets
_GRATINGS_AT_A_TIME = 16  # bounds memory: 2,000 neuroids answer 16 gratings in 10 variants of 8 phases with 20 MB


def best_gratings(experiments: GratingExperiments) -> pd.DataFrame:
    """The grating of the size set with the strongest mean rate over phase.

    The size set crosses 12 diameters, 4 spatial frequencies and 6 orientations, so that many neuroids share a grating.

    Returns
    -------
    DataFrame, one row per probed neuroid
        The columns of `grating_parameters` (`phase` is 0), ``rate``, the mean rate to the grating in spikes/s,
        and ``responsive``: whether the rate is above baseline + 5 spikes/s.
    """
    parameters = grating_parameters("size")
    blank = experiments.rates("blank")[:, 0]
    by_phase, baseline, _ = rates_by_axis(experiments.rates("size"), blank, parameters, TUNING_AXES)
    rate, place = strongest_response(by_phase.mean(axis=-1))
    rows = np.arange(len(parameters)).reshape(by_phase.shape[1:])[(*place, 0)]
    table = parameters.iloc[rows].assign(phase=0.0).reset_index(drop=True)
    return table.assign(rate=rate, responsive=rate > baseline + RESPONSE_THRESHOLD)


def rates_to_variants(
    experiments: GratingExperiments, gratings: pd.DataFrame, variants: Sequence[Variant], doing: str
) -> np.ndarray:
    """Mean rates over eight phases of each neuroid to variants of its own grating.

    Parameters
    ----------
    experiments : GratingExperiments
    gratings : DataFrame, one row per probed neuroid
        As from `best_gratings`. Neuroids with the same grating share its presentations.
    variants : sequence of callable
    doing : str
        Name of the experiment, where progress is shown.

    Returns
    -------
    array, shape (neuroid, variant)
        spikes/s.
    """
    rates = np.empty((len(gratings), len(variants)))
    for members, of_member, parameters in own_presentations(gratings, variants, doing):
        shown = experiments.rates_to_gratings(parameters, doing)[members]  # (member, presentation)
        by_grating = shown.reshape(len(members), len(variants), -1, len(_PHASES_DEG)).mean(axis=-1)
        rates[members] = by_grating[np.arange(len(members)), :, of_member]
    return rates


def own_presentations(
    gratings: pd.DataFrame, variants: Sequence[Variant], doing: str
) -> "list[tuple[np.ndarray, np.ndarray, pd.DataFrame]]":
    """Presentations of variants of the neuroids' gratings, some gratings at a time.

    Returns
    -------
    list of (members, of_member, parameters)
        Neuroids; the place of each one's grating among those shown; and the presentations, in the order (variant,
        grating, phase).
    """
    values, of_neuroid = np.unique(gratings[list(PARAMETERS)].to_numpy(), axis=0, return_inverse=True)
    own, of_neuroid = pd.DataFrame(values, columns=list(PARAMETERS)), of_neuroid.ravel()
    parts = []
    for start in range(0, len(own), _GRATINGS_AT_A_TIME):
        some = own.iloc[start : start + _GRATINGS_AT_A_TIME]
        phases = some.loc[some.index.repeat(len(_PHASES_DEG))]
        phases = phases.assign(phase=phases["phase"] + np.tile(_PHASES_DEG, len(some))).reset_index(drop=True)
        parameters = pd.concat([variant(phases) for variant in variants], ignore_index=True)
        members = np.flatnonzero((of_neuroid >= start) & (of_neuroid < start + len(some)))
        parts.append((members, of_neuroid[members] - start, parameters))
    return parts
