"""Gram matrices of recordings that the workers of a Dask scheduler make, bit-identical to those of one process.

A task records a part of the stimuli, of which a recording's bits do not depend on what else is recorded, and cuts it
into slabs of columns. A slab of all parts is multiplied, block by block, by the code that one process runs, and added
onto the slabs of its group before it. The groups, a fixed number of blocks each, are summed here in their order. So
groups are multiplied at once, and every sum has the order that it has in one process. Dask moves what is recorded
between the workers, spills it to their disks and makes again what is lost with a worker.
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

_SLAB_BLOCKS = 16  # of `gram`'s 64 MB in double precision, so that what a task multiplies is half a GB of responses
_MOST_PARTS = 256  # more would cost the scheduler more than they would spread the work
_CONNECT_S, _WAIT_S, _POLL_S = 10, 60.0, 10.0
_ONE_AT_A_TIME = threading.Lock()  # a worker of several threads must not change their number for another task


@dataclass(frozen=True)
class Asked:
    """What is recorded, and what a worker must have in common with the process that asks.

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
    """Why a recording can't be made on a scheduler's workers; empty where it can."""
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
        Its address.
    subject : Subject
        That records one region (`start_recording`).
    stimulus_sets : sequence of StimulusSet
        Shown one after the other. Their files must be where they are for every worker.
    trials : int

    Returns
    -------
    Gram
        Of the stimuli in each step of time: (step, stimulus) rows, centred over these.
    int
        How many steps there are.
    list of int
        The step of each time bin.

    Raises
    ------
    ConnectionError
        If there is no scheduler or worker, or the scheduler is lost.
    UnfitWorkerError
        If a worker runs other code or other versions, does not see the files or cannot run as many threads.
    MemoryError
        If a part of the work kills every worker that tries it, or a worker has no memory for the batches.
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
        subject.become_able(stimuli, [subject.layer])  # a part alone might need no trained weights, and others them
        # As a task: what is scattered is not made again when its worker is lost.
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
    del parts, pieces, products, shipped  # what a task needs Dask keeps, and gives up once it is done
    whole = np.zeros((n_rows, n_rows))
    while sums:
        whole += result_of(sums.pop(0), client, submitted)
    if not np.isfinite(whole).all():
        raise ValueError(f"layer {subject.layer!r} has responses that are NaN or infinite")
    return gram.Gram(whole, n_features), n_steps, step_of_bin


def result_of(future: Any, client: Any, submitted: Sequence[str]) -> Any:
    """The result of a task, or a MemoryError as soon as any of the submitted tasks has killed its workers.

    When several workers die at once, a scheduler may leave tasks waiting for one that it has given up, or report no
    error with them.
    """

    def given_up(dask_scheduler: Any) -> list[str]:  # sent by value: a scheduler need not have this package
        tasks, most = dask_scheduler.tasks, dask_scheduler.allowed_failures
        return [key for key in submitted if key in tasks and tasks[key].suspicious > most]

    while True:
        with suppress(TimeoutError):
            future.exception(timeout=_POLL_S)  # waits, and fetches no result
        if future.status in ("pending", "error") and (keys := client.run_on_scheduler(given_up)):
            raise MemoryError(
                "every worker that tried a part of the work died, out of memory or by a crash; give workers more "
                f"memory, and see their logs ({', '.join(keys)})"
            )
        if future.done():
            return future.result()


def pickled(subject: Subject) -> bytes:
    """A subject as it stands, without a progress bar."""
    import cloudpickle

    shown, subject.extractor.progress = subject.extractor.progress, False
    try:
        return cloudpickle.dumps(subject)
    finally:
        subject.extractor.progress = shown


def parts_of(stimuli: Any, subject: Subject, asked: Asked) -> Iterator[np.ndarray]:
    """Rows of a stimulus set that are recorded together.

    Noise draws of a picture that is shown several times depend on how often it was shown before, so that a noisy
    subject must see all its showings in one part, in their order.
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
    """Of each group of blocks its slabs: their number among all, and their columns, whole blocks."""
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
    """A task: the responses to some stimuli, by slabs of columns; see `_layout` and `_slab`.

    The last slab is filled up with columns of zeros to whole blocks, as `gram` fills up a recording.
    """
    _check_fit(asked)
    with _ONE_AT_A_TIME, fixed_threads(asked.threads):
        subject: Subject = pickle.loads(shipped)
        try:
            recorded = list(stream_steps(subject, stimuli, asked.n_time_bins, asked.trials))
        except FileNotFoundError as error:
            where = f"the worker on {socket.gethostname()} does not see what the process that asks sees"
            raise UnfitWorkerError(f"{where}: {error}") from error
    if subject.extractor.batch_size != asked.batch_size:
        raise MemoryError(
            f"the worker on {socket.gethostname()} has no memory for batches of {asked.batch_size} images, and others "
            "may change the last bit; give it more"
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
    """A task: products of one slab of all parts, added onto those of the slabs of its group before it."""
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
            f"the worker on {socket.gethostname()} has other {' and '.join(other)} than the process that asks; install "
            "the same there"
        )
