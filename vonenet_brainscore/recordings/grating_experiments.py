"""The grating experiments of Marques et al. 2021 on a subject: gratings -> firing rates of the probed neuroids.

Where the recorded layer is a VOneBlock only the units that can have their receptive field at the probed position are
computed, and only the pixels that they see. Any other subject looks at whole screens.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from functools import cached_property
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from ..brainscore import without_result_caching
from ..stimuli.gratings import PROBED_POSITION, grating_parameters, grating_stimulus_set
from .receptive_fields import RECEPTIVE_FIELD_TOLERANCE, is_probed, receptive_field_centres
from .tuning import TUNING, firing_rate_affine, firing_rates
from .vone_window import WindowRecorder

if TYPE_CHECKING:
    from brainscore_vision.model_interface import BrainModel

MAPPING_TRIALS, TRIALS = 10, 20  # of the receptive-field set and of the others; Marques et al. 2021
TIME_BIN = (70, 170)  # ms
_SCREENS_AT_A_TIME = 256  # bounds memory: a layer of 200,000 units answers with 200 MB
EXPERIMENT_OF = {  # property -> the grating set it is measured with
    "preferred_orientation": "orientation",
    "peak_spatial_frequency": "spatial_frequency",
    "spatial_frequency_selective": "spatial_frequency",
    "spatial_frequency_bandwidth": "spatial_frequency",
    "surround_suppression_index": "size",
    "strongly_suppressed": "size",
    "grating_summation_field": "size",
    "surround_diameter": "size",
    "surround_grating_summation_field_ratio": "size",
}


class _Recorder(Protocol):
    """Responses to gratings, first of every neuroid that may be probed, then of those kept."""

    def map_receptive_fields(self) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
        """Responses (neuroid, position), to the blank (neuroid,), and the positions' table."""

    def keep(self, neuroids: np.ndarray) -> pd.DataFrame:
        """Record these (a mask over the mapped ones) from now on; what is known of each."""

    def record(self, name: str, trials: int) -> np.ndarray:
        """Mean responses (neuroid, presentation) of the kept neuroids to a grating set."""


class GratingExperiments:
    """A subject's V1 neurons, probed with gratings. Each set is shown once, however many properties use it.

    Parameters
    ----------
    subject : BrainModel
    region : str
    """

    def __init__(self, subject: "BrainModel", region: str = "V1") -> None:
        self.subject = subject
        subject.start_recording(region, time_bins=[TIME_BIN])
        self._recorder: _Recorder = _recorder_for(subject)
        self._rates: dict[str, np.ndarray] = {}
        self._responses: dict[str, np.ndarray] = {}

    @cached_property
    def neuroids(self) -> pd.DataFrame:
        """The neuroids with their receptive field within 0.15 degrees of the probed position, a row each.

        Raises
        ------
        ValueError
            If there are none.
        """
        responses, blank, positions = self._recorder.map_receptive_fields()
        centres = receptive_field_centres(responses, blank, positions)
        probed = is_probed(centres)
        if not probed.any():
            silent = int(np.isnan(centres[:, 0]).sum())
            raise ValueError(
                f"none of {len(probed)} neuroids of {self.subject.identifier} has its receptive field within "
                f"{RECEPTIVE_FIELD_TOLERANCE} degrees of {PROBED_POSITION} (y, x), and {silent} never respond to the "
                "mapping gratings; there is nothing to measure"
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

    def properties(self, name: str) -> pd.DataFrame:
        """The tuning properties that go with one, for every probed neuroid, with `responsive`.

        Parameters
        ----------
        name : str
            A property, as in `EXPERIMENT_OF`.
        """
        if name not in EXPERIMENT_OF:
            raise ValueError(f"unknown property {name!r}; have {', '.join(EXPERIMENT_OF)}")
        stimuli = EXPERIMENT_OF[name]
        return TUNING[name](self.rates(stimuli), self.rates("blank")[:, 0], grating_parameters(stimuli))


def _recorder_for(subject: Any) -> _Recorder:
    from .subject import FRONT_END, Subject

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
        from .subject import Subject

        # Centres come from noise-free responses where noise can be had off, see `WindowRecorder`.
        ours = isinstance(self.subject, Subject)
        with self.subject.extractor.noise_off() if ours else nullcontext():
            blank = np.concatenate([part for _, part in self._look("blank", MAPPING_TRIALS)], axis=1)[:, 0]
            parameters = grating_parameters("receptive_field")
            positions = parameters.drop_duplicates(["position_y", "position_x"])
            gratings = len(parameters) // len(positions)  # at each position, in rows next to each other
            strongest = np.zeros((len(blank), len(positions)), np.float32)
            for rows, part in self._look("receptive_field", MAPPING_TRIALS):
                for column, position in enumerate(np.arange(rows.start, rows.stop) // gratings):
                    np.maximum(strongest[:, position], part[:, column], out=strongest[:, position])
        return strongest, blank, positions

    def keep(self, neuroids: np.ndarray) -> pd.DataFrame:
        self._kept = neuroids
        return self._neuroids[neuroids].reset_index(drop=True)

    def record(self, name: str, trials: int) -> np.ndarray:
        return np.concatenate([part[self._kept] for _, part in self._look(name, trials)], axis=1)

    def _look(self, name: str, trials: int) -> Iterator[tuple[slice, np.ndarray]]:
        """Responses (neuroid, presentation), some presentations at a time."""
        from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

        with TemporaryDirectory() as directory, without_result_caching():
            stimuli = grating_stimulus_set(name, directory, visual_degrees=self.subject.visual_degrees())
            for start in range(0, len(stimuli), _SCREENS_AT_A_TIME):
                rows = slice(start, min(start + _SCREENS_AT_A_TIME, len(stimuli)))
                some = StimulusSet(stimuli.iloc[rows].reset_index(drop=True))
                some.identifier = f"{stimuli.identifier}-{rows.start}-{rows.stop}"
                some.stimulus_paths = stimuli.stimulus_paths
                responses = self.subject.look_at(some, number_of_trials=trials)
                if "time_bin" in responses.dims:
                    responses = responses.squeeze("time_bin")
                responses = responses.transpose("neuroid", "presentation")
                order = {name: index for index, name in enumerate(responses["stimulus_id"].values)}
                values = responses.values[:, [order[name] for name in some["stimulus_id"]]]
                if self._neuroids.empty:
                    self._neuroids = responses.indexes["neuroid"].to_frame(index=False)
                yield rows, values
