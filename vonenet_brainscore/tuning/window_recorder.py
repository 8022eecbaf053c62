"""Recording of the VOneBlock or first-layer units at the probed position, computing only what they need."""

import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from ..models.vone_block import VOneBlock
from ..progress import progress_bar
from ..recordings.activations import ActivationsExtractor
from ..recordings.noise_draws import noise_draws
from ..stimuli.gratings import PROBED_POSITION, grating_parameters
from ..stimuli.images import as_picture
from .receptive_fields import RECEPTIVE_FIELD_TOLERANCE
from .window import VOneWindow, Window, finite, some_at_a_time

if TYPE_CHECKING:
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

# Is handed each trial's responses as they are made: which stimuli, which trial, (stimulus, neuroid).
EachTrial = Callable[[slice, int, np.ndarray], None]
_Responses = tuple[slice, torch.Tensor, list[bytes]]  # which stimuli; (stimulus, neuroid); the stimuli's contents


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
        self._start(VOneWindow(block, visual_degrees, range(1), range(1)))

    def _start(self, window: Window) -> None:
        """Look through the window that holds every unit that may be probed."""
        # Gratings up to this far from a unit, in degrees along an axis, can change its response: half of what it sees,
        # a pixel for resizing, and the gratings' own radius.
        self._reach = (window.field / 2 + 1) * self.visual_degrees / self.extractor.image_size
        self._reach += grating_parameters("receptive_field")["radius"].max()
        widest = RECEPTIVE_FIELD_TOLERANCE + self._reach  # a centroid lies among the positions that drive its unit
        rows, columns = (self._units_near(window.centres, at, widest) for at in PROBED_POSITION)
        self._window = window.at(rows, columns)
        self._kept = np.ones(self._window.size, bool)

    def _units_near(self, centres: np.ndarray, position: float, distance: float) -> range:
        (near,) = np.nonzero(np.abs(centres - position) <= distance)
        if not len(near):
            raise ValueError(
                f"a visual field of {self.visual_degrees} degrees does not reach the gratings at {position}"
            )
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
        with progress_bar(total=len(parameters), desc=doing, unit="grating", shown=self.extractor.progress) as bar:
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
        DataFrame, one row per kept unit
            Where it sits (`channel`, `channel_x`, `channel_y`), and what its window knows of it.
        """
        window = self._window
        shape = (window.channels, len(window.rows), len(window.columns))
        channel, row, column = np.nonzero(neuroids.reshape(shape))
        row, column = row + window.rows[0], column + window.columns[0]
        rows, columns = range(row.min(), row.max() + 1), range(column.min(), column.max() + 1)
        self._window = window.at(rows, columns)
        self._kept = np.zeros((window.channels, len(rows), len(columns)), bool)
        self._kept[channel, row - rows[0], column - columns[0]] = True
        self._kept = self._kept.ravel()
        places = {"channel": channel, "channel_x": row, "channel_y": column}  # Brain-Score's channel_x counts rows
        return pd.DataFrame({**places, **window.describe(channel, row, column)})

    def record(self, name: str, trials: int) -> np.ndarray:
        """Mean responses of the kept units to a grating set: (neuroid, presentation)."""
        return self.record_gratings(grating_parameters(name), trials, name.replace("_", " "))

    def record_gratings(
        self, parameters: pd.DataFrame, trials: int, doing: str, each: EachTrial | None = None
    ) -> np.ndarray:
        """Mean responses of the kept units to gratings: (neuroid, presentation)."""

        def stream() -> Iterator[_Responses]:
            for rows, rates in self._window.rates(parameters):
                yield rows, rates, [self._content(row) for row in parameters.iloc[rows].to_numpy()]

        return self._record(stream(), len(parameters), trials, doing, each)

    def record_images(self, stimuli: "StimulusSet", trials: int) -> np.ndarray:
        """Mean responses of the kept units to images that fill the screen: (neuroid, presentation)."""
        images = [stimuli.get_stimulus(name) for name in stimuli["stimulus_id"]]

        def stream() -> Iterator[_Responses]:
            for rows in some_at_a_time(len(images)):
                pictures = [as_picture(image) for image in images[rows]]
                yield rows, self._window.rates_to_images(pictures), [picture.content for picture in pictures]

        return self._record(stream(), len(images), trials, str(stimuli.identifier))

    def _record(
        self, stream: Iterator[_Responses], stimuli: int, trials: int, doing: str, each: EachTrial | None = None
    ) -> np.ndarray:
        extractor, trials = self.extractor, self.extractor.trials_run(trials)
        kept = torch.from_numpy(np.flatnonzero(self._kept))
        units = f"{len(kept)} units {hashlib.sha256(self._kept.tobytes()).hexdigest()} of {self._window}"
        responses = np.empty((len(kept), stimuli), np.float32)
        with progress_bar(total=stimuli, desc=doing, unit="stimulus", shown=extractor.progress) as bar:
            for rows, rates, contents in stream:
                rates = rates[:, kept.to(rates.device)]  # (stimulus, neuroid)
                if extractor.is_noisy:
                    total = torch.zeros_like(rates)
                    for trial in range(trials):
                        draws = noise_draws(
                            rates.shape[1:], seed=extractor.seed, contents=contents, trial=trial, window=units
                        )
                        noisy = self.block.add_noise(rates, torch.from_numpy(draws).to(rates))
                        total += noisy
                        if each is not None:
                            each(rows, trial, noisy.cpu().numpy())
                    rates = finite(total / trials)
                elif each is not None:
                    each(rows, 0, rates.cpu().numpy())
                responses[:, rows] = rates.T.cpu().numpy()
                bar.update(len(rates))
        return responses

    def _content(self, parameters: np.ndarray) -> bytes:
        """Which screen it is, for the noise: two gratings that look alike through the window are two stimuli."""
        return hashlib.sha256(f"{float(self.visual_degrees)}".encode() + parameters.tobytes()).digest()
