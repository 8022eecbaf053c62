"""Recording of any `BrainModel` in parts of the stimuli, so that the responses need not fit into memory together."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

STREAMED = "streamed by this package"
BATCHES = "its own network, batch by batch"
PIECES = "its own look_at, some stimuli at a time"
WHOLE = "its own look_at, all stimuli at once"
STIMULI_AT_A_TIME = 64  # Brain-Score's own batch, so that a commitment's batches are what they would be


def way_of_recording(subject: Any) -> str:
    """How a subject can be recorded: `STREAMED`, `BATCHES`, `PIECES` or, if pieces could differ, `WHOLE`.

    `BATCHES` applies to Brain-Score's own commitment with its own wrapper of a PyTorch network: the wrapper's
    preprocessing and network run on the same batches as for the whole set, so that the responses are bit-identical,
    without being packaged. It does not apply if hooks are attached (such as a PCA of the activations) or eye movements
    are simulated, because these use more than one batch; such a subject records all stimuli itself.

    Parameters
    ----------
    subject : BrainModel
    """
    from brainscore_vision.model_helpers.activations.core import ActivationsExtractorHelper
    from brainscore_vision.model_helpers.activations.pytorch import PytorchWrapper
    from brainscore_vision.model_helpers.brain_transformation import ModelCommitment
    from brainscore_vision.model_helpers.brain_transformation.neural import LayerMappedModel
    from brainscore_vision.model_helpers.brain_transformation.temporal import TemporalAligned

    if hasattr(subject, "stream_recording"):
        return STREAMED
    wrapper = getattr(subject, "activations_model", None)
    helper: Any = getattr(wrapper, "_extractor", None)
    if type(helper) is ActivationsExtractorHelper:
        hooked = helper._batch_activations_hooks or helper._stimulus_set_hooks
        if hooked or helper._microsaccade_helper.number_of_trials != 1:
            return WHOLE
    if type(subject) is not ModelCommitment:
        return PIECES
    aligned = subject.layer_model
    own = type(aligned) is TemporalAligned and type(aligned._layer_model) is LayerMappedModel
    known = type(wrapper) is PytorchWrapper and type(helper) is ActivationsExtractorHelper
    return BATCHES if own and known else PIECES


class StreamedSubject:
    """A `BrainModel` of Brain-Score's or of the user's, for recordings that come some stimuli at a time.

    Parameters
    ----------
    subject : BrainModel
        Not one of this package's, which streams by itself.

    Attributes
    ----------
    way : str
        `BATCHES` or `PIECES`.

    Raises
    ------
    ValueError
        If the subject can only be recorded as a whole.
    """

    def __init__(self, subject: Any) -> None:
        self.way = way_of_recording(subject)
        if self.way not in (BATCHES, PIECES):
            raise ValueError(f"{subject.identifier} is recorded by {self.way}")
        self.subject = subject
        self._region = ""
        self._n_time_bins = 1

    @property
    def identifier(self) -> str:
        return str(self.subject.identifier)

    def visual_degrees(self) -> float:
        return self.subject.visual_degrees()

    def start_recording(self, recording_target: str, time_bins: Any) -> None:
        """Record a region in some time bins, each (start, end) in ms."""
        self._region = recording_target
        self._n_time_bins = len(time_bins)
        self.subject.start_recording(recording_target, time_bins=time_bins)

    def stream_recording(self, stimuli: Any, number_of_trials: int = 1) -> Iterator[tuple[slice, np.ndarray]]:
        """The region's responses, some stimuli at a time.

        Parameters
        ----------
        stimuli : StimulusSet
        number_of_trials : int
            Passed on to `look_at`; all trials of Brain-Score's commitments are equal.

        Yields
        ------
        slice
            Which stimuli.
        array, shape (stimulus, neuroid)

        Raises
        ------
        ValueError
            If a stimulus has no response or several, or the responses have more than one time bin.
        """
        for rows, windows in self.stream_windows(stimuli, number_of_trials):
            if len(windows) != 1:
                raise ValueError(f"{self.identifier} answers in {len(windows)} time bins, not in one")
            yield rows, windows[0]

    def stream_windows(self, stimuli: Any, number_of_trials: int = 1) -> Iterator[tuple[slice, list[np.ndarray]]]:
        """The region's responses in each time bin, some stimuli at a time; see `stream_recording`.

        Yields
        ------
        slice
            Which stimuli.
        list of array, shape (stimulus, neuroid)
            One for each time bin; the same array for all bins if the network has no time.
        """
        if self.way == BATCHES:
            layers = self.subject.layer_model.region_layer_map[self._region]
            layers = [layers] if isinstance(layers, str) else list(layers)
            for rows, found in self.stream_layers(stimuli, layers):
                yield rows, [np.concatenate([found[layer] for layer in layers], axis=1)] * self._n_time_bins
            return
        for start in range(0, len(stimuli), STIMULI_AT_A_TIME):
            rows = slice(start, min(start + STIMULI_AT_A_TIME, len(stimuli)))
            yield rows, self._look_at(some_of(stimuli, rows), number_of_trials)

    def stream_layers(
        self, stimuli: Any, layers: Sequence[str], number_of_trials: int = 1
    ) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
        """Responses of several layers, each as if it represented the region; only for a subject of `BATCHES`.

        Yields
        ------
        slice
            Which stimuli.
        dict of layer to array, shape (stimulus, neuroid)
            Valid until the next batch, for which the network may use the same memory.
        """
        helper = self.subject.activations_model._extractor
        paths = [str(stimuli.get_stimulus(name)) for name in stimuli["stimulus_id"]]
        for start in range(0, len(paths), helper._batch_size):
            rows = slice(start, min(start + helper._batch_size, len(paths)))
            found = helper._get_batch_activations(paths[rows], list(layers), helper._batch_size, trial_number=0)
            yield rows, {layer: np.asarray(found[layer]).reshape(len(paths[rows]), -1) for layer in layers}

    def _look_at(self, stimuli: Any, number_of_trials: int) -> list[np.ndarray]:
        responses = self.subject.look_at(stimuli, number_of_trials=number_of_trials)
        if "time_bin" not in responses.dims:
            responses = responses.expand_dims("time_bin")
        responses = responses.transpose("time_bin", "presentation", "neuroid")
        names = list(responses["stimulus_id"].values)
        place = {name: row for row, name in enumerate(names)}
        wanted = list(stimuli["stimulus_id"])
        if len(names) != len(wanted) or set(place) != set(wanted):
            raise ValueError(
                f"{self.identifier} answers {len(wanted)} stimuli with {len(names)} presentations of {len(place)}; one "
                "of each is expected"
            )
        return list(np.asarray(responses.values)[:, [place[name] for name in wanted]])


def stream_steps(
    subject: Any, stimuli: Any, n_time_bins: int, number_of_trials: int
) -> Iterator[tuple[Any, list[np.ndarray], list[int]]]:
    """Responses in each time step of the network, which may correspond to several time bins.

    Parameters
    ----------
    subject
        With `stream_recording`; for several time bins with `stream_windows`.
    stimuli : StimulusSet
    n_time_bins : int
        Number of time bins that are being recorded.
    number_of_trials : int

    Yields
    ------
    slice or array
        Which stimuli.
    list of array, shape (stimulus, neuroid)
        One for each step.
    list of int
        The step of each time bin.
    """
    if n_time_bins == 1:
        for rows, features in subject.stream_recording(stimuli, number_of_trials=number_of_trials):
            yield rows, [features], [0]
        return
    for rows, windows in subject.stream_windows(stimuli, number_of_trials=number_of_trials):
        steps = {id(window): window for window in windows}
        yield rows, list(steps.values()), [list(steps).index(id(window)) for window in windows]


def some_of(stimuli: Any, rows: "slice | np.ndarray") -> Any:
    """A part of a stimulus set, with its own identifier."""
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    some = StimulusSet(stimuli.iloc[rows].reset_index(drop=True))
    some.identifier = f"{stimuli.identifier}-{rows.start if isinstance(rows, slice) else rows[0]}"
    names = set(some["stimulus_id"])
    some.stimulus_paths = {name: path for name, path in stimuli.stimulus_paths.items() if name in names}
    return some
