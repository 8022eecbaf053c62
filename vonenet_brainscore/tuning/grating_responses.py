"""Responses to gratings by stimulus axis, as all tuning analyses read them."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

# spikes/s above which a neuron counts as responsive; Marques et al. 2021 as Brain-Score has it
RESPONSE_THRESHOLD = 5.0
TUNING_AXES = ("radius", "spatial_frequency", "orientation", "phase")
# A cubic spline needs 4 points; with 2 phases or fewer the fundamental cannot be distinguished from the mean.
_FEWEST_LEVELS = {"radius": 2, "spatial_frequency": 4, "orientation": 2, "phase": 3}

# Rates (neuroid, presentation) and rates at the blank (neuroid,) in spikes/s, and the stimuli's table -> a row per
# neuroid, with the column `responsive` beside the properties.
Analysis = Callable[[np.ndarray, np.ndarray, pd.DataFrame], pd.DataFrame]


def responses_by_axis(
    responses: np.ndarray, blank: np.ndarray, parameters: pd.DataFrame, axes: Sequence[str]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Responses with one dimension for each stimulus axis instead of one for all presentations.

    Parameters
    ----------
    responses : array, shape (neuroid, presentation)
    blank : array, shape (neuroid,)
        Response to the blank screen; only checked.
    parameters : DataFrame, one row per presentation
        In the order of `grating_parameters`.
    axes : sequence of str
        Columns of `parameters`, the last one varying fastest.

    Returns
    -------
    array, shape (neuroid, slower, *axes)
        A view of `responses`; `slower` combines everything that varies outside the `axes`.
    dict
        The sorted levels of each axis.

    Raises
    ------
    ValueError
        If shapes differ, a response is not finite, or the presentations are in another order.
    """
    responses, blank = np.asarray(responses), np.asarray(blank)
    if responses.ndim != 2 or responses.shape[1] != len(parameters) or blank.shape != responses.shape[:1]:
        raise ValueError(
            f"responses have shape {responses.shape} and the blank's {blank.shape}, but must be (neuroid, "
            f"{len(parameters)} presentations) and (neuroid,)"
        )
    # Extremes, not isfinite: a mask the size of a receptive-field recording is hundreds of megabytes.
    extremes = [extreme(values, initial=0) for values in (responses, blank) for extreme in (np.min, np.max)]
    if not np.isfinite(extremes).all():
        raise ValueError("a response is NaN or infinite; tuning cannot be measured on it")

    levels = {axis: np.unique(parameters[axis]) for axis in axes}
    grid = np.stack(np.meshgrid(*levels.values(), indexing="ij"), axis=-1).reshape(-1, len(axes))
    slower = len(parameters) // max(len(grid), 1)
    if not np.array_equal(np.tile(grid, (slower, 1)), parameters[list(axes)].to_numpy()):
        raise ValueError(
            f"the {len(parameters)} presentations are not every combination of {', '.join(axes)} with the last "
            "fastest; keep to the order of grating_parameters"
        )
    return responses.reshape(len(responses), slower, *map(len, levels.values())), levels


def rates_by_axis(
    rates: np.ndarray, baseline: np.ndarray, parameters: pd.DataFrame, axes: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Firing rates with a dimension for each stimulus axis.

    Parameters
    ----------
    rates : array, shape (neuroid, presentation)
        spikes/s, non-negative.
    baseline : array, shape (neuroid,)
        Rate at the blank, spikes/s.
    parameters : DataFrame, one row per presentation
    axes : sequence of str
        As in `responses_by_axis`.

    Returns
    -------
    rates : float64 array, shape (neuroid, slower, *axes)
    baseline : float64 array, shape (neuroid,)
    levels : dict
        The sorted levels of each axis.

    Raises
    ------
    ValueError
        If shapes differ, presentations are in another order, a rate is negative or not finite, or an axis has too few
        levels for a tuning curve.
    """
    rates, baseline = np.asarray(rates, float), np.asarray(baseline, float)
    by_axis, levels = responses_by_axis(rates, baseline, parameters, axes)
    lowest = min(rates.min(initial=0), baseline.min(initial=0))
    if lowest < 0:
        raise ValueError(f"firing rates must not be negative, but one is {lowest:g}; see firing_rates")
    for axis, values in levels.items():
        if len(values) < _FEWEST_LEVELS[axis]:
            raise ValueError(
                f"tuning needs {_FEWEST_LEVELS[axis]} or more levels of {axis}, but has {len(values)}; none of "
                f"{len(rates)} neuroids was measured"
            )
    return by_axis, baseline, levels


def strongest_response(response: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Each neuroid's strongest response (neuroid,) and where it is, an index (neuroid,) for each further axis."""
    flat = response.reshape(len(response), -1)
    return flat.max(axis=1), np.unravel_index(flat.argmax(axis=1), response.shape[1:])


def mean_and_first_harmonic(by_phase: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Mean over phase above baseline, and amplitude of the first harmonic, both in spikes/s.

    Parameters
    ----------
    by_phase : array, shape (neuroid, ..., phase)
    baseline : array, shape (neuroid,)

    Returns
    -------
    array, shape (neuroid, ..., 2)
    """
    mean = by_phase.mean(axis=-1) - baseline.reshape(-1, *[1] * (by_phase.ndim - 2))
    return np.stack([mean, first_harmonic(by_phase)], axis=-1)


def first_harmonic(by_phase: np.ndarray) -> np.ndarray:
    """Amplitude ``2 |sum_k r_k exp(-i phase_k)| / n`` of the modulation over phase, (..., phase) in and (...) out."""
    # NumPy rounds absolute values of a non-contiguous view differently if the result is adjacent to it in memory.
    harmonic = np.ascontiguousarray(np.fft.rfft(by_phase)[..., 1])
    return 2 * np.abs(harmonic) / by_phase.shape[-1]
