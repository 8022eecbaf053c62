"""Model settings as Dask tasks, through the loss of workers and of the scheduler.

Dask schedules, tries tasks of lost workers again and shows its dashboard. What is added is what it cannot know: which
of a task's cells kills its workers, and that a scheduler that comes back is to be asked again.
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
    """Outcomes of groups of cells as tasks end, in the order that they do.

    Parameters
    ----------
    groups : sequence of lists of Cell
    work : Work
    cluster : str or Dask cluster
        A scheduler's address, or a cluster of this process.
    patience_s : float
        How long a lost scheduler is waited for.
    say : callable
        Told of the dashboard, and of what is lost and tried again.

    Raises
    ------
    ConnectionError
        If there is no scheduler, or none any more.
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
    # A task that waits at a worker which another kills is suspected with it: now each has Dask to itself.
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
    """Tasks given to a scheduler, and again to the one that comes after it."""

    def __init__(self, work: Work, cluster: Any, patience_s: float, say: Callable[[str], None]) -> None:
        self.work, self.cluster, self.patience_s, self.say = work, cluster, patience_s, say
        self._lost_at: float | None = None
        self._dashboard = ""

    def results(
        self, groups: Sequence[list[Cell]], *, at_once: int
    ) -> "Iterator[tuple[list[Cell], list[Outcome] | BaseException]]":
        """Each group with its outcomes, or the exception that its task ended with; each once."""
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
            self.say(f"Dask's dashboard: {self._dashboard}; {len(client.nthreads())} workers so far")
        return client

    def _until_lost(
        self, client: Any, waiting: list[list[Cell]], at_once: int
    ) -> "Iterator[tuple[list[Cell], list[Outcome] | BaseException]]":
        running: dict[Any, list[Cell]] = {}
        look_for_workers_at = time.monotonic() + _NO_WORKER_S
        while waiting or running:
            while waiting and len(running) < at_once:
                cells = waiting.pop(0)
                name = f"{cells[0].model}-{uuid.uuid4().hex}"  # of this time: no scheduler gives what it kept
                running[client.submit(self.work, cells, key=name)] = cells
            ended = [future for future in running if future.done()]
            if client.status != "running" or any(future.cancelled() for future in ended):
                raise ConnectionError("the connection to the scheduler broke")
            for future in ended:
                cells = running.pop(future)
                error = future.exception()
                result = future.result() if error is None else error
                future.release()  # a result that is wanted no more is not made again when its worker goes
                yield cells, result
            if time.monotonic() > look_for_workers_at:
                look_for_workers_at = time.monotonic() + _NO_WORKER_S
                if not client.nthreads():
                    self.say("the scheduler has no worker; the sweep waits for one")
            time.sleep(_POLL_S)

    def _wait(self, error: BaseException) -> None:
        """A moment, for the scheduler to come back; ConnectionError when that has been long enough."""
        if not self._dashboard:
            raise ConnectionError(f"no Dask scheduler answers at {self.cluster}: {error}") from error
        if self._lost_at is None:
            self._lost_at = time.monotonic()
            self.say(f"the Dask scheduler is lost ({error}); waiting up to {self.patience_s:g} s for it to come back")
        if time.monotonic() - self._lost_at > self.patience_s:
            raise ConnectionError(
                f"the Dask scheduler at {self.cluster} has not come back within {self.patience_s:g} s; what is done is "
                "on record, and the same command resumes from there"
            ) from error
        time.sleep(1)
