"""The grating experiments of Marques et al. 2021 on a subject: gratings -> firing rates of the probed neuroids.

Where the recorded layer is a VOneBlock only the units that can have their receptive field at the probed position are
computed, and only the pixels that they see. Any other subject looks at whole screens.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import cached_property
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from ..brainscore import without_result_caching
from ..stimuli.gratings import (
    PROBED_POSITION,
    grating_parameters,
    grating_stimulus_set,
    gratings_as_images,
    render_gratings,
)
from .grating_tuning import firing_rate_affine, firing_rates
from .receptive_fields import RECEPTIVE_FIELD_TOLERANCE, is_probed, receptive_field_centres
from .window_recorder import WindowRecorder

if TYPE_CHECKING:
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
    from brainscore_vision.model_interface import BrainModel

MAPPING_TRIALS, TRIALS = 10, 20  # of the receptive-field set and of the others; Marques et al. 2021
TIME_BIN = (70, 170)  # ms
# Both bound memory: a layer of 200,000 units answers 256 screens with 200 MB, and has maps of 350 MB, kept in float32.
_SCREENS_AT_A_TIME = 256
_MAPS_AT_A_TIME = 20_000


class _Recorder(Protocol):
    """Responses to gratings, first of every neuroid that may be probed, then of those kept."""

    def map_receptive_fields(self) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
        """Responses (neuroid, position), to the blank (neuroid,), and the positions' table."""

    def keep(self, neuroids: np.ndarray) -> pd.DataFrame:
        """Record these (a mask over the mapped ones) from now on; what is known of each."""

    def record(self, name: str, trials: int) -> np.ndarray:
        """Mean responses (neuroid, presentation) of the kept neuroids to a grating set."""

    def record_gratings(self, parameters: pd.DataFrame, trials: int, doing: str) -> np.ndarray:
        """The same to any gratings; `doing` names the experiment where progress is shown."""

    def record_images(self, stimuli: "StimulusSet", trials: int) -> np.ndarray:
        """The same to images as wide as the subject's screen."""


class GratingExperiments:
    """A subject's V1 neurons, probed with gratings. Each set is shown once, however many properties use it.

    Parameters
    ----------
    subject : BrainModel
    region : str
    """

    def __init__(self, subject: "BrainModel", region: str = "V1") -> None:
        self.subject, self.region = subject, region
        self.start()
        self._recorder: _Recorder = _recorder_for(subject)
        self._responses: dict[str, np.ndarray] = {}

    def start(self) -> None:
        """Have the subject recorded from, whatever it was asked for meanwhile."""
        self.subject.start_recording(self.region, time_bins=[TIME_BIN])

    @cached_property
    def neuroids(self) -> pd.DataFrame:
        """The neuroids with their receptive field within 0.15 degrees of the probed position, a row each.

        Raises
        ------
        ValueError
            If there are none.
        """
        responses, blank, positions = self._recorder.map_receptive_fields()
        parts = [slice(start, start + _MAPS_AT_A_TIME) for start in range(0, len(blank), _MAPS_AT_A_TIME)]
        centres = np.concatenate([receptive_field_centres(responses[part], blank[part], positions) for part in parts])
        probed = is_probed(centres)
        if not probed.any():
            silent = int(np.isnan(centres[:, 0]).sum())
            alike = int((responses.min(axis=1) == responses.max(axis=1)).sum())
            raise ValueError(
                f"none of {len(probed)} neuroids of {self.subject.identifier} has its receptive field within "
                f"{RECEPTIVE_FIELD_TOLERANCE} degrees of {PROBED_POSITION} (y, x), and {silent} never respond to the "
                f"mapping gratings ({alike} answer them all alike); there is nothing to measure"
            )
        table = self._recorder.keep(probed)
        table["measured_receptive_field_y"], table["measured_receptive_field_x"] = centres[probed].T
        return table

    @cached_property
    def affine(self) -> tuple[float, float]:
        """Slope and offset from the model's units to spikes/s."""
        blank = self.responses("blank")[:, 0]
        return firing_rate_affine(self.responses("orientation"), blank, grating_parameters("orientation"))

    def responses(self, name: str) -> np.ndarray:
        """Mean responses over trials to a grating set, in the model's units: (neuroid, presentation)."""
        if name not in self._responses:
            len(self.neuroids)  # chooses whom to record from
            self._responses[name] = self._recorder.record(name, TRIALS)
        return self._responses[name]

    def rates(self, name: str) -> np.ndarray:
        """Firing rates to a grating set in spikes/s: (neuroid, presentation)."""
        return firing_rates(self.responses(name), self.affine)

    def rates_to_gratings(self, parameters: pd.DataFrame, doing: str) -> np.ndarray:
        """Firing rates to gratings of one's own in spikes/s: (neuroid, presentation).

        Parameters
        ----------
        parameters : DataFrame, a row a presentation
            With the columns of `grating_parameters`.
        doing : str
            Name of the experiment, where progress is shown.
        """
        len(self.neuroids)
        return firing_rates(self._recorder.record_gratings(parameters, TRIALS, doing), self.affine)

    def rates_to_images(self, stimuli: "StimulusSet") -> np.ndarray:
        """Firing rates to images in spikes/s: (neuroid, presentation), in the order of `stimuli`.

        Each set is shown once; sets are told apart by their identifiers, and `degrees` says how wide an image is.
        """
        from brainscore_vision.benchmark_helpers.screen import place_on_screen

        from ..recordings.subject import Subject
        from ..stimuli.screen import placed_exactly

        name = str(stimuli.identifier)
        if name not in self._responses:
            len(self.neuroids)
            with without_result_caching(), placed_exactly() if isinstance(self.subject, Subject) else nullcontext():
                placed = place_on_screen(stimuli, target_visual_degrees=self.subject.visual_degrees())
            self._responses[name] = self._recorder.record_images(placed, TRIALS)
        return firing_rates(self._responses[name], self.affine)

    def properties(
        self, name: str, analysis: Callable[[np.ndarray, np.ndarray, pd.DataFrame], pd.DataFrame]
    ) -> pd.DataFrame:
        """What an analysis measures of every probed neuroid.

        Parameters
        ----------
        name : str
            Of the grating set.
        analysis : callable
            Such as `grating_tuning.size_tuning`: takes rates (neuroid, presentation) and the rate at the blank
            (neuroid,), in spikes/s, and the set's parameters.
        """
        return analysis(self.rates(name), self.rates("blank")[:, 0], grating_parameters(name))


def _recorder_for(subject: Any) -> _Recorder:
    from ..recordings.subject import FRONT_END, Subject

    if isinstance(subject, Subject):
        block = subject.extractor.block
        if block is not None and subject.layer in (FRONT_END, f"{FRONT_END}.output"):
            return WindowRecorder(subject.extractor, block, subject.visual_degrees())
    return _ScreenRecorder(subject)


class _ScreenRecorder:
    """Records any `BrainModel`, which looks at whole screens."""

    def __init__(self, subject: Any) -> None:
        self.subject = subject
        self._kept: np.ndarray | slice = slice(None)
        self._neuroids = pd.DataFrame()

    def map_receptive_fields(self) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
        from ..recordings.subject import Subject

        # Centres come from noise-free responses where noise can be had off, see `WindowRecorder`.
        ours = isinstance(self.subject, Subject)
        with self.subject.extractor.noise_off() if ours else nullcontext():
            blank = self._describe_neuroids()
            parameters = grating_parameters("receptive_field")
            positions = parameters.drop_duplicates(["position_y", "position_x"])
            gratings = len(parameters) // len(positions)  # at each position, in rows next to each other
            strongest = np.zeros((len(blank), len(positions)), np.float32)
            for rows, part in self._look(parameters, MAPPING_TRIALS):
                for column, position in enumerate(np.arange(rows.start, rows.stop) // gratings):
                    np.maximum(strongest[:, position], part[:, column], out=strongest[:, position])
        return strongest, blank, positions

    def _describe_neuroids(self) -> np.ndarray:
        """Note what is known of each neuroid; its response to the blank."""
        with TemporaryDirectory() as directory, without_result_caching():
            stimuli = grating_stimulus_set("blank", directory, visual_degrees=self.subject.visual_degrees())
            responses = _by_neuroid(self.subject.look_at(stimuli, number_of_trials=MAPPING_TRIALS))
        self._neuroids = responses.indexes["neuroid"].to_frame(index=False)
        return responses.values[:, 0]

    def keep(self, neuroids: np.ndarray) -> pd.DataFrame:
        self._kept = neuroids
        return self._neuroids[neuroids].reset_index(drop=True)

    def record(self, name: str, trials: int) -> np.ndarray:
        return self.record_gratings(grating_parameters(name), trials, name)

    def record_gratings(self, parameters: pd.DataFrame, trials: int, doing: str) -> np.ndarray:
        return np.concatenate([part[self._kept] for _, part in self._look(parameters, trials)], axis=1)

    def record_images(self, stimuli: "StimulusSet", trials: int) -> np.ndarray:
        starts = range(0, len(stimuli), _SCREENS_AT_A_TIME)
        parts = [_some_of(stimuli, slice(start, start + _SCREENS_AT_A_TIME)) for start in starts]
        return np.concatenate([self._look_at(part, trials)[self._kept] for part in parts], axis=1)

    def _look(self, parameters: pd.DataFrame, trials: int) -> Iterator[tuple[slice, np.ndarray]]:
        """Responses (neuroid, presentation) to gratings, some presentations at a time."""
        for start in range(0, len(parameters), _SCREENS_AT_A_TIME):
            rows = slice(start, min(start + _SCREENS_AT_A_TIME, len(parameters)))
            some = parameters.iloc[rows]
            degrees = self.subject.visual_degrees()
            if hasattr(self.subject, "stream_recording"):  # no files, and the responses come as plain arrays
                screens = list(render_gratings(some, visual_degrees=degrees))
                for batch, responses in self.subject.stream_recording(screens, trials):
                    yield slice(start + batch.start, start + batch.stop), responses.T
            else:
                with TemporaryDirectory() as directory:
                    stimuli = gratings_as_images(some, f"gratings-{start}", directory, visual_degrees=degrees)
                    yield rows, self._look_at(stimuli, trials)

    def _look_at(self, stimuli: "StimulusSet", trials: int) -> np.ndarray:
        with without_result_caching():
            responses = _by_neuroid(self.subject.look_at(stimuli, number_of_trials=trials))
        order = {name: index for index, name in enumerate(responses["stimulus_id"].values)}
        return responses.values[:, [order[name] for name in stimuli["stimulus_id"]]]


def _some_of(stimuli: "StimulusSet", rows: slice) -> "StimulusSet":
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    some = StimulusSet(stimuli.iloc[rows].reset_index(drop=True))
    some.identifier = f"{stimuli.identifier}-{rows.start}"
    some.stimulus_paths = stimuli.stimulus_paths
    return some


def _by_neuroid(responses: "NeuroidAssembly") -> "NeuroidAssembly":
    """(neuroid, presentation), whatever the order and with or without its one time bin."""
    if "time_bin" in responses.dims:
        responses = responses.squeeze("time_bin")
    return responses.transpose("neuroid", "presentation")
