"""One benchmark on one subject: on exactly compressed recordings where that changes nothing, else on full features."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..brainscore import seeded_global_generator
from ..recordings.recognition import compressible, warn_if_ill_posed
from ..recordings.row_space import RowSpaceSubject
from ..recordings.subject import Subject
from .storage import data_on_demand

if TYPE_CHECKING:
    from brainscore_core.benchmarks import Benchmark
    from brainscore_core.metrics import Score

# Times a full recording that a benchmark holds at once, at the least: what the subject returns, the aligned copy in a
# metric, and the part of it that is being fitted.
_COPIES = 3


def run_benchmark(subject: Any, benchmark: "Benchmark", *, seed: int = 0, memory: int | None = None) -> "Score":
    """The benchmark's score of a subject.

    Parameters
    ----------
    subject : BrainModel
    benchmark : Benchmark
    seed : int
        Of what a metric draws from NumPy's global generator, whose state is put back.
    memory : int, optional
        Bytes that features may take in memory before they are spilled to a temporary file; a quarter of the machine's
        by default.

    Returns
    -------
    Score
        With the attribute `compressed`: whether the regression saw the row space in place of the features.

    Raises
    ------
    MemoryError
        If full features are needed and would not fit, before the work starts.
    """
    candidate = subject
    if hasattr(subject, "stream_recording") and compressible(benchmark):
        candidate = RowSpaceSubject(subject, benchmark, memory=memory)
    elif isinstance(subject, Subject):
        _check_full_features(subject, benchmark)
    with seeded_global_generator(seed), data_on_demand(benchmark.identifier):
        score = benchmark(candidate)
    score.attrs["compressed"] = isinstance(candidate, RowSpaceSubject)
    return score


def _check_full_features(subject: Subject, benchmark: Any) -> None:
    """Raise before the work starts if a benchmark's whole recording has no room, and warn if it is ill-posed."""
    import psutil

    region, assembly = getattr(benchmark, "region", None), getattr(benchmark, "_assembly", None)
    if region is None or assembly is None or region not in subject.region_layer_map:
        return  # an experiment of its own kind, of whose size nothing is known
    subject.start_recording(region)
    features = subject.count_features()
    warn_if_ill_posed(benchmark, features)
    stimuli = len(assembly.stimulus_set)
    needed = _COPIES * stimuli * features * np.dtype(np.float32).itemsize
    available = psutil.virtual_memory().available
    if needed > available:
        raise MemoryError(
            f"{benchmark.identifier} needs the full features of {subject.layer}: {stimuli} stimuli x {features} units, "
            f"{needed / 1e9:.1f} GB at the least, and {available / 1e9:.1f} GB are free. Use a machine with more, a "
            "layer with fewer units (region_layer_map), or a PLS or ridge benchmark, which takes compressed recordings"
        )
