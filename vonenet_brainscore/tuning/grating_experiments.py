"""The grating experiments of Marques et al. 2021 on a subject: gratings -> firing rates of the probed neuroids.

If the recorded layer is a VOneBlock, or follows only convolutions and poolings, only the units that can have their
receptive field at the probed position are computed, from the pixels that they see. All other subjects are shown whole
screens.
"""

from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from ..brainscore import without_result_caching
from ..models.vone_block import VOneBlock
from ..recordings.subject import FRONT_END, Subject
from ..stimuli.gratings import PROBED_POSITION, grating_parameters
from .first_layers import FirstLayerRecorder, first_layers
from .grating_responses import Analysis
from .grating_tuning import firing_rate_affine, firing_rates
from .receptive_fields import (
    RECEPTIVE_FIELD_TOLERANCE,
    is_probed,
    receptive_field_centres,
    receptive_field_diameters,
)
from .screen_recorder import ScreenRecorder
from .window_recorder import EachTrial, WindowRecorder

if TYPE_CHECKING:
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
    from brainscore_vision.model_interface import BrainModel

TRIALS = 20  # of every set but the receptive-field one; Marques et al. 2021
TIME_BIN = (70, 170)  # ms
_MAPS_AT_A_TIME = 20_000  # bounds memory: a layer of 200,000 units has maps of 350 MB, kept in float32


class _Recorder(Protocol):
    """Responses to gratings, first of every neuroid that may be probed, then of those kept."""

    def map_receptive_fields(self) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
        """Responses (neuroid, position), to the blank (neuroid,), and the positions' table."""

    def keep(self, neuroids: np.ndarray) -> pd.DataFrame:
        """Record these (a mask over the mapped ones) from now on; what is known of each."""

    def record(self, name: str, trials: int) -> np.ndarray:
        """Mean responses (neuroid, presentation) of the kept neuroids to a grating set."""

    def record_gratings(
        self, parameters: pd.DataFrame, trials: int, doing: str, each: EachTrial | None = None
    ) -> np.ndarray:
        """The same to any gratings; `doing` names the experiment where progress is shown, `each` sees every trial."""

    def record_images(self, stimuli: "StimulusSet", trials: int) -> np.ndarray:
        """The same to images as wide as the subject's screen."""


class GratingExperiments:
    """A subject's V1 neurons, probed with gratings. Each set is shown once and used for all its properties.

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
        self._tables: dict[tuple[str, Analysis], pd.DataFrame] = {}

    def start(self) -> None:
        """Start recording from the region again, after any other use of the subject."""
        self.subject.start_recording(self.region, time_bins=[TIME_BIN])

    @cached_property
    def neuroids(self) -> pd.DataFrame:
        """The neuroids with their receptive field within 0.15 degrees of the probed position, one row per neuroid.

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
        table["measured_receptive_field_diameter"] = receptive_field_diameters(
            responses[probed], blank[probed], positions
        )
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

    def trial_rates(self, parameters: pd.DataFrame, doing: str, units: np.ndarray) -> np.ndarray:
        """Firing rates of some units to gratings, trial by trial, in spikes/s: (unit, presentation, trial).

        The draws of a noisy model are those behind `rates` and `rates_to_gratings`. Rates are rectified trial by trial,
        so that the mean of a weak response's trials may lie above the rate of the mean response.

        Parameters
        ----------
        parameters : DataFrame, one row per presentation
            Rows of `grating_parameters`, or gratings of one's own.
        doing : str
            Name of the experiment, where progress is shown.
        units : int array, shape (unit,)
            Positions among `neuroids`.
        """
        return firing_rates(self.trial_responses(parameters, doing, units), self.affine)

    def trial_responses(self, parameters: pd.DataFrame, doing: str, units: np.ndarray) -> np.ndarray:
        """As `trial_rates`, in the model's own units."""
        len(self.neuroids)
        kept = np.empty((len(units), len(parameters), self.trials), np.float32)

        def keep(rows: slice, trial: int, responses: np.ndarray) -> None:
            kept[:, rows, trial] = responses[:, units].T

        self._recorder.record_gratings(parameters, TRIALS, doing, keep)
        return kept

    @property
    def trials(self) -> int:
        """Number of separate trials: 1 for a model without noise, or if only its mean over trials is known."""
        extractor = getattr(self.subject, "extractor", None)
        return 1 if extractor is None else int(extractor.trials_run(TRIALS))

    def rates(self, name: str) -> np.ndarray:
        """Firing rates to a grating set in spikes/s: (neuroid, presentation)."""
        return firing_rates(self.responses(name), self.affine)

    def rates_to_gratings(self, parameters: pd.DataFrame, doing: str) -> np.ndarray:
        """Firing rates to gratings of one's own in spikes/s: (neuroid, presentation).

        Parameters
        ----------
        parameters : DataFrame, one row per presentation
            With the columns of `grating_parameters`.
        doing : str
            Name of the experiment, where progress is shown.
        """
        len(self.neuroids)
        return firing_rates(self._recorder.record_gratings(parameters, TRIALS, doing), self.affine)

    def rates_to_images(self, stimuli: "StimulusSet") -> np.ndarray:
        """Firing rates to images in spikes/s: (neuroid, presentation), in the order of `stimuli`.

        Each set is shown once; sets are distinguished by their identifiers, and `degrees` is the width of an image.
        """
        from brainscore_vision.benchmark_helpers.screen import place_on_screen

        from ..stimuli.screen import placed_exactly

        name = str(stimuli.identifier)
        if name not in self._responses:
            len(self.neuroids)
            with without_result_caching(), placed_exactly() if isinstance(self.subject, Subject) else nullcontext():
                placed = place_on_screen(stimuli, target_visual_degrees=self.subject.visual_degrees())
            self._responses[name] = self._recorder.record_images(placed, TRIALS)
        return firing_rates(self._responses[name], self.affine)

    def properties(self, name: str, analysis: Analysis) -> pd.DataFrame:
        """The result of an analysis for every probed neuroid, computed once.

        Parameters
        ----------
        name : str
            Of the grating set.
        analysis : callable
            Such as `grating_tuning.size_tuning`: takes rates (neuroid, presentation) and the rate at the blank
            (neuroid,), in spikes/s, and the set's parameters.
        """
        if (name, analysis) not in self._tables:
            table = analysis(self.rates(name), self.rates("blank")[:, 0], grating_parameters(name))
            self._tables[name, analysis] = table
        return self._tables[name, analysis]


def recorded_front_end(subject: Any) -> VOneBlock | None:
    """The VOneBlock whose output is being recorded; None if another layer is."""
    if isinstance(subject, Subject) and subject.layer in (FRONT_END, f"{FRONT_END}.output"):
        return subject.extractor.block
    return None


def _recorder_for(subject: Any) -> _Recorder:
    block = recorded_front_end(subject)
    if block is None:
        first = (
            first_layers(subject.extractor.network, subject.layer, subject.extractor.image_size)
            if (isinstance(subject, Subject) and subject.extractor.block is None)
            else None
        )
        return ScreenRecorder(subject) if first is None else FirstLayerRecorder(subject, first)
    return WindowRecorder(subject.extractor, block, subject.visual_degrees())
