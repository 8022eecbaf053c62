"""What a process of a sweep does beside scoring: a fixed number of threads, one model at a time."""

import pytest
import torch
from sweep_stubs import BANDWIDTH, TINY, stub_compare
from threadpoolctl import threadpool_info

from vonenet_brainscore import score_models
from vonenet_brainscore.benchmarks.v1_properties import V1PropertyBenchmark
from vonenet_brainscore.sweep.work import UnfitWorkerError, fixed_threads


def threads():
    return {torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")}


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_a_sweep_scores_with_its_own_number_of_threads(tmp_path, monkeypatch, two_threads):
    seen = []
    monkeypatch.setattr(V1PropertyBenchmark, "compare", lambda *each: seen.append(threads()) or stub_compare(*each))
    arguments = {"output": tmp_path, "workers": 1, "cache": False, "progress": False}
    score_models("voneresnet50", BANDWIDTH, TINY, **arguments)
    assert seen == [{1}] and torch.get_num_threads() == 2


def test_an_error_on_the_way_gives_threads_back_at_once(tmp_path, monkeypatch, two_threads):
    """And the lock that lets one model be scored at a time: while the error is held, so is what it came from."""
    from tqdm.auto import tqdm

    arguments = {"output": tmp_path, "workers": 1, "cache": False, "progress": False}
    monkeypatch.setattr(V1PropertyBenchmark, "compare", stub_compare)

    def stopped(bar, n=None):
        if n is None:  # the sweep's own bar, with a score in hand
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt) as error:
        patch.setattr(tqdm, "update", stopped)
        score_models("voneresnet50", BANDWIDTH, {"seed": range(2), **TINY}, **arguments)
    assert torch.get_num_threads() == 2
    assert (score_models("voneresnet50", BANDWIDTH, TINY, **arguments)["problem"] == "").all()
    del error


def test_threads_that_blas_does_not_have_are_refused():
    with pytest.raises(UnfitWorkerError, match=r"BLAS has .*; set OMP_NUM_THREADS=1000 in"), fixed_threads(1000):
        pass
    with fixed_threads(1):
        assert threads() == {1}


@pytest.mark.parametrize(("limit", "share"), [(8_000_000_001, 2_000_000_000), (None, None)])
def test_features_take_a_quarter_of_a_workers_memory(monkeypatch, limit, share):
    from types import SimpleNamespace

    import distributed

    from vonenet_brainscore.sweep.work import _share_of_memory

    assert _share_of_memory() is None  # no worker here
    here = SimpleNamespace(memory_manager=SimpleNamespace(memory_limit=limit))
    monkeypatch.setattr(distributed, "get_worker", lambda: here)
    assert _share_of_memory() == share
