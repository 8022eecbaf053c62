"""What befalls a sweep, injected: every other cell is right, what failed is said, and nothing that was done is lost."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sweep_process
import xarray as xr
from brainio_format import registered, write_freeman_ziemba
from sweep_records import differences
from sweep_stubs import PEAK_SF, PREF_OR, TINY, stub_compare

from vonenet_brainscore import score_models
from vonenet_brainscore.benchmarks import storage
from vonenet_brainscore.benchmarks.v1_properties import V1PropertyBenchmark

HERE = Path(__file__).parent
QUIET = {"workers": 1, "progress": False, "cache": False}
BOTH = [PREF_OR, PEAK_SF]
PLS = "FreemanZiemba2013public.V1-pls"


@pytest.fixture
def stubs(monkeypatch, tmp_path):
    """Cheap benchmarks, here and in processes; the list of cells that were computed."""
    monkeypatch.setattr(V1PropertyBenchmark, "compare", stub_compare)
    monkeypatch.setenv("SWEEP_LOG", str(tmp_path / "computed.log"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), *sys.path]))
    return lambda: (tmp_path / "computed.log").read_text().split("\n")[:-1]


def process(**order):
    """A process that carries out an order of `sweep_process`, and where its result comes from."""
    context = sweep_process.fork_server()
    receiving, sending = context.Pipe(duplex=False)
    started = context.Process(target=sweep_process.carry_out, args=(order, dict(os.environ), sending))
    started.start()
    sending.close()
    return started, receiving


def result(started, receiving):
    """What such a process sends; a skip where this user may not mount."""
    try:
        found = receiving.recv() if receiving.poll(120) else "nothing came"
    except EOFError:
        found = "it ended without a word"
    started.join(30)
    return checked(found)


def checked(found):
    if isinstance(found, dict):
        return found
    if "PermissionError" in found and "mounts_of_our_own" in found:
        pytest.skip("this user may not mount, which the fault takes")
    pytest.fail(found)


def alone(tmp_path, seeds=3):
    return score_models("voneresnet50", BOTH, {"seed": range(seeds), **TINY}, output=tmp_path / "alone", **QUIET)


def test_a_process_killed_while_it_writes_a_record(tmp_path, stubs):
    output = tmp_path / "out"
    killed, _ = process(output=str(output), seeds=3, die_in_write=3)
    killed.join(120)
    assert killed.exitcode == -signal.SIGKILL and len(stubs()) == 3
    partial = [path for path in (output / "records").iterdir() if path.suffix == ".json" and path.name[0] == "."]
    assert len(partial) == 1  # half a record, under a name that nobody reads
    found = score_models("voneresnet50", BOTH, {"seed": range(3), **TINY}, output=output, **QUIET)
    assert len(stubs()) == 3 + 4  # two were done
    xr.testing.assert_identical(found, alone(tmp_path))
    assert differences(output, tmp_path / "alone") == []  # the half is gone


@pytest.mark.parametrize("damage", ["cut", "empty", "other number", "another cell's", "not text", "nested"])
def test_a_damaged_record_is_said_and_scored_anew(tmp_path, stubs, damage):
    arguments = ("voneresnet50", BOTH, {"seed": range(2), **TINY})
    first = score_models(*arguments, output=tmp_path, **QUIET)
    damaged, other, *_ = sorted((tmp_path / "records").iterdir())
    content = damaged.read_text()
    record = json.loads(content)
    record["score"]["values"]["values"] = [0.5]
    new = {
        "cut": content[: len(content) // 2],
        "empty": "",
        "other number": json.dumps(record),
        "another cell's": other.read_text(),
        "not text": b"\xff\xfe\x00",
        "nested": "[" * 100_000,
    }[damage]
    damaged.write_bytes(new if isinstance(new, bytes) else new.encode())
    with pytest.warns(UserWarning, match=f"{damaged.name} is damaged .* is scored anew"):
        again = score_models(*arguments, output=tmp_path, **QUIET)
    xr.testing.assert_identical(first, again)
    assert len(stubs()) == 5 and damaged.read_text() == content


def test_a_full_disk(tmp_path, stubs):
    """What has no room is in what score_models returns, and the end says so."""
    (tmp_path / "small").mkdir()
    found = result(*process(output=str(tmp_path / "small"), seeds=6, small_disk=600))
    reference = alone(tmp_path, 6)
    assert found["scores"] == reference["score"].values.ravel().tolist() and set(found["problems"]) == {""}
    assert 0 < found["records"] < 12
    assert f"{12 - found['records']} scores in {tmp_path / 'small' / 'records'}: No space left" in found["not_kept"]
    assert found["warnings"] == [f"returned by score_models but not stored: {found['not_kept']}"]


def test_a_read_only_home(tmp_path, stubs, monkeypatch):
    """Neither the cache of scores nor Dask, matplotlib or Brain-Score need it."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for variable in ("RESULTCACHING_HOME", "BRAINIO_HOME", "VONENET_HOME", "MPLCONFIGDIR"):
        monkeypatch.delenv(variable, raising=False)
    order = {"output": str(tmp_path / "out"), "seeds": 2, "read_only": str(home), "cache": True}
    command = [sys.executable, str(HERE / "sweep_process.py"), json.dumps(order)]  # its imports meet that home, too
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    found = checked(json.loads(run.stdout) if run.returncode == 0 else run.stderr)
    assert found["scores"] == alone(tmp_path, 2)["score"].values.ravel().tolist()
    assert found["records"] == 4 and found["files"] == ["records", "results.csv", "results.nc", "results.png"]
    assert any("the score could not be kept in" in warning for warning in found["warnings"])
    assert not list(home.iterdir())


def test_two_sweeps_into_one_folder_at_once(tmp_path, stubs):
    output = str(tmp_path / "out")
    first, second = (result(*each) for each in [process(output=output, seeds=3), process(output=output, seeds=4)])
    reference = alone(tmp_path, 4)["score"].values.ravel().tolist()
    assert second["scores"] == reference and first["scores"] == reference[:6]
    assert first["warnings"] == second["warnings"] == [] and second["records"] == 8
    assert len(list((tmp_path / "out" / "records").iterdir())) == 8  # no mark, no partial file


def test_a_corrupt_entry_of_the_score_cache(tmp_path, stubs, monkeypatch):
    monkeypatch.setenv("RESULTCACHING_HOME", str(tmp_path / "kept"))
    monkeypatch.delenv("RESULTCACHING_DISABLE", raising=False)
    arguments, cached = ("voneresnet50", BOTH, {"seed": range(2), **TINY}), {**QUIET, "cache": True}
    first = score_models(*arguments, output=tmp_path / "first", **cached)
    score_models(*arguments, output=tmp_path / "second", **cached)
    assert len(stubs()) == 4  # the second came from the cache
    for entry in (tmp_path / "kept").rglob("*.json"):
        entry.write_text(entry.read_text()[:50])
    with pytest.warns(UserWarning, match="the kept score .* is damaged"):
        third = score_models(*arguments, output=tmp_path / "third", **cached)
    xr.testing.assert_identical(first, third)
    assert len(stubs()) == 8


@pytest.mark.parametrize("damage", ["a truncated assembly", "a truncated archive", "a corrupt stimulus"])
def test_damaged_data_cost_their_benchmark_alone(tmp_path, stubs, monkeypatch, damage):
    monkeypatch.setattr(storage, "_unreachable", lambda url: "no network here")
    made = write_freeman_ziemba(tmp_path / "brainio")
    recordings, _, archive = made.paths(tmp_path / "brainio")
    settings = {**TINY, "seed": [0, 1]}
    with registered(tmp_path / "brainio", made):
        if damage == "a corrupt stimulus":
            whole = score_models("voneresnet50", [PLS, PREF_OR], settings, output=tmp_path / "whole", **QUIET)
            assert set(whole["problem"].values.ravel()) == {""}
            image = sorted(archive.with_suffix("").glob("*.png"))[7]
            image.write_bytes(bytes(image.stat().st_size))  # of another size it would be unpacked again
            expected = "cannot be read|truncated|damaged"
        else:
            file = recordings if damage == "a truncated assembly" else archive
            file.write_bytes(file.read_bytes()[:-100])
            expected = f"{PLS} needs Brain-Score's data set .*damaged, [0-9]+ bytes with another sha1"
        found = score_models("voneresnet50", [PLS, PREF_OR], settings, output=tmp_path / "out", **QUIET).squeeze()
    for problem in found["problem"].sel(benchmark=PLS).values:
        assert re.search(expected, problem, re.DOTALL), problem
    assert (found["problem"].sel(benchmark=PREF_OR) == "").all()
    assert (
        np.isfinite(found["score"].sel(benchmark=PREF_OR)).all() and np.isnan(found["score"].sel(benchmark=PLS)).all()
    )
