"""Gram matrices of recordings made by the workers of a Dask scheduler, bit-identical to those of one process.

Each recording task records a part of the stimuli, which gives the same bits whatever else is recorded, and cuts the
responses into slabs of columns. Each multiplication task takes one slab of all parts, multiplies it block by block with
the code that a single process runs, and adds the products to those of the preceding slabs in its group. A group is a
fixed number of blocks, and this process sums the groups in order. Groups are thus multiplied in parallel, while the
order of every sum is that of a single process. Dask moves responses between workers, spills them to their disks and
recomputes those that are lost with a worker.
"""

import pickle
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ..recordings.streamed import some_of, stream_steps
from ..recordings.subject import Subject
from ..stimuli.images import as_picture
from ..version import code_digest
from . import gram
from .workers import UnfitWorkerError, fixed_threads

_SLAB_BLOCKS = 16  # of 64 MB each in double precision (`gram`), so that a task multiplies half a GB of responses
_MOST_PARTS = 256  # with more, the cost to the scheduler would outweigh the gain from spreading the work
_CONNECT_S, _WAIT_S, _POLL_S = 10, 60.0, 10.0
_ONE_AT_A_TIME = threading.Lock()  # tasks in one worker process share its number of BLAS threads


@dataclass(frozen=True)
class Asked:
    """A requested recording, with the settings and versions that a worker must share with the requesting process.

    Attributes
    ----------
    n_stimuli, n_time_bins, trials, threads, batch_size : int
    made_with : mapping of name to version
    """

    n_stimuli: int
    n_time_bins: int
    trials: int
    threads: int
    batch_size: int
    made_with: dict[str, str]


def obstacle(subject: Any, geometry: str, layers: Any) -> str:
    """Why a recording can't be made on a scheduler's workers; empty if it can."""
    if not isinstance(subject, Subject):
        return "only this package's subjects are recorded on workers"
    if layers:
        return "several layers are recorded in one process"
    if geometry == "correlations":
        return "dissimilarities are centred over all features, which no worker holds"
    return ""


def distributed_gram(
    scheduler: str, subject: Subject, stimulus_sets: Sequence[Any], *, trials: int
) -> tuple[gram.Gram, int, list[int]]:
    """The Gram matrix of a region's responses, recorded and multiplied by a Dask scheduler's workers.

    Parameters
    ----------
    scheduler : str
        Address of the scheduler.
    subject : Subject
        After `start_recording` of one region.
    stimulus_sets : sequence of StimulusSet
        Shown one after the other. Every worker must find their files under the same paths.
    trials : int

    Returns
    -------
    Gram
        With one row per stimulus in each time step, ordered (step, stimulus) and centred over all rows.
    int
        Number of steps.
    list of int
        The step of each time bin.

    Raises
    ------
    ConnectionError
        If there is no scheduler or worker, or the scheduler is lost.
    UnfitWorkerError
        If a worker runs different code or versions, cannot find the files or cannot run as many threads.
    MemoryError
        If a task kills every worker that tries it, or a worker has too little memory for the batches.
    """
    import torch
    from distributed import Client
    from distributed.client import FutureCancelledError
    from distributed.comm import CommClosedError

    total = sum(map(len, stimulus_sets))
    n_bins, batch_size = len(subject.time_bins), subject.extractor.batch_size
    asked = Asked(total, n_bins, trials, torch.get_num_threads(), batch_size, _made_with())
    try:
        connected = Client(scheduler, timeout=_CONNECT_S, set_as_default=False)
    except OSError as error:
        raise ConnectionError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    try:
        with connected as client:
            try:
                client.wait_for_workers(1, timeout=_WAIT_S)
            except TimeoutError as error:
                raise ConnectionError(
                    f"the Dask scheduler at {scheduler} has no worker; start some: dask worker {scheduler} --nthreads 1"
                ) from error
            return _gathered(client, asked, subject, stimulus_sets)
    except (CommClosedError, FutureCancelledError) as error:
        raise ConnectionError(
            f"the Dask scheduler at {scheduler} was lost during the work; start it and its workers, and score again"
        ) from error


def _gathered(
    client: Any, asked: Asked, subject: Subject, stimulus_sets: Sequence[Any]
) -> tuple[gram.Gram, int, list[int]]:
    submitted: list[str] = []

    def submit(task: Any, *args: Any) -> Any:
        future = client.submit(task, *args, pure=False)
        submitted.append(future.key)
        return future

    parts: list[Any] = []
    first = 0
    for stimuli in stimulus_sets:
        # For the whole set, because some parts might need trained weights and others not.
        subject.become_able(stimuli, [subject.layer])
        # Submitted as a task, because Dask does not recompute scattered data when their worker is lost.
        shipped = submit(_as_it_is, pickled(subject))
        for rows in parts_of(stimuli, subject, asked):
            parts.append(submit(record_part, asked, shipped, some_of(stimuli, rows), first + rows))
        first += len(stimuli)
    n_features, n_steps, step_of_bin = result_of(submit(_layout, parts[0]), client, submitted)
    n_rows = n_steps * asked.n_stimuli
    sums = []
    for group in slabs(n_rows, n_features):
        products: Any = None
        for index, _ in group:
            pieces = [submit(_slab, part, index) for part in parts]
            products = submit(multiply, asked, pieces, n_rows, products)
        sums.append(products)
    del parts, pieces, products, shipped  # Dask keeps what pending tasks need, and releases it afterwards
    whole = np.zeros((n_rows, n_rows))
    while sums:
        whole += result_of(sums.pop(0), client, submitted)
    if not np.isfinite(whole).all():
        raise ValueError(f"layer {subject.layer!r} has responses that are NaN or infinite")
    return gram.Gram(whole, n_features), n_steps, step_of_bin


def result_of(future: Any, client: Any, submitted: Sequence[str]) -> Any:
    """The result of a task, or a MemoryError as soon as any of the submitted tasks has killed its workers.

    When several workers die at once, the scheduler may leave tasks waiting for one that it has given up, or report no
    error for them.
    """

    def given_up(dask_scheduler: Any) -> list[str]:  # sent by value: a scheduler need not have this package
        tasks, most = dask_scheduler.tasks, dask_scheduler.allowed_failures
        return [key for key in submitted if key in tasks and tasks[key].suspicious > most]

    while True:
        with suppress(TimeoutError):
            future.exception(timeout=_POLL_S)  # waits without fetching the result
        if future.status in ("pending", "error") and (keys := client.run_on_scheduler(given_up)):
            raise MemoryError(
                "every worker that tried a part of the work died, out of memory or by a crash; give workers more "
                f"memory, and see their logs ({', '.join(keys)})"
            )
        if future.done():
            return future.result()


def pickled(subject: Subject) -> bytes:
    """The subject pickled, with its progress bar switched off."""
    import cloudpickle

    shown, subject.extractor.progress = subject.extractor.progress, False
    try:
        return cloudpickle.dumps(subject)
    finally:
        subject.extractor.progress = shown


def parts_of(stimuli: Any, subject: Subject, asked: Asked) -> Iterator[np.ndarray]:
    """Rows of a stimulus set that are recorded together.

    The noise of a repeated picture depends on how often the picture was shown before, so a noisy subject is shown all
    repetitions of a picture in one part, in their order.
    """
    order = np.arange(len(stimuli))
    together = order.copy()
    if subject.extractor.is_noisy:
        shown: dict[bytes, int] = {}
        paths = (stimuli.stimulus_paths[name] for name in stimuli["stimulus_id"])
        together = np.array([shown.setdefault(as_picture(path).content, row) for row, path in enumerate(paths)])
        order = np.argsort(together, kind="stable")
    batches = -(-asked.n_stimuli // (_MOST_PARTS * asked.batch_size))
    size, start = batches * asked.batch_size, 0
    while start < len(order):
        stop = min(start + size, len(order))
        while stop < len(order) and together[order[stop]] == together[order[stop - 1]]:
            stop += 1
        yield order[start:stop]
        start = stop


def slabs(n_rows: int, n_features: int) -> list[list[tuple[int, slice]]]:
    """The slabs of each group as (index among all slabs, columns); each slab consists of whole blocks."""
    width = gram.block_width(n_rows, n_features)
    n_blocks, index = -(-n_features // width), 0
    found: list[list[tuple[int, slice]]] = []
    for group in range(0, n_blocks, gram._GROUP_BLOCKS):
        end = min(group + gram._GROUP_BLOCKS, n_blocks)
        edges = [*range(group, end, _SLAB_BLOCKS), end]
        columns = [slice(first * width, stop * width) for first, stop in pairwise(edges)]
        found.append(list(enumerate(columns, index)))
        index += len(columns)
    return found


def record_part(asked: Asked, shipped: bytes, stimuli: Any, rows: np.ndarray) -> dict[str, Any]:
    """The responses to some stimuli in slabs of columns, which `_layout` and `_slab` read; runs as a task.

    The last slab is padded with columns of zeros to whole blocks, as `gram` pads a recording.
    """
    _check_fit(asked)
    with _ONE_AT_A_TIME, fixed_threads(asked.threads):
        subject: Subject = pickle.loads(shipped)
        try:
            recorded = list(stream_steps(subject, stimuli, asked.n_time_bins, asked.trials))
        except FileNotFoundError as error:
            where = f"the worker on {socket.gethostname()} cannot find a file that the requesting process uses"
            raise UnfitWorkerError(f"{where}: {error}") from error
    if subject.extractor.batch_size != asked.batch_size:
        raise MemoryError(
            f"the worker on {socket.gethostname()} has too little memory for batches of {asked.batch_size} images, "
            "and smaller batches may change the last bit; give it more memory"
        )
    _, first, step_of_bin = recorded[0]
    n_steps, n_features = len(first), first[0].shape[1]
    numbers = np.concatenate(
        [step * asked.n_stimuli + rows[batch] for batch, _, _ in recorded for step in range(n_steps)]
    )
    values = [step for _, steps, _ in recorded for step in steps]
    pieces: list[tuple[np.ndarray, np.ndarray]] = []
    for group in slabs(n_steps * asked.n_stimuli, n_features):
        for _, columns in group:
            piece = np.zeros((len(numbers), columns.stop - columns.start), values[0].dtype)
            filled = min(columns.stop, n_features) - columns.start
            np.concatenate([each[:, columns] for each in values], out=piece[:, :filled])
            pieces.append((numbers, piece))
    return {"layout": (n_features, n_steps, step_of_bin), "pieces": pieces}


def multiply(
    asked: Asked, pieces: Sequence[tuple[np.ndarray, np.ndarray]], n_rows: int, onto: np.ndarray | None
) -> np.ndarray:
    """Products of one slab of all parts, added to those of the preceding slabs in its group; runs as a task."""
    _check_fit(asked)
    with _ONE_AT_A_TIME, fixed_threads(asked.threads):
        return gram.products_of_columns(pieces, n_rows, onto)


def _layout(part: dict[str, Any]) -> tuple[int, int, list[int]]:
    return part["layout"]


def _slab(part: dict[str, Any], index: int) -> tuple[np.ndarray, np.ndarray]:
    return part["pieces"][index]


def _as_it_is(value: bytes) -> bytes:
    return value


def _made_with() -> dict[str, str]:
    import torch

    return {"vonenet_brainscore": code_digest(), "torch": torch.__version__, "numpy": np.__version__}


def _check_fit(asked: Asked) -> None:
    other = [name for name, made in _made_with().items() if made != asked.made_with[name]]
    if other:
        raise UnfitWorkerError(
            f"the worker on {socket.gethostname()} has other versions of {' and '.join(other)} than the requesting "
            "process; install the same there"
        )
