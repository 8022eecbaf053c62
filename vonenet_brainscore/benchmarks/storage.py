"""The primate recordings in Brain-Score's storage: which are on this machine, and fetching the others."""

import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from ..arguments import check_text
from ..brainscore import registrations, replaced
from ..primates.property_table import V1_BENCHMARKS
from .data_sets import (
    DataFile,
    FileState,
    benchmark_data_sets,
    data_file,
    data_set_files,
)
from .names import DATASET_NAMES, benchmark_identifiers, private_refusal
from .unpacking import unpack

_CONNECT_S = 5.0  # longer than a slow connection takes to open, yet a short wait if there is none


class MissingDataError(FileNotFoundError):
    """Data are neither on this machine nor available from it.

    Attributes
    ----------
    name : str
        What the user asked for.
    files : tuple of DataFile
        The files that are missing or damaged.
    reason : str
        Why they could not be fetched.
    """

    def __init__(self, name: str, files: Sequence[DataFile], reason: str):
        self.name, self.files, self.reason = name, tuple(files), reason
        data_sets = ", ".join(dict.fromkeys(file.data_set for file in files))
        wanted = "\n".join(f"  {file.path}  (sha1 {file.sha1}; {_in_words(file)})" for file in files)
        super().__init__(
            f"{name} needs Brain-Score's data set {data_sets}; not on this machine, and not fetched: {reason}\n"
            f"Files wanted, and where they go:\n{wanted}\n"
            f"On a machine with network: vonenet-brainscore data fetch {name}\n"
            "and with the files brought here: vonenet-brainscore data import FILE..."
        )

    def __reduce__(self) -> tuple[type, tuple[str, tuple[DataFile, ...], str]]:
        return type(self), (self.name, self.files, self.reason)


def wanted_files(name: str | None = None) -> tuple[DataFile, ...]:
    """The files that a benchmark (named as in `benchmark_identifiers`) or a Brain-Score data or stimulus set needs.

    Without a name, the files of all dataset-style names. V1 properties whose data ship with this package need none.

    Raises
    ------
    ValueError
        If the name is unknown or its data are private.
    """
    if name is None:
        return tuple(dict.fromkeys(file for known in DATASET_NAMES for file in wanted_files(known)))
    check_text(name=name)
    data_sets = registrations("data") | registrations("stimulus_set")
    if name in data_sets:
        public = name.removesuffix("private") + "public"
        if name.endswith("private") and public in data_sets:
            raise ValueError(private_refusal(name, public))
        return data_set_files(name)
    return tuple(
        dict.fromkeys(file for identifier in benchmark_identifiers(name) for file in _benchmark_files(identifier))
    )


def data_status(name: str | None = None) -> dict[DataFile, FileState]:
    """The state on this machine of each file that `wanted_files` lists; every file is read and its sha1 compared."""
    return {file: file.state() for file in wanted_files(name)}


def fetch_data(name: str) -> tuple[DataFile, ...]:
    """Fetch the missing or damaged files of a name (see `wanted_files`) with Brain-Score's own downloader and progress.

    Returns
    -------
    tuple of DataFile
        The files that were fetched; empty if none was missing.

    Raises
    ------
    ValueError
        If the name is unknown or its data are private.
    MissingDataError
        If Brain-Score's storage can't be reached or does not deliver a file.
    """
    return _fetch(wanted_files(name), name)


def require_data(identifier: str, name: str | None = None) -> None:
    """Ensure that a benchmark's data are on this machine before work starts, fetching missing files.

    Parameters
    ----------
    identifier : str
        Brain-Score's identifier of the benchmark.
    name : str, optional
        What the user called it, for messages.

    Raises
    ------
    MissingDataError
        If files are missing or damaged and Brain-Score's storage can't be reached or does not deliver them.
    """
    _fetch(_benchmark_files(identifier), name or identifier)


@contextmanager
def data_on_demand(name: str) -> Iterator[None]:
    """Within the context, fetch the files that Brain-Score's loaders request, or raise `MissingDataError` with `name`.

    This is for files that a benchmark requests only while it runs, which `require_data` can't foresee. Archives are
    unpacked atomically, and a failed assertion of Brain-Score about its data becomes a ValueError.
    """
    from brainscore_core.supported_data_standards.brainio import s3

    def fetch_file(location_type: str, location: str, sha1: str, version_id: str | None = None) -> str:
        file = data_file(location.rpartition("/")[2].rpartition(".")[0], location, sha1, version_id)
        _fetch([file], name)
        return str(file.path)

    try:
        with replaced(s3, fetch_file=fetch_file, unzip=unpack):
            yield
    except AssertionError as error:
        raise ValueError(f"{name}: an assertion of Brain-Score failed ({str(error) or 'without a message'})") from error
    except subprocess.CalledProcessError as error:
        raise FileNotFoundError(
            f"{name} fetches its data with its own command, which failed; Brain-Score's data plugin says who has "
            f"access ({error})"
        ) from error


def _benchmark_files(identifier: str) -> tuple[DataFile, ...]:
    row = V1_BENCHMARKS.get(identifier)
    if row is not None and row.counts:
        return ()
    # Our V1 property benchmarks draw the gratings that Brain-Score's would fetch.
    data_sets = benchmark_data_sets(identifier) if row is None else (row.study.data_set,)
    return tuple(dict.fromkeys(file for known in data_sets for file in data_set_files(known)))


def _fetch(files: Iterable[DataFile], name: str) -> tuple[DataFile, ...]:
    from brainscore_core.supported_data_standards.brainio.fetch import fetch_file

    wanted = tuple(file for file in files if file.state() != "verified")
    if not wanted:
        return ()
    # Brain-Score's downloader looks for credentials and retries for minutes before it reports a missing network.
    unreachable = _unreachable(wanted[0].url)
    if unreachable is not None:
        raise MissingDataError(name, wanted, unreachable)
    for position, file in enumerate(wanted):
        discard(file)
        try:
            fetch_file("S3", file.url, file.sha1, file.version_id)
        except Exception as error:  # Brain-Score's downloader raises Exception itself
            raise MissingDataError(
                name, wanted[position:], f"Brain-Score's storage did not deliver it ({error})"
            ) from error
    return wanted


def _unreachable(url: str) -> str | None:
    """Why the server of an address can't be reached; None if it answers at all."""
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_CONNECT_S).close()
    except urllib.error.HTTPError:
        return None
    except OSError as error:
        return f"Brain-Score's storage can't be reached ({error})"
    return None


def discard(file: DataFile) -> None:
    """Remove a damaged file and the folder unpacked from it, which Brain-Score would otherwise keep using."""
    file.path.unlink(missing_ok=True)
    if file.path.suffix == ".zip":
        shutil.rmtree(file.path.with_suffix(""), ignore_errors=True)


def _in_words(file: DataFile) -> str:
    return "missing" if file.size is None else f"damaged, {file.size} bytes with another sha1"
