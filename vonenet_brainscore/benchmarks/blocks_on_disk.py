"""Responses that are too many for memory, in a temporary file that is written once and read once."""

from collections.abc import Iterator
from io import BufferedRandom

import numpy as np


class BlocksOnDisk:
    """Blocks (stimulus, feature within the block) in a file, of which no more than one at a time is in memory.

    They are written and read, not mapped: the pages of a map count as this process's memory. The first block stands
    last in the file, so that each can be cut off once it is read, which frees its disk space and what the system holds
    of it in memory, written to the disk or not.
    """

    def __init__(self, file: BufferedRandom, shape: tuple[int, int, int], dtype: np.dtype) -> None:
        self._file, self._shape, self._dtype = file, shape, dtype

    def __iter__(self) -> Iterator[np.ndarray]:
        """Every block once; the next takes the memory of the last."""
        count, stimuli, width = self._shape
        block = np.empty((stimuli, width), self._dtype)
        for index in range(count):
            start = self._start(index)
            self._file.seek(start)
            if self._file.readinto(block.data) != block.nbytes:
                raise OSError("the temporary file of responses was cut short; score again with room on the disk")
            self._file.truncate(start)
            yield block

    def _start(self, index: int) -> int:
        """Where in the file a block begins."""
        count, stimuli, width = self._shape
        return (count - 1 - index) * stimuli * width * self._dtype.itemsize

    def write(self, index: int, rows: np.ndarray, part: np.ndarray) -> None:
        """Put the features of some stimuli into a block; what a part leaves of a row stays zero."""
        width = self._shape[2]
        part = np.ascontiguousarray(part, self._dtype)
        runs = np.flatnonzero(np.diff(rows) != 1) + 1 if part.shape[1] == width else np.arange(1, len(rows))
        for which in np.split(np.arange(len(rows)), runs):
            self._file.seek(self._start(index) + int(rows[which[0]]) * width * self._dtype.itemsize)
            self._file.write(part[which[0] : which[-1] + 1].data)
