"""README's examples run as written, and what it names exists."""

import re
import runpy
import shlex
from functools import partialmethod
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision_here import needs_timm
from tqdm import tqdm
from typer.main import get_command

from vonenet_brainscore import MODELS
from vonenet_brainscore.benchmarks.names import benchmark_identifiers
from vonenet_brainscore.cli.main import app

README = Path(__file__).parent.parent / "README.md"
PACKAGE = README.parent / "vonenet_brainscore"
TEXT = README.read_text(encoding="utf-8")


def blocks(language):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    return [text for named, text in found if named == language]


def write_own_recordings(folder):
    """Forty images, and two presentations of each to three neurons."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    rows = ["stimulus,repetition,n0,n1,n2"]
    for index in range(40):
        pixels = rng.integers(0, 256, (32, 32), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"im{index:02d}.png")
        rows += [f"im{index:02d},{trial},{','.join(map(str, rng.poisson(pixels[:3, 0] / 9)))}" for trial in (1, 2)]
    (folder / "counts.csv").write_text("\n".join(rows) + "\n")


@needs_timm
def test_the_python_examples_run(tmp_path, monkeypatch):
    monkeypatch.setenv("RESULTCACHING_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    write_own_recordings(tmp_path)
    names = {}
    for code in blocks("python"):
        exec(code, names)
    assert 0.5 < float(names["score"]) < 1.1 and float(names["other_seed"]) != float(names["score"])
    assert names["responses"].shape == (1, 512 * 56 * 56) and names["simple"].shape == (1, 256 * 56 * 56)
    expected = names["responses"].values.reshape(512, 56, 56)[5]  # the row comes first
    np.testing.assert_array_equal(names["feature_map"], expected)
    np.testing.assert_array_equal(names["one_channel"], names["layer"].values[:, 5 * 28 * 28 : 6 * 28 * 28])
    assert list(names["r"]["neuroid_id"].values) == ["n0", "n1", "n2"]
    assert names["own_score"].raw.values == pytest.approx(names["own_score"].raw.raw.median("neuroid").mean().item())
    centre = names["orientation"]["orientation_tuning_trials"].mean("trial")
    np.testing.assert_allclose(names["orientation"]["orientation_tuning_mean"], centre)


def command_of(words):
    """The command that words begin with, and what follows it."""
    command = get_command(app)
    words = list(words)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    return command, words


QUOTED = re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", re.sub(r"^```.*?^```$", "", TEXT, flags=re.DOTALL | re.MULTILINE))
COMMAND_LINES = [
    shlex.split(line.partition("vonenet-brainscore ")[2])
    for line in (*TEXT.splitlines(), *QUOTED)
    if re.match(r"(python3.11 .*/)?vonenet-brainscore ", line)
]


@pytest.mark.parametrize("words", COMMAND_LINES, ids=" ".join)
def test_command_lines_can_be_read(words):
    command, words = command_of(words)
    command.make_context(command.name, words)  # parses every argument, and runs nothing


class Reached(Exception):
    """The function that a command is for was called."""


def reached(*args, **kwargs):
    raise Reached


@pytest.mark.parametrize(
    "words", [words for words in COMMAND_LINES if words[0] in ("score", "compare", "partition")], ids=" ".join
)
def test_commands_that_score_have_all_that_they_need(words, monkeypatch):
    """Some options are required together, which parsing does not show."""
    monkeypatch.setattr("vonenet_brainscore.own_recordings.neural_benchmark.neural_benchmark", reached)
    for function in ("scoring.score_model", "comparison.compare_models", "variance_partition.partition_variance"):
        monkeypatch.setattr(f"vonenet_brainscore.{function}", reached)
    command, words = command_of(words)
    with pytest.raises(Reached):
        command.main(words, standalone_mode=False)


def test_commands_and_flags_in_the_text_exist():
    commands = [get_command(app), *get_command(app).commands.values()]
    options = [option for command in commands for option in command.params]
    known = {flag for option in options for flag in (*option.opts, *option.secondary_opts)}
    named = {word for text in QUOTED for word in text.split() if word.startswith("--")}
    assert len(named) > 8 and named - known == {
        "--help",
        "--nthreads",
        *("--settings", "--only"),
        *("--sizes", "--shares"),
    }  # every command's, Dask's, and those of tests/benchmarks: surround.py and neural_predictivity.py


def test_tables_and_links_name_what_there_is():
    for name, row in MODELS.items():
        assert f"| `{name}` |" in TEXT and f"`{row.brainscore_identifier}`" in TEXT
        assert not row.checkpoint or f"`{row.checkpoint}`" in TEXT
    for identifier in benchmark_identifiers("V1-properties"):
        assert f"| {identifier} |" in TEXT
    headings = {f"#{text.lower().replace(' ', '-')}" for text in re.findall(r"^## (.+)$", TEXT, re.MULTILINE)}
    for target in re.findall(r"\]\((?!http)([^)]+)\)", TEXT):
        assert target in headings if target.startswith("#") else (README.parent / target).exists()


def test_gallery_shows_what_the_notebooks_made():
    script = runpy.run_path(str(README.parent / ".ci" / "gallery"))
    for name, (notebook, index) in script["GALLERY"].items():
        assert f"(notebooks/pictures/{name}.png)](notebooks/{notebook}.ipynb)" in TEXT
        picture = README.parent / "notebooks" / "pictures" / f"{name}.png"
        assert picture.read_bytes() == script["pictures_of"](notebook)[index], "renew it with .ci/gallery"


def test_the_tree_is_there():
    (tree,) = blocks("")
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert set(re.findall(r"── (\w+)/", tree)) == folders
    for module in re.findall(r"(\w+\.py)", tree):
        assert (PACKAGE / module).is_file()


def test_coverage_of_brainscores_benchmarks_is_what_the_script_finds(monkeypatch):
    monkeypatch.setattr("tqdm.tqdm.__init__", partialmethod(tqdm.__init__, disable=True))
    script = runpy.run_path(str(README.parent / "tests" / "benchmarks" / "benchmark_coverage.py"))
    rows = list(script["coverage"]())
    assert {row[0] for row in rows} == set(script["neural_benchmarks"]())
    for line in script["table"](rows):
        assert line in TEXT, "renew the table with tests/benchmarks/benchmark_coverage.py --markdown"
