"""Sweeps on real Dask schedulers: the same bits as one process, through killed workers and lost schedulers.

`dask scheduler` and `dask worker` are processes of their own, as on a cluster; what befalls them is what befalls there.
"""

import json
import os
import signal
import sys
import threading
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
import sweep_process
import xarray as xr
from dask_processes import children, free_port, scheduler, until, worker
from sweep_records import differences
from sweep_stubs import BANDWIDTH, PEAK_SF, PREF_OR, SELECTIVE, TINY, stub_compare

from vonenet_brainscore import score_models
from vonenet_brainscore.benchmarks.v1_properties import V1PropertyBenchmark
from vonenet_brainscore.sweep import place

HERE = Path(__file__).parent
ALONE = {"workers": 1, "progress": False, "cache": False}
ON_DASK = {"progress": False, "cache": False}


@pytest.fixture
def stubs(monkeypatch, tmp_path):
    """Cheap benchmarks, here and in workers; the list of cells that were computed."""
    monkeypatch.setattr(V1PropertyBenchmark, "compare", stub_compare)
    monkeypatch.setenv("SWEEP_LOG", str(tmp_path / "computed.log"))
    preloaded(monkeypatch)
    return lambda: (tmp_path / "computed.log").read_text().split("\n")[:-1]


def preloaded(monkeypatch, *faults):
    """What worker processes inherit: the stubs, and faults."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), *sys.path]))
    monkeypatch.setenv("DASK_DISTRIBUTED__WORKER__PRELOAD", "sweep_stubs")
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "1")
    monkeypatch.setenv("SWEEP_FAULTS", json.dumps(faults))


@pytest.fixture
def own_workers(monkeypatch, stubs):
    """A context in which workers that score_models starts itself are forked, with the stubs and these faults."""
    import dask

    @contextmanager
    def faulty(*faults, allowed_failures):
        sweep_process.fork_server()
        monkeypatch.setattr("distributed.utils._forkserver_preload_set", True)  # or Dask would set its own
        preloaded(monkeypatch, *faults)
        chosen = {"worker.multiprocessing-method": "forkserver", "worker.preload": ["sweep_stubs"]}
        chosen |= {"nanny.environ": dict(os.environ), "scheduler.allowed-failures": allowed_failures}
        with dask.config.set({f"distributed.{name}": value for name, value in chosen.items()}):
            yield
        preloaded(monkeypatch)

    return faulty


@contextmanager
def in_background(function, *args, **kwargs):
    """A call in a thread of its own; a list that will hold what it returns or raises."""
    results = []

    def call():
        try:
            results.append(function(*args, **kwargs))
        except Exception as error:  # handed to the test
            results.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    yield results
    thread.join(180)
    assert results, "the sweep did not end"


def on_record(folder):
    """How many scores a running sweep has kept so far."""
    return len(list((folder / "records").glob("[!.]*.json")))


def test_forty_two_cells_on_two_workers_one_of_them_killed_equal_one_process_to_the_bit(tmp_path, monkeypatch):
    """Real benchmarks. The one that is killed takes a cell with it, which Dask gives to another."""
    seeds, settings = range(6), {"image_size": [64], "ksize": [9], "sf_max": [4], "trials": [1]}
    settings |= {"simple_channels": [16], "complex_channels": [16], "gabor_seed": seeds}
    preloaded(monkeypatch)
    monkeypatch.setenv("SWEEP_REAL", "1")
    port, on_dask, alone = free_port(), tmp_path / "dask", tmp_path / "alone"
    with scheduler(port), worker(port, tmp_path) as one, worker(port, tmp_path):
        arguments = {"output": on_dask, "scheduler": f"tcp://127.0.0.1:{port}", **ON_DASK}
        with in_background(score_models, "voneresnet50", "V1-properties-7", settings, **arguments) as results:
            until(lambda: on_record(on_dask) >= 4)
            for process in children(one.pid):
                os.kill(process, signal.SIGKILL)
            killed_after = on_record(on_dask)
    reference = score_models("voneresnet50", "V1-properties-7", settings, output=alone, **ALONE)
    assert killed_after < reference["score"].size == 42
    xr.testing.assert_identical(results[0], reference)
    assert differences(on_dask, alone) == []
    assert (alone / "results.csv").read_text() == (on_dask / "results.csv").read_text()


def test_a_worker_killed_while_it_writes_leaves_nothing(tmp_path, own_workers):
    """Half a record is in the folder until another worker has completed it."""
    settings, out = {"seed": range(2), **TINY}, tmp_path / "out"
    with own_workers(["die in write", PEAK_SF, 1, str(tmp_path / "died")], allowed_failures=1):
        found = score_models("voneresnet50", [PREF_OR, PEAK_SF], settings, output=out, workers=2, **ON_DASK)
    assert (tmp_path / "died").exists() and (found["problem"] == "").all()
    score_models("voneresnet50", [PREF_OR, PEAK_SF], settings, output=tmp_path / "alone", **ALONE)
    assert differences(out, tmp_path / "alone") == []


def test_a_scheduler_that_comes_back_is_asked_for_what_is_left(tmp_path, monkeypatch, stubs):
    """Its workers go with it; those of the second have clocks a year apart."""
    settings, gate = {"seed": range(4), **TINY}, tmp_path / "gate"
    preloaded(monkeypatch, ["wait", PEAK_SF, 1, str(gate)])
    port = free_port()
    arguments = {"output": tmp_path / "out", "scheduler": f"tcp://127.0.0.1:{port}", "patience_s": 100, **ON_DASK}
    sweep = in_background(score_models, "voneresnet50", [PREF_OR, PEAK_SF], settings, **arguments)
    with scheduler(port) as lost, worker(port, tmp_path), sweep as results:
        until(lambda: on_record(tmp_path / "out") == 3)  # the fourth waits at the gate
        lost.kill()
        lost.wait()
        with scheduler(port), worker(port, tmp_path, PYTHONPATH=a_year_behind(tmp_path / "clock")):
            gate.touch()
            until(lambda: bool(results))
    computed = stubs()
    alone = score_models("voneresnet50", [PREF_OR, PEAK_SF], settings, output=tmp_path / "alone", **ALONE)
    xr.testing.assert_identical(results[0], alone)
    assert differences(tmp_path / "out", tmp_path / "alone") == []
    assert set(computed) == set(stubs()) and len(computed) <= 8 + 1  # the one that was lost with its worker


def a_year_behind(folder):
    """A PYTHONPATH on which every Python's clock is."""
    folder.mkdir()
    shift = "import time\nnow = time.time\ntime.time = lambda: now() - 365 * 86400\n"
    (folder / "sitecustomize.py").write_text(shift)
    return f"{folder}{os.pathsep}{os.environ['PYTHONPATH']}"


def test_a_scheduler_that_stays_away_is_an_error_after_a_while_and_a_rerun_completes(tmp_path, stubs):
    port = free_port()
    settings = {"seed": range(2), **TINY}
    arguments = {"output": tmp_path / "out", "scheduler": f"tcp://127.0.0.1:{port}", "patience_s": 0.5, **ON_DASK}
    sweep = in_background(score_models, "voneresnet50", PREF_OR, settings, **arguments)
    with scheduler(port) as lost, sweep as results:  # without a worker
        until(lambda: is_submitted(port))
        lost.kill()
    with pytest.raises(ConnectionError, match=r"has not come back within 0.5 s.* the same command resumes from there"):
        raise results[0]
    found = score_models("voneresnet50", PREF_OR, settings, output=tmp_path / "out", **ALONE)
    assert (found["problem"] == "").all() and len(stubs()) == 2


def test_patience_begins_anew_with_every_loss(monkeypatch):
    from types import SimpleNamespace

    from vonenet_brainscore.sweep import schedule

    monkeypatch.setattr("distributed.Client", lambda *_, **__: SimpleNamespace(dashboard_link="link", nthreads=dict))
    clock = SimpleNamespace(monotonic=iter([0, 4, 100, 103]).__next__, sleep=lambda _: None)
    monkeypatch.setattr(schedule, "time", clock)
    session = schedule._Session(None, "tcp://here", 5, lambda _: None)
    for _ in range(2):  # lost for 4 s, back, and lost for 3 s long after
        session._client()
        session._wait(OSError("gone"))


def is_submitted(port):
    from distributed import Client

    with Client(f"tcp://127.0.0.1:{port}", set_as_default=False) as client:
        return client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)) > 0


def test_a_cell_that_kills_every_worker_costs_no_other(tmp_path, stubs, own_workers):
    """On processes that score_models starts itself, two for three model settings."""
    faults = ["die", PEAK_SF, 1, None], ["die", SELECTIVE, 2, str(tmp_path / "died-once")]
    settings, benchmarks = {"seed": range(3), **TINY}, [PREF_OR, PEAK_SF, SELECTIVE, BANDWIDTH]
    with own_workers(*faults, allowed_failures=0):
        found = score_models("voneresnet50", benchmarks, settings, output=tmp_path / "out", workers=2, **ON_DASK)
    problems = found["problem"].squeeze()
    assert "every worker that tried it died" in problems.sel(seed=1, benchmark=PEAK_SF).item()
    assert (problems != "").sum() == 1
    alone = score_models("voneresnet50", benchmarks, settings, output=tmp_path / "alone", **ALONE)
    xr.testing.assert_equal(found["score"], alone["score"].where(found["problem"] == ""))
    done = stubs()[: -alone["score"].size]
    finished = [cell for cell in set(done) if cell not in (f"{PEAK_SF} 1", f"{SELECTIVE} 2")]
    assert len(finished) == 10 and all(done.count(cell) == 1 for cell in finished)


def test_a_cell_that_kills_its_process_does_not_end_the_sweep(tmp_path, monkeypatch, own_workers, capfd):
    """Without a word on workers, where the machine carries one alone."""
    monkeypatch.setattr(place, "local_workers", lambda threads, memory: 1)
    with own_workers(["die", PREF_OR, 0, None], allowed_failures=0):
        found = score_models(
            "voneresnet50", PREF_OR, {"seed": range(2), **TINY}, output=tmp_path / "out", **ON_DASK
        ).squeeze()
    assert "every worker that tried it died" in found["problem"][0].item() and found["problem"][1] == ""
    assert "Warning" not in capfd.readouterr().err


def test_local_workers_are_as_many_as_cores_and_memory_carry(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("dask.system.CPU_COUNT", 8)
    monkeypatch.setattr("distributed.system.MEMORY_LIMIT", 10e9)
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Memory", (), {"available": 64e9}))
    assert place.local_workers(1, None) == 3 and place.local_workers(4, None) == 2 and place.local_workers(9, None) == 1


def test_jobs_of_a_batch_system(tmp_path, monkeypatch, stubs):
    """dask-jobqueue with the one batch system that is everywhere: its own, of local processes.

    The first job ends with its work undone, as at its walltime, and is followed by another.
    """
    import dask
    import dask_jobqueue
    from dask_jobqueue.local import LocalCluster

    monkeypatch.setattr(dask_jobqueue, "LocalCluster", LocalCluster, raising=False)
    monkeypatch.setitem(place.CLUSTERS, "local", "LocalCluster")
    # That one runs a job's one command, without a shell that could export anything before it.
    options = {"memory": "2GB", "local_directory": str(tmp_path), "job_script_prologue": []}
    options["worker_extra_args"] = ["--nthreads", "1", "--no-nanny"]  # the job dies with its worker
    arguments = {"cluster": "local", "cluster_options": options, "workers": 1, **ON_DASK}
    preloaded(monkeypatch, ["die", PREF_OR, 0, str(tmp_path / "died-once")])
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "1s"}):
        found = score_models("voneresnet50", PREF_OR, {"seed": [0], **TINY}, output=tmp_path / "out", **arguments)
    assert found["problem"].item() == "" and len(stubs()) == 2


def test_an_interrupt_is_for_the_requesting_process_alone():
    """A terminal sends Ctrl-C to workers too, which would print tracebacks."""
    from distributed import Client

    with place._local_cluster(1, 1) as cluster, Client(cluster, set_as_default=False) as client:
        (handler,) = client.run(signal.getsignal, signal.SIGINT).values()
    assert handler == signal.SIG_IGN


def test_a_job_that_cannot_be_cancelled_costs_no_score(monkeypatch, capsys):
    import dask_jobqueue

    class Cluster:
        def __init__(self, **options):
            self.adapt = lambda **jobs: None

        def close(self):
            raise TypeError("the job has no number yet")

    monkeypatch.setattr(dask_jobqueue, "SLURMCluster", Cluster)
    with place._batch_cluster("slurm", 1, 1, {}) as cluster:
        assert isinstance(cluster, Cluster)
    assert "a job of slurm could not be cancelled (TypeError: the job has no number yet)" in capsys.readouterr().err
    with pytest.raises(KeyboardInterrupt), place._batch_cluster("slurm", 1, 1, {}):
        raise KeyboardInterrupt


def test_the_script_of_a_job(tmp_path):
    options = {"memory": "8GB", "queue": "normal", "walltime": "02:00:00", "local_directory": str(tmp_path)}
    with place._batch_cluster("slurm", 0, 4, options) as cluster:
        script = cluster.job_script()
    assert "#SBATCH -p normal" in script and "--cpus-per-task=4" in script and "export OMP_NUM_THREADS=4" in script
    assert (
        script.rpartition("--nthreads")[2].split()[0] == "1"
    )  # the last of the command's words counts: a task at a time


def test_a_worker_that_sees_another_folder_or_runs_other_code_is_an_error(tmp_path, monkeypatch, stubs):
    from vonenet_brainscore.sweep import work
    from vonenet_brainscore.sweep.records import Records

    monkeypatch.setattr(Records, "opened", lambda records: nullcontext("a file that is not there"))
    with pytest.raises(
        work.UnfitWorkerError, match=r"does not see the folder .*; name one with the same path on every machine"
    ):
        score_models("voneresnet50", PREF_OR, TINY, output=tmp_path, **ALONE)
    monkeypatch.undo()
    monkeypatch.setattr(work, "code_digest", lambda: "another")
    with pytest.raises(work.UnfitWorkerError, match="has other code than the requesting process; install the same"):
        score_models("voneresnet50", PREF_OR, TINY, output=tmp_path, **ALONE)
