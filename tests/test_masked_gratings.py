"""Plaids, and gratings with a surround, pixel by pixel."""

import numpy as np
import pandas as pd
import pytest

from vonenet_brainscore.stimuli.gratings import GREY, grating_parameters, render_gratings
from vonenet_brainscore.stimuli.masked_gratings import MASK_PARAMETERS, render


def masked(gratings, contrast, inner, outer, orientation, phase):
    return gratings.assign(**dict(zip(MASK_PARAMETERS, (contrast, inner, outer, orientation, phase), strict=True)))


SOME = grating_parameters("size").iloc[[100, 700, 1500, 2200]]


# ---- reference: a plain loop over pixels, and gratings without a mask


@pytest.mark.parametrize(("inner", "outer"), [(0.0, 0.6), (0.4, 1.1)])
def test_every_pixel_is_the_sum_of_the_gratings_there(inner, outer):
    (one,) = masked(SOME.iloc[[2]].assign(contrast=0.4, radius=0.4), 0.5, inner, outer, 30.0, 90.0).itertuples()
    top, left, size = 215, 225, 60
    (image,) = render(pd.DataFrame([one]), visual_degrees=8, window=(top, left, size, size))
    for row in range(0, size, 7):
        for column in range(0, size, 7):
            y, x = ((edge + at - 224) / 56 - 0.5 for edge, at in ((top, row), (left, column)))
            drive, there = 0.0, False
            for contrast, low, high, orientation, phase in (
                (0.4, -1, 0.4, one.orientation, one.phase),
                (0.5, inner or -1, outer, 30.0, 90.0),
            ):
                if low < np.hypot(y, x) <= high:
                    there = True
                    along = x * np.cos(np.deg2rad(orientation)) + y * np.sin(np.deg2rad(orientation))
                    drive += contrast * np.sin(2 * np.pi * one.spatial_frequency * along + np.deg2rad(phase))
            expected = (1 + drive) / 2 * 255 if there else 128
            assert abs(int(image[row, column]) - expected) <= 1  # whole numbers, cut


def test_without_contrast_a_mask_is_not_there():
    for degrees in (8, 14):
        plain = render_gratings(SOME, visual_degrees=degrees)
        np.testing.assert_array_equal(render(SOME, visual_degrees=degrees), plain)
        np.testing.assert_array_equal(render(masked(SOME, 0.0, 0, 2, 0, 0), visual_degrees=degrees), plain)


def test_a_window_shows_a_part_of_the_screen():
    gratings = masked(SOME.assign(contrast=0.5), 0.5, 0.3, 2.0, 45.0, 0.0)
    whole = render(gratings)
    np.testing.assert_array_equal(render(gratings, window=(200, 230, 50, 40)), whole[:, 200:250, 230:270])


# ---- laws


def test_a_mask_alone_is_a_grating():
    mask = masked(SOME.assign(contrast=0.0), 1.0, 0.0, SOME["radius"], SOME["orientation"], SOME["phase"])
    np.testing.assert_array_equal(render(mask), render_gratings(SOME))


def test_a_surround_leaves_the_centre_as_it_is():
    gratings = SOME.assign(radius=0.5)
    centre, both = render(gratings), render(masked(gratings, 1.0, 0.5, 2.0, 90.0, 0.0))
    assert ((both == centre) | (centre == GREY)).all() and (both != centre).any()


# ---- refusals


def test_masks_that_cannot_be_drawn_are_refused():
    with pytest.raises(ValueError, match="overlap with contrasts that add up to more than 1"):
        render(masked(SOME, 0.5, 0.0, 1.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="lack mask_phase; give all of"):
        render(masked(SOME, 0.5, 0.0, 1.0, 0.0, 0.0).drop(columns="mask_phase"))
    with pytest.raises(ValueError, match=r"mask_contrast must lie in \[0, 1\]"):
        render(masked(SOME, 1.5, 0.0, 1.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="undefined parameter"):
        render(masked(SOME, 0.5, np.nan, 1.0, 0.0, 0.0))
