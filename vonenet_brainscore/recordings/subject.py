"""A network as an experimental subject: a Brain-Score `BrainModel` with regions, real trials and time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from ..brainscore import import_quietly

import_quietly()  # before the imports below, which would show a warning that users can do nothing about

from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly, walk_coords
from brainscore_vision.model_interface import BrainModel

from ..stimuli.colour import colour_in_words
from .activations import ActivationsExtractor
from .assemblies import presentation_coordinates
from .layers import check_layers
from .tasks import tasks

FRONT_END = "vone_block"  # the layer that is V1


class Subject(BrainModel):
    """A network that can be recorded and can perform tasks.

    Recording, trials and time are this project's; tasks (labels, probabilities, odd-one-out) are Brain-Score's own.

    Parameters
    ----------
    identifier : str
    extractor : ActivationsExtractor
    region_layer_map : mapping from region to layer
    visual_degrees : float
        Width of the visual field that the image spans.
    weights : str
        Description of the network's weights, for the record.
    readout_layer : str, optional
        Layer from which probabilities and odd-one-out choices are read; by default the last layer of the map.
    time_steps : mapping from region to (start, length, steps), optional
        In ms after stimulus onset, for regions whose layer responds once per time step.
    load_trained : callable, optional
        Returns the trained network and its description for `weights`, if `extractor` has only the front end. Called
        when the front end does not suffice.
    architecture : nn.Module, optional
        The network that `load_trained` will return, without its weights, to look up layers.
    """

    def __init__(
        self,
        identifier: str,
        extractor: ActivationsExtractor,
        region_layer_map: Mapping[str, str],
        *,
        visual_degrees: float = 8,
        weights: str = "as given",
        readout_layer: str | None = None,
        time_steps: Mapping[str, tuple[int, int, int]] | None = None,
        load_trained: Callable[[], tuple[nn.Module, str]] | None = None,
        architecture: nn.Module | None = None,
    ) -> None:
        if not region_layer_map:
            raise ValueError("region_layer_map is empty; give for example {'V1': 'vone_block'}")
        self._identifier = identifier
        self._visual_degrees = visual_degrees
        self.extractor = extractor
        self.layers = list(dict.fromkeys(region_layer_map.values()))
        self._tasks = tasks(identifier, extractor, readout_layer or self.layers[-1])
        self._does_task = False
        self.region_layer_map = dict(region_layer_map)
        self.weights = weights
        self.time_steps = dict(time_steps or {})
        self.region: str | None = None
        self.time_bins: list[tuple[int, int]] = []
        self._load_trained = load_trained
        self._front_end = (extractor.network, weights)
        self._trained: tuple[nn.Module, str] | None = None
        self.architecture = architecture or extractor.network
        self._steps_of_layer = {
            region_layer_map[region]: steps for region, steps in self.time_steps.items() if region in region_layer_map
        }

    @property
    def identifier(self) -> str:
        """The subject's name."""
        return self._identifier

    @property
    def layer_model(self) -> "Subject":
        """Where Brain-Score finds the `region_layer_map` that it writes beside a score: here."""
        return self

    def visual_degrees(self) -> float:
        """Width of the visual field that the image spans."""
        return self._visual_degrees

    @property
    def layer(self) -> str:
        """The layer that represents the region being recorded."""
        if self.region is None:
            raise ValueError("nothing is being recorded; call start_recording first")
        return self.region_layer_map[self.region]

    def start_recording(self, recording_target: str, time_bins: Sequence[tuple[int, int]] = ((50, 200),)) -> None:
        """Set the region to record, and its time windows in ms after stimulus onset.

        Raises
        ------
        ValueError
            If no layer represents the region.
        FileNotFoundError
            If the region lies behind the front end and the trained weights are unavailable.
        """
        region = str(recording_target)
        if region not in self.region_layer_map:
            meant = [name for name in self.region_layer_map if name.lower() == region.lower()]
            if meant:
                raise ValueError(f"{self.identifier} has no region {region!r}; did you mean {meant[0]!r}?")
            raise ValueError(
                f"no layer of {self.identifier} represents {region!r}; have {', '.join(self.region_layer_map)}. "
                f"Name one with region_layer_map, for example {{{region!r}: {self.layers[-1]!r}}}"
            )
        if self.region_layer_map[region].startswith(FRONT_END):
            # Whatever was recorded before, because the checkpoint's front end may differ from the rebuilt one in the
            # last bit.
            self.extractor.network, self.weights = self._front_end
        else:
            self.become_trained()
        self.region = region
        # Brain-Score's benchmarks pass each bin as a tuple inside an array without dimensions.
        self.time_bins = [(int(start), int(end)) for start, end in (np.asarray(each).tolist() for each in time_bins)]
        self._does_task = False

    def start_task(self, task: str, *args: Any, **kwargs: Any) -> None:
        """Set the task: one of Brain-Score's own, performed by the trained network."""
        self.become_trained()
        if task != BrainModel.Task.passive:
            self._tasks.start_task(task, *args, **kwargs)
        self._does_task = task != BrainModel.Task.passive

    def look_at(self, stimuli: Any, number_of_trials: int = 1, require_variance: bool = False) -> Any:
        """Responses to stimuli that fill the subject's visual field.

        Parameters
        ----------
        stimuli : StimulusSet or sequence of images
        number_of_trials : int
            Number of trials to average, each with its own noise.
        require_variance : bool
            Return each trial, as its own presentation, instead of the mean.

        Returns
        -------
        NeuroidAssembly, (presentation, neuroid), or with `time_bin` where several windows are recorded
            A network without time answers the same in every window. One with time answers each window with the step
            whose start is nearest to the window's, the earlier of two, as Brain-Score's CORnet-S commitment does.
        """
        if self._does_task:
            return self._tasks.look_at(stimuli, number_of_trials=number_of_trials, require_variance=require_variance)
        responses = self.record(stimuli, [self.layer], trials=number_of_trials, average=not require_variance)
        if responses.ndim == 2 and len(self.time_bins) == 1:
            return responses
        coordinates = {name: (dims, values) for name, dims, values in walk_coords(responses)}
        values = responses.values
        coordinates.pop("time_step", None)
        if values.ndim == 2:
            values = values[..., None]  # (presentation, neuroid, time step)
        steps = [self._step(self.layer, start, values.shape[2]) for start, _ in self.time_bins]
        if len(self.time_bins) == 1:
            return NeuroidAssembly(values[..., steps[0]], coords=coordinates, dims=responses.dims[:2])
        coordinates["time_bin_start"] = ("time_bin", [start for start, _ in self.time_bins])
        coordinates["time_bin_end"] = ("time_bin", [end for _, end in self.time_bins])
        return NeuroidAssembly(values[..., steps], coords=coordinates, dims=[*responses.dims[:2], "time_bin"])

    def record(self, stimuli: Any, layers: Sequence[str], *, trials: int = 1, average: bool = True) -> NeuroidAssembly:
        """Responses of layers, from the trained network if the front end does not suffice.

        Returns
        -------
        NeuroidAssembly
            As `ActivationsExtractor.__call__`.
        """
        check_layers(self.architecture, layers)
        stimuli = _listed(stimuli)
        self.become_able(stimuli, layers)
        self.extractor.regions = {layer: region for region, layer in self.region_layer_map.items()}
        if self.region is not None:  # of two regions that share a layer the one being recorded
            self.extractor.regions[self.layer] = self.region
        return self.extractor(stimuli, layers, number_of_trials=trials, require_variance=not average)

    def stream_recording(
        self, stimuli: Any, number_of_trials: int = 1, *, average: bool = True
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """The recorded region's responses in the one window, a batch of stimuli at a time.

        Yields
        ------
        slice
            Which stimuli.
        float32 array, shape (stimulus, neuroid)
            Mean over trials, as `look_at` would return them; (stimulus, trial, neuroid) with ``average=False``.
        """
        for rows, responses in self.stream_layers(stimuli, [self.layer], number_of_trials, average=average):
            yield rows, responses[self.layer]

    def stream_layers(
        self, stimuli: Any, layers: Sequence[str], number_of_trials: int = 1, *, average: bool = True
    ) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
        """Responses of several layers, each as if it represented the recorded region, as `stream_recording`."""
        if len(self.time_bins) != 1:
            raise ValueError(f"a stream has one time window, {len(self.time_bins)} are being recorded")
        check_layers(self.architecture, layers)
        stimuli = _listed(stimuli)
        self.become_able(stimuli, layers)
        _, images = presentation_coordinates(stimuli)
        kept = 1 if average else 2  # dimensions that are not the layer's: stimulus and, where it is kept, trial
        for rows, responses in self.extractor.stream(images, layers, trials=number_of_trials, average=average):
            in_window = {
                layer: calls[self._step(layer, self.time_bins[0][0], len(calls))] for layer, calls in responses.items()
            }
            yield rows, {layer: call.reshape(*call.shape[:kept], -1) for layer, call in in_window.items()}

    def stream_windows(self, stimuli: Any, number_of_trials: int = 1) -> Iterator[tuple[slice, list[np.ndarray]]]:
        """The recorded region's responses in each window, a batch of stimuli at a time.

        Yields
        ------
        slice
            Which stimuli.
        list of float32 array, shape (stimulus, neuroid)
            One for each window, the mean over trials; windows that are answered alike share one array.
        """
        stimuli = _listed(stimuli)
        self.become_able(stimuli, [self.layer])
        _, images = presentation_coordinates(stimuli)
        for rows, responses in self.extractor.stream(images, [self.layer], trials=number_of_trials):
            calls = responses[self.layer]
            steps = [self._step(self.layer, start, len(calls)) for start, _ in self.time_bins]
            flat = {step: calls[step].reshape(len(calls[step]), -1) for step in steps}
            yield rows, [flat[step] for step in steps]

    def count_features(self) -> int:
        """How many units the recorded region has."""
        size = self.extractor.image_size
        with self.extractor.noise_off():
            ((_, responses),) = self.extractor.stream([np.full((size, size), 128, np.uint8)], [self.layer])
        return int(responses[self.layer][0].size)

    def _step(self, layer: str, start_ms: int, calls: int) -> int:
        if calls == 1:
            return 0
        first, length, steps = self._steps_of_layer.get(layer) or self.time_steps.get(self.region or "", (0, 0, 0))
        if not steps:
            raise ValueError(
                f"layer {layer!r} of {self.identifier} is called {calls} times a stimulus, and time_steps does not say "
                "when after stimulus onset it answers"
            )
        starts = first + length * np.arange(min(steps, calls))
        return int(np.abs(starts - start_ms).argmin())

    def become_able(self, stimuli: Any, layers: Sequence[str]) -> None:
        """Load the trained network for layers behind the front end and for colour.

        The colours of the filters were drawn separately for each released model and are known only from its checkpoint.
        """
        if self._load_trained is None:
            return
        if not all(layer.startswith(FRONT_END) for layer in layers):
            self.become_trained()
            return
        words = next(filter(None, map(colour_in_words, presentation_coordinates(stimuli)[1])), None)
        if words is not None:
            try:
                self.become_trained()
            except FileNotFoundError as error:
                raise FileNotFoundError(
                    f"{words}. Each filter of the VOneBlock sees one colour channel, and only the released checkpoint "
                    f"says which one, so colour needs it; stimuli meant to be grey can be saved as grey. {error}"
                ) from error

    def become_trained(self) -> None:
        """Load the trained network, if only the front end has been loaded."""
        if self._load_trained is None:
            return
        if self._trained is None:
            network, weights = self._load_trained()
            self._trained = network.to(self.extractor.device), weights
        self.extractor.network, self.weights = self._trained


def _listed(stimuli: Any) -> Any:
    """Stimuli that can be iterated over twice."""
    return list(stimuli) if isinstance(stimuli, Iterator) else stimuli
