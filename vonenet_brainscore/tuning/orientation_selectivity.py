"""Orientation selectivity of V1 neurons, after Ringach, Shapley & Hawken 2002 (J Neurosci 22:5639).

Neuroid by neuroid as Brain-Score's ``Marques2020_Ringach2002`` benchmarks have it, computed for all at once and in
float64. A neuroid that does not respond stays in the table, marked; what is undefined for it is NaN.
"""

import numpy as np
import pandas as pd
from scipy.interpolate import make_interp_spline

from .grating_responses import RESPONSE_THRESHOLD, TUNING_AXES, first_harmonic, rates_by_axis, strongest_response


def orientation_selectivity(rates: np.ndarray, baseline: np.ndarray, parameters: pd.DataFrame) -> pd.DataFrame:
    """Ringach et al.'s eight properties, on the orientation curve through the strongest mean rate over phase.

    The baseline is not subtracted from the curve.

    Parameters
    ----------
    rates : array, shape (neuroid, presentation)
        spikes/s, non-negative.
    baseline : array, shape (neuroid,)
        Rate at the blank, spikes/s.
    parameters : DataFrame, one row per presentation
        The orientation set; an even number of orientations evenly spaced over [0, 180).

    Returns
    -------
    DataFrame, one row per neuroid
        ``responsive`` (strongest mean rate above baseline + 5 spikes/s); `circular_variance`; ``bandwidth``, half-width
        in degrees at 0.707 of the peak (`half_bandwidth`); ``orthogonal_preferred_ratio``, of the rates at the two
        orientations; ``orientation_selective`` (0 or 1: it has a bandwidth); ``circular_variance_bandwidth_ratio`` per
        degree; ``orthogonal_preferred_ratio_circular_variance_difference``; ``max_dc``, the strongest mean rate in
        spikes/s; ``modulation_ratio``, first harmonic over mean rate there.

    Raises
    ------
    ValueError
        If shapes differ, presentations are not in the set's order, a rate is negative or not finite, an axis of the
        stimuli has too few levels, or no orientation is orthogonal to another.
    """
    by_phase, baseline, levels = rates_by_axis(rates, baseline, parameters, TUNING_AXES[1:])
    orientations_deg = levels["orientation"]
    if len(orientations_deg) % 2:
        raise ValueError(
            f"{len(orientations_deg)} orientations evenly spaced over 180 degrees have none orthogonal to another; "
            "present an even number"
        )
    mean_rate = by_phase.mean(axis=-1)  # (neuroid, aperture, spatial frequency, orientation)
    max_dc, (aperture, frequency, preferred) = strongest_response(mean_rate)
    neuroid = np.arange(len(mean_rate))
    curve = mean_rate[neuroid, aperture, frequency]  # (neuroid, orientation)
    orthogonal = (preferred + len(orientations_deg) // 2) % len(orientations_deg)
    max_ac = first_harmonic(by_phase[neuroid, aperture, frequency, preferred])

    peak = np.where(max_dc > 0, max_dc, np.nan)
    variance = circular_variance(curve, orientations_deg)
    bandwidth = half_bandwidth(curve, orientations_deg)
    ratio = curve[neuroid, orthogonal] / peak
    return pd.DataFrame(
        {
            "responsive": max_dc > baseline + RESPONSE_THRESHOLD,
            "circular_variance": variance,
            "bandwidth": bandwidth,
            "orthogonal_preferred_ratio": ratio,
            "orientation_selective": (~np.isnan(bandwidth)).astype(float),
            "circular_variance_bandwidth_ratio": variance / bandwidth,
            "orthogonal_preferred_ratio_circular_variance_difference": ratio - variance,
            "max_dc": max_dc,
            "modulation_ratio": max_ac / peak,
        }
    )


def circular_variance(curve: np.ndarray, orientations_deg: np.ndarray) -> np.ndarray:
    """Circular variance of orientation tuning curves.

    ``1 - |sum_k r_k exp(2i theta_k)| / sum_k r_k``: 0 for a cell that responds to one orientation only, 1 for a
    cell that responds equally to all.

    Parameters
    ----------
    curve : array, shape (neuroid, orientation)
        spikes/s, non-negative.
    orientations_deg : array, shape (orientation,)
        Evenly spaced over [0, 180).

    Returns
    -------
    array, shape (neuroid,)
        NaN for a neuroid that never fires.
    """
    resultant = np.abs(curve @ np.exp(2j * np.deg2rad(orientations_deg)))
    total = curve.sum(axis=1)
    return 1 - resultant / np.where(total > 0, total, np.nan)


def half_bandwidth(curve: np.ndarray, orientations_deg: np.ndarray) -> np.ndarray:
    """Half the width of orientation tuning curves between the nearest points with at most 0.707 of the peak.

    Three turns of the curve are smoothed with (0.4, 1, 0.4) / 1.8, interpolated by a cubic spline and read at whole
    degrees.

    Parameters
    ----------
    curve, orientations_deg
        As for `circular_variance`.

    Returns
    -------
    array, shape (neuroid,)
        Degrees, at most 90; NaN for a neuroid that responds to every orientation with more than 0.707 of its peak.
    """
    turns = np.concatenate([orientations_deg + turn for turn in (-180, 0, 180)])
    # Padded with 0 and evaluated beyond the last knot as in Brain-Score; such points give widths above 180 degrees.
    padded = np.pad(np.tile(curve, 3), ((0, 0), (1, 1)))
    smooth = (0.4 * padded[:, :-2] + padded[:, 1:-1] + 0.4 * padded[:, 2:]) / 1.8
    degrees = np.arange(-180, 360)
    fitted = make_interp_spline(turns, smooth, axis=1)(degrees)  # (neuroid, degree)
    middle = slice(180, 360)  # the turn from 0 to 179 degrees
    peak = 180 + fitted[:, middle].argmax(axis=1)[:, None]
    weak = fitted <= 0.707 * fitted[:, middle].max(axis=1, keepdims=True)
    point = np.arange(len(degrees))
    # -inf and inf where there is no such point, hence an infinite width
    low = np.where(weak & (point < peak), point, -np.inf).max(axis=1)
    high = np.where(weak & (point > peak), point, np.inf).min(axis=1)
    width = high - low
    return np.where(width <= 180, width / 2, np.nan)
