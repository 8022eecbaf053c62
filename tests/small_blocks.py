"""Blocks small enough that a few pictures make several groups, here and in a worker (`dask worker --preload`).

In a worker GRAM_FAULTS is JSON, ``[[task, marker], ...]``: the first worker that begins the task leaves the marker and
dies by SIGKILL; with a marker of null every worker does, and with "wait MARKER" each leaves it and waits.
"""

import json
import os
import signal
import time
from pathlib import Path

from vonenet_brainscore.benchmarks import distributed_gram, gram

SIZES = ((gram, "_BLOCK_BYTES", 8 * 40 * 500), (gram, "_GROUP_BLOCKS", 7), (distributed_gram, "_SLAB_BLOCKS", 3))


def dask_setup(worker):
    """What Dask calls in a process that preloads this module."""
    for module, name, value in SIZES:
        setattr(module, name, value)
    for task, marker in json.loads(os.environ.get("GRAM_FAULTS", "[]")):
        setattr(distributed_gram, task, _deadly(getattr(distributed_gram, task), marker))


def _deadly(task, marker):
    def dies(*args):
        if marker is not None and marker.startswith("wait "):
            Path(marker.removeprefix("wait ")).touch()
            time.sleep(600)
        if marker is None or not Path(marker).exists():
            if marker is not None:
                Path(marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return task(*args)

    return dies
