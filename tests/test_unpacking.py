"""Archives of stimuli: a folder that is there is whole."""

import shutil
import zipfile
from multiprocessing import get_context

import pytest

from vonenet_brainscore.benchmarks import unpacking
from vonenet_brainscore.benchmarks.unpacking import unpack


@pytest.fixture
def archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "stimulus_made.zip", "w") as opened:
        for index in range(20):
            opened.writestr(f"{index}.png", bytes([index]) * 100 * (index + 1))
    return tmp_path / "stimulus_made.zip"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_brainscore_would_unpack(archive, tmp_path):
    with zipfile.ZipFile(archive) as opened:
        expected = {name: opened.read(name) for name in opened.namelist()}
    folder = tmp_path / "stimulus_made"
    assert unpack(str(archive)) == str(folder)
    assert contents(folder) == expected
    assert {path.name for path in tmp_path.iterdir()} == {"stimulus_made", "stimulus_made.zip"}


def test_a_whole_folder_is_left_as_it_is(archive, tmp_path):
    unpack(archive)
    (tmp_path / "stimulus_made" / "0.png").write_bytes(b"x" * 100)  # as long, so that it is not looked into
    unpack(archive)
    assert (tmp_path / "stimulus_made" / "0.png").read_bytes() == b"x" * 100


@pytest.mark.parametrize("harm", ["gone", "short", "empty"])
def test_a_folder_that_is_not_whole_is_replaced(archive, tmp_path, harm):
    unpack(archive)
    folder = tmp_path / "stimulus_made"
    expected = contents(folder)
    if harm == "gone":
        (folder / "7.png").unlink()
    elif harm == "short":
        (folder / "7.png").write_bytes(b"x")
    else:
        shutil.rmtree(folder)
        folder.mkdir()
    unpack(archive)
    assert contents(folder) == expected


def test_a_full_disk_leaves_nothing(archive, tmp_path, monkeypatch):
    def full(self, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "extractall", full)
    with pytest.raises(OSError, match="No space left"):
        unpack(archive)
    assert [path.name for path in tmp_path.iterdir()] == ["stimulus_made.zip"]


def test_processes_may_unpack_at_once(archive, tmp_path):
    with get_context("fork").Pool(4) as pool:
        folders = pool.map(unpacking.unpack, [archive] * 8)
    assert set(folders) == {str(tmp_path / "stimulus_made")}
    assert len(contents(tmp_path / "stimulus_made")) == 20
    assert {path.name for path in tmp_path.iterdir()} == {"stimulus_made", "stimulus_made.zip"}
