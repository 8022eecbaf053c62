"""The VOneBlock units of one place in the visual field, and no more of the stimuli than those units see."""

import hashlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from ..models.vone_block import VOneBlock
from ..stimuli.gratings import PROBED_POSITION, grating_parameters, render_gratings, screen_size
from ..stimuli.images import Picture, as_picture, normalise, resize
from .activations import ActivationsExtractor
from .neuroids import receptive_field_degrees, vone_units
from .noise_draws import noise_draws
from .receptive_fields import RECEPTIVE_FIELD_TOLERANCE

if TYPE_CHECKING:
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

_STIMULI_AT_A_TIME = 64  # bounds memory: 64 windows of 11 x 11 units and 512 channels are 16 MB
_Responses = tuple[slice, torch.Tensor, list[bytes]]  # which stimuli; (stimulus, neuroid); the stimuli's contents


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
        for rows in _some_at_a_time(len(parameters)):
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
        return _finite(rates)

    def _resized(self, parameters: pd.DataFrame, top: int, bottom: int, left: int, right: int) -> np.ndarray:
        """Network pixels [top, bottom) x [left, right) of the screen: uint8 (grating, y, x)."""
        size, screen = self.block.image_size, screen_size(self.visual_degrees)
        if size == screen:
            window = (top, left, bottom - top, right - left)
            return render_gratings(parameters, visual_degrees=self.visual_degrees, window=window)
        step = _shift_invariant_step(size, screen)
        margin = 1 + -(-size // min(size, screen))  # the filter's reach, a network or a screen pixel, and rounding
        rows = _aligned(top - margin, bottom + margin, step, size)
        columns = _aligned(left - margin, right + margin, step, size)
        on_screen = [edge * screen // size for edge in (*rows, *columns)]
        window = (on_screen[0], on_screen[2], on_screen[1] - on_screen[0], on_screen[3] - on_screen[2])
        screens = render_gratings(parameters, visual_degrees=self.visual_degrees, window=window)
        shape = (rows[1] - rows[0], columns[1] - columns[0])
        return np.stack([resize(image, shape) for image in screens])[
            :, top - rows[0] : bottom - rows[0], left - columns[0] : right - columns[0]
        ]


def _finite(rates: torch.Tensor) -> torch.Tensor:
    """The rates; ValueError if any is NaN or infinite."""
    wrong = int((~torch.isfinite(rates)).sum())
    if wrong:
        raise ValueError(f"the VOneBlock answers with {wrong} of {rates.numel()} values not finite; check its settings")
    return rates


def _some_at_a_time(stimuli: int) -> Iterator[slice]:
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


class WindowRecorder:
    """Records the VOneBlock units that gratings at the probed position drive, through a window around it.

    Parameters
    ----------
    extractor : ActivationsExtractor
        Of the network that `block` is part of; says noise, seed and trials.
    block : VOneBlock
    visual_degrees : float
        Width of the subject's screen.
    """

    def __init__(self, extractor: ActivationsExtractor, block: VOneBlock, visual_degrees: float) -> None:
        self.extractor = extractor
        self.block = block
        self.visual_degrees = visual_degrees
        # Gratings up to this far from a unit, in degrees along an axis, can change its response: half a kernel, a pixel
        # for resizing, and the gratings' own radius.
        self._reach = (block.ksize / 2 + 1) * visual_degrees / block.image_size
        self._reach += grating_parameters("receptive_field")["radius"].max()
        widest = RECEPTIVE_FIELD_TOLERANCE + self._reach  # a centroid lies among the positions that drive its unit
        self._window = VOneWindow(block, visual_degrees, *(self._units_near(at, widest) for at in PROBED_POSITION))
        self._kept = np.ones(self._window.size, bool)

    def _units_near(self, centre: float, distance: float) -> range:
        units = np.arange(-(-self.block.image_size // self.block.stride))
        near = units[np.abs(receptive_field_degrees(self.block, units) - centre) <= distance]
        if not len(near):
            raise ValueError(f"a visual field of {self.visual_degrees} degrees does not reach the gratings at {centre}")
        return range(near[0], near[-1] + 1)

    def map_receptive_fields(self) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
        """Strongest noise-free response at each position: (neuroid, position), with the blank's and the positions.

        Noise-free also where the model is noisy: background noise passes the 5 % threshold at every position and pulls
        the centroids to the middle of the screen.
        """
        parameters = grating_parameters("receptive_field")
        positions = parameters.drop_duplicates(["position_y", "position_x"])
        gratings = len(parameters) // len(positions)  # at each position, in rows next to each other
        distance = np.abs(positions[["position_y", "position_x"]].to_numpy() - PROBED_POSITION).max(axis=1)
        seen = distance <= RECEPTIVE_FIELD_TOLERANCE + 2 * self._reach
        ((_, blank),) = self._window.rates(grating_parameters("blank"))  # (1, neuroid)
        rates = self._rates(parameters[np.repeat(seen, gratings)], "mapping receptive fields")
        strongest = np.repeat(blank.cpu().numpy().T, len(positions), axis=1)  # beyond reach nothing differs from it
        strongest[:, seen] = rates.reshape(-1, gratings, self._window.size).max(axis=1).T
        return strongest, blank[0].cpu().numpy(), positions

    def _rates(self, parameters: pd.DataFrame, doing: str) -> np.ndarray:
        rates = np.empty((len(parameters), self._window.size), np.float32)
        with tqdm(total=len(parameters), desc=doing, unit="grating", disable=not self.extractor.progress) as bar:
            for rows, part in self._window.rates(parameters):
                rates[rows] = part.cpu().numpy()
                bar.update(len(part))
        return rates

    def keep(self, neuroids: np.ndarray) -> pd.DataFrame:
        """Record these of the mapped units from now on, through the smallest window that holds them.

        Parameters
        ----------
        neuroids : array of bool, shape (neuroid,)

        Returns
        -------
        DataFrame, a row a kept unit
            `neuroids.vone_units`, and where it sits: `channel`, `channel_x`, `channel_y`.
        """
        window = self._window
        shape = (window.channels, len(window.rows), len(window.columns))
        channel, row, column = np.nonzero(neuroids.reshape(shape))
        row, column = row + window.rows[0], column + window.columns[0]
        rows, columns = range(row.min(), row.max() + 1), range(column.min(), column.max() + 1)
        self._window = VOneWindow(self.block, self.visual_degrees, rows, columns)
        self._kept = np.zeros((window.channels, len(rows), len(columns)), bool)
        self._kept[channel, row - rows[0], column - columns[0]] = True
        self._kept = self._kept.ravel()
        places = {"channel": channel, "channel_x": row, "channel_y": column}  # Brain-Score's channel_x counts rows
        return pd.DataFrame({**places, **vone_units(self.block, channel, row, column)})

    def record(self, name: str, trials: int) -> np.ndarray:
        """Mean responses of the kept units to a grating set: (neuroid, presentation)."""
        return self.record_gratings(grating_parameters(name), trials, name.replace("_", " "))

    def record_gratings(self, parameters: pd.DataFrame, trials: int, doing: str) -> np.ndarray:
        """Mean responses of the kept units to gratings: (neuroid, presentation)."""

        def stream() -> Iterator[_Responses]:
            for rows, rates in self._window.rates(parameters):
                yield rows, rates, [self._content(row) for row in parameters.iloc[rows].to_numpy()]

        return self._record(stream(), len(parameters), trials, doing)

    def record_images(self, stimuli: "StimulusSet", trials: int) -> np.ndarray:
        """Mean responses of the kept units to images that fill the screen: (neuroid, presentation)."""
        images = [stimuli.get_stimulus(name) for name in stimuli["stimulus_id"]]

        def stream() -> Iterator[_Responses]:
            for rows in _some_at_a_time(len(images)):
                pictures = [as_picture(image) for image in images[rows]]
                yield rows, self._window.rates_to_images(pictures), [picture.content for picture in pictures]

        return self._record(stream(), len(images), trials, str(stimuli.identifier))

    def _record(self, stream: Iterator[_Responses], stimuli: int, trials: int, doing: str) -> np.ndarray:
        extractor, trials = self.extractor, self.extractor.trials_run(trials)
        kept = torch.from_numpy(np.flatnonzero(self._kept))
        units = f"{len(kept)} units {hashlib.sha256(self._kept.tobytes()).hexdigest()} of {self._window}"
        responses = np.empty((len(kept), stimuli), np.float32)
        with tqdm(total=stimuli, desc=doing, unit="stimulus", disable=not extractor.progress) as bar:
            for rows, rates, contents in stream:
                rates = rates[:, kept.to(rates.device)]  # (stimulus, neuroid)
                if extractor.is_noisy:
                    total = torch.zeros_like(rates)
                    for trial in range(trials):
                        draws = noise_draws(
                            rates.shape[1:], seed=extractor.seed, contents=contents, trial=trial, window=units
                        )
                        total += self.block.add_noise(rates, torch.from_numpy(draws).to(rates))
                    rates = _finite(total / trials)
                responses[:, rows] = rates.T.cpu().numpy()
                bar.update(len(rates))
        return responses

    def _content(self, parameters: np.ndarray) -> bytes:
        """Which screen it is, for the noise: two gratings that look alike through the window are two stimuli."""
        return hashlib.sha256(f"{float(self.visual_degrees)}".encode() + parameters.tobytes()).digest()
