"""The command line given what users type by mistake: a few words on standard error, a status, and never a traceback.

Commands and options are those that the application has, so a new one is tried without being named here.
"""

import contextlib
import copy
import io
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from junk import fuzz, within, workplace
from PIL import Image
from tiny_networks import tiny_vonenet
from torch import nn

from vonenet_brainscore import registration
from vonenet_brainscore.benchmarks import simulated_v1
from vonenet_brainscore.classification import classifier, evaluation
from vonenet_brainscore.classification import loading as classifier_loading
from vonenet_brainscore.cli import main as cli
from vonenet_brainscore.gabors import gabor_comparison
from vonenet_brainscore.models.vone_block import VOneBlock
from vonenet_brainscore.recordings import loading
from vonenet_brainscore.submission import packaging

MOST_LINES, LONGEST_LINE = 30, 1500
WORDS = [
    *["", " ", "no such", "-1", "0", "3", "0.5", "1e999", "nan", "inf", "-", "--", "=", "a=b", "V1=x", "\n", "{}", "."],
    *["ünïcode 🙂", "\udcff", "x" * 300, "/", "/dev/full/x.csv", "/proc/version", "missing/file.csv", "a folder.csv"],
    *["a name with spaces.csv", "a name.png", "voneresnet50", "V1-properties", "cuda", "0.1,0.2,0.3", "mine:network"],
    *["brainscore:", "brainscore:no such", "mine:fails", "mine:", ":", "images", "classes", "responses.npy", "a.zip"],
]
# What a command's required arguments may be, so that others are looked at too.
RIGHT = {"model": "voneresnet50", "models": "voneresnet50", "in_path": "classes", "benchmark": "V1-properties"}


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(typer.main.get_command(cli.app)))


def stop(*_, **__):
    raise RuntimeError("the work begins")


@pytest.fixture(scope="module", autouse=True)
def workspace(tmp_path_factory):
    """A folder to work in, without network, where work ends as it begins."""
    folder = tmp_path_factory.mktemp("command line")
    tiny = tiny_vonenet(noise_mode=None)  # made while networks still compute
    with workplace(folder) as patch:
        patch.setattr(registration, "plugin_folder", lambda kind: folder)
        for module in (loading, classifier_loading):
            patch.setattr(module, "get_model", lambda *_, **__: copy.deepcopy(tiny))
        patch.setattr(evaluation.Evaluation, "rows", stop)
        patch.setattr(classifier.Classifier, "count_classes", lambda *_: 10)
        patch.setattr(classifier.Classifier, "is_stochastic", lambda *_: False)
        patch.setattr(packaging, "check_zip", stop)
        patch.setattr("vonenet_brainscore.sweep.place.Place.outcomes", stop)
        patch.setattr(nn.Module, "__call__", stop)
        patch.setattr(VOneBlock, "rates", stop)
        patch.setattr(gabor_comparison, "_compare", stop)
        patch.setattr(simulated_v1, "simulated_benchmark", stop)
        Path("a folder.csv").mkdir()
        Path("images").mkdir()
        for label in range(10):
            Path(f"classes/{label}").mkdir(parents=True)
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save("images/image.png")
        Image.fromarray(np.zeros((80, 80, 3), np.uint8)).save("classes/1/image.png")
        np.save("responses.npy", np.zeros((1, 2)))
        Path("mine.py").write_text("import torch\nnetwork = torch.nn.Flatten\n\n\ndef fails():\n    return {}['no']\n")
        yield


def run(*words: str) -> tuple[int, str, str]:
    """(exit status, standard output, standard error) of a command line."""
    before, sys.argv = sys.argv, ["vonenet-brainscore", *words]
    out, err = io.StringIO(), io.StringIO()
    status: object = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings(), within(60):
            warnings.simplefilter("ignore")
            cli.main()
    except SystemExit as stopped:
        status = stopped.code
        if isinstance(status, str):  # what the interpreter does with it
            err.write(f"{status}\n")
            status = 1
    finally:
        sys.argv = before
    assert isinstance(status, int)
    return status, out.getvalue(), err.getvalue()


def check_words(status: int, err: str) -> None:
    """What holds of every command line, right or wrong."""
    assert "Traceback" not in err
    assert status in (0, 1, 2), err
    if status:
        lines = err.strip().splitlines()
        assert 1 <= len(lines) <= MOST_LINES and max(map(len, lines)) <= LONGEST_LINE, err
        assert len(err.strip()) > 20, err


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_words_in_any_place_are_refused_in_words(path):
    command = COMMANDS[path]
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and each.name != "help"]

    @fuzz(5 + 3 * len(command.params))
    @given(st.data())
    def type_words(data):
        word = st.one_of(st.sampled_from(WORDS), st.text(st.characters(exclude_categories=()), max_size=10))
        word = word.filter(lambda text: "\0" not in text and text not in ("--help", "--debug"))
        words = list(path)
        for option in data.draw(st.lists(st.sampled_from(options), max_size=2), label="options") if options else []:
            flag = data.draw(st.sampled_from([*option.opts, *option.secondary_opts]))
            words += [flag] if option.is_flag or option.is_bool_flag else [flag, data.draw(word)]
        for option in options:
            if option.required and data.draw(st.booleans()):
                words += [option.opts[0], RIGHT.get(option.name, data.draw(word))]
        for argument in arguments:
            right = data.draw(st.booleans()) and argument.name in RIGHT
            if argument.required or data.draw(st.booleans()):
                words.append(RIGHT[argument.name] if right else data.draw(word))
        words += data.draw(st.lists(word, max_size=1))
        status, _, err = run(*words)
        check_words(status, err)

    type_words()


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_an_unknown_option_and_a_missing_argument(path):
    status, _, err = run(*path, "--no-such-option")
    assert status == 2 and "No such option" in err and "--no-such-option" in err
    if any(parameter.required for parameter in COMMANDS[path].params):
        status, _, err = run(*path)
        assert status == 2 and "Missing" in err and f"{' '.join(path)} --help" in err


@pytest.mark.parametrize("words", [("scor",), ("data", "stat"), ("--seed", "1"), ("--version-of-nothing",)])
def test_unknown_commands(words):
    status, _, err = run(*words)
    assert status == 2 and "No such" in err and "--help" in err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("score", "voneresnet50", "--seed", "1.5"), 2, "valid integer"),
        (("score", "voneresnet50", "--trials", "0"), 2, "greater than or equal to 1"),
        (("score", "voneresnet50", "--memory", "inf"), 2, "--memory"),
        (("score", "voneresnet50", "--device", "cuda:99"), 1, "nothing can be computed on the device 'cuda:99' here"),
        (("score", "voneresnet50", "--device", ""), 1, "nothing can be computed on the device ''"),
        (("score", "voneresnet50", "--output", "a folder.csv"), 1, "a folder.csv is a folder; name a file"),
        (
            ("score", "voneresnet50", "--images", "images", "--responses", "missing.npy"),
            1,
            "no responses at missing.npy",
        ),
        (("score", "voneresnet50", "--images", "missing", "--responses", "responses.npy"), 1, "no folder at missing"),
        (("score", "voneresnet50", "--images", "mine.py", "--responses", "responses.npy"), 1, "no folder at mine.py"),
        (("score", ""), 1, "unknown model ''"),
        (("score", "\udcff\udcfe"), 1, "unknown model '\\udcff\\udcfe'"),
        (("gabors", "voneresnet50", "--output", "missing/a.csv"), 1, "missing to write a.csv to; make it first"),
        (("report", "voneresnet50", "--output", "report.txt"), 1, "has not one of the suffixes"),
        (("submit", "voneresnet50", "--front-end", "--identifier", "ünïcode"), 1, "the identifier 'ünïcode'"),
        (("submit", "voneresnet50", "--layer", "IT"), 1, "give REGION=LAYER"),
        (("validate", "--in_path", "missing"), 1, "no folder at missing"),
        (("validate", "--in_path", "mine.py"), 1, "no folder at mine.py"),
        (("validate", "--in_path", "classes", "--mean", "a"), 1, "'a' is neither a number nor three"),
        (
            ("validate", "--in_path", "classes", "--model_arch", "mine:fails"),
            1,
            "mine:fails gives no network: KeyError",
        ),
        (("validate", "--in_path", "classes", "--classes", "images/image.png"), 1, "image.png holds no names"),
        (("validate", "--in_path", "classes", "--classes", "images"), 1, "Is a directory: 'images'"),
        (("evaluate", "--in_path", "classes", "--eps", "nan"), 1, "eps is nan"),
        (("evaluate-corruptions", "--in_path", "classes", "--types", "rain"), 1, "unknown corruptions rain"),
        (("data", "import", "images"), 1, "no file images to import"),
        (("data", "status", ""), 1, "unknown benchmark ''"),
    ],
)
def test_mistakes_are_named(words, status, said):
    found, _, err = run(*words)
    check_words(found, err)
    assert (found, said in err) == (status, True), err


@pytest.mark.parametrize(
    "words",
    [
        ("score", "voneresnet50", "--figure", "locked/a.png"),
        ("gabors", "voneresnet50", "--output", "locked/a.csv"),
        ("report", "voneresnet50", "--output", "locked/a.html"),
        ("submit", "voneresnet50", "--front-end", "--identifier", "mine_x", "--no-check", "--output", "locked/a.zip"),
    ],
    ids=" ".join,
)
def test_a_folder_that_may_not_be_written_to_is_named_before_the_work(words):
    Path("locked").mkdir(mode=0o555, exist_ok=True)
    user = os.getuid()
    try:
        if user == 0:  # who may write everywhere
            os.setreuid(65534, -1)
        status, _, err = run(*words)
    finally:
        os.setreuid(user, -1)
    assert status == 1 and "locked cannot be written to; name another" in err


@pytest.mark.parametrize("place", range(4))
def test_debug_shows_the_traceback_wherever_it_stands(place):
    words = ["score", "no such", "V1-properties"]
    with pytest.raises(ValueError, match="unknown model 'no such'"):
        run(*words[:place], "--debug", *words[place:])


def test_a_defect_of_ours_says_so(monkeypatch):
    monkeypatch.setattr("vonenet_brainscore.scoring.score_model", lambda *_, **__: {}["neuroid"])
    status, _, err = run("score", "voneresnet50")
    assert status == 70 and "Traceback" not in err
    assert "a defect of vonenet_brainscore, KeyError: 'neuroid'" in err and "--debug" in err
    with pytest.raises(KeyError):
        run("score", "voneresnet50", "--debug")


def test_an_error_without_words_is_named(monkeypatch):
    monkeypatch.setattr("vonenet_brainscore.scoring.score_model", stop_without_words)
    assert run("score", "voneresnet50")[::2] == (1, "error: ValueError\n")


def stop_without_words(*_, **__):
    raise ValueError


PROCESS = """
import os, signal, sys
from vonenet_brainscore import registration
from vonenet_brainscore.cli import main, submission
{patch}
main.main()
"""


def process(*words, patch="", **options):
    command = [sys.executable, "-c", PROCESS.format(patch=patch), *words]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=120, **options)


def test_a_mistake_in_a_process_of_its_own():
    found = process("data", "status", "no such", stdout=subprocess.PIPE)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("error: unknown benchmark 'no such'") and "Traceback" not in found.stderr
    found = process("data", "status", "no such", "--debug", stdout=subprocess.PIPE)
    assert found.returncode == 1 and "Traceback" in found.stderr


def test_control_c_is_silent():
    # The signal's own handling first: a process that a shell starts in the background ignores it.
    patch = (
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "registration.unregister = lambda: os.kill(os.getpid(), signal.SIGINT)"
    )
    found = process("unregister", patch=patch, stdout=subprocess.PIPE)
    assert (found.returncode, found.stdout, found.stderr.strip()) == (130, "", "")


SAYS = "registration.unregister = lambda: False"


def test_a_reader_that_leaves_early():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        found = process("unregister", patch=SAYS, stdout=writing)
    finally:
        os.close(writing)
    assert (found.returncode, found.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_the_output():
    with Path("/dev/full").open("w") as full:
        found = process("unregister", patch=SAYS, stdout=full)
    assert (found.returncode, found.stderr) == (1, "error: [Errno 28] No space left on device\n")


def test_a_terminal_without_the_letters():
    patch = f"{SAYS}\nsay = submission.say\nsubmission.say = lambda *_: say('0 – 1 ± 2')"
    found = process("unregister", patch=patch, stdout=subprocess.PIPE, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert (found.returncode, found.stdout) == (0, "0 \\u2013 1 \\xb1 2\n")
