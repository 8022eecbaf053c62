"""The command `sweep`: words in, a folder of results out, failures in a few lines and a status that is not 0."""

import json

import pandas as pd
import pytest
from sweep_stubs import PEAK_SF, PREF_OR, TINY, stub_compare
from typing_commands import typed

from vonenet_brainscore.benchmarks.v1_properties import V1PropertyBenchmark
from vonenet_brainscore.cli.many_words import flag_before_each
from vonenet_brainscore.cli.sweep import settings_in

SET_TINY = ("--set", *(f"{name}={value}" for name, (value,) in TINY.items()))
HERE = ("--workers", "1", "--no-cache")


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run a command line in a folder of its own: (exit status, what it printed)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(V1PropertyBenchmark, "compare", stub_compare)
    return typed(monkeypatch, capsys)


def test_a_sweep_as_it_is_typed(run, tmp_path):
    models, benchmarks = ("--models", "voneresnet50", "vonealexnet"), ("--benchmarks", PREF_OR, PEAK_SF)
    settings = ("--set", "gabor_seed=0..2", "--set", "noise_scale=0,0.35", *SET_TINY)
    status, shown = run("sweep", *models, *benchmarks, *settings, "--output", "a folder, ü", *HERE)
    assert status == 0
    assert shown.count("vonealexnet") == 2 and "results: a folder, ü" in shown
    assert len(list((tmp_path / "a folder, ü" / "records").iterdir())) == 2 * 2 * 3 * 2
    assert (tmp_path / "a folder, ü" / "results.csv").is_file()


def test_the_values_of_one_setting_are_columns(run, tmp_path):
    settings = ("--set", "noise_scale=0,0.35", *SET_TINY, "--output", "out", *HERE)
    status, shown = run("sweep", "--models", "voneresnet50", "--benchmarks", PREF_OR, PEAK_SF, *settings)
    rows = {row[1]: row[2:] for row in map(str.split, shown.splitlines()) if row[:1] in (["voneresnet50"], ["model"])}
    assert status == 0 and "Scores by noise_scale" in shown and rows["benchmark"] == ["0.0", "0.35"]
    table = pd.read_csv(tmp_path / "out" / "results.csv")
    for benchmark in (PREF_OR, PEAK_SF):
        assert rows[benchmark] == [f"{score:.3f}" for score in table.query("benchmark == @benchmark")["score"]]
    settings = ("--set", "seed=0..6", *SET_TINY, "--output", "seven", *HERE)
    status, shown = run("sweep", "--models", "voneresnet50", "--benchmarks", PREF_OR, *settings)
    assert status == 0 and "Scores over all settings" in shown and "lowest" in shown


def test_failures_are_told_and_the_status_is_1(run, monkeypatch):
    monkeypatch.setenv("SWEEP_FAULTS", json.dumps([["memory", PREF_OR, seed, None] for seed in (0, 1)]))
    status, shown = run(
        *("sweep", "--models", "voneresnet50", "--benchmarks", PREF_OR, PEAK_SF),
        *("--set", "seed=0..3", *SET_TINY, "--output", "out", *HERE),
    )
    assert status == "error: 2 of 8 scores are missing (out/results.csv):\n2 x 13.0 GB are needed"
    assert "results: out" in shown


def test_flags_take_several_words():
    found = flag_before_each(
        ["sweep", "--models", "a", "b", "--seed", "3", "--set", "x=1", "y=2", "--output", "o"], ["--models", "--set"]
    )
    expected = "sweep --models a --models b --seed 3 --set x=1 --set y=2 --output o"
    assert " ".join(found) == expected
    assert flag_before_each(["--models"], ["--models"]) == ["--models"]
    found = flag_before_each(["--back_end", "a", "b", "--back-end=c"], ["--back-end"])
    assert found == ["--back_end", "a", "--back_end", "b", "--back-end=c"]


def test_flags_may_have_underscores_or_hyphens(run):
    for flag in ("--cluster-option", "--cluster_option"):
        status, _ = run("sweep", "--models", "voneresnet50", "--output", "out", flag, "nothing")
        assert status.startswith("error: --cluster-option has 'nothing'; it takes NAME=VALUE")


def test_settings_are_numbers_ranges_and_words():
    words = ["gabor_seed=0..2,7", "noise_scale=0,0.35", "noise_mode=None,neuronal", "rand_param=true", "sf_corr=-1..1"]
    assert settings_in(words) == {
        "gabor_seed": [0, 1, 2, 7],
        "noise_scale": [0, 0.35],
        "noise_mode": [None, "neuronal"],
        "rand_param": [True],
        "sf_corr": [-1, 0, 1],
    }
    assert settings_in(["weights=dir/a=b.pth"]) == {"weights": ["dir/a=b.pth"]}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "gabor_seed"], "--set has 'gabor_seed'; it takes NAME=VALUE"),
        (["--set", "seed=1", "--set", "seed=2"], "--set names seed twice"),
        (["--set", "seed=3..1"], "3..1 goes down; write 1..3"),
        (["--set", "seed=0..99999999"], "more than 1000000 values"),
        (["--set", "gabor_seed=,"], "gabor_seed has a value twice"),
        (["--set", "gabor_sede=1"], "unknown setting 'gabor_sede'"),
        (["--set", "noise_scale=nan"], "noise_scale is nan; it must be finite"),
        (["--cluster", "slrum", "--workers", "2"], "unknown cluster 'slrum'"),
        (["--cluster_option", "queue=normal"], "cluster_options go with a cluster"),
        (["--cluster", "slurm", "--workers", "2"], "give --cluster-option memory=8GB"),
        (["--cluster-option", "queue"], "--cluster-option has 'queue'"),
        (["--scheduler", "tcp://127.0.0.1:1", "--workers", "2"], "a scheduler already has workers"),
    ],
)
def test_what_cannot_be_is_one_line(run, tmp_path, words, message):
    status, _ = run("sweep", "--models", "voneresnet50", "--benchmarks", PREF_OR, *words, "--output", "out")
    assert isinstance(status, str) and status.startswith("error: ") and message in status
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("memory", ["inf", "nan", "0"])
def test_memory_that_cannot_be_is_refused(run, memory):
    assert run("sweep", "--models", "voneresnet50", "--output", "out", "--memory", memory)[0] == 2


def test_a_name_is_required(run):
    assert run("sweep", "--models", "voneresnet50")[0] == 2
    assert run("sweep", "--output", "out")[0] == 2
