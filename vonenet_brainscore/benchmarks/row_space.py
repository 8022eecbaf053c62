"""Exact compression: n stimuli x p features are replaced by n x n scores that give the same regressions.

PLS without scaling, ridge and CKA depend on a recording X only through ``X X^T``, so any Z with ``Z Z^T = X X^T`` gives
the same score: 135 stimuli x 1.6 million units become 135 x 135. Representational dissimilarities depend on the
correlations of stimuli, which twice as many columns preserve. `compressible` recognises the benchmarks for which this
is exact; no other benchmark may be given a `RowSpaceSubject`.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import check_real
from ..recordings.streamed import stream_steps
from .distributed_gram import distributed_gram, obstacle
from .gram import Gram, gram_matrices
from .recognition import compressible


def row_space(gram: Gram) -> np.ndarray:
    """Principal component scores of a recording, from its Gram matrix alone.

    ``Z = V sqrt(L)`` with ``V L V^T`` the eigendecomposition of the products, so ``Z Z^T`` equals them.

    Parameters
    ----------
    gram : Gram
        Products of n stimuli and p features.

    Returns
    -------
    array, shape (stimulus, min(n, p)), float64
        Columns by decreasing variance; each eigenvector's largest entry is positive. There are no more columns than
        features, so that a regression with more components than features fails, as with the features themselves.
    """
    variances, vectors = np.linalg.eigh(gram.products)
    variances, vectors = variances[::-1], vectors[:, ::-1]
    n = len(variances)
    # Centring makes one eigenvalue zero. Values below this floor, including negative ones, are rounding errors of the
    # largest one, and the square root would amplify them to 1e-8 of the largest standard deviation.
    floor = n * np.finfo(np.float64).eps * variances[0]
    deviations = np.sqrt(np.where(variances > floor, variances, 0))
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(n)])
    return (vectors * signs * deviations)[:, : gram.n_features]


def correlation_space(gram: Gram) -> np.ndarray:
    """A small number of features that preserve the correlations of the stimuli in a recording.

    The correlation of stimuli i and j over features is ``c_ij / sqrt(c_ii c_jj)``, with C the products of the
    recording, each stimulus centred over features. Let R be these correlations and Z the rows with ``Z Z^T = R``. In
    ``[Z, -Z]`` each row's entries add up to zero, so that centring over features changes nothing, and the product of
    two rows is ``z_i z_j + (-z_i)(-z_j) = 2 r_ij``. The correlation is ``2 r_ij / sqrt(2 r_ii 2 r_jj) = r_ij``, as R
    has ones on its diagonal.

    Parameters
    ----------
    gram : Gram
        Of n stimuli, centred over features.

    Returns
    -------
    array, shape (stimulus, 2 n), float64
        A row of zeros for a stimulus to which all features respond equally.
    """
    norms = np.sqrt(gram.products.diagonal())
    scale = np.divide(1, norms, where=norms > 0, out=np.zeros_like(norms))
    scores = row_space(Gram(gram.products * np.outer(scale, scale), len(norms)))
    scores[norms == 0] = 0  # the eigenvectors leave rounding errors there, which would correlate
    return np.hstack([scores, -scores])


class RowSpaceSubject:
    """Replaces a subject on one compressible benchmark and returns scores in place of features.

    It serves one call of the benchmark: the first `look_at` records all stimuli of the benchmark. Train and test
    stimuli must be expressed in the same row space, so both sets of a train/test benchmark are recorded together.

    Parameters
    ----------
    subject
        The subject to record from: `identifier`, `visual_degrees()`, `start_recording(region, time_bins)` and
        `stream_recording(stimulus_set, number_of_trials=...)`, which yields batches of (rows of the stimulus set, as
        indices or a slice; features of shape (row, feature)) of the region being recorded. For a benchmark of several
        time bins, `stream_windows` instead, which yields a list with the features of each bin; bins with identical
        responses share one array.
    benchmark : brainscore_vision.benchmarks.Benchmark
        The benchmark that will be called with this object.
    layers : sequence of str, optional
        Candidates to represent the region, recorded together; set `layer` to choose the one returned. The subject's
        own layer by default. Requires the subject's `stream_layers`.
    memory, spill_folder
        As in `gram_matrices`.
    scheduler : str, optional
        Address of the Dask scheduler whose workers record (`distributed_gram`), where they can.

    Attributes
    ----------
    layer : str or None
        The one of `layers` whose scores `look_at` returns.
    n_features : int
        Number of features in that layer; 0 before the first `look_at`.

    Raises
    ------
    ValueError
        If the benchmark isn't compressible; the reason is given.
    """

    def __init__(
        self,
        subject: Any,
        benchmark: Any,
        *,
        layers: Sequence[str] | None = None,
        memory: int | None = None,
        spill_folder: Path | None = None,
        scheduler: str | None = None,
    ) -> None:
        recognition = compressible(benchmark)
        if not recognition:
            raise ValueError(
                f"{benchmark.identifier} needs the full features: {recognition.reason}; give it the subject itself"
            )
        if recognition.in_parts:
            raise ValueError(f"{benchmark.identifier} is made of other benchmarks; each has its own row space")
        self.layer = layers[0] if layers else None
        self._layers = layers
        self._subject = subject
        if memory is not None:
            check_real(memory=memory)
            if memory < 0:
                raise ValueError(f"memory is {memory}; it is a number of bytes, 0 or more")
        self._benchmark = benchmark
        self._geometry = recognition.geometry
        self._memory = memory
        self._spill_folder = spill_folder
        self._scheduler = None if obstacle(subject, recognition.geometry, layers) else scheduler
        self._region = ""
        self._time_bins = [(0, 0)]
        self._step_of_bin = [0]  # bins with identical responses form one step
        self._n_features: dict[str | None, int] = {}
        self._scores: dict[tuple[str | None, ...], np.ndarray] = {}

    @property
    def n_features(self) -> int:
        """Number of features in the current layer."""
        return self._n_features.get(self.layer, 0)

    @property
    def recorded(self) -> Any:
        """The subject that is recorded."""
        return self._subject

    @property
    def identifier(self) -> str:
        """The identifier of the subject that is recorded."""
        return self._subject.identifier

    def visual_degrees(self) -> float:
        """The visual field of the subject that is recorded, in degrees."""
        return self._subject.visual_degrees()

    def start_recording(self, recording_target: str, time_bins: Any) -> None:
        """Record a region in some time bins, each (start, end) in ms."""
        self._time_bins = [(start, end) for start, end in (np.asarray(each).tolist() for each in time_bins)]
        self._subject.start_recording(recording_target, time_bins=self._time_bins)
        self._region = str(recording_target)

    def look_at(self, stimuli: Any, number_of_trials: int = 1) -> Any:
        """Scores of the stimuli.

        Returns
        -------
        NeuroidAssembly, dims (presentation, neuroid), and time_bin if there are several
            Presentation coordinates are the columns of the stimulus set; a single `time_bin` is a scalar coordinate,
            as in a recording by Brain-Score's `TemporalAligned`.

        Raises
        ------
        ValueError
            If the stimuli aren't among the benchmark's.
        """
        if not self._scores:
            self._record(self._stimulus_sets(stimuli), number_of_trials)
        key = (self.layer, *_key(stimuli))
        if key not in self._scores:
            raise ValueError(
                f"stimulus set {stimuli.identifier!r} isn't one of {self._benchmark.identifier}'s, whose row space was "
                f"recorded; make a RowSpaceSubject for the benchmark that shows it"
            )
        return self._assembly(self._scores[key], stimuli)

    def _stimulus_sets(self, stimuli: Any) -> list[Any]:
        """Every stimulus set that the benchmark will show, on the subject's screen."""
        from brainscore_vision.benchmark_helpers.neural_common import TrainTestNeuralBenchmark
        from brainscore_vision.benchmark_helpers.screen import place_on_screen

        if not isinstance(self._benchmark, TrainTestNeuralBenchmark):
            return [stimuli]
        return [
            place_on_screen(
                assembly.stimulus_set,
                target_visual_degrees=self.visual_degrees(),
                source_visual_degrees=self._benchmark._visual_degrees,
            )
            for assembly in (self._benchmark.train_assembly, self._benchmark.test_assembly)
        ]

    def _record(self, stimulus_sets: list[Any], number_of_trials: int) -> None:
        bounds = np.cumsum([0, *map(len, stimulus_sets)])
        if self._scheduler is not None:
            whole, n_steps, self._step_of_bin = distributed_gram(
                self._scheduler, self._subject, stimulus_sets, trials=number_of_trials
            )
            self._keep({None: whole}, stimulus_sets, n_steps)
            return

        def stream(stimulus_set: Any) -> Iterator[tuple[Any, dict[Any, list[np.ndarray]]]]:
            """Rows of a stimulus set, and the features of each layer in each step."""
            if self._layers:
                for rows, layers in self._subject.stream_layers(
                    stimulus_set, self._layers, number_of_trials=number_of_trials
                ):
                    yield rows, {layer: [features] for layer, features in layers.items()}
                return
            n_bins = len(self._time_bins)
            for rows, steps, step_of_bin in stream_steps(self._subject, stimulus_set, n_bins, number_of_trials):
                self._step_of_bin = step_of_bin
                yield rows, {None: steps}

        def batches() -> Iterator[tuple[np.ndarray, dict[Any, list[np.ndarray]]]]:
            for stimulus_set, first in zip(stimulus_sets, bounds[:-1], strict=True):
                for rows, features in stream(stimulus_set):
                    yield first + np.arange(len(stimulus_set))[rows], features

        # Each stimulus has one row per step, ordered (step, stimulus) over all stimulus sets.
        recorded = batches()
        first_batch = next(recorded)
        n_steps = len(next(iter(first_batch[1].values())))
        total = int(bounds[-1])

        def step_by_step() -> Iterator[tuple[np.ndarray, dict[Any, np.ndarray]]]:
            for rows, layers in chain([first_batch], recorded):
                for step in range(n_steps):
                    yield step * total + rows, {layer: steps[step] for layer, steps in layers.items()}

        grams = gram_matrices(
            step_by_step(),
            n_steps * total,
            centred_over="features" if self._geometry == "correlations" else "stimuli",
            memory=self._memory,
            spill_folder=self._spill_folder,
        )
        self._keep(grams, stimulus_sets, n_steps)

    def _keep(self, grams: Mapping[Any, Gram], stimulus_sets: list[Any], n_steps: int) -> None:
        bounds = np.cumsum([0, *map(len, stimulus_sets)])
        for layer, gram in grams.items():
            self._n_features[layer] = gram.n_features
            scores = correlation_space(gram) if self._geometry == "correlations" else row_space(gram)
            scores = scores.reshape(n_steps, int(bounds[-1]), -1)[self._step_of_bin]  # (time bin, stimulus, score)
            for stimulus_set, part in zip(stimulus_sets, np.split(scores, bounds[1:-1], axis=1), strict=True):
                self._scores[layer, *_key(stimulus_set)] = part

    def _assembly(self, scores: np.ndarray, stimuli: Any) -> Any:
        from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

        columns = range(scores.shape[2])
        starts, ends = zip(*self._time_bins, strict=True)
        assembly = NeuroidAssembly(
            scores.transpose(1, 2, 0),
            dims=["presentation", "neuroid", "time_bin"],
            coords={
                **{column: ("presentation", stimuli[column].to_numpy()) for column in stimuli.columns},
                "neuroid_id": ("neuroid", [f"row_space.{column}" for column in columns]),
                "layer": ("neuroid", ["row_space"] * len(columns)),
                "region": ("neuroid", [self._region] * len(columns)),
                "time_bin_start": ("time_bin", list(starts)),
                "time_bin_end": ("time_bin", list(ends)),
            },
        )
        return assembly.squeeze("time_bin") if len(starts) == 1 else assembly


def _key(stimuli: Any) -> tuple[str, ...]:
    """A key that distinguishes the benchmark's stimulus sets: identifier and order of stimuli."""
    return (str(stimuli.identifier), *map(str, stimuli["stimulus_id"]))
