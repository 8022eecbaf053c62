"""A temporary file for responses that exceed the memory, written once and read once."""

from collections.abc import Iterator
from io import BufferedRandom

import numpy as np


class BlocksOnDisk:
    """Blocks of shape (stimulus, feature within the block) in a file, at most one of them in memory at a time.

    The file is not memory-mapped, because mapped pages count as memory of this process. Blocks are stored in reverse
    order, so that the file can be truncated as each is read. This frees the block's disk space and the memory in which
    the system caches it, whether or not it was written to disk.
    """

    def __init__(self, file: BufferedRandom, shape: tuple[int, int, int], dtype: np.dtype) -> None:
        self._file, self._shape, self._dtype = file, shape, dtype

    def __iter__(self) -> Iterator[np.ndarray]:
        """Every block once; each overwrites the array of the one before."""
        count, stimuli, width = self._shape
        block = np.empty((stimuli, width), self._dtype)
        for index in range(count):
            start = self._start(index)
            self._file.seek(start)
            if self._file.readinto(block.data) != block.nbytes:
                raise OSError("the temporary file of responses was truncated; free some disk space and score again")
            self._file.truncate(start)
            yield block

    def _start(self, index: int) -> int:
        """Byte at which a block begins in the file."""
        count, stimuli, width = self._shape
        return (count - 1 - index) * stimuli * width * self._dtype.itemsize

    def write(self, index: int, rows: np.ndarray, part: np.ndarray) -> None:
        """Write the features of some stimuli into a block; columns beyond those of `part` stay zero."""
        width = self._shape[2]
        part = np.ascontiguousarray(part, self._dtype)
        runs = np.flatnonzero(np.diff(rows) != 1) + 1 if part.shape[1] == width else np.arange(1, len(rows))
        for which in np.split(np.arange(len(rows)), runs):
            self._file.seek(self._start(index) + int(rows[which[0]]) * width * self._dtype.itemsize)
            self._file.write(part[which[0] : which[-1] + 1].data)
