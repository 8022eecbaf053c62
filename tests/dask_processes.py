"""`dask scheduler` and `dask worker` as processes of their own, as on a cluster."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def dask_process(*words, **environment):
    """A process of the command `dask`, killed afterwards with its children."""
    command = [sys.executable, "-m", "dask", *map(str, words)]
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):  # all of it is gone already
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def scheduler(port):
    return dask_process("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")


def worker(port, folder, **environment):
    words = ("--nthreads", 1, "--local-directory", folder, "--no-dashboard")
    return dask_process("worker", f"tcp://127.0.0.1:{port}", *words, **environment)


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def children(pid):
    """Of a process, such as a nanny's worker."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
