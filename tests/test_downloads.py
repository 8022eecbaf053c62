"""Downloads from a server on 127.0.0.1 that breaks off, lies and refuses as told."""

import hashlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from vonenet_brainscore.models import downloads
from vonenet_brainscore.models.downloads import download

CONTENT = np.random.default_rng(0).bytes(3 << 20)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves ``content`` at any path; what else it does is set on it by a test."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = CONTENT
        self.ranges = True  # whether it honours Range
        self.etag: str | None = '"first"'
        self.claimed_length: int | None = len(CONTENT)  # in Content-Length; None sends no such header
        self.break_after: list[int] = []  # for each request in turn, bytes of the body before the connection breaks
        self.statuses: list[int] = []  # for each request in turn, an HTTP error instead of an answer
        self.wrong_range = False  # whether a part is labelled as another one
        self.pause_s = 0.0  # between chunks of 256 KiB
        self.asked_ranges: list[str | None] = []  # Range header of each request so far
        self.answers: list[int] = []  # status of each answer so far
        self.address = f"http://127.0.0.1:{self.server_port}/weights.pth.tar"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, asked = self.server, self.headers["Range"]
        server.asked_ranges.append(asked)
        if server.statuses:
            server.answers.append(server.statuses[0])
            self.send_error(server.statuses.pop(0))
            return
        begin = 0
        if asked and server.ranges and self.headers["If-Range"] == server.etag:
            begin = int(asked.removeprefix("bytes=").removesuffix("-"))
        body = server.content[begin:]
        server.answers.append(206 if begin else 200)
        self.send_response(server.answers[-1])
        if begin:
            first = begin + 1 if server.wrong_range else begin
            self.send_header("Content-Range", f"bytes {first}-{len(server.content) - 1}/{len(server.content)}")
            self.send_header("Content-Length", str(len(body)))
        elif server.claimed_length is not None:
            self.send_header("Content-Length", str(server.claimed_length))
        if server.etag:
            self.send_header("ETag", server.etag)
        self.end_headers()
        if server.break_after:
            body = body[: server.break_after.pop(0)]
        with suppress(ConnectionError):  # the other side has given up
            for start in range(0, len(body), 1 << 18):
                self.wfile.write(body[start : start + (1 << 18)])
                time.sleep(server.pause_s)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(downloads, "WAITS_S", (0.0,) * 5)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "home" / "weights.pth.tar"


def _record(target: Path) -> Path:
    return target.with_name(target.name + ".sha256")


def _assert_whole(target: Path) -> None:
    assert target.read_bytes() == CONTENT
    assert sorted(target.parent.iterdir()) == [target, _record(target)]


def _assert_nothing_left(target: Path) -> None:
    assert not target.parent.exists() or list(target.parent.iterdir()) == []


def _child(address: str, target: Path) -> subprocess.Popen[bytes]:
    code = f"from vonenet_brainscore.models.downloads import download; download({address!r}, {str(target)!r})"
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)


def test_download_is_whole_recorded_and_done_once(
    server: Server, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert download(server.address, target) == target
    _assert_whole(target)
    assert "weights.pth.tar: 100%" in capsys.readouterr().err  # progress
    download(server.address, target)
    assert server.asked_ranges == [None]


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_record_is_what_sha256sum_reads(server: Server, target: Path) -> None:
    download(server.address, target)
    subprocess.run(["sha256sum", "--check", _record(target).name], cwd=target.parent, check=True, capture_output=True)


def test_file_address(tmp_path: Path, target: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    download(source.as_uri(), target, sha256=SHA256.upper())
    _assert_whole(target)


def test_broken_connection_resumes_where_it_broke(server: Server, target: Path) -> None:
    server.break_after = [1_000_000, 500_000]
    download(server.address, target)
    _assert_whole(target)
    assert server.asked_ranges == [None, "bytes=1000000-", "bytes=1500000-"]
    assert server.answers == [200, 206, 206]


def test_broken_connection_restarts_without_ranges(server: Server, target: Path) -> None:
    server.ranges, server.break_after = False, [1_000_000, 2_000_000]
    download(server.address, target)
    _assert_whole(target)
    assert server.answers == [200, 200, 200]


def test_broken_connection_restarts_without_etag(server: Server, target: Path) -> None:
    server.etag, server.break_after = None, [1_000_000]
    download(server.address, target)
    _assert_whole(target)
    assert server.asked_ranges == [None, None]


def test_file_that_changes_between_attempts_is_not_mixed(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change_the_file(wait_s: float) -> None:
        if server.answers:
            server.etag, server.content = '"second"', CONTENT

    server.content, server.break_after = bytes(len(CONTENT)), [1_000_000]
    monkeypatch.setattr(downloads.time, "sleep", change_the_file)
    download(server.address, target)
    _assert_whole(target)


def test_wrong_part_is_not_appended(server: Server, target: Path) -> None:
    server.wrong_range, server.break_after = True, [1_000_000]
    download(server.address, target)
    _assert_whole(target)
    assert server.answers == [200, 206, 200]


def test_passing_http_errors_are_tried_again(server: Server, target: Path) -> None:
    server.statuses = [503, 429]
    download(server.address, target)
    _assert_whole(target)


def test_attempts_are_bounded(server: Server, target: Path) -> None:
    server.break_after = [10] * 99
    with pytest.raises(FileNotFoundError, match=r"50 of 3145728 bytes came \(5 attempts\).*by hand and save it as"):
        download(server.address, target)
    assert len(server.answers) == 5
    _assert_nothing_left(target)


@pytest.mark.parametrize("claimed", [len(CONTENT) + 1, 10 * len(CONTENT)])
def test_wrong_length_is_refused(server: Server, target: Path, claimed: int) -> None:
    server.claimed_length, server.ranges = claimed, False
    with pytest.raises(FileNotFoundError, match=f"3145728 of {claimed} bytes came"):
        download(server.address, target)
    _assert_nothing_left(target)


def test_unknown_length_is_refused(server: Server, target: Path) -> None:
    server.claimed_length = None
    with pytest.raises(FileNotFoundError, match="does not say how long the file is"):
        download(server.address, target)
    _assert_nothing_left(target)


@pytest.mark.parametrize("status", [404, 403])
def test_missing_on_the_server(server: Server, target: Path, status: int) -> None:
    server.statuses = [status] * 9
    with pytest.raises(FileNotFoundError, match=f"answers {status} .*download {server.address} by hand"):
        download(server.address, target)
    assert server.answers == [status]  # another attempt would be told the same
    _assert_nothing_left(target)


def test_no_network(server: Server, target: Path) -> None:
    server.server_close()
    with pytest.raises(FileNotFoundError, match=rf"cannot be reached.*5 attempts.*save it as {re.escape(str(target))}"):
        download(server.address, target)
    _assert_nothing_left(target)


def test_missing_file_address(tmp_path: Path, target: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"No such file or directory: .*'\)\. Try again"
    ):  # after a single attempt
        download((tmp_path / "nowhere").as_uri(), target)
    _assert_nothing_left(target)


def test_changed_file_is_noticed(server: Server, target: Path) -> None:
    download(server.address, target)
    target.write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(ValueError, match=rf"has changed or is damaged; delete it .*{SHA256} was recorded in"):
        download(server.address, target)
    target.unlink()
    download(server.address, target)
    _assert_whole(target)


def test_changed_file_on_the_server_is_noticed(server: Server, target: Path) -> None:
    download(server.address, target)
    target.unlink()
    server.content = CONTENT[::-1]
    with pytest.raises(ValueError, match="not the file expected, and was not kept"):
        download(server.address, target)
    assert list(target.parent.iterdir()) == [_record(target)]
    _record(target).unlink()  # what the error offers
    download(server.address, target)
    assert target.read_bytes() == CONTENT[::-1]


def test_other_sha256_than_asked_for_is_not_kept(server: Server, target: Path) -> None:
    with pytest.raises(ValueError, match=f"its sha256 is {SHA256}, where {'0' * 64} was asked for"):
        download(server.address, target, sha256="0" * 64)
    _assert_nothing_left(target)


def test_earlier_download_is_accepted_and_recorded(server: Server, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    download(server.address, target)
    assert server.answers == []
    assert _record(target).read_text() == f"{SHA256}  weights.pth.tar\n"


def test_record_that_is_none(server: Server, target: Path) -> None:
    download(server.address, target)
    _record(target).write_text("nonsense\n")
    with pytest.raises(ValueError, match=r"holds no sha256; delete it"):
        download(server.address, target)
    _record(target).write_text("")  # as another process that is just writing it leaves it for a moment
    download(server.address, target)
    _assert_whole(target)


@pytest.mark.parametrize("address", ["ftp://example.org/x", "weights.pth.tar", "/tmp/x"])
def test_other_addresses_are_refused(target: Path, address: str) -> None:
    with pytest.raises(ValueError, match="give an https://, http:// or file:// address"):
        download(address, target)


def test_malformed_sha256_is_refused(target: Path) -> None:
    with pytest.raises(ValueError, match="give 64 hexadecimal digits"):
        download("file:///x", target, sha256="abc")


def test_too_little_room_is_said_before(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1_000_000))
    with pytest.raises(OSError, match=r"it needs 3\.1 MB and 1\.0 MB are free\. Make room.*VONENET_HOME"):
        download(server.address, target)
    _assert_nothing_left(target)


@pytest.mark.parametrize("size", [3 << 20, 1 << 20])  # the smaller one fills the disk, without room for its record
def test_disk_fills_up_midway(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    server.content, server.claimed_length = CONTENT[:size], size
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small tmpfs")
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9e9, 0, 9e9))
    try:
        with pytest.raises(OSError, match=r"No space left on device\. Make room"):
            download(server.address, folder / "weights.pth.tar")
        assert list(folder.iterdir()) == []
        assert len(server.answers) == 1  # no further attempt at a full disk
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_file_may_not_grow_further(server: Server, target: Path) -> None:
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            download(server.address, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    _assert_nothing_left(target)


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder that the rest of the test, by then without root's rights, can read only."""
    folder = Path(tempfile.mkdtemp())  # not under tmp_path, which others than its owner cannot enter
    (folder / "earlier").write_bytes(CONTENT)
    folder.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield folder
    os.seteuid(user)
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_read_only_folder(server: Server, read_only_folder: Path) -> None:
    with pytest.raises(
        PermissionError, match=r"Permission denied\. Make room or choose a folder that can be written to"
    ):
        download(server.address, read_only_folder / "weights.pth.tar")
    assert [path.name for path in read_only_folder.iterdir()] == ["earlier"]
    with pytest.warns(UserWarning, match="a later change of .*earlier will go unnoticed"):
        download(server.address, read_only_folder / "earlier")


def test_two_processes_share_one_download(server: Server, target: Path) -> None:
    server.pause_s = 0.1  # a download takes 1.2 s, so that they meet
    children = [_child(server.address, target) for _ in range(2)]
    errors = [child.communicate(timeout=60)[1].decode() for child in children]
    assert [child.returncode for child in children] == [0, 0], errors
    assert server.answers == [200]
    _assert_whole(target)


def test_threads_share_one_download_even_if_the_first_fails(server: Server, target: Path) -> None:
    server.statuses, server.pause_s = [404], 0.02
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(download, server.address, target) for _ in range(4)]
    assert [type(result.exception()) for result in results].count(FileNotFoundError) == 1
    assert server.answers == [404, 200]
    _assert_whole(target)


def test_interrupted_by_the_user(server: Server, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(downloads.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        download(server.address, target)
    _assert_nothing_left(target)


def test_what_a_killed_process_left_is_replaced(server: Server, target: Path) -> None:
    part, server.pause_s = target.with_name(target.name + ".part"), 0.2
    child = _child(server.address, target)
    deadline = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert part.exists()
    server.pause_s = 0.0
    download(server.address, target)
    _assert_whole(target)
