"""The work of one process in a sweep: it scores the cells of one setting and stores each as soon as it is done."""

import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..benchmarks.workers import UnfitWorkerError, fixed_threads
from ..provenance import code_digest, in_words, versions
from ..results import result_row
from .cells import Cell
from .records import Records, of_these_weights

if TYPE_CHECKING:
    from brainscore_core.metrics import Score

# Bootstraps draw from NumPy's global generator: a Dask worker with several threads must not score twice at once.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Outcome:
    """The result of one cell.

    Attributes
    ----------
    key : str
        The cell's.
    row : dict
        `results.result_row` of its score; `problem` gives the reason if there is no score.
    score : Score, optional
        A score that could not be written, for another attempt.
    not_kept : str
        Why the score could not be written.
    """

    key: str
    row: dict[str, Any]
    score: "Score | None" = None
    not_kept: str = ""

    @property
    def failed(self) -> bool:
        return "problem" in self.row


def failure(cell: Cell, problem: str) -> Outcome:
    """The outcome of a cell that has no score."""
    return Outcome(cell.key, {**dict.fromkeys(("score", "raw", "ceiling", "error"), np.nan), "problem": problem})


@dataclass(frozen=True)
class Work:
    """How cells are scored, in any process.

    Attributes
    ----------
    records : Records
    mark : str
        A file among the records, by which a worker recognises that it sees the same folder.
    threads : int
    memory : int or None
        Bytes that recorded features may take.
    cache : bool
    """

    records: Records
    mark: str
    threads: int = 1
    memory: int | None = None
    cache: bool = True

    def outcomes(self, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """Score the cells of one model setting, which share its recordings; cells on record are not scored again.

        Raises
        ------
        UnfitWorkerError
            If this process cannot see the folder of results, or runs different code than the requesting process.
        """
        self._check_fit(cells[0])
        with _ONE_AT_A_TIME, fixed_threads(self.threads):
            wanted = {}
            for cell in cells:
                outcome = self.on_record(cell)
                if outcome is None:
                    wanted[cell.benchmark] = cell
                else:
                    yield outcome
            if wanted:
                yield from self._score(wanted)

    def on_record(self, cell: Cell) -> Outcome | None:
        """The outcome of a cell that was scored before."""
        score = self.records.read(cell)
        return None if score is None else Outcome(cell.key, result_row(score))

    def __call__(self, cells: Sequence[Cell]) -> list[Outcome]:
        """All outcomes in a list, as a Dask task."""
        return list(self.outcomes(cells))

    def _score(self, wanted: dict[str, Cell]) -> Iterator[Outcome]:
        from ..benchmarks.loading import load_benchmarks
        from ..primates.property_table import V1_BENCHMARKS
        from ..recordings.subject import Subject
        from ..scoring import each_score

        cell = next(iter(wanted.values()))
        try:
            subject = cell.subject()
            planned = subject.extractor.batch_size if isinstance(subject, Subject) else None
            benchmarks: dict[str, Any] = {}
            for identifier in list(wanted):
                try:
                    if identifier in V1_BENCHMARKS:
                        benchmarks[identifier] = _v1_property(identifier, cell.seed)
                    else:
                        benchmarks |= load_benchmarks(identifier, seed=cell.seed)
                except Exception as error:  # any error in Brain-Score's loaders affects this benchmark alone
                    yield failure(wanted.pop(identifier), in_words(error))
            memory = self.memory or _share_of_memory()
            with fixed_threads(self.threads):  # again, because modules loaded since may include another BLAS
                for identifier, score, why in each_score(
                    subject, benchmarks, seed=cell.seed, memory=memory, cache=self.cache, progress=False
                ):
                    yield self._kept(wanted.pop(identifier), score, why, planned)
        except UnfitWorkerError:
            raise
        except Exception as error:  # affects this model setting alone, and is reported
            for cell in wanted.values():
                yield failure(cell, in_words(error))

    def _kept(self, cell: Cell, score: "Score", error: Exception | None, planned: int | None) -> Outcome:
        """The outcome, recorded unless memory ran out for batches as `planned`: others may change its bits."""
        try:
            if error is not None:
                raise error
            row = _row(score)
            if cell.front_end.get("weights") is not None and not of_these_weights(cell, score):
                raise ValueError(f"the file {cell.front_end['weights']} changed during the sweep; sweep again")
        except Exception as reason:  # an error of a benchmark, or a result that is no number, affects only this cell
            return failure(cell, in_words(reason))
        made = score.attrs.get("batch_size", planned)
        if made != planned:
            return Outcome(cell.key, row, not_kept=f"batches of {made} images, not {planned}, as memory ran out")
        try:
            self.records.write(cell, score)
        except (OSError, TypeError) as reason:  # the score exists and is returned to the requesting process
            return Outcome(cell.key, row, score, f"{self.records.folder}: {reason}")
        return Outcome(cell.key, row)

    def _check_fit(self, cell: Cell) -> None:
        here = f"the worker on {socket.gethostname()}"
        if not (self.records.folder / self.mark).is_file():
            raise UnfitWorkerError(
                f"{here} does not see the folder {self.records.folder}; name one with the same path on every machine"
            )
        mine = {"code": code_digest(), "versions": versions()}
        other = [name for name, value in mine.items() if cell.content[name] != value]
        if other:
            raise UnfitWorkerError(
                f"{here} has other {' and '.join(other)} than the requesting process; install the same there: "
                f"{', '.join(f'{name} {version}' for name, version in cell.content['versions'].items())}"
            )


def _row(score: "Score") -> dict[str, Any]:
    """The numbers and record of a score; ValueError if the numbers are not finite."""
    row = result_row(score)
    raw = row["raw"] if np.ndim(score.attrs.get("raw", ())) == 0 else row["score"]  # some metrics' raw is an array
    if not np.isfinite((row["score"], raw)).all():
        raise ValueError(f"the score is {row['score']}, before its ceiling {raw}")
    return row


@lru_cache
def _v1_property(identifier: str, seed: int) -> Any:
    """A benchmark that is reused for all models, because its ceiling is the same for all."""
    from ..benchmarks.loading import load_benchmarks

    return load_benchmarks(identifier, seed=seed)[identifier]


def _share_of_memory() -> int | None:
    """A quarter of a Dask worker's memory limit; None, the default, outside a worker. It changes no bit of a score."""
    from distributed import get_worker

    try:
        limit = get_worker().memory_manager.memory_limit
    except ValueError:  # no worker here
        return None
    return None if limit is None else int(limit) // 4
