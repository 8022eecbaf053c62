"""The picture of the package: which folder may import which, and what importing it costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import vonenet_brainscore

ROOT = Path(vonenet_brainscore.__file__).parent
# Imports follow the flow and never turn back: a folder may import itself and those before it.
FLOW = ["brainscore", "files", "models", "stimuli", "recordings", "benchmarks", "robustness", "training"]
# Modules of the first level stand after the folders, and read them.
HEAVY = ("torch", "brainscore_vision", "brainscore_core", "torchvision", "matplotlib", "pandas", "numpy")


def imports_of(module: Path):
    """First-level names of ours that a module imports, anywhere in it but where it is run as a program."""
    depth_of_folder = len(module.relative_to(ROOT).parts) - 1
    tree = ast.parse(module.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if not (isinstance(node, ast.If) and "__main__" in ast.unparse(node.test))]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            if node.level == depth_of_folder + 1:
                yield from [(node.module or alias.name).split(".")[0] for alias in node.names]
            elif node.level == depth_of_folder:
                yield module.parent.name
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "vonenet_brainscore":
            pytest.fail(f"{module} imports the package by its name; a carried copy would import the wrong one")


@pytest.mark.parametrize("folder", FLOW[2:])
def test_imports_follow_the_flow(folder):
    allowed = FLOW[: FLOW.index(folder) + 1]
    for module in (ROOT / folder).glob("*.py"):
        for imported in imports_of(module):
            assert imported in allowed, f"{module.relative_to(ROOT)} imports {imported}, which comes after {folder}"


def test_models_import_nothing_of_ours():
    for module in (ROOT / "models").glob("*.py"):
        assert set(imports_of(module)) <= {"models"}


def test_folders_are_one_level_deep_and_nothing_is_a_grab_bag():
    for path in ROOT.rglob("*.py"):
        assert len(path.relative_to(ROOT).parts) <= 2
        assert path.stem not in {"utils", "helpers", "common", "misc", "base", "manager"}
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, f"{path} has two jobs"


def loaded_after(statement):
    code = f"import sys; {statement}; print([name for name in {HEAVY!r} if name in sys.modules])"
    return ast.literal_eval(subprocess.check_output([sys.executable, "-c", code], text=True))


def test_importing_the_package_loads_nothing():
    assert loaded_after("import vonenet_brainscore") == []


def test_the_command_lines_help_loads_nothing():
    assert loaded_after("import vonenet_brainscore.cli.main") == []


def test_models_run_without_brainscore():
    assert set(loaded_after("from vonenet_brainscore import get_model; get_model(None)")) == {"torch", "numpy"}


def test_every_public_name_is_there():
    for name in vonenet_brainscore.__all__:
        assert getattr(vonenet_brainscore, name) is not None
        assert name in dir(vonenet_brainscore)
    with pytest.raises(AttributeError, match="no attribute 'score_mode'; have"):
        _ = vonenet_brainscore.score_mode
