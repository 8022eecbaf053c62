"""Files that are written atomically."""

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".*.*.part.*"  # what `written_whole` calls files that are being written


def check_writable(path: str | Path, suffixes: Sequence[str]) -> Path:
    """The path, if a file of that kind can be written there; checked before the computation of its content.

    Raises
    ------
    ValueError
        If the suffix is not allowed.
    FileNotFoundError
        If its folder does not exist.
    PermissionError
        If its folder cannot be written to.
    """
    file = Path(path)
    folder = file.resolve().parent
    if file.suffix not in suffixes:
        raise ValueError(f"{file} has not one of the suffixes that can be written: {', '.join(suffixes)}")
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder} to write {file.name} to; make it first")
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a folder; name a file")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"the folder {folder} cannot be written to; name another for {file.name}")
    return file


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary file next to `path`, renamed to `path` once it is on the disk, and removed after an error.

    Its name is unique among all processes on all machines, and keeps the suffix, by which libraries choose a format.
    """
    partial = path.with_name(f".{path.stem}.{uuid.uuid4().hex}.part{path.suffix}")
    try:
        yield partial
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
