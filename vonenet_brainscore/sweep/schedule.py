"""Scoring of model settings as Dask tasks, robust to the loss of workers and of the scheduler.

Dask schedules tasks, retries those of lost workers and shows its dashboard. This module adds two things: it finds which
cell of a task kills its workers, and it submits tasks again to a scheduler that comes back.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..provenance import in_words
from .cells import Cell
from .work import Outcome, UnfitWorkerError, Work, failure

PATIENCE_S = 300.0  # a scheduler on a cluster either returns within minutes or never
_POLL_S = 0.1
_CONNECT_S = 10
_NO_WORKER_S = 60.0


def dask_outcomes(
    groups: Sequence[list[Cell]],
    work: Work,
    cluster: Any,
    *,
    patience_s: float = PATIENCE_S,
    say: Callable[[str], None] = print,
) -> Iterator[Outcome]:
    """Outcomes of groups of cells, in the order in which their tasks end.

    Parameters
    ----------
    groups : sequence of lists of Cell
    work : Work
    cluster : str or Dask cluster
        Address of a scheduler, or a cluster of this process.
    patience_s : float
        How long to wait for a lost scheduler.
    say : callable
        Called with messages about the dashboard, losses and retries.

    Raises
    ------
    ConnectionError
        If there is no scheduler, or it is lost.
    UnfitWorkerError
        If a worker cannot take part.
    """
    from distributed import KilledWorker

    suspected: list[list[Cell]] = []
    session = _Session(work, cluster, patience_s, say)
    for cells, result in session.results(groups, at_once=len(groups)):
        if isinstance(result, KilledWorker):
            say(f"{cells[0].model} with {dict(cells[0].settings)} lost its workers; its cells are tried one by one")
            suspected += [[cell] for cell in cells]
        else:
            yield from _told(cells, result)
    # A task that waits on a worker killed by another task is suspected too, so each suspect now runs alone.
    for cells, result in session.results(suspected, at_once=1):
        yield from _told(cells, result)


def _told(cells: list[Cell], result: "list[Outcome] | BaseException") -> list[Outcome]:
    from distributed import KilledWorker

    if isinstance(result, UnfitWorkerError):
        raise result
    if isinstance(result, KilledWorker):
        problem = "every worker that tried it died, out of memory or by a crash; its log may say more"
        return [failure(cell, problem) for cell in cells]
    if isinstance(result, BaseException):
        return [failure(cell, in_words(result)) for cell in cells]
    return result


class _Session:
    """Tasks submitted to a scheduler, and again to its successor if it is lost."""

    def __init__(self, work: Work, cluster: Any, patience_s: float, say: Callable[[str], None]) -> None:
        self.work, self.cluster, self.patience_s, self.say = work, cluster, patience_s, say
        self._lost_at: float | None = None
        self._dashboard = ""

    def results(
        self, groups: Sequence[list[Cell]], *, at_once: int
    ) -> "Iterator[tuple[list[Cell], list[Outcome] | BaseException]]":
        """Each group once, with its outcomes or the exception with which its task ended."""
        from distributed.client import FutureCancelledError

        left = {cells[0].key: cells for cells in groups}
        while left:
            try:
                with self._client() as client:
                    for cells, result in self._until_lost(client, list(left.values()), at_once):
                        del left[cells[0].key]
                        yield cells, result
            except (OSError, FutureCancelledError) as error:  # distributed's CommClosedError is an OSError
                self._wait(error)

    def _client(self) -> Any:
        from distributed import Client

        client = Client(self.cluster, timeout=_CONNECT_S, set_as_default=False)
        self._lost_at = None
        if client.dashboard_link != self._dashboard:
            self._dashboard = client.dashboard_link
            self.say(f"worker processes so far: {len(client.nthreads())}; Dask's dashboard: {self._dashboard}")
        return client

    def _until_lost(
        self, client: Any, waiting: list[list[Cell]], at_once: int
    ) -> "Iterator[tuple[list[Cell], list[Outcome] | BaseException]]":
        running: dict[Any, list[Cell]] = {}
        look_for_workers_at = time.monotonic() + _NO_WORKER_S
        while waiting or running:
            while waiting and len(running) < at_once:
                cells = waiting.pop(0)
                name = f"{cells[0].model}-{uuid.uuid4().hex}"  # unique, so that no scheduler returns an earlier result
                running[client.submit(self.work, cells, key=name)] = cells
            ended = [future for future in running if future.done()]
            if client.status != "running" or any(future.cancelled() for future in ended):
                raise ConnectionError("the connection to the scheduler broke")
            for future in ended:
                cells = running.pop(future)
                error = future.exception()
                result = future.result() if error is None else error
                future.release()  # otherwise Dask would recompute the result if its worker is lost
                yield cells, result
            if time.monotonic() > look_for_workers_at:
                look_for_workers_at = time.monotonic() + _NO_WORKER_S
                if not client.nthreads():
                    self.say("the scheduler has no worker; the sweep waits for one")
            time.sleep(_POLL_S)

    def _wait(self, error: BaseException) -> None:
        """Wait a moment for the scheduler to come back; ConnectionError once the patience is exhausted."""
        if not self._dashboard:
            raise ConnectionError(f"no Dask scheduler answers at {self.cluster}: {error}") from error
        if self._lost_at is None:
            self._lost_at = time.monotonic()
            self.say(f"the Dask scheduler is lost ({error}); waiting up to {self.patience_s:g} s for it to come back")
        if time.monotonic() - self._lost_at > self.patience_s:
            raise ConnectionError(
                f"the Dask scheduler at {self.cluster} has not come back within {self.patience_s:g} s; finished "
                "scores are on record, and the same command resumes from there"
            ) from error
        time.sleep(1)
