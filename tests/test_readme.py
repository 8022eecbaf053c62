"""README's examples run as written, and what it names exists."""

import re
import runpy
import shlex
from functools import partialmethod
from pathlib import Path

import pytest
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


def test_the_python_examples_run(tmp_path, monkeypatch):
    monkeypatch.setenv("RESULTCACHING_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in blocks("python"):
        exec(code, names)
    assert 0.5 < float(names["score"]) < 1.1 and float(names["other_seed"]) != float(names["score"])
    assert names["responses"].shape == (1, 512 * 56 * 56) and 0 < names["simple"].sum() == 256 * 56 * 56


def command_of(words):
    """The command that words begin with, and what follows it."""
    command = get_command(app)
    words = list(words)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    return command, words


COMMAND_LINES = [
    shlex.split(line.partition("vonenet-brainscore ")[2])
    for line in TEXT.splitlines()
    if re.match(r"(python3.11 .*/)?vonenet-brainscore ", line)
]


@pytest.mark.parametrize("words", COMMAND_LINES, ids=" ".join)
def test_command_lines_can_be_read(words):
    command, words = command_of(words)
    command.make_context(command.name, words)  # parses every argument, and runs nothing


def test_commands_and_flags_in_the_text_exist():
    quoted = re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", re.sub(r"^```.*?^```$", "", TEXT, flags=re.DOTALL | re.MULTILINE))
    for text in quoted:
        if text.startswith("vonenet-brainscore "):
            command_of(text.split()[1:])
    commands = [get_command(app), *get_command(app).commands.values()]
    known = {flag for command in commands for option in command.params for flag in option.opts}
    named = {word for text in quoted for word in text.split() if word.startswith("--")}
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
