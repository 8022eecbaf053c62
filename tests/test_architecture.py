"""The picture of the package: its floors, which may import which, and what importing it costs."""

import ast
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import vonenet_brainscore
from vonenet_brainscore import plots

ROOT = Path(vonenet_brainscore.__file__).parent
# The house, from the ground up: a room may import itself, its neighbours on the same floor and every floor below.
# Between neighbours no circle may form.
FLOORS = (
    ("version", "lazy_names", "arguments", "files", "progress", "brainscore"),  # needed everywhere
    ("models",),  # image -> V1 -> logits
    ("stimuli",),  # what the subject sees
    ("recordings",),  # a model as an experimental subject
    ("tuning",),  # grating experiments and what they measure
    ("primates",),  # published measurements of macaque V1
    ("gabors",),  # a filter bank's parameters against the primates'
    ("own_recordings",),  # a laboratory's own responses as a benchmark
    ("benchmarks",),  # what a subject is scored on
    ("classification",),  # labelled images, classifiers and their accuracy
    ("robustness",),  # attacks and corruptions
    ("training",),
    ("kept_scores", "seeds", "provenance", "results", "score_display"),  # what is kept and told of a score
    ("scoring", "layer_choice", "physiology", "comparison", "variance_partition", "correlations", "registration"),
    ("plots",),
    ("submission", "sweep"),
    ("report",),
    ("cli",),
    ("__init__", "__main__"),
)
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
HEAVY = ("torch", "brainscore_vision", "brainscore_core", "torchvision", "matplotlib", "xarray", "pandas", "numpy")


def module_files() -> dict[str, Path]:
    """Every module of the package, by its dotted name below it; `__init__` is the package itself."""
    files = {}
    for path in sorted(ROOT.rglob("*.py")):
        *folders, name = path.relative_to(ROOT).with_suffix("").parts
        files[".".join(folders if folders and name == "__init__" else [*folders, name])] = path
    return files


def imports_of(name: str, files: dict[str, Path]):
    """Modules of ours that a module imports anywhere in it, in functions and for type checkers too."""
    path = files[name]
    package = list(path.relative_to(ROOT).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            source = [*package[: len(package) - node.level + 1], *(node.module.split(".") if node.module else [])]
            for alias in node.names:
                inner = ".".join([*source, alias.name])
                yield inner if inner in files else ".".join(source) or "__init__"
        elif isinstance(node, ast.ImportFrom | ast.Import):
            named = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            if any(each.split(".")[0] == "vonenet_brainscore" for each in named):
                pytest.fail(f"{path} imports the package by its name; a carried copy would import the wrong one")


def test_every_room_has_a_floor():
    assert {name.split(".")[0] for name in module_files()} == set(FLOOR)


def test_no_import_runs_up():
    files = module_files()
    for name in files:
        if name == "__init__":  # the public names, looked up in every room
            continue
        for imported in imports_of(name, files):
            room, other = name.split(".")[0], imported.split(".")[0]
            assert FLOOR[other] <= FLOOR[room], f"{name} imports {imported}, which is on a higher floor"


def test_no_circle():
    files = module_files()
    needs = {name: set(imports_of(name, files)) - {name} for name in files if name != "__init__"}
    while needs:
        free = {name for name, others in needs.items() if not others & needs.keys()}
        assert free, f"these import each other in a circle, or something that does: {sorted(needs)}"
        needs = {name: others for name, others in needs.items() if name not in free}


def test_nothing_is_a_program_but_the_command_line():
    for name, path in module_files().items():
        assert name == "__main__" or '__name__ == "__main__"' not in path.read_text(encoding="utf-8"), name


def test_folders_are_one_level_deep_and_nothing_is_a_grab_bag():
    for path in ROOT.rglob("*.py"):
        assert len(path.relative_to(ROOT).parts) <= 2
        assert path.stem not in {"utils", "helpers", "common", "misc", "base", "manager"}
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, f"{path} has two jobs"


def test_warnings_that_our_modules_cause_are_errors():
    for name in ("vonenet_brainscore", "vonenet_brainscore.models.vone_block"):
        with pytest.raises(UserWarning, match="made up"):
            warnings.warn_explicit("made up", UserWarning, "made_up.py", 1, module=name)
    assert shown("made up", UserWarning, "another.vonenet_brainscore") == ["made up"]


def test_what_a_library_is_about_to_change_is_an_error_whichever_line_it_points_at():
    for kind in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
        for library in ("torch.functional", "pandas.core.frame", "numpy.lib", "xarray.core.concat"):
            with pytest.raises(kind, match="made up"):
                warnings.warn_explicit("made up", kind, "made_up.py", 1, module=library)
    for text in ("made up\nand is Deprecated", "made up, in an upcoming release", "made up in a future release"):
        with pytest.raises(UserWarning, match="made up"):  # torch's are of no kind of their own
            warnings.warn_explicit(text, UserWarning, "made_up.py", 1, module="torch.functional")
    known = "unique with argument that is not not a Series, Index"
    assert shown(known, FutureWarning, "xarray.core.concat") == []
    with pytest.raises(FutureWarning, match="unique"):
        shown(known, FutureWarning, "vonenet_brainscore.results")


def shown(text, kind, module):
    """What is shown of a warning that comes from a module."""
    with warnings.catch_warnings(record=True) as seen:  # with the filters of .pytest.ini as they are
        warnings.warn_explicit(text, kind, "made_up.py", 1, module=module)
    return [str(each.message) for each in seen]


def loaded_after(statement):
    code = f"import sys; {statement}; print([name for name in {HEAVY!r} if name in sys.modules])"
    return ast.literal_eval(subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()[-1])


def test_importing_the_package_loads_nothing():
    assert loaded_after("import vonenet_brainscore") == []


def test_the_command_lines_help_loads_nothing():  # which is what keeps it within a second
    assert loaded_after("from vonenet_brainscore.cli.main import app; app(['--help'], standalone_mode=False)") == []


def test_models_run_without_brainscore():
    assert set(loaded_after("from vonenet_brainscore import get_model; get_model(None)")) == {"torch", "numpy"}


def test_what_one_job_needs_is_imported_in_its_functions():
    """Sweeps, reports, pictures and extras: nobody else waits for their libraries, or has to have the extras."""
    one_job = {"distributed", "dask", "dask_jobqueue", "jinja2", "matplotlib", "IPython", "timm", "torchvision"}
    one_job |= {"pynwb", "pyarrow", "lightning_fabric", "tensorboard", "imagecorruptions_imaug", "art", "foolbox"}
    seen = set()
    for name, path in module_files().items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        everywhere = {found for node in ast.walk(tree) for found in outside_imports(node)}
        at_once = {found for node in tree.body for found in outside_imports(node)}
        assert not at_once & one_job, f"{name} imports {at_once & one_job} whenever it is imported"
        seen |= everywhere & one_job
    assert {"distributed", "jinja2", "matplotlib", "timm"} <= seen


def outside_imports(node):
    """Top names of the other packages that one statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    return [node.module.split(".")[0]] if isinstance(node, ast.ImportFrom) and not node.level else []


@pytest.mark.parametrize("package", [vonenet_brainscore, plots])
def test_every_public_name_is_there(package):
    for name in package.__all__:
        assert getattr(package, name) is not None
        assert name in dir(package)
    name = package.__all__[0]
    with pytest.raises(AttributeError, match=f"'{package.__name__}' has no attribute '{name}_'; nearest: {name}"):
        getattr(package, f"{name}_")


@pytest.mark.parametrize("package", [vonenet_brainscore, plots])
def test_type_checkers_see_the_same_public_names(package):
    tree = ast.parse(Path(package.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and node.test.id == "TYPE_CHECKING")
    seen = {alias.name: node.module or alias.name for node in block.body for alias in node.names}
    assert seen == package._PUBLIC


def test_notebooks_and_readme_import_the_public_names_only():
    top = ROOT.parent
    imports = [
        found
        for path in (top / "README.md", *top.glob("notebooks/*.ipynb"))
        for found in re.findall(r"(?:from|import) (vonenet_brainscore[\w.]*)", path.read_text(encoding="utf-8"))
    ]
    assert len(imports) > 5 and set(imports) == {"vonenet_brainscore"}
