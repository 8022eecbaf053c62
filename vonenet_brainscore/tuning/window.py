"""The VOneBlock units of one place in the visual field, and no more of the stimuli than those units see."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
import pandas as pd
import torch

from ..models.vone_block import VOneBlock
from ..stimuli.gratings import screen_size
from ..stimuli.images import Picture, normalise, resize
from ..stimuli.masked_gratings import render

_STIMULI_AT_A_TIME = 64  # bounds memory: 64 windows of 11 x 11 units and 512 channels are 16 MB


class VOneWindow:
    """A rectangle of VOneBlock units and the gratings that they see.

    With noise off its responses equal those of the whole block to the same screen, up to float32 rounding: a unit
    sees nothing outside its kernel, and Pillow's resize, which is shift-invariant wherever a whole number of network
    pixels spans a whole number of screen pixels, nothing outside its filter.

    Parameters
    ----------
    block : VOneBlock
    visual_degrees : float
        Width of the subject's screen.
    rows, columns : range
        Of the units.
    """

    def __init__(self, block: VOneBlock, visual_degrees: float, rows: range, columns: range) -> None:
        self.block = block
        self.visual_degrees = visual_degrees
        self.rows = rows
        self.columns = columns
        self.channels = block.simple_channels + block.complex_channels

    def __repr__(self) -> str:
        return f"rows {self.rows.start}-{self.rows.stop}, columns {self.columns.start}-{self.columns.stop}"

    @property
    def size(self) -> int:
        """How many units it has, over all channels."""
        return self.channels * len(self.rows) * len(self.columns)

    def extent(self, units: range) -> tuple[int, int]:
        """First and last + 1 network pixel that rows or columns of units see; may lie outside the image."""
        reach = self.block.ksize // 2
        return units[0] * self.block.stride - reach, units[-1] * self.block.stride + reach + 1

    def rates(self, parameters: pd.DataFrame) -> Iterator[tuple[slice, torch.Tensor]]:
        """Noise-free responses to gratings, some at a time.

        Yields
        ------
        slice
            Which rows of `parameters`.
        tensor, shape (grating, neuroid)
            Neuroids in the order (channel, row, column).
        """
        for rows in some_at_a_time(len(parameters)):
            yield rows, self._rates(self._resized(parameters.iloc[rows], *self._seen)[..., None])

    def rates_to_images(self, images: Sequence[Picture]) -> torch.Tensor:
        """Noise-free responses, (image, neuroid), to grey images that fill the screen.

        Raises
        ------
        ValueError
            If an image has colour: the front end of a named model has colours of its own only with its checkpoint.
        """
        if not all(image.is_grey for image in images):
            raise ValueError("an image has colour; units at the probed position are recorded for grey images only")
        top, bottom, left, right = self._seen
        edge = (self.block.image_size, self.block.image_size)
        return self._rates(np.stack([resize(image.pixels, edge)[top:bottom, left:right, :1] for image in images]))

    @property
    def _seen(self) -> tuple[int, int, int, int]:
        """Network pixels within the window: top, bottom, left, right."""
        size = self.block.image_size
        top, bottom = self.extent(self.rows)
        left, right = self.extent(self.columns)
        return max(top, 0), min(bottom, size), max(left, 0), min(right, size)

    def _rates(self, pixels: np.ndarray) -> torch.Tensor:
        """Responses (stimulus, neuroid) to what lies in the window: uint8 (stimulus, y, x, 1)."""
        size = self.block.image_size
        beyond = [(max(-start, 0), max(end - size, 0)) for start, end in map(self.extent, (self.rows, self.columns))]
        fed = np.pad(normalise(pixels), ((0, 0), (0, 0), *beyond))  # (stimulus, 1, y, x), 0 beyond the image
        with torch.no_grad():
            seen = torch.from_numpy(fed).to(self.block.simple_conv_q0.weight).expand(-1, 3, -1, -1)
            rates = self.block.rates(seen, padding=0).flatten(1)  # (stimulus, neuroid)
        return finite(rates)

    def _resized(self, parameters: pd.DataFrame, top: int, bottom: int, left: int, right: int) -> np.ndarray:
        """Network pixels [top, bottom) x [left, right) of the screen: uint8 (grating, y, x)."""
        size, screen = self.block.image_size, screen_size(self.visual_degrees)
        if size == screen:
            window = (top, left, bottom - top, right - left)
            return render(parameters, visual_degrees=self.visual_degrees, window=window)
        step = _shift_invariant_step(size, screen)
        margin = 1 + -(-size // min(size, screen))  # the filter's reach, a network or a screen pixel, and rounding
        rows = _aligned(top - margin, bottom + margin, step, size)
        columns = _aligned(left - margin, right + margin, step, size)
        on_screen = [edge * screen // size for edge in (*rows, *columns)]
        window = (on_screen[0], on_screen[2], on_screen[1] - on_screen[0], on_screen[3] - on_screen[2])
        screens = render(parameters, visual_degrees=self.visual_degrees, window=window)
        shape = (rows[1] - rows[0], columns[1] - columns[0])
        return np.stack([resize(image, shape) for image in screens])[
            :, top - rows[0] : bottom - rows[0], left - columns[0] : right - columns[0]
        ]


def finite(rates: torch.Tensor) -> torch.Tensor:
    """The rates; ValueError if any is NaN or infinite."""
    wrong = int((~torch.isfinite(rates)).sum())
    if wrong:
        raise ValueError(f"the VOneBlock answers with {wrong} of {rates.numel()} values not finite; check its settings")
    return rates


def some_at_a_time(stimuli: int) -> Iterator[slice]:
    for start in range(0, stimuli, _STIMULI_AT_A_TIME):
        yield slice(start, min(start + _STIMULI_AT_A_TIME, stimuli))


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
