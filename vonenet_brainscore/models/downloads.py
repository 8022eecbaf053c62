"""Downloads, saved atomically and verified."""

import errno
import hashlib
import http.client
import os
import re
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit
from warnings import warn

from tqdm import tqdm

from ..arguments import check_text
from ..progress import progress_bar

# Five attempts: enough to outlast a restarting router, few enough to report a missing network soon.
WAITS_S = (0.0, 0.5, 1.0, 2.0, 4.0)
TIMEOUT_S = 30.0  # of silence from the server
CHUNK_BYTES = 1 << 20


class _Refused(Exception):
    """The file is unavailable at this address."""


class _Interrupted(_Refused):
    """The file did not arrive, but another attempt may bring it."""


def download(address: str, target: str | Path, *, sha256: str | None = None) -> Path:
    """The file at ``address``, saved as ``target``; downloaded only if it is not there yet.

    The bytes are written to ``<target>.part``, which is renamed to ``target`` once it is complete on the disk and
    removed if it stays incomplete. A broken connection is resumed if the server allows it, and otherwise restarted. If
    several processes need the same target, one downloads it and the others wait. The file's sha256 is kept in
    ``<target>.sha256`` (as ``sha256sum`` writes it) and compared at each call; a file that was there before without one
    is accepted as it is.

    Parameters
    ----------
    address : str
        ``https://``, ``http://`` or ``file://``. The server must state the file's length.
    target : path
        Its folder is created if necessary.
    sha256 : str, optional
        64 hexadecimal digits that the file must have; default, those recorded at an earlier call.

    Raises
    ------
    ValueError
        If the file that is there, or the one that the address serves, has another sha256 than expected, or if an
        argument is malformed.
    FileNotFoundError
        If the address serves no such file or cannot be reached.
    OSError
        If the file cannot be saved: no room, or a folder that cannot be written to.
    """
    check_text(address=address, sha256="" if sha256 is None else sha256)
    if urlsplit(address).scheme not in ("https", "http", "file"):
        raise ValueError(f"cannot download {address!r}: give an https://, http:// or file:// address")
    check_sha256(sha256)
    target = Path(target).expanduser()
    if target.is_file():
        _check_unchanged(target, sha256, address)
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _exclusive(target.with_name(f"{target.name}.part")) as part:
            if not target.is_file():  # else another process brought it while this one waited
                _receive(address, part)
                _keep(part, target, sha256, address)
                return target
    except _Refused as error:
        raise FileNotFoundError(
            f"{target} is not there and could not be downloaded: {error}. Try again with a working network, "
            f"or download {address} by hand and save it as {target}"
        ) from error
    except OSError as error:
        raise OSError(
            error.errno,
            f"cannot save {address} as {target}: {error.strerror}. Make room or choose a folder that can be written "
            "to (for released checkpoints set VONENET_HOME), then try again; no part of the file was left behind",
        ) from error
    _check_unchanged(target, sha256, address)
    return target


def sha256_of(file: Path) -> str:
    """The sha256 of a file's content, in hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def check_sha256(sha256: str | None) -> None:
    """Raise ValueError unless a sha256, if there is one, has 64 hexadecimal digits."""
    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise ValueError(f"sha256 is {sha256!r}; give 64 hexadecimal digits")


def _receive(address: str, part: IO[bytes]) -> None:
    """Fill ``part`` with all that ``address`` serves, in as many attempts as ``WAITS_S`` allows."""
    etag: str | None = None
    length = 0
    for attempt, wait_s in enumerate(WAITS_S, start=1):
        time.sleep(wait_s)
        received = part.tell()
        # Without an ETag, the rest might belong to another version of the file.
        headers = {"Range": f"bytes={received}-", "If-Range": etag} if etag and received else {}
        try:
            with _opened(address, headers) as response:
                if response.status == http.client.PARTIAL_CONTENT:
                    expected = f"bytes {received}-{length - 1}/{length}"
                    if (response.headers["Content-Range"], response.headers["ETag"]) != (expected, etag):
                        etag = None
                        raise _Interrupted("the server went on with another part of the file than asked for")
                else:
                    part.seek(0)
                    part.truncate()  # what an earlier attempt or a killed process left
                    etag, length = response.headers["ETag"], _length(response)
                    free = shutil.disk_usage(Path(part.name).parent).free
                    if length > free:
                        raise OSError(errno.ENOSPC, f"it needs {length / 1e6:.1f} MB and {free / 1e6:.1f} MB are free")
                _copy(response, part, length)
            return
        except _Interrupted as error:
            if attempt == len(WAITS_S):
                raise _Refused(f"{error} ({attempt} attempts)") from error


def _opened(address: str, headers: dict[str, str]) -> Any:
    """The server's response, a context manager that can be read."""
    try:
        return urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        passing = error.code in (http.client.REQUEST_TIMEOUT, http.client.TOO_MANY_REQUESTS) or error.code >= 500
        raise (_Interrupted if passing else _Refused)(f"{address} answers {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = f"{address} cannot be reached ({getattr(error, 'reason', error)})"
        raise (_Refused if urlsplit(address).scheme == "file" else _Interrupted)(reason) from error


def _length(response: Any) -> int:
    """Length of the whole file in bytes; without it a broken connection would look like the end of the file."""
    length = response.headers["Content-Length"] or ""
    if not length.isdecimal():
        raise _Refused(f"the server does not say how long the file is (Content-Length {length!r})")
    return int(length)


def _copy(response: Any, part: IO[bytes], length: int) -> None:
    """Append the answer's body to ``part``, which is ``length`` bytes long at the end, showing progress."""
    name = Path(part.name).stem
    with progress_bar(desc=name, total=length, initial=part.tell(), unit="B", unit_scale=True) as progress:
        while True:
            try:
                chunk = response.read(CHUNK_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise _Interrupted(f"the connection broke after {part.tell()} of {length} bytes ({error})") from error
            if not chunk:
                break
            part.write(chunk)  # outside the try: an OSError here is the disk's, and another attempt would not help
            progress.update(len(chunk))
    if part.tell() != length:
        raise _Interrupted(f"{part.tell()} of {length} bytes came")


def _keep(part: IO[bytes], target: Path, sha256: str | None, address: str) -> None:
    """Turn the whole ``part`` into ``target``, with its sha256 on record before the file itself is there."""
    part.flush()
    os.fsync(part.fileno())
    found = sha256_of(Path(part.name))
    _check_expected(
        f"what {address} serves for {target} is not the file expected, and was not kept", found, target, sha256
    )
    _write_record(target, found)
    Path(part.name).replace(target)


@contextmanager
def _exclusive(path: Path) -> Iterator[IO[bytes]]:
    """The file ``path``, open for appending by this process alone; removed at the end if still there."""
    import fcntl  # not on every system, and needed for downloads alone

    def still_there() -> bool:
        try:
            return os.path.samestat(path.stat(), os.fstat(file.fileno()))
        except FileNotFoundError:
            return False

    while True:
        with path.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tqdm.write(f"another process is downloading {path.stem}; waiting for it", file=sys.stderr)
                fcntl.flock(file, fcntl.LOCK_EX)
            if not still_there():  # the process waited for has renamed or removed it
                continue
            try:
                yield file
            finally:
                if still_there():
                    path.unlink()
            return


def _record_path(target: Path) -> Path:
    return target.with_name(f"{target.name}.sha256")


def _recorded(target: Path) -> str | None:
    """The sha256 on record. An empty record, which another process may just be writing, counts as none."""
    path = _record_path(target)
    words = path.read_text().split() if path.is_file() else []
    if words and not re.fullmatch("[0-9a-f]{64}", words[0]):
        raise ValueError(f"{path} holds no sha256; delete it to accept {target} as it is")
    return words[0] if words else None


def _write_record(target: Path, found: str) -> None:
    if _recorded(target) == found:
        return
    path = _record_path(target)
    try:
        path.write_text(f"{found}  {target.name}\n")
    except OSError:
        if path.is_file() and not path.read_text():  # opened, but no room for the text
            path.unlink()
        raise


def _check_unchanged(target: Path, sha256: str | None, address: str) -> None:
    """Compare an existing file with the sha256 asked for or on record; put it on record if it was not."""
    found = sha256_of(target)
    _check_expected(f"{target} has changed or is damaged; delete it to download {address} again", found, target, sha256)
    try:
        _write_record(target, found)
    except OSError as error:
        warn(f"a later change of {target} will go unnoticed: its sha256 cannot be recorded ({error})", stacklevel=3)


def _check_expected(problem: str, found: str, target: Path, sha256: str | None) -> None:
    expected = sha256.lower() if sha256 else _recorded(target)
    if expected not in (None, found):
        source = (
            "asked for" if sha256 else f"recorded in {_record_path(target)} (delete that too if the change was meant)"
        )
        raise ValueError(f"{problem}: its sha256 is {found}, where {expected} was {source}")
