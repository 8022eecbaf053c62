"""Import of primate recordings that were downloaded on another machine."""

import shutil
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from reprlib import repr as shortened

from ..brainscore import plugin_folder, registrations
from ..files import written_whole
from .data_sets import DataFile, data_set_files, sha1_of
from .storage import discard, wanted_files


def import_data(paths: Iterable[str | Path]) -> tuple[DataFile, ...]:
    """Copy files that were downloaded elsewhere to where Brain-Score looks for them.

    A file is identified by its sha1, not its name, among the files of every data set that Brain-Score registers.
    All files are checked before the first is copied, and each is copied atomically.

    Returns
    -------
    tuple of DataFile
        One per path, in the order given.

    Raises
    ------
    FileNotFoundError
        If a path is not a file.
    ValueError
        If no data set has a file of that sha1; the message lists the files that were expected.
    """
    if isinstance(paths, str | PathLike) or not isinstance(paths, Iterable):
        raise TypeError(f"paths is {shortened(paths)}; give a list of files")
    sources = [Path(path).expanduser() for path in paths]
    common = {file.sha1: file for file in wanted_files()}
    files = []
    for source in sources:
        if not source.is_file():
            raise FileNotFoundError(f"no file {source} to import")
        sha1 = sha1_of(source)
        file = common.get(sha1) or _registered_file(sha1)
        if file is None:
            expected = "\n".join(f"  {file.name}  sha1 {file.sha1}" for file in common.values())
            raise ValueError(
                f"{source} has sha1 {sha1}, which no Brain-Score data set registers (truncated, or another version?); "
                f"expected one of\n{expected}\nor a file of another data set"
            )
        files.append(file)
    for source, file in zip(sources, files, strict=True):
        if file.state() != "verified":
            _put(source, file)
    return tuple(files)


def _registered_file(sha1: str) -> DataFile | None:
    """The registered file of that sha1, or None; only data plugins whose source contains the sha1 are run."""
    plugins = {init.parent.name for init in plugin_folder("data").glob("*/__init__.py") if sha1 in init.read_text()}
    for kind in ("data", "stimulus_set"):
        for identifier, folders in registrations(kind).items():
            if plugins.intersection(folders):
                for file in data_set_files(identifier):
                    if file.sha1 == sha1:
                        return file
    return None


def _put(source: Path, file: DataFile) -> None:
    file.path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(file.path) as copy:
        shutil.copyfile(source, copy)
        if sha1_of(copy) != file.sha1:
            raise ValueError(f"{source} changed while it was copied; nothing was imported from it")
        discard(file)
