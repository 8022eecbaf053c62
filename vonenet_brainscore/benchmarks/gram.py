"""Gram matrices of recordings that are too wide for memory, accumulated from batches of features."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

# Columns are multiplied in blocks of this many float64 bytes: long enough for BLAS, small beside any recording.
# The block follows from the shape alone, never from the memory budget, so the budget can't change a bit of the result.
_BLOCK_BYTES = 2**26
# What the mean is taken off over: each feature's over stimuli, as regressions with an intercept and CKA do, or each
# stimulus's over features, as the correlation of two stimuli does.
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
        How many features the recording has.
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

    Every feature is centred over stimuli, or every stimulus over features, before the products are taken. Whoever reads
    the first must therefore fit an intercept, and of the second none but correlations of stimuli can be had; in return
    nothing cancels where a large common mean (a ReLU's) sits on a small variance.

    The features are kept until the last batch has come, layers that exceed the memory budget in a temporary file, and
    multiplied by fixed blocks of columns: the order and the size of the batches, and the budget, don't change a bit of
    the result. (The number of BLAS threads may.)

    Parameters
    ----------
    batches : iterable of (rows, {layer: features})
        `rows` are stimulus indices, shape (row,), in any order, each once; `features` are floats of
        shape (row, feature). Each batch brings every layer.
    n_stimuli : int
        How many stimuli will come.
    centred_over : {'stimuli', 'features'}
    memory : int, optional
        Bytes that the features of all layers together may take in memory; `default_memory` by default. Blocks
        and products come on top, some 0.1 GB.
    spill_folder : Path, optional
        Where the temporary file goes; the system's temporary folder by default.

    Returns
    -------
    dict from layer to Gram

    Raises
    ------
    MemoryError
        At the first batch, if a layer fits neither the budget nor the disk.
    ValueError
        If a stimulus is missing, comes twice or is out of range, if layers or shapes change between batches, or if a
        feature isn't finite.
    """
    memory = default_memory() if memory is None else memory
    folder = Path(spill_folder or tempfile.gettempdir())
    seen = np.zeros(n_stimuli, bool)
    recordings: dict[str, _Recording] = {}
    with ExitStack() as files:
        # A traceback keeps this frame alive: without the clearing, a failure would leave the disk space taken.
        files.callback(recordings.clear)
        for rows, layers in batches:
            _mark(rows, seen)
            if not recordings:
                recordings.update(_allocate(layers, n_stimuli, memory, folder, files))
            if layers.keys() != recordings.keys():
                raise ValueError(f"a batch brings layers {list(layers)}; the first one brought {list(recordings)}")
            for layer, features in layers.items():
                recordings[layer].write(rows, features)
        if not seen.all():
            raise ValueError(f"{(~seen).sum()} of {n_stimuli} stimuli never came, the first at index {seen.argmin()}")
        return {layer: recording.gram(centred_over) for layer, recording in recordings.items()}


def default_memory() -> int:
    """Bytes that features may take by default: 2 GB, or a quarter of the machine's memory where that is less.

    A spilled feature costs a quarter more time than one in memory (`tests/benchmarks/neural_predictivity.py --shares`),
    which is little beside the convolution, and a laptop or a cluster's share of a machine stays free for other work.
    """
    return min(2 * 10**9, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4)


class _Recording:
    """One layer's responses, kept as blocks of columns: (block, stimulus, feature within the block)."""

    def __init__(self, n_stimuli: int, features: np.ndarray, layer: str) -> None:
        if features.ndim != 2:
            raise ValueError(f"layer {layer!r} brings features of shape {features.shape}; (row, feature) was expected")
        self._layer = layer
        self._n_features = features.shape[1]
        self._width = min(self._n_features, max(1, _BLOCK_BYTES // (8 * n_stimuli)))
        self._shape = (-(-self._n_features // self._width), n_stimuli, self._width)
        self._dtype = np.result_type(features.dtype, np.float32)
        self._blocks: np.ndarray | _BlocksOnDisk = np.empty(0)
        self.nbytes = int(np.prod(self._shape)) * self._dtype.itemsize

    def keep_in_memory(self) -> None:
        self._blocks = np.zeros(self._shape, self._dtype)

    def keep_on_disk(self, folder: Path, files: ExitStack) -> None:
        # The file has no name, so nothing is left behind even after a crash.
        file = files.enter_context(tempfile.TemporaryFile(dir=folder))  # noqa: SIM115 - a context manager enters it
        if hasattr(os, "posix_fallocate"):  # a disk that is too full is told now, not after the recording
            os.posix_fallocate(file.fileno(), 0, self.nbytes)
        else:
            file.truncate(self.nbytes)
        self._blocks = _BlocksOnDisk(file, self._shape, self._dtype)

    def write(self, rows: np.ndarray, features: np.ndarray) -> None:
        if features.shape != (len(rows), self._n_features):
            raise ValueError(
                f"layer {self._layer!r} brings features of shape {features.shape}; "
                f"{(len(rows), self._n_features)} was expected"
            )
        for index, start in enumerate(range(0, self._n_features, self._width)):
            part = features[:, start : start + self._width]
            if isinstance(self._blocks, _BlocksOnDisk):
                self._blocks.write(index, rows, part)
            else:
                self._blocks[index, rows, : part.shape[1]] = part

    def gram(self, centred_over: Centring) -> Gram:
        products = np.zeros((self._shape[1], self._shape[1]))
        means = self._stimulus_means() if centred_over == "features" else None
        # Columns that fill up the last block have mean zero over stimuli, but not a stimulus's mean over features.
        for block in self._blocks if means is None else self._parts():
            centred = block.astype(np.float64)  # (stimulus, feature)
            centred -= centred.mean(axis=0) if means is None else means
            products += centred @ centred.T
        if not np.isfinite(products).all():
            raise ValueError(f"layer {self._layer!r} has responses that are NaN or infinite")
        return Gram(products, self._n_features)

    def _parts(self) -> Iterator[np.ndarray]:
        """The blocks (stimulus, feature), the last one without the columns that fill it up."""
        for block, start in zip(self._blocks, range(0, self._n_features, self._width), strict=True):
            yield block[:, : self._n_features - start]

    def _stimulus_means(self) -> np.ndarray:
        """Each stimulus's mean over all features: (stimulus, 1)."""
        totals = [block.sum(axis=1, dtype=np.float64, keepdims=True) for block in self._parts()]
        return np.sum(totals, axis=0) / self._n_features


class _BlocksOnDisk:
    """Blocks (stimulus, feature within the block) in a file, of which no more than one at a time is in memory.

    They are written and read, not mapped: the pages of a map count as this process's memory.
    """

    def __init__(self, file: BinaryIO, shape: tuple[int, int, int], dtype: np.dtype) -> None:
        self._file, self._shape, self._dtype = file, shape, dtype

    def __iter__(self) -> Iterator[np.ndarray]:
        count, stimuli, width = self._shape
        self._file.seek(0)
        for _ in range(count):
            yield np.fromfile(self._file, self._dtype, stimuli * width).reshape(stimuli, width)

    def write(self, index: int, rows: np.ndarray, part: np.ndarray) -> None:
        """Put the features of some stimuli into a block; what a part leaves of a row stays zero."""
        _, stimuli, width = self._shape
        part = np.ascontiguousarray(part, self._dtype)
        runs = np.flatnonzero(np.diff(rows) != 1) + 1 if part.shape[1] == width else np.arange(1, len(rows))
        for which in np.split(np.arange(len(rows)), runs):
            self._file.seek((index * stimuli + int(rows[which[0]])) * width * self._dtype.itemsize)
            self._file.write(part[which[0] : which[-1] + 1].data)


def _allocate(
    layers: Mapping[str, np.ndarray], n_stimuli: int, memory: int, folder: Path, files: ExitStack
) -> dict[str, _Recording]:
    """Room for every layer: in memory while the budget lasts, on disk after that."""
    recordings = {layer: _Recording(n_stimuli, features, layer) for layer, features in layers.items()}
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
    """Tick the rows of a batch off, refusing what is out of range or came before."""
    rows = np.asarray(rows)
    if rows.size and (rows.min() < 0 or rows.max() >= len(seen)):
        raise ValueError(f"a batch brings stimulus {rows[(rows < 0) | (rows >= len(seen))][0]} of {len(seen)}")
    if seen[rows].any() or len(np.unique(rows)) < len(rows):
        raise ValueError(f"a batch brings stimuli that came before, or one twice: {rows.tolist()}")
    seen[rows] = True
