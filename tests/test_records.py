"""Records: what is kept comes back as it was, and only for what made it."""

import numpy as np
import pytest
from brainscore_core.metrics import Score
from sweep_records import differences
from sweep_stubs import BANDWIDTH

from vonenet_brainscore.sweep.cells import Sweep
from vonenet_brainscore.sweep.records import Records


@pytest.fixture
def records(tmp_path):
    made = Records(tmp_path / "records")
    with made.opened():
        yield made


def cell(**common):
    ((made,),) = Sweep.of(
        "voneresnet50", BANDWIDTH, {"simple_channels": [4], "complex_channels": [4]}, **common
    ).groups()
    return made


def test_a_record_is_of_one_cell(records):
    score = Score(np.float64(1) / 3)
    score.attrs["values"] = np.array([np.nan, np.pi])
    records.write(cell(), score)
    read = records.read(cell())
    assert read.item() == score.item()
    np.testing.assert_array_equal(read.attrs["values"], score.attrs["values"])
    assert records.read(cell(seed=1)) is None
    assert [path.name for path in records.folder.glob("*.json")] == [f"{cell().key}.json"]


def test_a_cells_key_is_of_data_code_versions_threads_and_device(monkeypatch):
    from types import SimpleNamespace

    from vonenet_brainscore import provenance
    from vonenet_brainscore.benchmarks import storage

    keys = [cell().key, cell(threads=2).key, cell(device="cuda:1").key, cell(noise="none").key, cell(trials=3).key]
    for module, name, value in (
        (provenance, "code_digest", lambda: "other code"),
        (provenance, "versions", lambda: {"torch": "0"}),
        (storage, "wanted_files", lambda _: [SimpleNamespace(sha1="other data")]),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, value)
            keys.append(cell().key)
    assert len(set(keys)) == len(keys) == 8 and cell().key == keys[0]


def test_two_folders_are_compared_entry_by_entry(tmp_path):
    """What the tests of clusters go by, and print."""
    key, another = cell().key, cell(seed=1).key
    for name, value in (("one", 1.0), ("other", 1.5)):
        score = Score(0.5)
        score.attrs |= {"values": np.array([np.nan, value]), "seed": 0}
        Records(tmp_path / name / "records").write(cell(), score)
    assert differences(tmp_path / "one", tmp_path / "one") == []
    Records(tmp_path / "one" / "records").write(cell(seed=1), score)
    assert sorted(differences(tmp_path / "one", tmp_path / "other")) == sorted(
        [f"{key}.json: score.attrs.values.values[1] is 1.0 and 1.5", f"{another}.json is in {tmp_path}/one alone"]
    )


def test_a_score_of_other_released_weights_is_not_of_this_sweep(records, tmp_path, monkeypatch):
    from hashlib import sha256

    monkeypatch.setenv("VONENET_HOME", str(tmp_path))
    score = Score(0.5)
    score.attrs["weights"] = f"voneresnet50_e70.pth.tar, sha256 {sha256(b'one').hexdigest()}; changed: k_exc=20"
    records.write(cell(), score)
    assert records.read(cell()) is not None  # not on this machine: nothing to compare with
    for content, known in ((b"one", True), (b"another", False)):
        (tmp_path / "voneresnet50_e70.pth.tar").write_bytes(content)
        assert (records.read(cell()) is not None) == known


def test_a_score_of_other_own_weights_is_not_of_this_cell(records):
    from dataclasses import replace

    from vonenet_brainscore.sweep.work import Work

    named = cell()
    one, other = "1" * 64, "2" * 64
    named = replace(named, front_end={"weights": "own.pth"}, content={**named.content, "front_end": {"weights": one}})
    score = Score(0.5)
    for digest, kept in ((other, False), (one, True)):
        score.attrs["weights"] = f"own.pth, sha256 {digest}"
        outcome = Work(records, "")._kept(named, score, None, 8)
        assert outcome.failed != kept and (records.read(named) is not None) == kept
        assert kept or "own.pth changed during the sweep" in outcome.row["problem"]
    score.attrs["weights"] = f"own.pth, sha256 {other}"
    records.write(named, score)  # as one before this check might have
    assert records.read(named) is None


def test_the_folder_bears_a_mark_meanwhile(tmp_path):
    with Records(tmp_path / "records").opened() as one, Records(tmp_path / "records").opened() as other:
        assert one != other and (tmp_path / "records" / one).is_file() and (tmp_path / "records" / other).is_file()
    assert not list((tmp_path / "records").iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="cannot hold a sweep's results"), Records(tmp_path / "file" / "records").opened():
        pass
