"""The part of a resized screen of gratings that a window of units sees, to the bit as the whole screen has it."""

from fractions import Fraction

import numpy as np
import pandas as pd

from ..stimuli.gratings import screen_size
from ..stimuli.images import resize
from ..stimuli.masked_gratings import render

Seen = tuple[int, int, int, int]  # top, bottom, left, right of a rectangle of network pixels


def margin_of_resize(size: int, visual_degrees: float) -> int:
    """Network pixels that the resize's filter reaches, a network or a screen pixel, and one for rounding."""
    return 1 + -(-size // min(size, screen_size(visual_degrees)))


def seen_pixels(parameters: pd.DataFrame, seen: Seen, *, size: int, visual_degrees: float) -> np.ndarray:
    """Pixels of a rectangle of the screen, as a network of `size` pixels a side gets them.

    Pillow's resize is shift-invariant wherever a whole number of network pixels spans a whole number of screen pixels,
    so that only that part of the screen is rendered and resized that the rectangle depends on.

    Parameters
    ----------
    parameters : DataFrame, one row per grating
    seen : tuple of int
        Top, bottom, left and right of the rectangle, in network pixels.
    size : int
        Side of the network's image.
    visual_degrees : float
        Width of the screen.

    Returns
    -------
    uint8 array, shape (grating, y, x)
    """
    top, bottom, left, right = seen
    screen = screen_size(visual_degrees)
    if size == screen:
        return render(parameters, visual_degrees=visual_degrees, window=(top, left, bottom - top, right - left))
    margin = margin_of_resize(size, visual_degrees)
    step = _shift_invariant_step(size, screen)
    down = _aligned(top - margin, bottom + margin, step, size)
    across = _aligned(left - margin, right + margin, step, size)
    on_screen = [edge * screen // size for edge in (*down, *across)]
    window = (on_screen[0], on_screen[2], on_screen[1] - on_screen[0], on_screen[3] - on_screen[2])
    screens = render(parameters, visual_degrees=visual_degrees, window=window)
    shape = (down[1] - down[0], across[1] - across[0])
    return np.stack([resize(image, shape) for image in screens])[
        :, top - down[0] : bottom - down[0], left - across[0] : right - across[0]
    ]


def _shift_invariant_step(size: int, screen: int) -> int:
    """Network pixels after which the resize from `screen` to `size` pixels repeats to the bit.

    They span whole screen pixels; and the positions in between are exact in binary, or rounding could differ: the
    screen is then taken whole.
    """
    ratio = Fraction(screen, size)
    exact = ratio.denominator & (ratio.denominator - 1) == 0
    return ratio.denominator if exact else size


def _aligned(start: int, stop: int, step: int, size: int) -> tuple[int, int]:
    """The interval widened to multiples of `step` and cut to the image."""
    return max(start // step * step, 0), min(-(-stop // step) * step, size)
