"""Requirements on a process that works for another: it must use the same number of threads."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


class UnfitWorkerError(RuntimeError):
    """A worker cannot take part: it cannot find the files, runs different code, or cannot run as many threads."""


@contextmanager
def fixed_threads(count: int) -> Iterator[None]:
    """Within the context, torch and BLAS use `count` threads; another number may change the last bit of a score.

    Raises
    ------
    UnfitWorkerError
        If BLAS was started with fewer threads.
    """
    import scipy.linalg  # noqa: F401 - SciPy's BLAS must be loaded to be limited
    import torch
    from threadpoolctl import threadpool_info, threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            got = min((pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"), default=count)
            if got < count:
                raise UnfitWorkerError(
                    f"threads is {count}, but BLAS has {got} on {socket.gethostname()}; set OMP_NUM_THREADS={count} in "
                    "the environment that the process, or the worker, is started from"
                )
            yield
    finally:
        torch.set_num_threads(before)
