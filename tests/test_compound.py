"""Benchmarks made of others: each part has its own row space, and the whole equals Brain-Score's own call."""

import importlib
import os

import numpy as np
import pytest
from brainscore_core.metrics import Score
from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
from brainscore_vision import load_metric
from brainscore_vision.benchmark_helpers.multi_subject import KFoldNeuralBenchmark, MultiSubjectNeuralBenchmark
from brainscore_vision.benchmark_helpers.neural_common import RSABenchmark
from brainscore_vision.benchmarks import BenchmarkBase
from brainscore_vision.benchmarks.bracci2019.benchmark import _Bracci2019RSA
from brainscore_vision.benchmarks.cowley2026.benchmark import _CombinedNeuralBenchmark
from brainscore_vision.benchmarks.laion_fmri.benchmark import (
    _MultiSubjectCKABenchmark,
    _MultiSubjectRSABenchmark,
    _neutral_ceiler,
    _passthrough,
    _SingleSubjectErrorShim,
)
from made_benchmarks import ArraySubject, neural_benchmark, responses_assembly, stimulus_set, train_test_benchmark

from vonenet_brainscore.benchmarks import running
from vonenet_brainscore.benchmarks.compound import PARTS, each_part_scored, first_part
from vonenet_brainscore.benchmarks.recognition import compressible
from vonenet_brainscore.benchmarks.row_space import RowSpaceSubject
from vonenet_brainscore.benchmarks.running import run_benchmark

SETS = {name: stimulus_set(name, 30) for name in ("one", "two", "three")}
N_FEATURES = 400


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Brain-Score collects garbage after every part and runs pip for every metric, which takes seconds."""
    monkeypatch.setattr("gc.collect", lambda: 0)
    monkeypatch.setenv("BS_INSTALL_DEPENDENCIES", "no")


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(0)
    names = [name for stimuli in SETS.values() for name in stimuli["stimulus_id"]]
    return {name: rng.gamma(2, size=N_FEATURES) for name in names}


def assembly(features, name, seed=0):
    rng = np.random.default_rng(seed)
    stimuli = SETS[name]
    seen = np.stack([features[each] for each in stimuli["stimulus_id"]])
    signal = (seen - seen.mean(axis=0)) @ rng.standard_normal((N_FEATURES, 4))
    return responses_assembly(stimuli, 5 + signal / signal.std(axis=0) + 0.3 * rng.standard_normal(signal.shape))


def sessions(features):
    plain = load_metric("pls", crossvalidation_kwargs={"splits": 3, "stratification_coord": None})
    whole = _CombinedNeuralBenchmark.__new__(_CombinedNeuralBenchmark)
    whole._sessions = [neural_benchmark(plain, assembly(features, name)) for name in SETS]
    for each, name in zip(whole._sessions, SETS, strict=True):
        each._identifier = name
    BenchmarkBase.__init__(whole, "combined", ceiling_func=lambda: Score(1.0), version=1, parent="V4", bibtex="")
    return whole


def train_test(features, which=0):
    metric = load_metric("dual_ridgecv_split", alphas=[0.1, 10, 1000])
    names = list(SETS)
    train, test = assembly(features, names[which]), assembly(features, names[which - 1])
    return train_test_benchmark(metric, train, test)


def subjects(features):
    return MultiSubjectNeuralBenchmark("made", ["0", "1"], lambda which: train_test(features, int(which)))


def folds(features):
    return KFoldNeuralBenchmark("made", 2, lambda which: train_test(features, which))


def folds_of_subjects(features):
    return KFoldNeuralBenchmark("made", 2, lambda which: subjects(features))


def single(features):
    return _SingleSubjectErrorShim(train_test(features))


def _rsa(features, which, **kwargs):
    name = list(SETS)[int(which)]
    ceiler = kwargs.pop("ceiler", lambda _: Score(0.5))
    return RSABenchmark(f"made-{which}", 1, assembly(features, name), "IT", 8, 3, "", ceiler=ceiler, **kwargs)


def dissimilarities(features):
    return _MultiSubjectRSABenchmark("made", ["0", "1"], lambda which: _rsa(features, which), "IT")


def alignment(features):
    def part(which):  # the same stimuli for all subjects, whose alignment with one another is the ceiling
        kwargs = {"rdm": _passthrough, "similarity": load_metric("cka"), "ceiler": _neutral_ceiler}
        made = RSABenchmark("made", 1, assembly(features, "one"), "IT", 8, 3, "", **kwargs)
        made._assembly = made._assembly.sel(neuroid=made._assembly["subject"] == "monkey")
        return made

    whole = _MultiSubjectCKABenchmark("made", ["0", "1"], part, "IT")
    whole._unbiased = True
    return whole


@pytest.mark.parametrize(
    "make",
    [sessions, subjects, folds, folds_of_subjects, single, dissimilarities, alignment],
    ids=lambda each: each.__name__,
)
def test_the_whole_equals_brainscores_own_call(features, make, monkeypatch):
    shown = []
    row_space_of = running._row_space_of
    monkeypatch.setattr(running, "_row_space_of", lambda *args: shown.append(args[1]) or row_space_of(*args))
    found = compressible(make(features))
    assert found and found.in_parts
    compressed = run_benchmark(ArraySubject(features), make(features))
    assert compressed.attrs["compressed"] is True and len(shown) >= 1
    whole = make(features)
    full = whole(ArraySubject({name: value.astype(np.float64) for name, value in features.items()}))
    assert float(compressed) == pytest.approx(float(full), abs=1e-6)  # Brain-Score's CKA is in single precision
    assert float(compressed.raw) == pytest.approx(float(full.raw), abs=1e-6)
    assert float(compressed.ceiling) == pytest.approx(float(full.attrs["ceiling"]), abs=1e-9)


def test_parts_that_differ_are_refused_not_recorded_otherwise(features):
    whole = sessions(features)
    other = load_metric("neuron_to_neuron", crossvalidation_kwargs={"splits": 2, "stratification_coord": None})
    whole._sessions[1] = neural_benchmark(other, assembly(features, "two"))
    with pytest.raises(ValueError, match="is not like the other parts"):
        run_benchmark(ArraySubject(features), whole)


def test_parts_that_need_features_leave_the_whole_uncompressed(features):
    whole = sessions(features)
    other = load_metric("neuron_to_neuron", crossvalidation_kwargs={"splits": 2, "stratification_coord": None})
    whole._sessions = [neural_benchmark(other, assembly(features, name)) for name in SETS]
    assert not compressible(whole)


def test_the_benchmark_is_left_as_it_was(features):
    for make in (sessions, subjects, single):
        whole = make(features)
        attribute = PARTS[f"{type(whole).__module__}.{type(whole).__qualname__}"]
        before = vars(whole)[attribute]
        with pytest.raises(RuntimeError, match="on the way"), each_part_scored(whole, lambda part: None):
            raise RuntimeError("on the way")
        assert vars(whole)[attribute] is before


def test_a_row_space_is_of_one_part(features):
    with pytest.raises(ValueError, match="is made of other benchmarks"):
        RowSpaceSubject(ArraySubject(features), subjects(features))


def test_every_class_of_the_table_exists():
    for name in PARTS:
        module, _, kind = name.rpartition(".")
        assert isinstance(getattr(importlib.import_module(module), kind), type)
    assert first_part(object()) is None


def test_a_benchmark_with_a_call_of_its_own_whose_metric_alone_sees_the_recording(features):
    stimuli = SETS["one"].copy()
    for name in ("stimulus_name", "exemplar_number", "image_label", "image_group"):
        stimuli[name] = range(len(stimuli))
    stimuli.stimulus_paths, stimuli.identifier = SETS["one"].stimulus_paths, "bracci"
    voxels = np.tile(range(5), 3)
    rng = np.random.default_rng(1)
    seen = np.stack([features[each] for each in stimuli["stimulus_id"]])[:, rng.permutation(N_FEATURES)[:5]]
    neuroids = {"subject": np.repeat(["a", "b", "c"], 5), "roi": [2] * 15, "voxels": voxels}
    human = NeuroidAssembly(
        seen[:, voxels] + 0.3 * rng.standard_normal((len(stimuli), 15)),
        coords={
            **{name: ("presentation", stimuli[name].to_numpy()) for name in stimuli.columns},
            **{name: ("neuroid", values) for name, values in neuroids.items()},
        },
        dims=("presentation", "neuroid"),
    )
    benchmark = _Bracci2019RSA.__new__(_Bracci2019RSA)
    BenchmarkBase.__init__(benchmark, "made", ceiling_func=lambda: 1, version=1, parent="IT", bibtex="")
    benchmark._metric, benchmark._stimulus_set, benchmark._human_assembly = load_metric("rdm"), stimuli, human
    benchmark._visual_degrees, benchmark._number_of_trials, benchmark._region = 8, 3, "anteriorVTC"
    benchmark._roi_map = {"anteriorVTC": (2, "IT")}
    assert compressible(benchmark).geometry == "correlations"
    compressed, full = run_benchmark(ArraySubject(features), benchmark), benchmark(ArraySubject(features))
    assert compressed.attrs["compressed"] is True and abs(float(full.raw)) > 0.01
    assert float(compressed) == pytest.approx(float(full), abs=1e-9)


def test_no_packages_are_installed_while_a_benchmark_runs(features, monkeypatch):
    monkeypatch.delenv("BS_INSTALL_DEPENDENCIES")
    whole, seen = sessions(features), []
    call = type(whole).__call__
    monkeypatch.setattr(
        type(whole), "__call__", lambda *args: seen.append(os.environ.get("BS_INSTALL_DEPENDENCIES")) or call(*args)
    )
    run_benchmark(ArraySubject(features), whole)
    assert seen == ["no"] and "BS_INSTALL_DEPENDENCIES" not in os.environ
