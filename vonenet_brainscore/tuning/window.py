"""The VOneBlock units of one place in the visual field, and no more of the stimuli than those units see."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
import pandas as pd
import torch

from ..models.normalisation import Normalisation
from ..models.vone_block import VOneBlock
from ..recordings.neuroids import receptive_field_degrees, vone_units
from ..stimuli.gratings import GREY
from ..stimuli.images import Picture, normalise, resize
from .seen_pixels import margin_of_resize, seen_pixels

_STIMULI_AT_A_TIME = 64  # bounds memory: 64 windows of 11 x 11 units and 512 channels are 16 MB
_RATES_AT_ONCE = 2**23  # bounds memory where a surround makes units of the whole field matter: 32 MB


class Window(Protocol):
    """A rectangle of the units of a layer, which sees a part of the screen."""

    channels: int
    rows: range
    columns: range
    field: int
    """Network pixels, along an axis, that a unit sees."""
    centres: np.ndarray
    """Where the layer's units are along an axis, in degrees from the middle of the screen."""

    @property
    def size(self) -> int:
        """How many units it has, over all channels."""

    def at(self, rows: range, columns: range) -> "Window":
        """Another rectangle of the same layer."""

    def describe(self, channel: np.ndarray, row: np.ndarray, column: np.ndarray) -> dict[str, np.ndarray]:
        """What is known of units beside their places."""

    def rates(self, parameters: pd.DataFrame) -> Iterator[tuple[slice, torch.Tensor]]:
        """Noise-free responses to gratings, some at a time: which, and (grating, neuroid)."""

    def rates_to_images(self, images: Sequence[Picture]) -> torch.Tensor:
        """Noise-free responses, (image, neuroid), to images that fill the screen."""


class VOneWindow:
    """A rectangle of VOneBlock units and the gratings that they see.

    With noise off its responses equal those of the whole block to the same screen, up to float32 rounding: a unit
    sees nothing outside its kernel, and Pillow's resize, which is shift-invariant wherever a whole number of network
    pixels spans a whole number of screen pixels, nothing outside its filter.

    A surround pools units of the whole field, but those whose kernel no part of a grating reaches answer as to the
    blank screen. So the units around each grating are computed besides, the more the larger it is, and the rest once.

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
        self.field = block.ksize
        _, units, _ = block.units(block.image_size, block.image_size)
        self.centres = receptive_field_degrees(block, np.arange(units))
        self._to_blank: tuple[torch.Tensor, torch.Tensor] | None = None

    def __repr__(self) -> str:
        return f"rows {self.rows.start}-{self.rows.stop}, columns {self.columns.start}-{self.columns.stop}"

    @property
    def size(self) -> int:
        """How many units it has, over all channels."""
        return self.channels * len(self.rows) * len(self.columns)

    def at(self, rows: range, columns: range) -> "VOneWindow":
        """Another rectangle of the same block's units."""
        return VOneWindow(self.block, self.visual_degrees, rows, columns)

    def describe(self, channel: np.ndarray, row: np.ndarray, column: np.ndarray) -> dict[str, np.ndarray]:
        """`neuroids.vone_units`."""
        return vone_units(self.block, channel, row, column)

    def rates(self, parameters: pd.DataFrame) -> Iterator[tuple[slice, torch.Tensor]]:
        """Noise-free responses to gratings, some at a time.

        Yields
        ------
        slice
            Which rows of `parameters`.
        tensor, shape (grating, neuroid)
            Neuroids in the order (channel, row, column).
        """
        if self.block.normalisation is None:
            for some in some_at_a_time(len(parameters)):
                yield some, self._rates(self._resized(parameters.iloc[some], self.rows, self.columns)[..., None])
            return
        for some, rows, columns in self._pooled_at_a_time(parameters):
            pixels = self._resized(parameters.iloc[some], rows, columns)[..., None]
            yield some, self._normalised(self._cells(pixels, rows, columns), rows, columns)

    def rates_to_images(self, images: Sequence[Picture]) -> torch.Tensor:
        """Noise-free responses, (image, neuroid), to grey images that fill the screen.

        Raises
        ------
        ValueError
            If an image has colour: the front end of a named model has colours of its own only with its checkpoint.
        """
        if not all(image.is_grey for image in images):
            raise ValueError("an image has colour; units at the probed position are recorded for grey images only")
        edge = (self.block.image_size, self.block.image_size)
        rows, columns = self._field if self.block.normalisation is not None else (self.rows, self.columns)
        top, bottom, left, right = self._seen(rows, columns)
        pixels = np.stack([resize(image.pixels, edge)[top:bottom, left:right, :1] for image in images])
        if self.block.normalisation is None:
            return self._rates(pixels)
        one_at_a_time = [self._cells(pixels[[image]], rows, columns) for image in range(len(pixels))]
        return torch.cat([self._normalised(cells, rows, columns) for cells in one_at_a_time])

    def _rates(self, pixels: np.ndarray) -> torch.Tensor:
        """Responses (stimulus, neuroid) to what the window sees: uint8 (stimulus, y, x, 1)."""
        return finite(self._cells(pixels, self.rows, self.columns).flatten(1))

    # --------------------------------------------------------------------------------------------- with a surround

    def _normalised(self, cells: torch.Tensor, rows: range, columns: range) -> torch.Tensor:
        """Responses (stimulus, neuroid) of the window, given the rates of the cells in `rows` and `columns`.

        Those cells hold the window's, and all others answer as to the blank screen.
        """
        down, across = (
            slice(own.start - those.start, own.stop - those.start)
            for own, those in ((self.rows, rows), (self.columns, columns))
        )
        own, stage = cells[:, :, down, across], self.block.normalisation
        if stage is None:
            return finite(own.flatten(1))
        if self._to_blank is None:
            self._to_blank = self._answer_to_blank(stage)
        blank, of_blank = self._to_blank
        with torch.no_grad():
            excess = cells.square() - blank[:, :, rows.start : rows.stop, columns.start : columns.stop]
            blur = stage.blur(rows, columns, self.rows, self.columns)
            suppression = of_blank + stage.suppression(excess, self.block.k_exc, blur)
            return finite((own / (1 + suppression)).flatten(1))

    def _answer_to_blank(self, stage: Normalisation) -> tuple[torch.Tensor, torch.Tensor]:
        """Squares of all cells' rates to the blank screen, (1, channel, y, x), and how they suppress the window."""
        top, bottom, left, right = self._seen(*self._field)
        pixels = np.full((1, bottom - top, right - left, 1), GREY)
        with torch.no_grad():
            squares = self._cells(pixels, *self._field).square()
            blur = stage.blur(*self._field, self.rows, self.columns)
            return squares, stage.suppression(squares, self.block.k_exc, blur)

    @property
    def _field(self) -> tuple[range, range]:
        """All rows and columns of units."""
        _, rows, columns = self.block.units(self.block.image_size, self.block.image_size)
        return range(rows), range(columns)

    def _pooled_at_a_time(self, parameters: pd.DataFrame) -> Iterator[tuple[slice, range, range]]:
        """Gratings with the units that they drive: neighbours of one place and size, as many as memory holds."""
        radii = parameters[[name for name in ("radius", "mask_radius") if name in parameters]].max(axis=1)
        place = np.column_stack([parameters[["position_y", "position_x"]], radii])
        alike = (place[1:] == place[:-1]).all(axis=1)
        starts = [0, *(np.flatnonzero(~alike) + 1), len(parameters)]
        for start, stop in pairwise(starts):
            y, x, radius = place[start]
            rows, columns = self._driven(y, radius, self.rows), self._driven(x, radius, self.columns)
            at_once = max(1, min(_STIMULI_AT_A_TIME, _RATES_AT_ONCE // (self.channels * len(rows) * len(columns))))
            for first in range(start, stop, at_once):
                yield slice(first, min(first + at_once, stop)), rows, columns

    def _driven(self, centre: float, radius: float, own: range) -> range:
        """Rows or columns of units that a grating drives, and the window's own, along one axis."""
        if np.isnan(centre):  # the blank
            return own
        size = self.block.image_size
        distance = np.abs(self.centres - centre)  # degrees
        reach = (
            radius + (self.block.ksize / 2 + margin_of_resize(size, self.visual_degrees)) * self.visual_degrees / size
        )
        near = np.flatnonzero(distance <= reach)
        first, last = (near[0], near[-1]) if len(near) else (own[0], own[-1])
        return range(int(min(first, own[0])), int(max(last, own[-1])) + 1)

    # ---------------------------------------------------------------------------------------------- any front end

    def _seen(self, rows: range, columns: range) -> tuple[int, int, int, int]:
        """Network pixels that units see: top, bottom, left, right."""
        size = self.block.image_size
        (top, bottom), (left, right) = self._extent(rows), self._extent(columns)
        return max(top, 0), min(bottom, size), max(left, 0), min(right, size)

    def _extent(self, units: range) -> tuple[int, int]:
        """First and last + 1 network pixel that rows or columns of units see; may lie outside the image."""
        reach = self.block.ksize // 2
        return units[0] * self.block.stride - reach, units[-1] * self.block.stride + reach + 1

    def _cells(self, pixels: np.ndarray, rows: range, columns: range) -> torch.Tensor:
        """Rates of the cells, (stimulus, channel, row, column), to what they see: uint8 (stimulus, y, x, 1)."""
        size = self.block.image_size
        beyond = [(max(-start, 0), max(end - size, 0)) for start, end in map(self._extent, (rows, columns))]
        fed = np.pad(normalise(pixels), ((0, 0), (0, 0), *beyond))  # (stimulus, 1, y, x), 0 beyond the image
        with torch.no_grad():
            seen = torch.from_numpy(fed).to(self.block.simple_conv_q0.weight).expand(-1, 3, -1, -1)
            return self.block.cell_rates(seen, padding=0)

    def _resized(self, parameters: pd.DataFrame, rows: range, columns: range) -> np.ndarray:
        """Network pixels of the screen that units see: uint8 (grating, y, x)."""
        seen = self._seen(rows, columns)
        return seen_pixels(parameters, seen, size=self.block.image_size, visual_degrees=self.visual_degrees)


def finite(rates: torch.Tensor) -> torch.Tensor:
    """The rates; ValueError if any is NaN or infinite."""
    wrong = int((~torch.isfinite(rates)).sum())
    if wrong:
        raise ValueError(f"the VOneBlock answers with {wrong} of {rates.numel()} values not finite; check its settings")
    return rates


def some_at_a_time(stimuli: int) -> Iterator[slice]:
    """Slices that divide so many stimuli into batches."""
    for start in range(0, stimuli, _STIMULI_AT_A_TIME):
        yield slice(start, min(start + _STIMULI_AT_A_TIME, stimuli))
