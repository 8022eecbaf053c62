"""One benchmark on one subject, from exactly compressed recordings if the score stays the same, else full features."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from ..brainscore import seeded_global_generator, without_chatter, without_pip, without_result_caching
from ..progress import is_quiet
from ..recordings.streamed import STREAMED, WHOLE, StreamedSubject, way_of_recording
from ..recordings.subject import Subject
from ..stimuli.screen import placed_exactly
from .compound import each_part_scored
from .distributed_gram import obstacle
from .intervals import neural_intervals
from .predictions import beside, kept_predictions
from .recognition import compressible, warn_if_ill_posed
from .row_space import RowSpaceSubject
from .storage import data_on_demand

if TYPE_CHECKING:
    from brainscore_core.benchmarks import Benchmark
    from brainscore_core.metrics import Score
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

# Smallest number of copies of a full recording that a benchmark holds at once: the subject's return value, the aligned
# copy in the metric, and the part that is being fitted.
_COPIES = 3


def run_benchmark(
    subject: Any,
    benchmark: "Benchmark",
    *,
    name: str | None = None,
    seed: int = 0,
    memory: int | None = None,
    progress: bool = True,
    scheduler: str | None = None,
) -> "Score":
    """The benchmark's score of a subject.

    Brain-Score's caches are bypassed, because they identify recordings, ceilings and placed images by name alone.

    Parameters
    ----------
    subject : BrainModel
    benchmark : Benchmark
    name : str, optional
        The user's name for the benchmark, for messages.
    seed : int
        Of a metric's draws from NumPy's global generator, whose state is restored.
    memory : int, optional
        Bytes that features may take in memory before they are spilled to a temporary file; by default 2 GB, or a
        quarter of the machine's.
    progress : bool
        Whether Brain-Score shows its progress.
    scheduler : str, optional
        Address of the Dask scheduler whose workers record, if they can (`distributed_gram`).

    Returns
    -------
    Score
        With the attributes `compressed`, whether the regression used the row space instead of the features;
        `recorded_by`, how the subject was recorded (`recordings.streamed.way_of_recording`); `error_of`, the quantity
        of which `error` is the error; and, with a scheduler, `recorded_on`: its workers, or this process and why.
        A cross-validated neural score also has its intervals (`intervals.neural_intervals`), `splits_counted`
        (neuroid,), the number of splits in which each neuron has a correlation, `n_neurons`, and, if the score needs
        comment, `remarks` in words. The correlation of each neuron in each split is ``score.raw.raw``.

    Raises
    ------
    MemoryError
        If full features are needed and would not fit; raised before the work starts.
    """
    is_compressed = isinstance(subject, RowSpaceSubject)  # for the choice of a layer, which records several at once
    candidate, way = subject, way_of_recording(subject.recorded if is_compressed else subject)
    parts: AbstractContextManager = nullcontext()
    is_in_parts = False
    if way != WHOLE and not is_compressed:
        recognised = compressible(benchmark)
        is_in_parts = bool(recognised) and recognised.in_parts
        if is_in_parts:
            parts = each_part_scored(benchmark, lambda part: _score_part(subject, part, way, memory, scheduler))
        elif recognised:
            candidate = _row_space_of(subject, benchmark, way, memory, scheduler)
        elif way != STREAMED:
            way = WHOLE
    with (
        seeded_global_generator(seed),
        without_chatter(progress and not is_quiet()),
        _without_caches(candidate, name or benchmark.identifier),
        kept_predictions(benchmark) as kept,
        parts,
    ):
        if is_in_parts:
            pass  # each part is checked when it is scored
        elif isinstance(candidate, Subject):
            _check_full_features(candidate, benchmark)
        elif not isinstance(candidate, RowSpaceSubject):
            benchmark.preallocate_memory(candidate)
        score = benchmark(candidate)
    score.attrs |= {"compressed": is_in_parts or isinstance(candidate, RowSpaceSubject), "recorded_by": way}
    if scheduler is not None:
        score.attrs["recorded_on"] = _recorded_on(scheduler, subject, benchmark, candidate)
    if kept is not None:
        score.attrs |= neural_intervals(score, benchmark, kept, seed=seed) | beside(score, kept)
    elif "error" in score.attrs:
        score.attrs.setdefault("error_of", "raw, as its metric gives it")
    return score


def recorded_in_row_space(
    subject: Any, benchmark: Any, *, name: str | None = None, memory: int | None = None
) -> "NeuroidAssembly":
    """Row-space scores of a subject for a benchmark's stimuli, as `RowSpaceSubject` returns them.

    Parameters
    ----------
    subject : BrainModel
    benchmark : Benchmark
        One that `compressible` recognises, with a single stimulus set.
    name, memory
        As in `run_benchmark`.

    Returns
    -------
    NeuroidAssembly, (presentation, neuroid)

    Raises
    ------
    ValueError
        If the subject can only be recorded as a whole (eye movements, a PCA of the activations).
    """
    from brainscore_vision.benchmark_helpers.screen import place_on_screen

    way = way_of_recording(subject)
    if way == WHOLE:
        raise ValueError(f"{subject.identifier} is recorded by {WHOLE}, and its features are not compressed")
    recorded = _row_space_of(subject, benchmark, way, memory)
    with _without_caches(recorded, name or benchmark.identifier):
        recorded.start_recording(benchmark.region, time_bins=benchmark.timebins)
        stimuli = place_on_screen(
            benchmark._assembly.stimulus_set,
            target_visual_degrees=recorded.visual_degrees(),
            source_visual_degrees=benchmark._visual_degrees,
        )
        return recorded.look_at(stimuli, number_of_trials=benchmark._number_of_trials)


def _row_space_of(
    subject: Any, benchmark: Any, way: str, memory: int | None, scheduler: str | None = None
) -> RowSpaceSubject:
    recorded = subject if way == STREAMED else StreamedSubject(subject)
    return RowSpaceSubject(recorded, benchmark, memory=memory, scheduler=scheduler)


def _recorded_on(scheduler: str, subject: Any, benchmark: Any, candidate: Any) -> str:
    """Where a subject was recorded, for a score with a scheduler, in words."""
    recognised = compressible(benchmark)
    why = obstacle(subject, recognised.geometry, None)
    if not isinstance(candidate, RowSpaceSubject) and not recognised.in_parts:
        why = f"the benchmark is given all features: {recognised.reason}"
    return f"this process: {why}" if why else f"the workers of {scheduler}"


def _score_part(subject: Any, part: Any, way: str, memory: int | None, scheduler: str | None) -> Any:
    """Score of a part of a benchmark, from its own row space; a part may have parts itself."""
    recognised = compressible(part)
    if recognised.in_parts:
        with each_part_scored(part, lambda each: _score_part(subject, each, way, memory, scheduler)):
            return part(subject)
    if not recognised:
        raise ValueError(f"{part.identifier} is not like the other parts of its benchmark: {recognised.reason}")
    return part(_row_space_of(subject, part, way, memory, scheduler))


@contextmanager
def _without_caches(candidate: Any, name: str) -> Iterator[None]:
    """Context in which data are fetched as needed, and nothing else comes from Brain-Score's caches or from pip.

    Subjects of this package take placed images from memory; others read them from a temporary folder.
    """
    subject = candidate.recorded if isinstance(candidate, RowSpaceSubject) else candidate
    with (
        data_on_demand(name),
        without_result_caching(),
        without_pip(),  # a benchmark may load a metric while it runs
        TemporaryDirectory() as folder,
        placed_exactly(None if isinstance(subject, Subject) else Path(folder)),
    ):
        yield


def _check_full_features(subject: Subject, benchmark: Any) -> None:
    """Raise MemoryError if a benchmark's full recording would not fit, and warn if the benchmark is ill-posed."""
    import psutil

    region = getattr(benchmark, "region", None)
    parts = (getattr(benchmark, part, None) for part in ("_assembly", "train_assembly", "test_assembly"))
    assemblies = [assembly for assembly in parts if assembly is not None]
    if region is None or not assemblies or region not in subject.region_layer_map:
        return  # another kind of experiment, whose size is unknown
    subject.start_recording(region)
    features = subject.count_features()
    warn_if_ill_posed(benchmark, features)
    stimuli = sum(len(assembly.stimulus_set) for assembly in assemblies)
    time_bins = len(getattr(benchmark, "timebins", [None]))
    needed = _COPIES * stimuli * features * time_bins * np.dtype(np.float32).itemsize
    available = psutil.virtual_memory().available
    if needed > available:
        raise MemoryError(
            f"{benchmark.identifier} needs the full features of {subject.layer}: {stimuli} stimuli x {features} units, "
            f"at least {needed / 1e9:.1f} GB, and {available / 1e9:.1f} GB are free. Use a machine with more memory, a "
            "layer with fewer units (region_layer_map), or a benchmark with PLS, ridge, CKA or dissimilarities, which "
            "accepts compressed recordings"
        )
