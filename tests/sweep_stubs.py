"""Cheap V1 property benchmarks and faults to order, in this process or in a worker's (`dask worker --preload`).

The environment says what happens: SWEEP_LOG is a file that gets a line for each cell that is computed, SWEEP_FAULTS is
JSON, ``[[fault, benchmark, seed, argument], ...]``. A fault befalls the cells of that benchmark and noise seed.
"""

import json
import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

TINY = {"image_size": [32], "ksize": [9], "simple_channels": [4], "complex_channels": [4], "sf_max": [4], "trials": [2]}
PREF_OR, PEAK_SF = "Marques2020_DeValois1982-pref_or", "Marques2020_DeValois1982-peak_sf"
SELECTIVE, BANDWIDTH = "Marques2020_Schiller1976-sf_selective", "Marques2020_Schiller1976-sf_bandwidth"


def stub_compare(benchmark, experiments):
    """A number that hangs on the model's arithmetic, its noise and the benchmark, with all that a score has."""
    from brainscore_core.metrics import Score

    extractor = experiments.subject.extractor
    _log(f"{benchmark.identifier} {extractor.seed}")
    for fault, identifier, seed, argument in json.loads(os.environ.get("SWEEP_FAULTS", "[]")):
        if (identifier, seed) == (benchmark.identifier, extractor.seed):
            FAULTS[fault](argument)
    image = np.random.default_rng(len(benchmark.identifier)).integers(0, 256, (32, 32), dtype=np.uint8)
    layer = experiments.subject.region_layer_map["V1"]
    ((_, responses),) = extractor.stream([image], [layer], trials=2)
    values = responses[layer][0].ravel()
    score = Score(float(values.mean()) / 10)
    score.attrs |= {"raw": Score(float(values.std())), "ceiling": Score(1.0), "error": 0.1}
    score.attrs["model_values"] = np.tile(values.astype(float), 40)  # a record of some 100 kB
    return score


def _log(line):
    if "SWEEP_LOG" in os.environ:
        with Path(os.environ["SWEEP_LOG"]).open("a") as log:
            log.write(f"{line}\n")


def _die(marker):
    """By SIGKILL: always, or once, if there is a marker to leave."""
    if marker is None or not Path(marker).exists():
        if marker is not None:
            Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)


def _run_out_of_memory(_):
    raise MemoryError("13.0 GB are needed")


def _run_into_a_bug(_):
    raise KeyError("neuroid")


def _wait(gate):
    """Until a file is there."""
    while not Path(gate).exists():
        time.sleep(0.02)


def die_in_write(number):
    """Let the process be killed with half of its number-th score written from now on."""
    from vonenet_brainscore import kept_scores

    written_whole, writes = kept_scores.written_whole, []

    @contextmanager
    def half_written(path):
        with written_whole(path) as partial:
            yield partial
            writes.append(path)
            if len(writes) == number:
                os.truncate(partial, partial.stat().st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)

    kept_scores.written_whole = half_written


def _die_in_write_once(marker):
    if not Path(marker).exists():
        Path(marker).touch()
        die_in_write(1)


FAULTS = {
    "die": _die,
    "die in write": _die_in_write_once,
    "memory": _run_out_of_memory,
    "bug": _run_into_a_bug,
    "wait": _wait,
}


def dask_setup(worker):
    """What Dask calls in a process that preloads this module."""
    from vonenet_brainscore.benchmarks.v1_properties import V1PropertyBenchmark

    if "SWEEP_REAL" not in os.environ:
        V1PropertyBenchmark.compare = stub_compare
