"""Gram matrices of recordings that are too wide for memory, accumulated over blocks of features."""

import os
import shutil
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from .blocks_on_disk import BlocksOnDisk

# Columns are multiplied in blocks of this many float64 bytes: large enough for BLAS, small compared with a recording.
# The block size depends on the shape alone, never on the memory budget, so the budget can't change a bit of the result.
_BLOCK_BYTES = 2**26
_AT_ONCE_BYTES = 2**30  # that blocks which are multiplied at once and their products may take
# The products of this many blocks are summed in order, then the sums of these groups, so that several machines can sum
# groups (`distributed_gram`) and get the same bits. Recordings of 1,200 stimuli x 1.6 million features are one group.
_GROUP_BLOCKS = 256
# Blocks are converted to double precision and centred in parts of this many bytes, which fit into a core's own cache.
_PART_BYTES = 2**20
# Which mean is subtracted: each feature's over stimuli, as in regressions with an intercept and in CKA, or each
# stimulus's over features, as in the correlation of two stimuli.
Centring = Literal["stimuli", "features"]


@dataclass(frozen=True)
class Gram:
    """Inner products of the centred recordings of n stimuli.

    Attributes
    ----------
    products : array, shape (stimulus, stimulus)
        ``(X - m)(X - m)^T`` in float64, X (stimulus, feature) being the recording and m its mean over stimuli, or over
        features.
    n_features : int
        Number of features in the recording.
    """

    products: np.ndarray
    n_features: int


def gram_matrices(
    batches: Iterable[tuple[np.ndarray, Mapping[str, np.ndarray]]],
    n_stimuli: int,
    *,
    centred_over: Centring = "stimuli",
    memory: int | None = None,
    spill_folder: Path | None = None,
) -> dict[str, Gram]:
    """Gram matrices of several layers from one pass over the stimuli.

    Every feature is centred over stimuli, or every stimulus over features, before the products are computed. The first
    form is therefore valid only for methods with an intercept, and the second only for correlations of stimuli. In
    return, no precision is lost by cancellation if a common mean (as after a ReLU) is large compared with the variance.

    The features are kept until the last batch (in a temporary file for layers that exceed the memory budget) and then
    multiplied in fixed blocks of columns, so that neither the order and size of the batches nor the budget changes a
    bit of the result. (The number of BLAS threads may.) Every feature is written once and read once: each block is read
    and centred while preceding ones are multiplied, and is removed from the file as soon as it has been read. Several
    blocks are multiplied at once, each by one thread, because BLAS's own threads wait for each other in a loop, which
    triples the time when another job needs a core.

    NumPy computes the product of a block with its own transpose by BLAS's symmetric routine (``syrk``), which halves
    the operations. Products are in double precision: in single precision, the error of a sum of w products is up to
    w 2**-24 of the product of both stimuli's norms, 2e-4 for blocks of 2,500 stimuli, too much for scores to 1e-6.

    Parameters
    ----------
    batches : iterable of (rows, {layer: features})
        `rows` are stimulus indices, shape (row,), in any order, each occurring once; `features` are floats of
        shape (row, feature). Each batch contains every layer.
    n_stimuli : int
        How many there are.
    centred_over : {'stimuli', 'features'}
    memory : int, optional
        Bytes that all features may take in memory; `default_memory` by default. Blocks and products take about
        0.1 GB more per core, 1 GB at most.
    spill_folder : Path, optional
        Folder for the temporary file; the system's temporary folder by default.

    Returns
    -------
    dict from layer to Gram

    Raises
    ------
    MemoryError
        At the first batch, if a layer fits neither the budget nor the disk.
    ValueError
        If a stimulus is missing, repeated or out of range, if layers or shapes change between batches, or if a feature
        isn't finite.
    """
    memory = default_memory() if memory is None else memory
    folder = Path(spill_folder or tempfile.gettempdir())
    seen = np.zeros(n_stimuli, bool)
    recordings: dict[str, _Recording] = {}
    with ExitStack() as files:
        # A traceback keeps this frame alive, so that without `clear` a failure would leave the disk space occupied.
        files.callback(recordings.clear)
        for rows, layers in batches:
            _mark(rows, seen)
            if not recordings:
                recordings.update(_allocate(layers, n_stimuli, memory, folder, files, centred_over))
            if layers.keys() != recordings.keys():
                raise ValueError(f"a batch has layers {list(layers)}; the first one had {list(recordings)}")
            for layer, features in layers.items():
                recordings[layer].write(rows, features)
        if not seen.all():
            raise ValueError(f"{(~seen).sum()} of {n_stimuli} stimuli are missing, the first at index {seen.argmin()}")
        return {layer: recording.gram() for layer, recording in recordings.items()}


def default_memory() -> int:
    """Bytes that features may take by default: 2 GB, or a quarter of the machine's memory if that is less.

    An image of 1.6 million features takes 2 to 3 ms more CPU time on disk than in memory (`--shares` of
    tests/benchmarks/neural_predictivity.py), a tenth of its convolution, so a low limit costs little and leaves memory
    for other work.
    """
    return min(2 * 10**9, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4)


class _Recording:
    """One layer's responses, kept as blocks of columns: (block, stimulus, feature within the block)."""

    def __init__(self, n_stimuli: int, features: np.ndarray, layer: str, centred_over: Centring) -> None:
        if features.ndim != 2:
            raise ValueError(f"layer {layer!r} has features of shape {features.shape}; (row, feature) was expected")
        self._layer = layer
        self._n_features = features.shape[1]
        self._width = block_width(n_stimuli, self._n_features)
        self._shape = (-(-self._n_features // self._width), n_stimuli, self._width)
        self._dtype = np.result_type(features.dtype, np.float32)
        self._blocks: np.ndarray | BlocksOnDisk = np.empty(0)
        # Each stimulus's sum over features, for centring over features.
        self._totals = np.zeros(n_stimuli) if centred_over == "features" else None
        self.nbytes = int(np.prod(self._shape)) * self._dtype.itemsize

    def keep_in_memory(self) -> None:
        self._blocks = np.zeros(self._shape, self._dtype)

    def keep_on_disk(self, folder: Path, files: ExitStack) -> None:
        # The file has no name, so nothing is left behind even after a crash.
        file = files.enter_context(tempfile.TemporaryFile(dir=folder))  # noqa: SIM115 - a context manager enters it
        if hasattr(os, "posix_fallocate"):  # reports a full disk now, not after the recording
            os.posix_fallocate(file.fileno(), 0, self.nbytes)
        else:
            file.truncate(self.nbytes)
        self._blocks = BlocksOnDisk(file, self._shape, self._dtype)

    def write(self, rows: np.ndarray, features: np.ndarray) -> None:
        if features.shape != (len(rows), self._n_features):
            raise ValueError(
                f"layer {self._layer!r} has features of shape {features.shape}; "
                f"{(len(rows), self._n_features)} was expected"
            )
        for index, start in enumerate(range(0, self._n_features, self._width)):
            part = features[:, start : start + self._width]
            if isinstance(self._blocks, BlocksOnDisk):
                self._blocks.write(index, rows, part)
            else:
                self._blocks[index, rows, : part.shape[1]] = part
            if self._totals is not None:  # row by row, so that the batch size changes no bit
                self._totals[rows] += [row.sum() for row in part.astype(np.float64, order="C")]

    def gram(self) -> Gram:
        count, n_stimuli, _ = self._shape
        products = np.zeros((n_stimuli, n_stimuli))
        blocks = self._centred_blocks((at_once := _blocks_at_once(n_stimuli)) + 1)
        for first in range(0, count, _GROUP_BLOCKS):
            group = np.zeros_like(products) if first else products
            _add_products(group, islice(blocks, _GROUP_BLOCKS), at_once)
            if first:
                products += group
        if not np.isfinite(products).all():
            raise ValueError(f"layer {self._layer!r} has responses that are NaN or infinite")
        return Gram(products, self._n_features)

    def _centred_blocks(self, held: int) -> Iterator[np.ndarray]:
        """Blocks (stimulus, feature) in double precision, of which the last `held` are valid."""
        count, n_stimuli, width = self._shape
        means = None if self._totals is None else self._totals[:, None] / self._n_features
        # Columns that pad the last block stay zero when centred over stimuli, but not when centred over features.
        last = width if means is None else self._n_features - (count - 1) * width
        centred = np.empty((held, n_stimuli, width))
        for index, block in enumerate(self._blocks):
            into = centred[index % held]
            for columns in _columns(width, max(1, _PART_BYTES // (8 * n_stimuli))):
                part = into[:, columns]
                np.copyto(part, block[:, columns])
                with np.errstate(invalid="ignore"):  # infinite responses are rejected after multiplication
                    part -= part.mean(axis=0) if means is None else means
            yield into[:, : last if index == count - 1 else width]


def products_of_columns(
    parts: Iterable[tuple[np.ndarray, np.ndarray]], n_stimuli: int, onto: np.ndarray | None = None
) -> np.ndarray:
    """Products of some columns of a recording, centred over stimuli and added block by block to earlier products.

    Parameters
    ----------
    parts : iterable of (rows, features)
        As `gram_matrices`' batches; the columns are whole blocks of the recording (`block_width`).
    n_stimuli : int
    onto : array, shape (stimulus, stimulus), optional
        Products of the preceding columns; not modified.

    Returns
    -------
    array, shape (stimulus, stimulus), float64
    """
    products = np.zeros((n_stimuli, n_stimuli)) if onto is None else onto.copy()
    recording = None
    for rows, features in parts:
        if recording is None:
            recording = _Recording(n_stimuli, features, "of some columns", "stimuli")
            recording.keep_in_memory()
        recording.write(rows, features)
    if recording is not None:
        at_once = _blocks_at_once(n_stimuli)
        _add_products(products, recording._centred_blocks(at_once + 1), at_once)
    return products


def block_width(n_stimuli: int, n_features: int) -> int:
    """Number of columns in a block."""
    return min(n_features, max(1, _BLOCK_BYTES // (8 * n_stimuli)))


def _blocks_at_once(n_stimuli: int) -> int:
    """How many blocks are multiplied at once: one per BLAS thread, or fewer where memory allows fewer."""
    threads = max((pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"), default=1)
    return max(1, min(threads, _AT_ONCE_BYTES // (_BLOCK_BYTES + 8 * n_stimuli**2)))


def _add_products(products: np.ndarray, blocks: Iterable[np.ndarray], at_once: int) -> None:
    """Add the blocks' products in their order; while the next block is made, `at_once` are being multiplied."""
    with threadpool_limits(1 if at_once > 1 else None, "blas"), ThreadPoolExecutor(at_once) as pool:
        coming: deque[Future[np.ndarray]] = deque()
        for block in blocks:
            coming.append(pool.submit(np.matmul, block, block.T))
            if len(coming) > at_once:
                products += coming.popleft().result()
        for product in coming:
            products += product.result()


def _columns(width: int, at_once: int) -> Iterator[slice]:
    """Slices of at most `at_once` columns."""
    return (slice(start, min(start + at_once, width)) for start in range(0, width, at_once))


def _allocate(
    layers: Mapping[str, np.ndarray],
    n_stimuli: int,
    memory: int,
    folder: Path,
    files: ExitStack,
    centred_over: Centring,
) -> dict[str, _Recording]:
    """Storage for every layer, in memory as far as the budget allows and otherwise on disk."""
    recordings = {layer: _Recording(n_stimuli, features, layer, centred_over) for layer, features in layers.items()}
    spilled = []
    for recording in recordings.values():
        if recording.nbytes <= memory:
            memory -= recording.nbytes
            recording.keep_in_memory()
        else:
            spilled.append(recording)
    needed = sum(recording.nbytes for recording in spilled)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise MemoryError(
            f"{needed / 1e9:.2f} GB of responses ({n_stimuli} stimuli, layers {', '.join(layers)}) exceed the memory "
            f"budget, and {folder} has {free / 1e9:.2f} GB free; raise the budget, record fewer layers at once or set "
            f"TMPDIR to a larger disk"
        )
    for recording in spilled:
        recording.keep_on_disk(folder, files)
    return recordings


def _mark(rows: np.ndarray, seen: np.ndarray) -> None:
    """Mark the rows of a batch as seen; ValueError if one is out of range or repeated."""
    rows = np.asarray(rows)
    if rows.size and (rows.min() < 0 or rows.max() >= len(seen)):
        raise ValueError(f"a batch has stimulus {rows[(rows < 0) | (rows >= len(seen))][0]} of {len(seen)}")
    if seen[rows].any() or len(np.unique(rows)) < len(rows):
        raise ValueError(f"a batch repeats stimuli, its own or those of an earlier batch: {rows.tolist()}")
    seen[rows] = True
