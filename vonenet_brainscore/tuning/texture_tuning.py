"""Texture tuning of V1 neurons as Freeman, Ziemba et al. 2013 (Nat Neurosci 16:974) describe it.

Neuroid by neuroid as Brain-Score's ``Marques2020_FreemanZiemba2013`` benchmarks have it, computed for all at once and
in float64. A neuroid that does not respond stays in the table, marked; what is undefined for it is NaN.
"""

import numpy as np
import pandas as pd

from .grating_responses import RESPONSE_THRESHOLD

_COUNTING_WINDOW_S = 0.1  # rates become spike counts of 100 ms; Marques et al. 2021 as Brain-Score has it
_AXES = ["type", "family", "sample"]


def texture_tuning(rates: np.ndarray, baseline: np.ndarray, stimuli: pd.DataFrame) -> pd.DataFrame:
    """Responses to naturalistic textures (t) and to noise with the same spectrum (n).

    With family means above baseline, the modulation index is the mean over families of ``(t - n) / (t + n)``;
    selectivity is the `sparseness` of t over families, sparseness that over single images; the variance ratio is
    `family_to_sample_variance` of the textures' spike counts.

    Parameters
    ----------
    rates : array, shape (neuroid, presentation)
        spikes/s, non-negative.
    baseline : array, shape (neuroid,)
        Rate at the blank, spikes/s.
    stimuli : DataFrame, one row per presentation
        With ``type`` (two: the lower number is noise, the higher texture), ``family`` and ``sample``; every
        combination once, in any order.

    Returns
    -------
    DataFrame, one row per neuroid
        ``responsive`` (strongest response more than 5 spikes/s above baseline), ``texture_modulation_index`` and
        ``absolute_texture_modulation_index``, ``texture_selectivity``, ``texture_sparseness``, ``variance_ratio``, and
        ``max_texture`` and ``max_noise`` in spikes/s above baseline.

    Raises
    ------
    ValueError
        If shapes differ, a rate is negative or not finite, or the stimuli are not two types of two or more families
        and samples each.
    """
    by_image = _rates_by_image(np.asarray(rates, float), np.asarray(baseline, float), stimuli)
    evoked = by_image - np.asarray(baseline, float)[:, None, None, None]
    noise, texture = evoked[:, 0], evoked[:, 1]  # each (neuroid, family, sample)
    noise_family, texture_family = noise.mean(axis=2), texture.mean(axis=2)
    max_noise, max_texture = noise.max(axis=(1, 2)), texture.max(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):  # NaN for a family that drives nothing, left out of the mean
        modulation = (texture_family - noise_family) / (texture_family + noise_family)
        index = np.nansum(modulation, axis=1) / np.sum(~np.isnan(modulation), axis=1)
    return pd.DataFrame(
        {
            "responsive": np.maximum(max_noise, max_texture) > RESPONSE_THRESHOLD,
            "texture_modulation_index": index,
            "absolute_texture_modulation_index": np.abs(index),
            "texture_selectivity": sparseness(texture_family),
            "texture_sparseness": sparseness(texture.reshape(len(texture), -1)),
            "variance_ratio": family_to_sample_variance(by_image[:, 1] * _COUNTING_WINDOW_S),
            "max_texture": max_texture,
            "max_noise": max_noise,
        }
    )


def sparseness(responses: np.ndarray) -> np.ndarray:
    """Sparseness ``(1 - mean(r)^2 / mean(r^2)) / (1 - 1 / n)`` (Vinje & Gallant 2000, Science 287:1273).

    Parameters
    ----------
    responses : array, shape (neuroid, stimulus)

    Returns
    -------
    array, shape (neuroid,)
        0 for equal responses to all n stimuli, 1 for a response to one alone; NaN for none.
    """
    power = np.mean(responses**2, axis=1)
    uneven = 1 - responses.mean(axis=1) ** 2 / np.where(power > 0, power, np.nan)
    return uneven / (1 - 1 / responses.shape[1])


def family_to_sample_variance(counts: np.ndarray) -> np.ndarray:
    """Variance between texture families over that between samples, of counts r stabilised as sqrt(r) + sqrt(r + 1).

    The variances come from a nested analysis of variance (as in Ziemba et al. 2016, PNAS 113:E3140), as shares of their
    sum, and Brain-Score adds 0.02 to each share so that the ratio stays finite.

    Parameters
    ----------
    counts : array, shape (neuroid, family, sample)
        Spikes, non-negative.

    Returns
    -------
    array, shape (neuroid,)
        NaN for a neuroid that answers all alike.
    """
    stabilised = np.sqrt(counts) + np.sqrt(counts + 1)
    _, families, samples = stabilised.shape
    family_mean = stabilised.mean(axis=2)  # (neuroid, family)
    within = stabilised - family_mean[:, :, None]
    between = family_mean - family_mean.mean(axis=1, keepdims=True)
    sample_variance = np.sum(within**2, axis=(1, 2)) / (families * (samples - 1))
    family_variance = np.sum(between**2, axis=1) / (families - 1) - sample_variance / samples
    total = sample_variance + family_variance
    total = np.where(total > 0, total, np.nan)
    return (family_variance / total + 0.02) / (sample_variance / total + 0.02)


def _rates_by_image(rates: np.ndarray, baseline: np.ndarray, stimuli: pd.DataFrame) -> np.ndarray:
    """Checked rates (neuroid, type, family, sample)."""
    if rates.ndim != 2 or rates.shape[1] != len(stimuli) or baseline.shape != rates.shape[:1]:
        raise ValueError(
            f"rates have shape {rates.shape} and the blank's {baseline.shape}, but must be (neuroid, {len(stimuli)} "
            "presentations) and (neuroid,)"
        )
    if not (np.isfinite(rates).all() and np.isfinite(baseline).all() and rates.min(initial=0) >= 0):
        raise ValueError("a firing rate is negative, NaN or infinite; see firing_rates")
    types, families, samples = (stimuli[axis].nunique() for axis in _AXES)
    complete = len(stimuli) == types * families * samples and not stimuli.duplicated(_AXES).any()
    if types != 2 or families < 2 or samples < 2 or not complete:
        raise ValueError(
            f"{len(stimuli)} stimuli of {types} types, {families} families and {samples} samples; texture tuning needs "
            "every sample of every family once as texture and once as noise, and two or more families and samples"
        )
    order = stimuli.reset_index(drop=True).sort_values(_AXES).index
    return rates[:, order].reshape(len(rates), types, families, samples)
