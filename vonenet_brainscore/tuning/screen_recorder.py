"""Recording of the neuroids of any `BrainModel` at the probed position, on whole screens."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import product
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..brainscore import without_result_caching
from ..progress import progress_bar
from ..recordings.streamed import some_of
from ..recordings.subject import Subject
from ..stimuli.gratings import PARAMETERS, grating_parameters, grating_stimulus_set, gratings_as_images
from ..stimuli.masked_gratings import render
from .window_recorder import EachTrial

if TYPE_CHECKING:
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

MAPPING_TRIALS = 10  # of the receptive-field set; Marques et al. 2021
# Eight phases sample the mean rate of a pixel to 8 %; a unit tuned at all differs by more over two octaves.
_LEAST_SPREAD = 0.2
_SCREENS_AT_A_TIME = 256  # bounds memory: a layer of 200,000 units answers so many screens with 200 MB


class ScreenRecorder:
    """Records any `BrainModel`, which looks at whole screens."""

    def __init__(self, subject: Any) -> None:
        self.subject = subject
        self._kept: np.ndarray | slice = slice(None)
        self._neuroids = pd.DataFrame()

    def map_receptive_fields(self) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
        # Centres come from noise-free responses where noise can be switched off, see `WindowRecorder`.
        ours = isinstance(self.subject, Subject)
        with self.subject.extractor.noise_off() if ours else nullcontext():
            blank = self._describe_neuroids()
            gratings = selectivity_gratings(self.subject.visual_degrees())
            parts = self._look(gratings, MAPPING_TRIALS, "testing for selective neuroids")
            responses = np.concatenate([part for _, part in parts], axis=1)
            check_selective(responses, self.subject.identifier)
            parameters = grating_parameters("receptive_field")
            positions = parameters.drop_duplicates(["position_y", "position_x"])
            gratings = len(parameters) // len(positions)  # at each position, in rows next to each other
            strongest = np.zeros((len(blank), len(positions)), np.float32)
            for rows, part in self._look(parameters, MAPPING_TRIALS, "mapping receptive fields"):
                for column, position in enumerate(np.arange(rows.start, rows.stop) // gratings):
                    np.maximum(strongest[:, position], part[:, column], out=strongest[:, position])
        return strongest, blank, positions

    def _describe_neuroids(self) -> np.ndarray:
        """Note what is known of each neuroid; its response to the blank."""
        with TemporaryDirectory() as directory, without_result_caching(), _one_bar(self.subject, 1, "blank") as bar:
            stimuli = grating_stimulus_set("blank", directory, visual_degrees=self.subject.visual_degrees())
            responses = _by_neuroid(self.subject.look_at(stimuli, number_of_trials=MAPPING_TRIALS))
            bar.update()
        self._neuroids = responses.indexes["neuroid"].to_frame(index=False)
        return responses.values[:, 0]

    def keep(self, neuroids: np.ndarray) -> pd.DataFrame:
        self._kept = neuroids
        return self._neuroids[neuroids].reset_index(drop=True)

    def record(self, name: str, trials: int) -> np.ndarray:
        return self.record_gratings(grating_parameters(name), trials, name.replace("_", " "))

    def record_gratings(
        self, parameters: pd.DataFrame, trials: int, doing: str, each: EachTrial | None = None
    ) -> np.ndarray:
        return np.concatenate([part[self._kept] for _, part in self._look(parameters, trials, doing, each)], axis=1)

    def record_images(self, stimuli: "StimulusSet", trials: int) -> np.ndarray:
        starts = range(0, len(stimuli), _SCREENS_AT_A_TIME)
        parts = [some_of(stimuli, slice(start, start + _SCREENS_AT_A_TIME)) for start in starts]
        return np.concatenate([self._look_at(part, trials)[self._kept] for part in parts], axis=1)

    def _look(
        self, parameters: pd.DataFrame, trials: int, doing: str, each: EachTrial | None = None
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Responses (neuroid, presentation) to gratings, some presentations at a time."""
        with _one_bar(self.subject, len(parameters), doing) as bar:
            for rows, responses in self._parts(parameters, trials, each):
                bar.update(rows.stop - rows.start)
                yield rows, responses

    def _parts(
        self, parameters: pd.DataFrame, trials: int, each: EachTrial | None
    ) -> Iterator[tuple[slice, np.ndarray]]:
        for start in range(0, len(parameters), _SCREENS_AT_A_TIME):
            rows = slice(start, min(start + _SCREENS_AT_A_TIME, len(parameters)))
            some = parameters.iloc[rows]
            degrees = self.subject.visual_degrees()
            if hasattr(self.subject, "stream_recording"):  # no files, and the responses come as plain arrays
                screens = list(render(some, visual_degrees=degrees))
                for batch, responses in self.subject.stream_recording(screens, trials, average=each is None):
                    batch = slice(start + batch.start, start + batch.stop)
                    if each is not None:  # (stimulus, trial, neuroid)
                        responses = self._mean_of_trials(responses, batch, each)
                    yield batch, responses.T
            else:
                with TemporaryDirectory() as directory:
                    stimuli = gratings_as_images(
                        some, f"gratings-{start}", directory, visual_degrees=degrees, render=render
                    )
                    responses = self._look_at(stimuli, trials)
                    if each is not None:  # it says its mean over trials alone
                        each(rows, 0, responses[self._kept].T)
                    yield rows, responses

    def _mean_of_trials(self, responses: np.ndarray, rows: slice, each: EachTrial) -> np.ndarray:
        """The mean (stimulus, neuroid), summed in the extractor's order, so that its bits are those of its mean."""
        total = np.zeros_like(responses[:, 0])
        for trial in range(responses.shape[1]):
            each(rows, trial, responses[:, trial, self._kept])
            total += responses[:, trial]
        return total / responses.shape[1]

    def _look_at(self, stimuli: "StimulusSet", trials: int) -> np.ndarray:
        with without_result_caching():
            responses = _by_neuroid(self.subject.look_at(stimuli, number_of_trials=trials))
        order = {name: index for index, name in enumerate(responses["stimulus_id"].values)}
        return responses.values[:, [order[name] for name in stimuli["stimulus_id"]]]


@contextmanager
def _one_bar(subject: Any, gratings: int, doing: str) -> Iterator[Any]:
    """A progress bar for a whole experiment, in place of one for each part of it that our extractor would show.

    Other models' extractors show their own.
    """
    ours = isinstance(subject, Subject)
    shown = ours and subject.extractor.progress
    with progress_bar(total=gratings, desc=doing, unit="grating", shown=shown) as bar:
        if ours:
            subject.extractor.progress = False
        try:
            yield bar
        finally:
            if ours:
                subject.extractor.progress = shown


def _by_neuroid(responses: "NeuroidAssembly") -> "NeuroidAssembly":
    """(neuroid, presentation), whatever the order and with or without its one time bin."""
    if "time_bin" in responses.dims:
        responses = responses.squeeze("time_bin")
    return responses.transpose("neuroid", "presentation")


def selectivity_gratings(visual_degrees: float) -> pd.DataFrame:
    """64 gratings that fill the screen: two spatial frequencies, four orientations, eight phases."""
    return pd.DataFrame(
        list(product([0.0], [0.0], [1.0], [visual_degrees], (1.0, 4.0), np.arange(0, 180, 45), np.arange(0, 360, 45))),
        columns=list(PARAMETERS),
        dtype=float,
    )


def check_selective(responses: np.ndarray, identifier: str) -> None:
    """Refuse neuroids of which none prefers any orientation or spatial frequency, as pixels do not.

    Told before the thousands of gratings that would end in a property which no neuroid has.

    Parameters
    ----------
    responses : array, shape (neuroid, grating)
        To `selectivity_gratings`.
    identifier : str
        The model's, for the message.

    Raises
    ------
    ValueError
    """
    rectified = np.maximum(responses, 0).reshape(-1, 8, 8)  # (neuroid, grating, phase)
    by_grating = rectified.mean(axis=2)
    strongest = by_grating.max(axis=1)
    driven = (np.ptp(rectified, axis=(1, 2)) > 0) & (strongest > 0)
    spread = np.ptp(by_grating, axis=1)[driven] / strongest[driven]
    if driven.any() and not (spread > _LEAST_SPREAD).any():
        raise ValueError(
            f"none of {len(spread)} neuroids of {identifier} prefers an orientation or a spatial frequency: their mean "
            f"rates to eight gratings differ by {100 * spread.max():.0f} % at most, as those of pixels do. Tuning "
            "properties are not defined for them; name a layer behind oriented filters"
        )
