"""Small neural benchmarks of Brain-Score's own classes on made responses, and a subject that answers from an array."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from brainscore_core.metrics import Score
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.benchmark_helpers.neural_common import NeuralBenchmark, TrainTestNeuralBenchmark
from brainscore_vision.model_helpers.brain_transformation.temporal import TemporalAligned

VISUAL_DEGREES = 8
TIME_BIN = (50, 200)


def stimulus_set(identifier: str, n: int) -> StimulusSet:
    """n stimuli in three objects, not in the order of their names."""
    names = [f"{identifier}-{index:03d}" for index in np.random.default_rng(n).permutation(n)]
    stimuli = StimulusSet({"stimulus_id": names, "object_name": [("a", "b", "c")[i % 3] for i in range(n)]})
    stimuli.identifier = identifier
    stimuli.stimulus_paths = {name: f"/made/{name}.png" for name in names}
    return stimuli


def responses_assembly(stimuli: StimulusSet, responses: np.ndarray, time_bins: Any = (TIME_BIN,)) -> NeuroidAssembly:
    """Primate responses to the stimuli, shape (stimulus, neuroid), in Brain-Score's format."""
    n_neuroids = responses.shape[1]
    assembly = NeuroidAssembly(
        np.repeat(responses[:, :, np.newaxis], len(time_bins), axis=2),
        dims=["presentation", "neuroid", "time_bin"],
        coords={
            "stimulus_id": ("presentation", stimuli["stimulus_id"].to_numpy()),
            "object_name": ("presentation", stimuli["object_name"].to_numpy()),
            "neuroid_id": ("neuroid", np.arange(n_neuroids)),
            "subject": ("neuroid", [("monkey", "macaque")[i % 2] for i in range(n_neuroids)]),
            "region": ("neuroid", ["IT"] * n_neuroids),
            "time_bin_start": ("time_bin", [start for start, _ in time_bins]),
            "time_bin_end": ("time_bin", [end for _, end in time_bins]),
        },
    )
    if len(time_bins) == 1:
        assembly = assembly.squeeze("time_bin")
    assembly.attrs["stimulus_set"] = stimuli
    return assembly


def neural_benchmark(metric: Any, assembly: NeuroidAssembly, kind: type = NeuralBenchmark) -> Any:
    """A cross-validated benchmark whose ceiling is 1."""
    return kind(
        identifier="made.IT-metric",
        assembly=assembly,
        similarity_metric=metric,
        visual_degrees=VISUAL_DEGREES,
        number_of_trials=3,
        ceiling_func=lambda: Score(1.0),
        version=1,
    )


def train_test_benchmark(
    metric: Any, train: NeuroidAssembly, test: NeuroidAssembly, kind: type = TrainTestNeuralBenchmark, **kwargs: Any
) -> Any:
    """A benchmark with separate test stimuli whose ceiling is 1 for each neuroid."""
    ceiling = Score(1.0)
    ceiling.attrs["raw"] = NeuroidAssembly(
        np.ones((1, test.sizes["neuroid"])),
        dims=["split", "neuroid"],
        coords={"split": [0], **{name: ("neuroid", test[name].values) for name in ("neuroid_id", "subject", "region")}},
    )
    return kind(
        identifier="made.IT-metric_split",
        ceiling_func=lambda: ceiling,
        version=1,
        train_assembly=train,
        test_assembly=test,
        similarity_metric=metric,
        visual_degrees=VISUAL_DEGREES,
        number_of_trials=3,
        parent="IT",
        **kwargs,
    )


class ArraySubject:
    """Answers with rows of an array, whole through Brain-Score's `TemporalAligned` or as a stream of batches."""

    identifier = "array"

    def __init__(self, features: dict[str, np.ndarray], batch_size: int = 7, reverse: bool = False) -> None:
        self.features = features  # stimulus_id -> (feature,)
        self.batch_size, self.reverse = batch_size, reverse
        self.region_layer_map = {"IT": "conv"}
        self.activations_model, self.start_task = None, None
        self.recorded: list[Any] = []
        self._aligned = TemporalAligned(_Untimed(self))

    def visual_degrees(self) -> int:
        return VISUAL_DEGREES

    def start_recording(self, recording_target: str, time_bins: Any) -> None:
        self.recorded.append((recording_target, time_bins))
        self._aligned.start_recording(recording_target, time_bins)

    def look_at(self, stimuli: Any, number_of_trials: int = 1) -> NeuroidAssembly:
        return self._aligned.look_at(stimuli, number_of_trials)

    def stream_recording(self, stimuli: Any, number_of_trials: int = 1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        assert number_of_trials == 3
        starts = range(0, len(stimuli), self.batch_size)
        for start in reversed(starts) if self.reverse else starts:
            rows = np.arange(len(stimuli))[start : start + self.batch_size]
            yield rows, np.stack([self.features[name] for name in stimuli["stimulus_id"].iloc[rows]])


class _Untimed:
    """The (presentation, neuroid) recording that `TemporalAligned` wraps."""

    def __init__(self, subject: ArraySubject) -> None:
        self.subject = subject
        self.region_layer_map, self.activations_model = subject.region_layer_map, None
        self.start_task, self.identifier = None, subject.identifier

    def start_recording(self, recording_target: str) -> None:
        self.region = recording_target

    def look_at(self, stimuli: Any, number_of_trials: int = 1) -> NeuroidAssembly:
        values = np.stack([self.subject.features[name] for name in stimuli["stimulus_id"]])
        return NeuroidAssembly(
            values,
            dims=["presentation", "neuroid"],
            coords={
                **{column: ("presentation", stimuli[column].to_numpy()) for column in stimuli.columns},
                "neuroid_id": ("neuroid", np.arange(values.shape[1])),
                "layer": ("neuroid", ["conv"] * values.shape[1]),
                "region": ("neuroid", [self.region] * values.shape[1]),
            },
        )
