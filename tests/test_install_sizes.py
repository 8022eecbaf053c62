"""The table of what an installation weighs: made metadata, a plain count, and the environment that is here."""

import re
import runpy
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "tests" / "benchmarks" / "install_sizes.py"
MADE = {
    "vonenet_brainscore": ["A_one", "b[fast]", "c; python_version < '3'", "d; extra == 'more'"],
    "a-one": ["shared", "only.of_a"],
    "b": ["shared", "quick; extra == 'fast'", "slow; extra == 'slow'"],
    "only-of-a": ["a-one"],  # a circle
    "shared": ["elsewhere"],  # is not installed
    "quick": [],
}


@pytest.fixture
def script(monkeypatch):
    names = runpy.run_path(str(SCRIPT))
    for function in ("direct_requirements", "needed_by", "megabytes", "rows"):
        monkeypatch.setitem(names[function].__globals__, "requires", made_requires)
    return names


def made_requires(name):
    if name not in MADE:
        raise PackageNotFoundError(name)
    return MADE[name]


def test_what_each_brings(script):
    direct = script["direct_requirements"]()
    assert [each.name for each in direct] == ["A_one", "b"]
    assert script["needed_by"](direct) == {"a-one", "only-of-a", "shared", "b", "quick"}
    assert script["needed_by"]([Requirement("b")]) == {"b", "shared"}


def test_rows_are_in_megabytes_and_say_what_no_other_needs(script, monkeypatch):
    sizes = {"a-one": 1, "only-of-a": 2, "shared": 4, "b": 8, "quick": 16}

    def megabytes(names):
        return sum(sizes[re.sub("_", "-", name).lower()] for name in names)

    monkeypatch.setitem(script["rows"].__globals__, "megabytes", megabytes)
    assert script["rows"]() == [("b", 8, 28, 24), ("A_one", 1, 7, 3)]


def test_files_are_counted_once():
    script = runpy.run_path(str(SCRIPT))
    paths = [Path(file.locate()) for file in distribution("tqdm").files]
    total = sum(path.stat().st_size for path in paths if path.is_file())
    assert script["megabytes"](["tqdm", "tqdm"]) == total / 1e6 > 0


def test_the_environment_here_has_every_dependency_of_setup_py():
    script = runpy.run_path(str(SCRIPT))
    asked = re.findall(r'^        "([\w-]+)[^"]*",$', (ROOT / "setup.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert [each.name for each in script["direct_requirements"]()] == asked
    text = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name in re.findall(r"^\| ([\w-]+) \| [\d.]+ \|", text, re.MULTILINE):
        assert name in asked
