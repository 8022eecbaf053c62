"""Gratings with a second grating over or around them: plaids, and a centre with a surround."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .gratings import FIELD_PX, GREY, PX_PER_DEGREE, check_gratings, field_pixels, render_gratings

# Of the second grating, which shares position and spatial frequency with the first and fills the ring from
# `mask_inner_radius` to `mask_radius`: degrees of visual angle and of arc.
MASK_PARAMETERS = ("mask_contrast", "mask_inner_radius", "mask_radius", "mask_orientation", "mask_phase")


def render(
    parameters: pd.DataFrame, *, visual_degrees: float = 8, window: tuple[int, int, int, int] | None = None
) -> np.ndarray:
    """Gratings, with their masks if `parameters` has the columns `MASK_PARAMETERS`.

    The luminance is ``(1 + sum_k contrast_k sin(...)) / 2 * 255``, the sum running over the one or two gratings at that
    place, cut to whole numbers as in `render_gratings`; 128 where there is none. Gratings of contrast 0 are not drawn.

    Parameters
    ----------
    parameters : DataFrame, one row per presentation
        As for `render_gratings`, with or without all of `MASK_PARAMETERS`.
    visual_degrees, window
        As for `render_gratings`.

    Returns
    -------
    array of uint8, shape (grating, y, x)

    Raises
    ------
    ValueError
        As `render_gratings`; if some of the mask's parameters are missing or undefined; or if the contrasts of two
        gratings that overlap add up to more than 1, which has no grey levels.
    """
    given = [name for name in MASK_PARAMETERS if name in parameters]
    if not given:
        return render_gratings(parameters, visual_degrees=visual_degrees, window=window)
    _check_masks(parameters, given)
    y_px, x_px = field_pixels(visual_degrees, window)
    images = np.full((len(parameters), len(y_px), len(x_px)), GREY)
    in_field = ((y_px >= 0) & (y_px < FIELD_PX))[:, None] & ((x_px >= 0) & (x_px < FIELD_PX))
    for image, row in zip(images, parameters.itertuples(index=False), strict=True):
        y = ((y_px - FIELD_PX / 2) / PX_PER_DEGREE - row.position_y)[:, None]
        x = (x_px - FIELD_PX / 2) / PX_PER_DEGREE - row.position_x
        squared_distance = x**2 + y**2
        drive, shown = np.zeros(squared_distance.shape), np.zeros(squared_distance.shape, bool)
        for contrast, inner, outer, orientation, phase in (
            (row.contrast, -1.0, row.radius, row.orientation, row.phase),
            (row.mask_contrast, row.mask_inner_radius, row.mask_radius, row.mask_orientation, row.mask_phase),
        ):
            if contrast == 0:
                continue
            within = in_field & (squared_distance <= outer**2)
            if inner > 0:
                within &= squared_distance > inner**2
            angle, shift = orientation / 180 * np.pi, phase / 180 * np.pi
            carrier = np.sin((x * np.cos(angle) + y * np.sin(angle)) * row.spatial_frequency * 2 * np.pi + shift)
            drive += np.where(within, carrier * contrast, 0)
            shown |= within
        np.copyto(image, ((drive + 1) / 2 * 255).astype(np.uint8), where=shown)
    return images


def _check_masks(parameters: pd.DataFrame, given: list[str]) -> None:
    check_gratings(parameters)
    missing = [name for name in MASK_PARAMETERS if name not in given]
    if missing:
        raise ValueError(f"the masks lack {', '.join(missing)}; give all of {', '.join(MASK_PARAMETERS)}")
    contrast = parameters["mask_contrast"].to_numpy()
    if not ((contrast >= 0) & (contrast <= 1)).all():
        raise ValueError("mask_contrast must lie in [0, 1]; a higher one has no grey levels")
    if parameters.loc[contrast > 0, list(MASK_PARAMETERS)].isna().any(axis=None):
        raise ValueError("a mask has an undefined parameter (NaN); only one of contrast 0 may")
    both = (contrast > 0) & (parameters["mask_inner_radius"] < parameters["radius"]) & (parameters["contrast"] > 0)
    if (parameters.loc[both, "contrast"] + parameters.loc[both, "mask_contrast"] > 1 + 1e-9).any():
        raise ValueError("a grating and its mask overlap with contrasts that add up to more than 1; lower them")
