"""The command line: words in, tables and files out, errors in one line."""

import json
import logging
import os
import platform
import subprocess
import sys

import numpy as np
import pytest
import typer
from PIL import Image
from tiny_networks import tiny_vonenet
from typing_commands import typed

from vonenet_brainscore.cli.main import app

BANDWIDTH = "Marques2020_Schiller1976-sf_bandwidth"


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run a command line in a folder of its own: (exit status, what it printed)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESULTCACHING_HOME", str(tmp_path / "kept"))
    monkeypatch.setenv("BRAINIO_HOME", str(tmp_path / "brainio"))
    return typed(monkeypatch, capsys)


@pytest.fixture
def tiny_model(monkeypatch):
    """The name 'voneresnet50' stands for a network of 64 channels."""
    from vonenet_brainscore.recordings import loading

    monkeypatch.setattr(loading, "get_model", lambda *_, **__: tiny_vonenet(noise_mode=None))


def test_help_names_the_commands(run):
    status, shown = run("--help")
    assert status == 0
    for name in ("list", "score", "data", "register", "self-check", "choose-layers"):
        assert name in shown


@pytest.mark.parametrize("command", sorted(typer.main.get_command(app).commands))
def test_help_fits_eighty_columns(command, run, monkeypatch):
    """No name of an option is cut, and no word of its help."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    status, shown = run(command, "--help")
    assert status == 0 and "--help" in shown and "…" not in shown


def test_threads_wait_without_taking_the_processor():
    """Set before any library that reads it is loaded; what the user set stays."""
    code = (
        "import os, sys; from vonenet_brainscore.cli import main as cli; sys.argv = ['vonenet-brainscore', '--help']\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules\n"
        "try: cli.main()\n"
        "except SystemExit: print(os.environ['OMP_WAIT_POLICY'])"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    for given, policy in (({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")):
        shown = subprocess.run([sys.executable, "-c", code], env=environment | given, capture_output=True, text=True)
        assert shown.stdout.splitlines()[-1] == policy, shown.stderr


def test_a_cluster_on_this_machine_is_silent():
    """Dask's loggers write to the root logger's handlers, at any level, if it has some before Dask is imported."""
    code = (
        "import sys; from vonenet_brainscore.cli import main as cli; sys.argv = ['vonenet-brainscore', '--help']\n"
        "try: cli.main()\n"
        "except SystemExit: import logging\n"
        "from distributed import LocalCluster\n"
        "assert logging.getLogger('distributed').level == logging.CRITICAL\n"  # lines may come after the cluster's end
        "with LocalCluster(n_workers=1, processes=False, dashboard_address=None, silence_logs=logging.ERROR): pass"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0 and run.stderr == ""


def test_only_our_own_warnings_are_shown_and_as_sentences():
    code = (
        "import sys, warnings; from vonenet_brainscore.cli import main as cli\n"
        "def warn():\n"
        "    for name in ('vonenet_brainscore.scoring', 'sklearn.svm'):\n"
        "        warnings.warn_explicit('of ' + name, UserWarning, 'file.py', 1, module=name)\n"
        "cli.app = warn; sys.argv = ['vonenet-brainscore', *sys.argv[1:]]; cli.main()"
    )
    ours, theirs = "of vonenet_brainscore.scoring", "of sklearn.svm"
    python = "file.py:1: UserWarning: "
    for flags, expected in (((), f"warning: {ours}\n"), (("--verbose",), f"{python}{ours}\n{python}{theirs}\n")):
        shown = subprocess.run([sys.executable, "-c", code, *flags], capture_output=True, text=True, check=True).stderr
        assert shown == expected


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc, whose allocator is set")
def test_freed_memory_is_kept_for_the_next_batch():
    code = (
        "from vonenet_brainscore.cli.main import _reuse_memory; _reuse_memory(); freed = bytearray(10**8); del freed\n"
        "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith('RssAnon')])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(shown) > 10**5  # kB


def test_score_prints_a_table_and_writes_files(run, tiny_model, tmp_path):
    status, shown = run("score", "voneresnet50", BANDWIDTH, "--noise", "none", "--output", "numbers.json")
    assert status == 0
    assert BANDWIDTH in shown and "held out" in shown and "layer vone_block; noise none" in shown
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert f"{numbers[BANDWIDTH]['score']:.3f}" in shown
    with Image.open(tmp_path / "voneresnet50-V1-properties.png") as figure:
        assert figure.width > 300


def test_score_shows_yardsticks_beside_the_ceiling_and_joint_distributions(capsys):
    from brainscore_core.metrics import Score

    from vonenet_brainscore.cli.score_table import score_table
    from vonenet_brainscore.cli.tables import say
    from vonenet_brainscore.primates.property_table import V1_PROPERTIES

    names = ("circular_variance", "grating_summation_field", "surround_diameter")
    scores = {V1_PROPERTIES[name].benchmark: Score(0.5) for name in names}
    for score in scores.values():
        values = {"model_values": np.array([0.5, 1, 2]), "n_units": 3, "n_undefined": 0, "n_neurons": 304}
        score.attrs |= {**values, "held_out": True, "model_identifier": "made", "seed": 0}
    scores[V1_PROPERTIES["circular_variance"].benchmark].attrs["another_laboratory"] = 0.9251
    say(*score_table("made", scores))
    shown = " ".join(capsys.readouterr().out.split())
    assert "another laboratory" in shown and "– 0.925 304" in shown
    assert "Ecker et al. 2010" in shown and "0.925 for 224 reliable units" in shown
    assert "grating summation field and surround diameter, 3 neuroids against 89 neurons" in shown
    assert "the macaque's own values, paired at random: 0.937" in shown


def test_a_benchmark_that_cannot_be_scored_is_named_and_the_others_kept(run, tiny_model, tmp_path):
    undefined = "Marques2020_Cavanaugh2002-surround_diameter"
    with pytest.warns(UserWarning, match="could not be scored"):
        status, shown = run("score", "voneresnet50", BANDWIDTH, undefined, "--noise", "none", "--output", "numbers.csv")
    assert "1 of 2 benchmarks could not be scored" in status and "undefined (NaN)" in status
    assert "–" in shown and (tmp_path / "numbers.csv").is_file()


def test_own_recordings(run, tiny_model, tmp_path):
    random = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for index in range(30):
        Image.fromarray(random.integers(0, 256, (64, 64), dtype=np.uint8)).save(tmp_path / f"images/{index:02d}.png")
    mean = random.normal(size=(30, 4, 1))
    np.save(tmp_path / "responses.npy", mean + 0.1 * random.normal(size=(30, 4, 3)))
    words = ("--images", "images", "--responses", "responses.npy", "--region", "V1", "--degrees", "4")
    status, shown = run("score", "voneresnet50", *words, "--metric", "ridge", "--noise", "none")
    assert status == 0
    assert shown.startswith(
        "responses.npy: 30 stimuli, 4 neurons, 3 repetitions; V1, images 4 degrees wide, 50 to 200 m"
    )
    taken = "note: the array of 30 x 4 x 3 is taken as (stimulus, neuron, repetition); for another order, pass"
    assert taken in " ".join(shown.split())  # whatever the width of the terminal
    np.save(tmp_path / "turned.npy", np.load(tmp_path / "responses.npy").transpose(2, 0, 1))
    turned = ("--images", "images", "--responses", "turned.npy", "--degrees", "4", "--metric", "ridge")
    status, again = run("score", "voneresnet50", *turned, "--axes", "trial,image,neuron", "--noise", "none")
    assert status == 0 and again.startswith("turned.npy: 30 stimuli, 4 neurons, 3 repetitions; V1")
    assert again.splitlines()[-3].split()[1:5] == shown.splitlines()[-3].split()[1:5]
    side_by_side = ("voneresnet50", "pixels", *words, "--noise", "none")
    status, parts = run("partition", *side_by_side, "--folds", "3", "--output", "r2.csv", "--figure", "parts.svg")
    assert status == 0 and "responses: 30 stimuli, 4 neurons" in parts and "unique" in parts and "shared" in parts
    assert len((tmp_path / "r2.csv").read_text().splitlines()) == 3 + 4 and (tmp_path / "parts.svg").is_file()
    status, differences = run("compare", "voneresnet50", "vonealexnet", *words, "--noise", "none")
    assert status == 0 and "Models on responses" in differences and "0.000" in differences  # the same tiny network
    raws = {}
    for seed in range(4):
        responses = np.random.default_rng(seed).normal(size=(30, 2, 1)) + np.zeros(2)
        np.save(tmp_path / f"{seed}.npy", responses)
        status, shown = run("compare", "voneresnet50", "vonealexnet", *words[:3], f"{seed}.npy", *words[4:])
        raws[shown.split("voneresnet50")[1].split()[4]] = "*: raw is negative, so that" in shown
    assert any(raws.values()) and not all(raws.values()) and "*" not in parts
    assert all(raw.startswith("-") == raw.endswith("*") == explained for raw, explained in raws.items())
    status, _ = run("compare", *side_by_side, "--benchmark", BANDWIDTH)
    assert str(status).startswith("error: models are compared on one benchmark: give --benchmark, or --images")
    status, _ = run("score", "voneresnet50", "--images", "images")
    assert status == "error: your own recordings take both --images and --responses"
    alone = {"--metric": ("ridge",), "--window": ("50", "100"), "--degrees": ("4",), "--split_seed": ("2",)}
    for command in ("score", "compare"):
        model = ("voneresnet50",) if command == "score" else ("voneresnet50", "vonealexnet", "--benchmark", BANDWIDTH)
        for option, value in alone.items():
            status, _ = run(command, *model, option, *value)
            assert status == f"error: {option} goes with --images and --responses"
    status, by_geometry = run("compare", "voneresnet50", "vonealexnet", *words, "--noise", "none", "--metric", "rsa")
    assert status == 0 and by_geometry != differences
    np.save(tmp_path / "short.npy", random.normal(size=(29, 4, 3)))
    status, _ = run("score", "voneresnet50", "--images", "images", "--responses", "short.npy")
    assert "29" in status and "30" in status


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("score", "voneresnet51"), "unknown model 'voneresnet51'; nearest: voneresnet50"),
        (("score", "voneresnet50", "Marques"), "unknown benchmark 'Marques'"),
        (("score", "voneresnet50", "--noise", "off"), "unknown noise 'off'"),
        (("score", "voneresnet50", "--output", "results.txt"), "has not one of the suffixes"),
        (("score", "voneresnet50", "--figure", "absent/figure.png"), "to write figure.png to; make it first"),
        (("score", "voneresnet50", "--figure", "figure.xyz"), "figure.xyz has not one of the suffixes"),
        (("score", "voneresnet50", "movshon.FreemanZiemba2013-v1"), "vonenet-brainscore data fetch movshon.FreemanZ"),
        (("data", "import", "absent.nc"), "no file absent.nc to import"),
    ],
)
def test_an_error_is_one_sentence_and_a_status(run, words, said):
    status, _ = run(*words)
    assert str(status).startswith("error: ") and said in status


def test_debug_shows_the_traceback(run):
    with pytest.raises(ValueError, match="unknown model"):
        run("score", "voneresnet51", "--debug")


def test_list_and_data_status(run):
    status, shown = run("list")
    assert status == 0
    for word in (
        "voneresnet50_at",
        "V1-properties-7",
        "vonealexnet_vone_block",
        BANDWIDTH,
        "data fetch dicarlo.MajajHong2015-it",
    ):
        assert word in shown
    status, shown = run("data", "status", "movshon.FreemanZiemba2013-v1")
    assert status == 0 and "missing" in shown and "761c08f796db4e342555cdb60eef23a4f19ead43" in shown
    assert "wants no files" in run("data", "status", "V1-properties")[1]


def test_register_and_unregister_print_where(run, tmp_path, monkeypatch):
    from vonenet_brainscore import registration

    monkeypatch.setattr(registration, "plugin_folder", lambda kind: tmp_path)
    status, shown = run("register")
    assert status == 0 and "registered voneresnet50, vonecornets, vonealexnet_vone_block" in shown
    assert "removed" in run("unregister")[1] and "nothing was registered" in run("unregister")[1]


def test_quiet_and_verbose_are_read_wherever_they_are(monkeypatch):
    from vonenet_brainscore.cli import main as cli
    from vonenet_brainscore.progress import LOGGER

    before = LOGGER.level
    for flags, level in (((), "INFO"), (("--quiet",), "WARNING"), (("--verbose",), "DEBUG")):
        seen = []
        monkeypatch.setattr(cli, "app", lambda seen=seen: seen.append(sys.argv))
        monkeypatch.setattr(sys, "argv", ["vonenet-brainscore", "list", *flags, "--all"])
        cli.main()
        assert seen == [["vonenet-brainscore", "list", "--all"]] and LOGGER.level == getattr(logging, level)
    LOGGER.setLevel(before)


def test_models_are_compared_in_two_tables_and_a_file(run, tiny_model, tmp_path):
    words = ("voneresnet50", "vonealexnet", "--benchmark", BANDWIDTH, "--noise", "none", "--output", "pairs.csv")
    status, shown = run("compare", *words)
    assert status == 0 and f"Models on {BANDWIDTH}" in shown and "differences: pairs.csv" in shown
    rows = [line.split() for line in shown.splitlines()]
    (score,) = {row[1] for row in rows if row and row[0] in ("voneresnet50", "vonealexnet") and row[1] != "vonealexnet"}
    assert 0 < float(score) < 1.1
    assert "voneresnet50: layer vone_block; noise none; trials 1; seed 0; weights " in shown
    (pair,) = [row for row in rows if row[:2] == ["voneresnet50", "vonealexnet"]]
    assert pair[2:] == ["0.000", "–", "–"]  # one network under two names, and no images to draw again
    first, second = (tmp_path / "pairs.csv").read_text().splitlines()
    assert first == "first,second,difference,low,high" and second == "voneresnet50,vonealexnet,0.0,,"
    status, _ = run("compare", "voneresnet50", "vonealexnet", "--benchmark", BANDWIDTH, "--output", "pairs.txt")
    assert "pairs.txt has not one of the suffixes that can be written: .csv" in status
    status, _ = run("compare", "voneresnet50", "--benchmark", BANDWIDTH)
    assert "error: " in str(status)


def test_a_schedulers_address_is_passed_on(run, monkeypatch):
    from vonenet_brainscore import scoring

    asked = []
    monkeypatch.setattr(scoring, "score_model", lambda *words, **settings: asked.append(settings) or {})
    run("score", "voneresnet50", BANDWIDTH, "--scheduler", "tcp://10.0.0.1:8786")
    run("score", "voneresnet50", BANDWIDTH)
    assert [settings["scheduler"] for settings in asked] == ["tcp://10.0.0.1:8786", None]


def test_layers_are_shown_best_first_with_the_map_to_pass_on(run, monkeypatch):
    import pandas as pd

    from vonenet_brainscore import layer_choice

    columns = ["score", "raw", "ceiling", "error", "score_low", "score_high", "n_units"]
    rows = {"deep": [0.5, 0.6, 0.72, 0.01, 0.4, 0.6, 1234], "early": [0.25, -0.3, 0.72, 0.02, 0.1, 0.3, 99]}
    found = layer_choice.LayerChoice(pd.DataFrame.from_dict(rows, "index", columns=columns), {"IT": "deep"})
    asked = []
    monkeypatch.setattr(
        layer_choice, "choose_layers", lambda *words, **settings: asked.append((words, settings)) or found
    )
    status, shown = run("choose-layers", "vonealexnet", "dicarlo.MajajHong2015-it", "early", "deep", "--memory", "2")
    assert status == 0 and "region_layer_map={'IT': 'deep'}" in shown
    rows = [line.split() for line in shown.splitlines()]
    assert [row for row in rows if row and row[0] in ("deep", "early")] == [
        ["deep", "0.500", "0.400", "to", "0.600", "0.600", "0.010", "0.720", "1234"],
        ["early", "0.250", "0.100", "to", "0.300", "-0.300*", "0.020", "0.720", "99"],
    ]
    ((words, settings),) = asked
    assert words == ("vonealexnet", "dicarlo.MajajHong2015-it", ["early", "deep"]) and settings["memory"] == 2e9


@pytest.mark.parametrize("problems", [(), ("pixels are better", "the ceiling is off")])
def test_a_self_check_says_what_it_found(run, tiny_model, monkeypatch, problems):
    from vonenet_brainscore.benchmarks import self_check as module

    rows = (module.SelfCheckRow("pixels", 0.25, -0.5, 0.01),)
    found = module.SelfCheck("simulated-V1-tiny", rows, 0.75, 0.76, problems)
    monkeypatch.setattr(module, "self_check", lambda *_, **__: found)
    status, shown = run("self-check")
    assert "simulated-V1-tiny (simulated, not primate data)" in shown and "ceiling 0.750, analytic 0.760" in shown
    assert ["pixels", "0.250", "-0.500", "0.010"] in [line.split() for line in shown.splitlines()]
    if problems:
        assert status == "error: the self-check failed: pixels are better; the ceiling is off"
    else:
        assert status == 0 and "passed: the VOneBlock scores above pixels" in shown
