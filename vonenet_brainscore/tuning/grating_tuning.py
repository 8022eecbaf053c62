"""Responses to gratings -> firing rates -> the tuning properties of V1 neurons.

The definitions are those of Brain-Score's ``Marques2020`` benchmarks (Marques, Schrimpf & DiCarlo 2021, bioRxiv
2021.03.01.433495), neuroid by neuroid, computed for all neuroids at once and in float64. Two differences: neuroids that
do not respond remain in the tables, marked, and quantities that are undefined for a neuroid are NaN.

Arrays are (neuroid, presentation) in the order of `stimuli.gratings.grating_parameters`. The blank is one presentation,
so that its responses are (neuroid,).
"""

import numpy as np
import pandas as pd
from scipy.interpolate import make_interp_spline

from .grating_responses import (
    RESPONSE_THRESHOLD,
    TUNING_AXES,
    mean_and_first_harmonic,
    rates_by_axis,
    responses_by_axis,
    strongest_response,
)

# All from Marques et al. 2021 as Brain-Score has them.
MEDIAN_MAX_RATE = 33.8  # spikes/s, over V1 neurons
MEDIAN_SPONTANEOUS_RATE = 0.82  # spikes/s
SINGLE_MAX_RATE = 243.1  # spikes/s, of the most active neuron


def firing_rate_affine(responses: np.ndarray, blank: np.ndarray, parameters: pd.DataFrame) -> tuple[float, float]:
    """Slope and offset that turn a model's responses into spikes/s.

    They map the median over responsive neuroids of the strongest phase-averaged response to 33.8 spikes/s, and of
    the response to the blank to 0.82. Neuroids are responsive if they exceed their response to the blank by
    5 / 243.1 of the largest such difference.

    Parameters
    ----------
    responses : array, shape (neuroid, presentation)
        To the orientation set, of the probed neuroids only.
    blank : array, shape (neuroid,)
    parameters : DataFrame, one row per presentation
        The orientation set.

    Returns
    -------
    slope, offset : float
        spikes/s per unit of response, and spikes/s.

    Raises
    ------
    ValueError
        If shapes differ, presentations are not in the set's order, a response is not finite, or no neuroid
        responds more to a grating than to the blank.
    """
    rectified = np.maximum(np.asarray(responses, float), 0)
    background = np.maximum(np.asarray(blank, float), 0)
    by_phase, _ = responses_by_axis(rectified, background, parameters, TUNING_AXES[1:])
    strongest, _ = strongest_response(by_phase.mean(axis=-1))
    evoked = strongest - background
    if not (evoked > 0).any():
        raise ValueError(
            f"none of the {len(evoked)} neuroids responds more to gratings than to the blank, so their responses have "
            "no scale in spikes/s; are these the neuroids at the probed position?"
        )
    responsive = evoked > RESPONSE_THRESHOLD / SINGLE_MAX_RATE * evoked.max()
    median_blank = np.median(background[responsive])
    slope = (MEDIAN_MAX_RATE - MEDIAN_SPONTANEOUS_RATE) / (np.median(strongest[responsive]) - median_blank)
    return float(slope), float(MEDIAN_SPONTANEOUS_RATE - slope * median_blank)


def firing_rates(responses: np.ndarray, affine: tuple[float, float]) -> np.ndarray:
    """Firing rates in spikes/s, ``relu(slope relu(r) + offset)``, of the same shape as `responses`.

    `affine` is the (slope, offset) of `firing_rate_affine`, one for all of a model's probed neuroids.
    """
    slope, offset = affine
    return np.maximum(slope * np.maximum(np.asarray(responses, float), 0) + offset, 0)


def preferred_orientation(rates: np.ndarray, baseline: np.ndarray, parameters: pd.DataFrame) -> pd.DataFrame:
    """Preferred orientation (De Valois, Yund & Hepler 1982, Vision Res 22:531).

    The orientation curve at the aperture and spatial frequency with the strongest phase-averaged rate is smoothed
    (0.2, 1, 0.2), repeated three times, interpolated by a cubic spline and evaluated at whole degrees.

    Parameters
    ----------
    rates : array, shape (neuroid, presentation)
        spikes/s, non-negative.
    baseline : array, shape (neuroid,)
        Rate at the blank, spikes/s.
    parameters : DataFrame, one row per presentation
        The orientation set; orientations evenly spaced over [0, 180).

    Returns
    -------
    DataFrame, one row per neuroid
        ``responsive`` (strongest rate above baseline + 5 spikes/s) and ``preferred_orientation``, degrees in
        [-22, 157], the range of the published histogram.

    Raises
    ------
    ValueError
        If shapes differ, presentations are not in the set's order, a rate is negative or not finite, or an axis of
        the stimuli has too few levels.
    """
    by_phase, baseline, levels = rates_by_axis(rates, baseline, parameters, TUNING_AXES[1:])
    mean_rate = by_phase.mean(axis=-1)  # (neuroid, aperture, spatial frequency, orientation)
    strongest, (aperture, frequency, _) = strongest_response(mean_rate)
    curve = mean_rate[np.arange(len(mean_rate)), aperture, frequency]  # (neuroid, orientation)
    turns = np.concatenate([levels["orientation"] + turn for turn in (-180, 0, 180)])
    # Brain-Score pads the outer turns with 0: 12 knots away, that changes the middle turn by 1e-7.
    smooth = _smoothed(np.tile(curve, 3))
    fitted = make_interp_spline(turns, smooth, axis=1)(np.arange(180))  # (neuroid, degree)
    degrees = fitted.argmax(axis=1).astype(float)
    return pd.DataFrame(
        {
            "responsive": strongest > baseline + RESPONSE_THRESHOLD,
            "preferred_orientation": np.where(degrees >= 157.5, degrees - 180, degrees),
        }
    )


def peak_spatial_frequency(rates: np.ndarray, baseline: np.ndarray, parameters: pd.DataFrame) -> pd.DataFrame:
    """Peak spatial frequency (De Valois, Albrecht & Thorell 1982, Vision Res 22:545).

    The curve over spatial frequency passes through the strongest response (mean rate above baseline, or first
    harmonic over phase); it is smoothed and interpolated over log2 frequency at 100 points.

    Parameters and refusals as for `preferred_orientation`, with the spatial-frequency set.

    Returns
    -------
    DataFrame, one row per neuroid
        ``responsive`` (strongest response above 5 spikes/s) and ``peak_spatial_frequency``, cycles/degree.
    """
    by_phase, baseline, levels = rates_by_axis(rates, baseline, parameters, TUNING_AXES)
    response = mean_and_first_harmonic(by_phase, baseline)
    strongest, (slower, radius, _, orientation, component) = strongest_response(response)
    curve = response[
        np.arange(len(response)), slower, radius, :, orientation, component
    ]  # (neuroid, spatial frequency)
    frequency, fitted = _fitted_spatial_frequency_curve(curve, levels["spatial_frequency"])
    return pd.DataFrame(
        {
            "responsive": strongest > RESPONSE_THRESHOLD,
            "peak_spatial_frequency": frequency[fitted.argmax(axis=1)],
        }
    )


def spatial_frequency_bandwidth(rates: np.ndarray, baseline: np.ndarray, parameters: pd.DataFrame) -> pd.DataFrame:
    """Bandwidth and selectivity of spatial frequency (Schiller, Finlay & Volman 1976, J Neurophysiol 39:1334).

    On the curve of mean rates (baseline not subtracted, no harmonic) through the strongest one, smoothed and
    interpolated as for the peak, ``100 f_low / f_high``: the nearest frequencies on either side with at most 0.707 of
    the peak. Small values are broad tuning. A neuroid is selective if both frequencies exist.

    Parameters and refusals as for `preferred_orientation`, with the spatial-frequency set.

    Returns
    -------
    DataFrame, one row per neuroid
        ``responsive`` (strongest rate above baseline + 5 spikes/s), ``spatial_frequency_selective`` (0 or 1) and
        ``spatial_frequency_bandwidth`` in percent, NaN for a neuroid that is not selective.
    """
    by_phase, baseline, levels = rates_by_axis(rates, baseline, parameters, TUNING_AXES)
    mean_rate = by_phase.mean(axis=-1)  # (neuroid, slower, radius, spatial frequency, orientation)
    strongest, (slower, radius, _, orientation) = strongest_response(mean_rate)
    curve = mean_rate[np.arange(len(mean_rate)), slower, radius, :, orientation]  # (neuroid, spatial frequency)
    frequency, fitted = _fitted_spatial_frequency_curve(curve, levels["spatial_frequency"])

    point, peak = np.arange(len(frequency)), fitted.argmax(axis=1)[:, None]
    weak = fitted <= 0.707 * fitted.max(axis=1, keepdims=True)
    low = np.where(weak & (point < peak), point, -1).max(axis=1)
    high = np.where(weak & (point > peak), point, len(point)).min(axis=1)
    edge = np.append(frequency, np.nan)  # where there is no such point, low (-1) and high (100) both fall on NaN
    bandwidth = 100 * edge[low] / edge[high]
    return pd.DataFrame(
        {
            "responsive": strongest > baseline + RESPONSE_THRESHOLD,
            "spatial_frequency_selective": (~np.isnan(bandwidth)).astype(float),
            "spatial_frequency_bandwidth": bandwidth,
        }
    )


def size_tuning(rates: np.ndarray, baseline: np.ndarray, parameters: pd.DataFrame) -> pd.DataFrame:
    """Size tuning and surround suppression (Cavanaugh, Bair & Movshon 2002, J Neurophysiol 88:2530).

    On the curve over radius through the strongest response (mean rate above baseline or first harmonic over phase),
    with its peak and its plateau, the response to the largest grating: suppression index ``(peak - plateau) / peak``;
    grating summation field, the smallest diameter with 95 % of the peak; surround diameter, the smallest one beyond
    the peak within 5 % of the plateau. The last two and their ratio exist above an index of 0.1.

    Parameters and refusals as for `preferred_orientation`, with the size set.

    Returns
    -------
    DataFrame, one row per neuroid
        ``responsive`` (strongest response above 5 spikes/s), ``surround_suppression_index``, ``strongly_suppressed``
        (0 or 1: index at least 0.1), ``grating_summation_field`` and ``surround_diameter`` in degrees, and
        ``surround_grating_summation_field_ratio``. All NaN for a neuroid that never responds.
    """
    by_phase, baseline, levels = rates_by_axis(rates, baseline, parameters, TUNING_AXES)
    response = mean_and_first_harmonic(by_phase, baseline)
    peak, (slower, _, frequency, orientation, component) = strongest_response(response)
    curve = response[np.arange(len(response)), slower, :, frequency, orientation, component]  # (neuroid, radius)

    diameter, plateau = 2 * levels["radius"], curve[:, -1]
    index = (peak - plateau) / np.where(peak > 0, peak, np.nan)
    summation = diameter[(curve >= 0.95 * peak[:, None]).argmax(axis=1)]
    settled = curve <= (plateau + 0.05 * np.abs(plateau))[:, None]
    beyond_peak = np.arange(len(diameter)) > curve.argmax(axis=1)[:, None]
    surround = diameter[(settled & beyond_peak).argmax(axis=1)]
    suppressed = index > 0.1
    return pd.DataFrame(
        {
            "responsive": peak > RESPONSE_THRESHOLD,
            "surround_suppression_index": index,
            "strongly_suppressed": np.where(np.isnan(index), np.nan, index >= 0.1),
            "grating_summation_field": np.where(suppressed, summation, np.nan),
            "surround_diameter": np.where(suppressed, surround, np.nan),
            "surround_grating_summation_field_ratio": np.where(suppressed, surround / summation, np.nan),
        }
    )


def _fitted_spatial_frequency_curve(curve: np.ndarray, frequency: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """100 frequencies evenly spaced in octaves, and the smoothed `curve` (neuroid, spatial frequency) at them."""
    octave = np.log2(frequency)
    fine = np.linspace(octave[0], octave[-1], 100)
    return 2**fine, make_interp_spline(octave, _smoothed(curve), axis=1)(fine)


def _smoothed(curve: np.ndarray) -> np.ndarray:
    """Each row smoothed with (0.2, 1, 0.2) / 1.4, its first and last value repeated beyond the ends."""
    padded = np.pad(curve, ((0, 0), (1, 1)), mode="edge")
    return (0.2 * padded[:, :-2] + padded[:, 1:-1] + 0.2 * padded[:, 2:]) / 1.4
