"""README's examples run as written, and what it names exists."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from vonenet_brainscore import MODELS
from vonenet_brainscore.primates.primate_v1 import V1_PROPERTIES

README = Path(__file__).parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_python_examples_run(tmp_path, monkeypatch):
    monkeypatch.setenv("RESULTCACHING_HOME", str(tmp_path))
    names = {}
    for code in blocks("python"):
        exec(code, names)
    assert 0.5 < float(names["score"]) < 1.1 and float(names["other_seed"]) != float(names["score"])
    assert names["responses"].shape == (1, 512 * 56 * 56) and 0 < names["simple"].sum() == 256 * 56 * 56


@pytest.mark.parametrize("line", [line for block in blocks("bash") for line in block.splitlines()])
def test_commands_exist(line):
    for command in re.findall(r"vonenet-brainscore ([a-z-]+(?: (?:fetch|import|status))?)", line):
        words = [word for word in command.split() if not word.startswith("voneresnet")]
        code = "from vonenet_brainscore.cli.main import main; main()"
        shown = subprocess.run([sys.executable, "-c", code, *words, "--help"], capture_output=True, text=True)
        assert shown.returncode == 0
        for option in re.findall(r"--[a-z-]+", line):
            assert option in shown.stdout


def test_tables_and_links_name_what_there_is():
    for name, row in MODELS.items():
        assert f"| `{name}` |" in TEXT and f"`{row.brainscore_identifier}`" in TEXT and f"`{row.checkpoint}`" in TEXT
    for identifier in V1_PROPERTIES:
        assert f"| {identifier} |" in TEXT
    for target in re.findall(r"\]\((?!http)([^)]+)\)", TEXT):
        assert (README.parent / target).exists()


def test_the_tree_is_there():
    tree = blocks("")[0]
    for folder in re.findall(r"── (\w+)/", tree):
        assert (README.parent / "vonenet_brainscore" / folder).is_dir()
    for module in re.findall(r"(\w+\.py)", tree):
        assert (README.parent / "vonenet_brainscore" / module).is_file()
