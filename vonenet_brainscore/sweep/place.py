"""Where a sweep runs: in this process, in several processes, on a Dask scheduler or in jobs of a batch system."""

import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..arguments import check_real, check_scheduler, check_text, check_whole
from ..progress import note
from ..provenance import in_words
from .cells import Cell
from .schedule import PATIENCE_S, dask_outcomes
from .work import Outcome, Work

CLUSTERS = {  # what a user calls a batch system -> dask-jobqueue's class
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
    "oar": "OARCluster",
    "moab": "MoabCluster",
    "htcondor": "HTCondorCluster",
}
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # Dask sets them to 1
_UNTOLD = "ignore::FutureWarning,ignore::SyntaxWarning"  # warnings from Brain-Score's imports
_UNINTERRUPTED = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"  # Ctrl-C is for the requesting process
_PROCESS_BYTES = 3e9  # of torch, Brain-Score and a benchmark's data, in addition to the features


@dataclass(frozen=True)
class Place:
    """Where a sweep runs.

    Attributes
    ----------
    workers : int or None
        Processes on this machine, or jobs; None for as many processes as cores and memory allow.
    scheduler : str or None
        Address of a Dask scheduler.
    cluster : str or None
        A key of `CLUSTERS`.
    cluster_options : mapping
        Arguments of dask-jobqueue's class.
    patience_s : float
        How long to wait for a lost scheduler.

    Raises
    ------
    ValueError, TypeError
        For an impossible value or combination.
    ModuleNotFoundError
        If dask-jobqueue is needed and not installed.
    """

    workers: int | None = None
    scheduler: str | None = None
    cluster: str | None = None
    cluster_options: Mapping[str, Any] = field(default_factory=dict)
    patience_s: float = PATIENCE_S

    def __post_init__(self) -> None:
        if self.workers is not None:
            check_whole(workers=self.workers)
            if self.workers < 1:
                raise ValueError(f"workers is {self.workers}; it must be a whole number, at least 1")
        check_real(patience_s=self.patience_s)
        check_text(**{name: value for name in ("scheduler", "cluster") if (value := getattr(self, name)) is not None})
        if not self.patience_s >= 0:
            raise ValueError(f"patience_s is {self.patience_s}; it is a number of seconds")
        if self.scheduler is not None:
            if self.cluster is not None or self.workers is not None:
                raise ValueError("a scheduler already has workers; give scheduler alone, or cluster and workers")
            check_scheduler(self.scheduler)
        if self.cluster is None:
            if self.cluster_options:
                raise ValueError(f"cluster_options go with a cluster: {', '.join(CLUSTERS)}")
            return
        if self.cluster not in CLUSTERS:
            raise ValueError(f"unknown cluster {self.cluster!r}; have {', '.join(CLUSTERS)}")
        if self.workers is None:
            raise ValueError("with a cluster, workers says how many jobs to submit; give it")
        try:
            import dask_jobqueue  # noqa: F401
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "a batch system needs dask-jobqueue: pip install 'vonenet_brainscore[cluster]'", name="dask_jobqueue"
            ) from error
        import dask

        # dask-jobqueue's own message names a Python argument, which the command line does not have.
        configured = dask.config.get(f"jobqueue.{self.cluster}.memory", None)
        if configured is None and "memory" not in self.cluster_options:
            raise ValueError(
                f"{self.cluster} must know how much memory a job takes; give --cluster-option memory=8GB "
                "(cluster_options={'memory': '8GB'}), 1.4 GB for the process plus the size of recordings"
            )

    def outcomes(
        self, groups: Sequence[list[Cell]], work: Work, say: Callable[[str], None]
    ) -> Generator[Outcome, None, None]:
        """Outcomes of groups of cells as they finish, as `schedule.dask_outcomes`; without groups nothing starts."""
        if not groups:
            return
        if self.scheduler is not None:
            yield from dask_outcomes(groups, work, self.scheduler, patience_s=self.patience_s, say=say)
            return
        if self.cluster is not None:
            made = _batch_cluster(self.cluster, self.workers or 1, work.threads, self.cluster_options)
        else:
            if self.workers == 1:  # only on request: in other processes, a cell that kills its process affects no other
                for cells in groups:
                    yield from work.outcomes(cells)
                return
            workers = min(self.workers or local_workers(work.threads, work.memory), len(groups))
            made = _local_cluster(workers, work.threads)
        with made as cluster:
            yield from dask_outcomes(groups, work, cluster, patience_s=self.patience_s, say=say)


def local_workers(threads: int, memory: int | None) -> int:
    """Number of processes that this machine's cores and free memory allow; 1 if they would share a GPU."""
    import psutil
    import torch
    from dask.system import CPU_COUNT  # these respect a container's limits
    from distributed.system import MEMORY_LIMIT

    if torch.cuda.is_available():
        return 1
    by_memory = min(psutil.virtual_memory().available, MEMORY_LIMIT) // int(_PROCESS_BYTES + (memory or 0))
    return max(1, min(CPU_COUNT // threads, by_memory))


@contextmanager
def _local_cluster(workers: int, threads: int) -> Iterator[Any]:
    """Processes that run one task at a time. One that exceeds its share of memory is ended; none is ever paused."""
    import dask
    from distributed import LocalCluster

    settings: dict[str, Any] = {f"distributed.worker.memory.{act}": False for act in ("target", "spill", "pause")}
    # Dask gives up a process that has not restarted by then, and a busy machine takes longer than the default of 15 s.
    settings["distributed.deploy.lost-worker-timeout"] = "10 minutes"
    variables = {**dict.fromkeys(_THREAD_VARIABLES, threads), "PYTHONWARNINGS": _UNTOLD}
    settings |= {f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in variables.items()}
    settings["distributed.worker.preload"] = [*dask.config.get("distributed.worker.preload", []), _UNINTERRUPTED]
    options = {"n_workers": workers, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    # The sweep itself reports lost processes to the user.
    with dask.config.set(settings), LocalCluster(**options, silence_logs=logging.ERROR) as cluster:
        yield cluster


@contextmanager
def _batch_cluster(system: str, jobs: int, threads: int, options: Mapping[str, Any]) -> Iterator[Any]:
    """Jobs of one process each, which runs one task at a time."""
    import dask_jobqueue

    given: dict[str, Any] = {"cores": threads, "processes": 1, "worker_extra_args": ["--nthreads", "1"]}
    given["job_script_prologue"] = [f"export {name}={threads}" for name in _THREAD_VARIABLES]
    given |= options
    cluster = getattr(dask_jobqueue, CLUSTERS[system])(**given)
    try:
        cluster.adapt(minimum_jobs=jobs, maximum_jobs=jobs)  # unlike scale, replaces a job that ends
        yield cluster
    finally:
        try:
            cluster.close()
        except Exception as error:  # such as a job that is being submitted; no reason to lose what was computed
            note(f"a job of {system} could not be cancelled ({in_words(error)}); it ends, as its scheduler has ended")
