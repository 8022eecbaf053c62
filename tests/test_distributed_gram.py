"""Recordings made by the workers of a real Dask scheduler: the same bits as one process, through killed workers."""

import json
import os
import sys
import threading
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from dask_processes import free_port, scheduler, until, worker
from distributed import Client
from PIL import Image
from small_blocks import SIZES
from tiny_networks import PlainNetwork, RecurrentNetwork, tiny_vonenet

from vonenet_brainscore import neural_benchmark, score_model
from vonenet_brainscore.benchmarks import distributed_gram, gram
from vonenet_brainscore.benchmarks.distributed_gram import Asked, obstacle, parts_of, slabs
from vonenet_brainscore.benchmarks.workers import UnfitWorkerError
from vonenet_brainscore.recordings.activations import ActivationsExtractor
from vonenet_brainscore.recordings.streamed import stream_steps
from vonenet_brainscore.recordings.subject import Subject

HERE = Path(__file__).parent
N, P = 40, 64 * 16 * 16
REGIONS = {"V1": "vone_block"}
QUIET = {"progress": False, "cache": False}


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    for module, name, value in SIZES:
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(distributed_gram, "_MOST_PARTS", 3)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@contextmanager
def cluster(monkeypatch, folder, *faults, workers=2, lost_after=None):
    """The address of a scheduler with workers, to which these faults happen; it is killed once there is a file."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), *sys.path]))
    monkeypatch.setenv("DASK_DISTRIBUTED__WORKER__PRELOAD", "small_blocks")
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("GRAM_FAULTS", json.dumps(faults))
    port = free_port()
    with scheduler(port) as process, ExitStack() as stack:
        if lost_after is not None:
            threading.Thread(target=lambda: (until(lost_after.exists), process.kill()), daemon=True).start()
        for _ in range(workers):
            stack.enter_context(worker(port, folder))
        yield f"tcp://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Grey pictures of noise, of which the last five are the first five again."""
    folder = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(0).integers(0, 256, (N, 24, 24), dtype=np.uint8)
    noise[-5:] = noise[:5]
    for number, image in enumerate(noise):
        Image.fromarray(image).save(folder / f"s{number:03d}.png")
    return folder


def shown(folder, first=0, stop=N):
    names = [f"s{number:03d}" for number in range(first, stop)]
    stimuli = StimulusSet({"stimulus_id": names})
    stimuli.identifier = f"made-{first}"
    stimuli.stimulus_paths = {name: folder / f"{name}.png" for name in names}
    return stimuli


def subject_of(network, layer="vone_block", time_bins=((50, 200),), **settings):
    extractor = ActivationsExtractor(network, image_size=64, progress=False)
    subject = Subject("made", extractor, {"V1": layer}, **settings)
    subject.start_recording("V1", time_bins)
    return subject


def one_process(subject, stimulus_sets, trials):
    """A plain loop over the steps of one process."""
    total, batches, first = sum(map(len, stimulus_sets)), [], 0
    for stimuli in stimulus_sets:
        for rows, steps, _ in stream_steps(subject, stimuli, len(subject.time_bins), trials):
            where = first + np.arange(len(stimuli))[rows]
            batches += [(number * total + where, {"layer": step.copy()}) for number, step in enumerate(steps)]
        first += len(stimuli)
    return gram.gram_matrices(batches, len(steps) * total)["layer"]


def distributed(address, subject, stimulus_sets, trials):
    found, *_ = distributed_gram.distributed_gram(address, subject, stimulus_sets, trials=trials)
    return found


@pytest.mark.parametrize("killed", [[], ["record_part", "multiply"]], ids=["none is killed", "both are killed in turn"])
def test_two_workers_give_the_bits_of_one_process_even_if_one_is_killed(pictures, tmp_path, monkeypatch, killed):
    """With noise, of which the draws of a picture that comes again are others."""
    subject, sets = subject_of(tiny_vonenet()), [shown(pictures)]
    assert subject.extractor.is_noisy
    reference = one_process(subject, sets, trials=2)
    with cluster(monkeypatch, tmp_path, *((task, str(tmp_path / task)) for task in killed)) as address:
        found = distributed(address, subject, sets, trials=2)
    assert all((tmp_path / task).exists() for task in killed)
    assert (found.products == reference.products).all() and found.n_features == reference.n_features == P


def test_scores_are_those_of_one_process_to_the_bit(pictures, tmp_path, monkeypatch):
    random = np.random.default_rng(1)
    responses = random.normal(size=(N - 5, 6, 1)) + random.normal(size=(N - 5, 6, 2)) / 2
    files = [pictures / f"s{number:03d}.png" for number in range(N - 5)]
    benchmarks = [neural_benchmark("mine", files, responses, metric=metric, splits=3) for metric in ("pls", "rsa")]
    settings = {"region_layer_map": REGIONS, "noise": "none", **QUIET}
    network = tiny_vonenet()
    alone = score_model(network, benchmarks[0], **settings)
    with cluster(monkeypatch, tmp_path) as address:
        pls, rsa = (score_model(network, each, scheduler=address, **settings) for each in benchmarks)
    assert float(pls) == float(alone) and (pls.raw.raw.values == alone.raw.raw.values).all()
    assert pls.attrs["recorded_on"] == f"the workers of {address}" and "recorded_on" not in alone.attrs
    assert "this process: dissimilarities are centred over all features" in rsa.attrs["recorded_on"]
    assert float(rsa) == float(score_model(network, benchmarks[1], **settings))


def test_v1_properties_are_measured_here_and_say_so():
    benchmark = "Marques2020_DeValois1982-pref_or"
    score = score_model(tiny_vonenet(), benchmark, noise="none", scheduler="tcp://127.0.0.1:1", **QUIET)
    assert score.attrs["recorded_on"] == "this process: gratings are not recorded on workers"


def test_sets_of_stimuli_time_bins_and_a_narrow_layer(pictures, tmp_path, monkeypatch):
    """Train and test stimuli make one matrix; steps of time are rows; a layer narrower than a block is one slab."""
    sets = [shown(pictures, 0, 25), shown(pictures, 25)]
    steps = {"V1": (50, 50, 3)}
    recurrent = subject_of(RecurrentNetwork(), "step", ((50, 100), (100, 150), (110, 160)), time_steps=steps)
    plain = subject_of(PlainNetwork(), "head")
    with cluster(monkeypatch, tmp_path) as address:
        for subject in (recurrent, plain):
            found, n_steps, step_of_bin = distributed_gram.distributed_gram(address, subject, sets, trials=1)
            reference = one_process(subject, sets, trials=1)
            assert (found.products == reference.products).all() and found.n_features == reference.n_features
            assert (n_steps, step_of_bin) == ((2, [0, 1, 1]) if subject is recurrent else (1, [0]))


def test_one_coloured_picture_takes_the_trained_network_for_all(pictures, tmp_path, monkeypatch):
    """As in one process, although most parts of the stimuli are grey."""
    stimuli = shown(pictures, 0, 24)
    Image.fromarray(np.random.default_rng(2).integers(0, 256, (24, 24, 3), dtype=np.uint8)).save(tmp_path / "c.png")
    stimuli.stimulus_paths["s020"] = tmp_path / "c.png"
    trained = tiny_vonenet(gabor_seed=1)

    def subject():
        return subject_of(tiny_vonenet(), load_trained=lambda: (trained, "trained"))

    reference = one_process(subject(), [stimuli], trials=1)
    with cluster(monkeypatch, tmp_path) as address:
        found = distributed(address, subject(), [stimuli], trials=1)
    assert (found.products == reference.products).all()


def test_work_that_kills_every_worker_is_an_error(pictures, tmp_path, monkeypatch):
    subject, sets = subject_of(tiny_vonenet()), [shown(pictures)]
    died = pytest.raises(MemoryError, match="every worker that tried a part of the work died")
    with cluster(monkeypatch, tmp_path, ("multiply", None)) as address, died:
        distributed(address, subject, sets, 1)


def test_a_task_left_waiting_by_one_that_killed_its_workers_is_an_error(tmp_path, monkeypatch):
    """As a scheduler may leave it when several workers die at once: here it waits for a worker that never comes."""
    monkeypatch.setattr(distributed_gram, "_POLL_S", 0.5)
    with cluster(monkeypatch, tmp_path) as address, Client(address, set_as_default=False) as client:
        waiting = client.submit(len, [], workers=["tcp://127.0.0.1:1"], pure=False)
        deadly = client.submit(os.kill, 0, 9, pure=False)  # its own group of processes
        with pytest.raises(MemoryError, match=f"every worker .* died, out of memory or by a crash; .*{deadly.key}"):
            distributed_gram.result_of(waiting, client, [waiting.key, deadly.key])


def test_a_scheduler_that_is_not_there_or_has_no_worker_is_an_error(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(distributed_gram, "_CONNECT_S", 1)
    monkeypatch.setattr(distributed_gram, "_WAIT_S", 1)
    subject, sets = subject_of(tiny_vonenet()), [shown(pictures)]
    with pytest.raises(ConnectionError, match="no Dask scheduler answers at tcp://"):
        distributed(f"tcp://127.0.0.1:{free_port()}", subject, sets, 1)
    with cluster(monkeypatch, tmp_path, workers=0) as address, pytest.raises(ConnectionError, match="has no worker"):
        distributed(address, subject, sets, 1)
    with pytest.raises(ValueError, match=r"scheduler is 'here'; give an address such as tcp://"):
        score_model("voneresnet50", "V1-properties", scheduler="here")


def test_a_scheduler_that_is_lost_is_an_error(pictures, tmp_path, monkeypatch):
    """While its worker records, and takes for ever."""
    subject, begun = subject_of(tiny_vonenet()), tmp_path / "begun"
    lost = pytest.raises(ConnectionError, match=r"the Dask scheduler at tcp://.* was lost .* and score again")
    faults = (("record_part", f"wait {begun}"),)
    with cluster(monkeypatch, tmp_path, *faults, workers=1, lost_after=begun) as address, lost:
        distributed(address, subject, [shown(pictures)], 1)


def asked(subject, **changes):
    given = {"n_stimuli": N, "n_time_bins": 1, "trials": 1, "threads": 1, "batch_size": 8}
    return Asked(**{**given, "made_with": distributed_gram._made_with(), **changes})


def test_a_worker_with_other_code_or_without_the_files_is_an_error(pictures):
    subject, stimuli = subject_of(tiny_vonenet()), shown(pictures)
    shipped = distributed_gram.pickled(subject)
    other = asked(subject, made_with={**distributed_gram._made_with(), "torch": "0.1"})
    with pytest.raises(
        UnfitWorkerError, match="has other versions of torch than the requesting process; install the same there"
    ):
        distributed_gram.record_part(other, shipped, stimuli, np.arange(N))
    with pytest.raises(UnfitWorkerError, match="has other versions of torch"):
        distributed_gram.multiply(other, [], N, None)
    stimuli.stimulus_paths = {name: Path("/nowhere") / path.name for name, path in stimuli.stimulus_paths.items()}
    with pytest.raises(UnfitWorkerError, match="cannot find a file that the requesting process uses: 40 of 40 images"):
        distributed_gram.record_part(asked(subject), shipped, stimuli, np.arange(N))
    with pytest.raises(MemoryError, match="too little memory for batches of 16 images"):
        distributed_gram.record_part(asked(subject, batch_size=16), shipped, shown(pictures), np.arange(N))


def test_showings_of_one_picture_stay_together_where_there_is_noise(pictures):
    subject, stimuli = subject_of(tiny_vonenet()), shown(pictures)
    parts = list(parts_of(stimuli, subject, asked(subject)))
    assert sorted(np.concatenate(parts)) == list(range(N)) and len(parts) > 1
    for first in range(5):
        assert any({first, N - 5 + first} <= set(part) for part in parts)
    with subject.extractor.noise_off():
        parts = list(parts_of(stimuli, subject, asked(subject)))
    assert [list(part) for part in parts] == [list(range(16)), list(range(16, 32)), list(range(32, N))]


@pytest.mark.parametrize("n_features", [1, 499, 500, 501, 1_500, 3_500, 3_501, 16_384])
def test_slabs_are_whole_blocks_of_one_group_each_once(n_features):
    groups = slabs(N, n_features)
    width = min(500, n_features)
    flat = [each for group in groups for each in group]
    assert [number for number, _ in flat] == list(range(len(flat)))
    edges = [(columns.start, columns.stop) for _, columns in flat]
    assert edges[0][0] == 0 and all(stop == start for (_, stop), (start, _) in pairwise(edges))
    assert n_features <= edges[-1][1] < n_features + width
    assert all((stop - start) % width == 0 and stop - start <= 3 * width for start, stop in edges)
    assert [group[0][1].start for group in groups] == list(range(0, n_features, 7 * width))


def test_what_is_not_distributed_says_why():
    subject = subject_of(tiny_vonenet())
    assert obstacle(subject, "inner products", None) == ""
    assert "several layers" in obstacle(subject, "inner products", ["a", "b"])
    assert "centred over all features" in obstacle(subject, "correlations", None)
    assert "only this package's subjects" in obstacle(object(), "inner products", None)
