"""Receptive fields of a model's neuroids, mapped with small gratings as in Brain-Score's ``Marques2020`` benchmarks.

Computed for all neuroids at once and, after the maximum over gratings, in float64.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..stimuli.gratings import PARAMETERS, PROBED_POSITION
from .grating_responses import responses_by_axis

# Both from Marques et al. 2021 as Brain-Score has them.
RECEPTIVE_FIELD_THRESHOLD = 0.05  # of the strongest response; weaker positions do not count as receptive field
RECEPTIVE_FIELD_TOLERANCE = 0.15  # degrees between a receptive-field centre and the probed position


def receptive_field_map(responses: np.ndarray, blank: np.ndarray, parameters: pd.DataFrame) -> np.ndarray:
    """Strongest response at each position, above the blank: ``max(0, max_k relu(r_k) - relu(blank))``.

    Parameters
    ----------
    responses : array, shape (neuroid, presentation)
        Responses to the gratings of `parameters`, in the model's own units.
    blank : array, shape (neuroid,)
    parameters : DataFrame, one row per presentation
        The receptive-field set.

    Returns
    -------
    array, shape (neuroid, position_y, position_x)

    Raises
    ------
    ValueError
        If shapes differ, presentations are not in the set's order, or a response is not finite.
    """
    by_grating, _ = responses_by_axis(responses, blank, parameters, PARAMETERS)
    strongest = by_grating[:, 0].max(axis=(3, 4, 5, 6, 7)).astype(float)  # (neuroid, y, x)
    background = np.asarray(blank, float)[:, None, None]
    return np.maximum(np.maximum(strongest, 0) - np.maximum(background, 0), 0)


def receptive_field_centres(responses: np.ndarray, blank: np.ndarray, parameters: pd.DataFrame) -> np.ndarray:
    """Receptive-field centres: centroids of `receptive_field_map` where it exceeds 5 % of its maximum.

    Parameters and refusals as for `receptive_field_map`.

    Returns
    -------
    array, shape (neuroid, 2)
        (y, x) in degrees of visual angle; NaN for a neuroid that never responds more than to the blank.
    """
    weight = _supra_threshold(receptive_field_map(responses, blank, parameters))
    total = weight.sum(axis=(1, 2))
    total = np.where(total > 0, total, np.nan)
    centre = []
    for axis, other in (("position_y", 2), ("position_x", 1)):
        position = np.unique(parameters[axis])
        index = np.arange(len(position))
        centre.append(np.interp(weight.sum(axis=other) @ index / total, index, position))
    return np.stack(centre, axis=1)  # (neuroid, 2)


def receptive_field_diameters(responses: np.ndarray, blank: np.ndarray, parameters: pd.DataFrame) -> np.ndarray:
    """Receptive-field diameters: four standard deviations of `receptive_field_map` where it exceeds 5 % of its maximum.

    The variance is the mean of those along y and x, minus the variance of the mapping grating itself, ``r² / 4`` for a
    disc of radius r.

    Parameters and refusals as for `receptive_field_map`.

    Returns
    -------
    array, shape (neuroid,)
        Degrees of visual angle; NaN for a neuroid that never responds, or whose map is no wider than the grating.
    """
    weight = _supra_threshold(receptive_field_map(responses, blank, parameters))
    variance = np.zeros(len(weight))
    for axis, other in (("position_y", 2), ("position_x", 1)):
        position = np.unique(parameters[axis])
        profile = weight.sum(axis=other)
        total = profile.sum(axis=1)
        profile = profile / np.where(total > 0, total, np.nan)[:, None]
        variance += ((position**2 * profile).sum(axis=1) - (position * profile).sum(axis=1) ** 2) / 2
    variance -= float(parameters["radius"].iloc[0]) ** 2 / 4
    return 4 * np.sqrt(np.where(variance > 0, variance, np.nan))


def is_probed(centres: np.ndarray, position: Sequence[float] = PROBED_POSITION) -> np.ndarray:
    """Which neuroids' receptive fields lie within 0.15 degrees of the probed `position` (y, x), degrees.

    Parameters
    ----------
    centres : array, shape (neuroid, 2)
        From `receptive_field_centres`; NaN is never near.

    Returns
    -------
    array of bool, shape (neuroid,)
    """
    return np.linalg.norm(centres - np.asarray(position), axis=1) <= RECEPTIVE_FIELD_TOLERANCE


def _supra_threshold(field: np.ndarray) -> np.ndarray:
    """The maps (neuroid, y, x) with what is weaker than 5 % of each one's maximum set to 0."""
    return np.where(field > RECEPTIVE_FIELD_THRESHOLD * field.max(axis=(1, 2), keepdims=True), field, 0)
