"""Contrast response functions: Naka-Rushton fits to the rates at each neuroid's best grating."""

from functools import partial

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from .best_gratings import best_gratings, rates_to_variants
from .grating_experiments import GratingExperiments
from .tuning_curves import CONTRASTS

# Bounds of the fit: exponents of V1 neurons lie between 1 and 6 (Albrecht & Hamilton 1982, J Neurophysiol 48:217).
_EXPONENT = (0.5, 8.0)
_C50 = (1 / 64, 4.0)  # half an octave below the lowest contrast shown, and two above the highest there is


def naka_rushton(contrast: np.ndarray, rates: np.ndarray, baseline: np.ndarray) -> pd.DataFrame:
    """The contrast response function ``R(c) = b + R_max c^n / (c^n + c50^n)`` that fits best by least squares.

    SciPy's least squares within bounds, from the best point of a grid (Naka & Rushton 1966, J Physiol 185:536;
    Albrecht & Hamilton 1982, J Neurophysiol 48:217).

    Parameters
    ----------
    contrast : array, shape (contrast,)
        In (0, 1].
    rates : array, shape (neuroid, contrast)
        spikes/s.
    baseline : array, shape (neuroid,)
        The rate b at contrast 0, spikes/s; not fitted.

    Returns
    -------
    DataFrame, one row per neuroid
        ``c50`` in [1/64, 4]: above 1, half the maximum lies beyond full contrast, so that the rates hardly saturate;
        ``contrast_exponent`` n in [0.5, 8]; ``contrast_maximum`` R_max in spikes/s; ``contrast_fit``, the share of the
        rates' variance over contrasts that the fit explains. NaN for a neuroid whose rates do not depend on contrast.

    Raises
    ------
    ValueError
        If shapes differ, there are fewer than four contrasts, or one is not in (0, 1].
    """
    contrast, rates, baseline = np.asarray(contrast, float), np.asarray(rates, float), np.asarray(baseline, float)
    if rates.ndim != 2 or rates.shape[1:] != contrast.shape or baseline.shape != rates.shape[:1]:
        raise ValueError(f"{contrast.shape} contrasts, rates of shape {rates.shape} and baseline of {baseline.shape}")
    if len(contrast) < 4 or not ((contrast > 0) & (contrast <= 1)).all():
        raise ValueError(f"a fit of three parameters takes four or more contrasts in (0, 1], not {contrast.tolist()}")
    evoked = rates - baseline[:, None]
    varies = np.ptp(rates, axis=1) > 1e-6 * np.abs(rates).max(axis=1)
    starts = _best_on_a_grid(contrast, evoked)
    fits = [
        _fitted(contrast, each, start) if moves and each.max() > 0 else (np.nan,) * 3
        for each, start, moves in zip(evoked, starts, varies, strict=True)
    ]
    c50, exponent, maximum = np.array(fits, float).reshape(-1, 3).T
    shape = _shape(contrast, np.log(c50)[:, None], exponent[:, None])
    residual = ((evoked - maximum[:, None] * shape) ** 2).sum(axis=1)
    variance = ((rates - rates.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    return pd.DataFrame(
        {
            "c50": c50,
            "contrast_exponent": exponent,
            "contrast_maximum": maximum,
            "contrast_fit": 1 - residual / np.where(variance > 0, variance, np.nan),
        }
    )


def _shape(contrast: np.ndarray, log_c50: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """``c^n / (c^n + c50^n)``."""
    return 1 / (1 + np.exp(exponent * (log_c50 - np.log(contrast))))


def _best_on_a_grid(contrast: np.ndarray, evoked: np.ndarray) -> np.ndarray:
    """The best (log c50, n, R_max) of 20 x 20 pairs, for each of which the best R_max is in closed form."""
    log_c50 = np.linspace(np.log(_C50[0]), np.log(_C50[1]), 20)
    exponent = np.linspace(_EXPONENT[0], _EXPONENT[1], 20)
    grid = np.stack(np.meshgrid(log_c50, exponent, indexing="ij"), axis=-1).reshape(-1, 2)
    shapes = _shape(contrast, grid[:, :1], grid[:, 1:])  # (pair, contrast)
    maximum = np.maximum(evoked @ shapes.T, 0) / (shapes**2).sum(axis=1)  # (neuroid, pair)
    best = (maximum**2 * (shapes**2).sum(axis=1)).argmax(axis=1)
    return np.column_stack([grid[best], maximum[np.arange(len(evoked)), best]])


def _fitted(contrast: np.ndarray, evoked: np.ndarray, start: np.ndarray) -> tuple[float, float, float]:
    """c50, n and R_max by least squares."""
    low = (np.log(_C50[0]), _EXPONENT[0], 0)
    high = (np.log(_C50[1]), _EXPONENT[1], np.inf)
    scale = evoked.max()  # so that all three are of order 1

    def residual(parameters: np.ndarray) -> np.ndarray:
        return parameters[2] * _shape(contrast, parameters[0], parameters[1]) - evoked / scale

    first = np.clip([start[0], start[1], start[2] / scale], np.add(low, 1e-6), np.subtract(high, 1e-6))
    log_c50, exponent, maximum = least_squares(residual, first, bounds=(low, high), xtol=1e-12, ftol=1e-12).x
    return float(np.exp(log_c50)), float(exponent), float(maximum * scale)


def contrast_response(experiments: GratingExperiments) -> pd.DataFrame:
    """Naka-Rushton fits of every probed neuroid at its best grating, at contrasts of 1/32 to 1 in octaves.

    Returns
    -------
    DataFrame, one row per neuroid
        ``responsive``, and the columns of `naka_rushton`. With a ``c50`` above 1 the responses do not saturate.
    """
    gratings = best_gratings(experiments)
    variants = [partial(pd.DataFrame.assign, contrast=contrast) for contrast in CONTRASTS]
    rates = rates_to_variants(experiments, gratings, variants, "contrast response")
    fits = naka_rushton(CONTRASTS, rates, experiments.rates("blank")[:, 0])
    return fits.assign(responsive=gratings["responsive"])
