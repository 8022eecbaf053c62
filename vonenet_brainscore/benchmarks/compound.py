"""Brain-Score's benchmarks that consist of others (sessions, subjects or folds), each of which is scored separately.

Their `__call__` scores one part after the other with the same candidate. Within `each_part_scored`, every part has its
own candidate and so its own row space. Brain-Score itself combines the scores of the parts.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..brainscore import replaced

# Class of the installed Brain-Score -> attribute with its parts, its only part, or the function that makes a part.
PARTS = {
    "brainscore_vision.benchmarks.cowley2026.benchmark._CombinedNeuralBenchmark": "_sessions",
    "brainscore_vision.benchmark_helpers.multi_subject.KFoldNeuralBenchmark": "_factory",
    "brainscore_vision.benchmark_helpers.multi_subject.MultiSubjectNeuralBenchmark": "_factory",
    "brainscore_vision.benchmarks.laion_fmri.benchmark._MultiSubjectRSABenchmark": "_factory",
    "brainscore_vision.benchmarks.laion_fmri.benchmark._MultiSubjectCKABenchmark": "_factory",
    "brainscore_vision.benchmarks.laion_fmri.benchmark._SingleSubjectErrorShim": "_child",
}


def qualified_name(kind: Any) -> str:
    """Module and name of a class or function."""
    return f"{kind.__module__}.{kind.__qualname__}"


def first_part(benchmark: Any) -> Any:
    """The first part of a benchmark that consists of others; None for any other benchmark.

    Parts made by one function share a metric, so it does not matter which of them is made first.
    """
    attribute = PARTS.get(qualified_name(type(benchmark)))
    if attribute is None:
        return None
    parts = vars(benchmark)[attribute]
    if isinstance(parts, list):
        return parts[0]
    if attribute == "_child":
        return parts
    return parts(benchmark._subjects[0] if hasattr(benchmark, "_subjects") else 0)


@contextmanager
def each_part_scored(benchmark: Any, score: Callable[[Any], Any]) -> Iterator[None]:
    """Within the context, score each part of a benchmark by ``score(part)``, whatever the candidate."""
    attribute = PARTS[qualified_name(type(benchmark))]
    parts = vars(benchmark)[attribute]
    if isinstance(parts, list):
        substitute: Any = [_Part(part, score) for part in parts]
    elif attribute == "_child":
        substitute = _Part(parts, score)
    else:

        def substitute(which: Any) -> Any:
            return _Part(parts(which), score)

    with replaced(benchmark, **{attribute: substitute}):
        yield


class _Part:
    """Behaves like a part of a benchmark, except that calling it returns ``score(part)``."""

    def __init__(self, part: Any, score: Callable[[Any], Any]) -> None:
        object.__setattr__(self, "_part", part)
        object.__setattr__(self, "_score", score)

    def __call__(self, candidate: Any) -> Any:
        return self._score(self._part)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._part, name, value)
