"""Contextual modulation: responses to plaids and to a centre grating within a surround."""

from functools import partial

import numpy as np
import pandas as pd

from ..stimuli.gratings import grating_parameters
from .best_gratings import best_gratings, rates_to_variants
from .grating_experiments import GratingExperiments
from .grating_responses import RESPONSE_THRESHOLD

PLAID_CONTRAST = 0.5  # of each grating; together they reach full contrast
_SURROUND_DEG = (0, 45, 90, 135)  # orientations of the surround from the centre's


def with_mask(
    gratings: pd.DataFrame, *, contrast: float, inner: float | pd.Series, outer: float | pd.Series, turned_deg: float
) -> pd.DataFrame:
    """The gratings with a mask rotated by `degrees`, which drifts at the same phase."""
    return gratings.assign(
        mask_contrast=contrast,
        mask_inner_radius=inner,
        mask_radius=outer,
        mask_orientation=gratings["orientation"] + turned_deg,
        mask_phase=gratings["phase"],
    )


def cross_orientation_suppression(experiments: GratingExperiments) -> pd.DataFrame:
    """Suppression of the response to the best grating by a superimposed orthogonal grating.

    ``1 - (R_plaid - b) / (R_grating - b)``, both gratings of half contrast, over the same disc, at the same phase; b is
    the rate at the blank. 0: the mask has no effect; 1: no response remains; negative: the plaid evokes a stronger
    response.

    Returns
    -------
    DataFrame, one row per neuroid
        ``responsive`` (the grating alone evokes 5 spikes/s) and ``cross_orientation_suppression``.
    """
    gratings = best_gratings(experiments).assign(contrast=PLAID_CONTRAST)

    def plaid(shown: pd.DataFrame, contrast: float) -> pd.DataFrame:
        return with_mask(shown, contrast=contrast, inner=0.0, outer=shown["radius"], turned_deg=90)

    variants = [partial(plaid, contrast=contrast) for contrast in (0.0, PLAID_CONTRAST)]
    rates = rates_to_variants(experiments, gratings, variants, "plaids")
    alone, both = (rates - experiments.rates("blank")).T
    return pd.DataFrame(
        {
            "responsive": alone > RESPONSE_THRESHOLD,
            "cross_orientation_suppression": 1 - both / np.where(alone > 0, alone, np.nan),
        }
    )


def surround_orientation(experiments: GratingExperiments) -> pd.DataFrame:
    """How the response to the best grating depends on the orientation of a grating around it.

    The surround abuts the centre, is of full contrast and reaches to the largest diameter of the size set, turned by
    0, 45, 90 or 135 degrees (Cavanaugh, Bair & Movshon 2002b, J Neurophysiol 88:2547, turned the drift direction).

    Returns
    -------
    DataFrame, one row per neuroid
        ``responsive``; ``same_surround_response`` and ``orthogonal_surround_response``, the rates with a surround of
        the centre's and of the orthogonal orientation over the largest one with any surround; and
        ``surround_orientation_selectivity``, orthogonal less same over the rate to the centre alone. NaN for a
        neuroid whose best grating is the largest.
    """
    gratings = best_gratings(experiments)
    largest = grating_parameters("size")["radius"].max()

    def surrounded(shown: pd.DataFrame, contrast: float, turned_deg: float) -> pd.DataFrame:
        # No surround fits around the largest centre, whose neuroids are undefined.
        there = contrast * (shown["radius"] < largest)
        return with_mask(shown, contrast=there, inner=shown["radius"], outer=largest, turned_deg=turned_deg)

    variants = [partial(surrounded, contrast=0.0, turned_deg=0)]
    variants += [partial(surrounded, contrast=1.0, turned_deg=turned) for turned in _SURROUND_DEG]
    rates = rates_to_variants(experiments, gratings, variants, "surrounds")
    alone, around = rates[:, 0], rates[:, 1:]
    fits = (gratings["radius"] < largest).to_numpy()
    strongest = np.where(fits & (around.max(axis=1) > 0), around.max(axis=1), np.nan)
    same, orthogonal = around[:, _SURROUND_DEG.index(0)], around[:, _SURROUND_DEG.index(90)]
    return pd.DataFrame(
        {
            "responsive": gratings["responsive"],
            "same_surround_response": same / strongest,
            "orthogonal_surround_response": orthogonal / strongest,
            "surround_orientation_selectivity": (orthogonal - same) / np.where(fits & (alone > 0), alone, np.nan),
        }
    )
