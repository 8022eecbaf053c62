"""Running a benchmark: what full features need is estimated before the work."""

import logging
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from brainscore_vision import metric_registry
from made_benchmarks import ArraySubject, neural_benchmark, responses_assembly, stimulus_set, train_test_benchmark
from tiny_networks import tiny_vonenet

from vonenet_brainscore.benchmarks.running import _check_full_features
from vonenet_brainscore.recordings.loading import load_subject

STIMULI, UNITS = 40, 64 * 16 * 16
BYTES = STIMULI * UNITS * 4  # of one recording in float32


def recordings(identifier="made", time_bins=((50, 200),)):
    stimuli = stimulus_set(identifier, STIMULI)
    return responses_assembly(stimuli, np.random.default_rng(0).normal(size=(STIMULI, 3)), time_bins)


def metric():
    import brainscore_vision.metrics.regression_correlation  # noqa: F401

    return metric_registry["pls"]()


@pytest.mark.parametrize(
    ("kind", "copies"),
    [("one window", 3), ("two windows", 6), ("training and test", 6)],  # three copies of each recording
)
def test_three_copies_of_every_recording_must_fit(monkeypatch, kind, copies):
    if kind == "training and test":
        benchmark = train_test_benchmark(metric(), recordings("train"), recordings("test"))
    else:
        bins = ((50, 100), (100, 200)) if kind == "two windows" else ((50, 200),)
        benchmark = neural_benchmark(metric(), recordings(time_bins=bins))
    subject = load_subject(tiny_vonenet(), noise="none", region_layer_map={"IT": "vone_block"}, progress=False)
    for free, fits in ((copies * BYTES, True), (copies * BYTES - 1, False)):
        monkeypatch.setattr(psutil, "virtual_memory", lambda free=free: SimpleNamespace(available=free))
        if fits:
            _check_full_features(subject, benchmark)
        else:
            with pytest.raises(MemoryError, match=f"stimuli x {UNITS} units, at least {copies * BYTES / 1e9:.1f} GB"):
                _check_full_features(subject, benchmark)


def test_a_memory_below_nothing_is_refused():
    from vonenet_brainscore.benchmarks.row_space import RowSpaceSubject

    benchmark = neural_benchmark(metric(), recordings())
    with pytest.raises(ValueError, match="memory is -1; it is a number of bytes, 0 or more"):
        RowSpaceSubject(load_subject(tiny_vonenet(), progress=False), benchmark, memory=-1)


def test_brainscores_bars_are_hidden_where_progress_is(capsys):
    from vonenet_brainscore.benchmarks.running import run_benchmark
    from vonenet_brainscore.progress import LOGGER

    benchmark = neural_benchmark(metric(), recordings())
    features = np.random.default_rng(1).normal(size=(STIMULI, 50))
    subject = ArraySubject(dict(zip(benchmark._assembly["stimulus_id"].values, features, strict=True)))
    level = LOGGER.level
    for quiet in (False, True):
        LOGGER.setLevel(logging.WARNING if quiet else logging.INFO)
        try:
            run_benchmark(subject, benchmark)
        finally:
            LOGGER.setLevel(level)
        assert ("cross-validation" in capsys.readouterr().err) == (not quiet)


def test_benchmarks_of_one_name_are_told_apart():
    from vonenet_brainscore import score_model

    benchmark = neural_benchmark(metric(), recordings())
    with pytest.raises(
        ValueError, match=f"two benchmarks are called '{benchmark.identifier}'; give one of them another identifier"
    ):
        score_model(tiny_vonenet(), [benchmark, benchmark], cache=False, progress=False)
