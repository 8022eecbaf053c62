"""Models in the installed Brain-Score: found once, loaded in a fresh process, removed without a trace."""

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from vonenet_brainscore import registration
from vonenet_brainscore.brainscore import plugin_folder
from vonenet_brainscore.models.registry import MODELS
from vonenet_brainscore.registration import PLUGIN, register, unregister

IDENTIFIERS = [row.brainscore_identifier for row in MODELS.values()]


@pytest.fixture
def package(tmp_path):
    """The installed brainscore_vision as a tree of links in which only the models folder is real."""
    installed = plugin_folder("model").parent
    package = tmp_path / "site" / "brainscore_vision"
    (package / "models").mkdir(parents=True)
    for entry in installed.iterdir():
        if entry.name not in ("models", "__pycache__"):
            (package / entry.name).symlink_to(entry)
    for entry in (installed / "models").iterdir():
        (package / "models" / entry.name).symlink_to(entry)
    return package


@pytest.fixture
def target(package):
    return package / "models"


def located(target, identifier):
    """The plugin folder that Brain-Score's own search finds in `target`."""
    from brainscore_core.plugin_management.import_plugin import ImportPlugin

    search = object.__new__(ImportPlugin)  # __init__ would look in the installed package
    search.plugins_dir, search.registry_name, search.identifier = target, "model_registry", identifier
    return search.locate_plugin()


def in_fresh_process(package, code):
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(package.parent), str(Path(registration.__file__).parents[1])]),
        "BS_INSTALL_DEPENDENCIES": "yes",  # the plugin brings nothing to install
        "PYTHONWARNINGS": "ignore",
        "VONENET_HOME": str(package.parent / "no-checkpoints"),
    }
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout


def listing(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*"))


def test_brainscore_locates_each_model_once(target):
    register(target)
    assert [located(target, identifier) for identifier in IDENTIFIERS] == [PLUGIN] * len(MODELS)
    assert located(target, "vonealexnet") == "vonealexnet"  # Brain-Score's own stays reachable


def test_brainscore_loads_each_model_in_a_fresh_process(package, target):
    register(target)
    code = (
        "import brainscore_vision\n"
        "from brainscore_vision.models.vonenet_brainscore import test as plugins_own_test\n"
        f"for identifier in {IDENTIFIERS}:\n"
        "    model = brainscore_vision.load_model(identifier)\n"
        "    print(identifier, model.identifier, model.visual_degrees())\n"
        "    plugins_own_test.test_visual_degrees(identifier)\n"
        "print(brainscore_vision.__file__)\n"
        "print('dapello2020' in brainscore_vision.load_model_bibtex('voneresnet50'))\n"
    )
    *models, origin, bibtex = in_fresh_process(package, code).splitlines()
    assert [line.split()[0] for line in models] == IDENTIFIERS
    assert all(line.split()[1] for line in models)
    assert {float(line.split()[2]) for line in models} == {8}
    assert origin == str(package / "__init__.py")
    assert bibtex == "True"


def test_nothing_is_there_to_be_installed(target):
    assert {path.name for path in register(target).iterdir()} == {
        "__init__.py",
        "model.py",
        "test.py",
        "registered_by.json",
    }


def test_registering_twice_changes_nothing(target):
    folder = register(target)
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]}
    assert register(target) == folder
    assert {path: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]} == before


def test_another_versions_registration_is_replaced(target):
    folder = register(target)
    fresh = (folder / "__init__.py").read_text()
    (folder / "__init__.py").write_text("# of an earlier version\n")
    (folder / "left_over.py").write_text("")
    register(target)
    assert (folder / "__init__.py").read_text() == fresh
    assert not (folder / "left_over.py").exists()
    assert [path.name for path in target.glob(".*")] == []


def test_unregister_leaves_no_trace(package, target):
    before = listing(target)
    register(target)
    in_fresh_process(package, "import brainscore_vision.models.vonenet_brainscore")
    (target / ".vonenet_brainscore-crashed").mkdir()  # what a killed process would leave
    assert unregister(target) is True
    assert listing(target) == before
    assert unregister(target) is False
    with pytest.raises(AssertionError, match="No registrations found"):
        located(target, "voneresnet50")


@pytest.mark.parametrize("act", [register, unregister])
@pytest.mark.parametrize("kind", ["partly written", "link"])
def test_a_folder_that_is_not_ours_is_left_alone(target, tmp_path, act, kind):
    folder = target / PLUGIN
    if kind == "link":
        folder.symlink_to(tmp_path)
    else:
        folder.mkdir()
        (folder / "__init__.py").write_text("half of it")
    with pytest.raises(FileExistsError, match="did not write it, or not to the end"):
        act(target)
    assert folder.is_symlink() or [path.name for path in folder.iterdir()] == ["__init__.py"]


def test_an_identifier_taken_by_another_plugin_is_refused(target):
    (target / "other").mkdir()
    (target / "other" / "__init__.py").write_text("model_registry['vonecornets'] = None\n")
    with pytest.raises(ValueError, match="other registers 'vonecornets' already"):
        register(target)
    assert not (target / PLUGIN).exists()


def test_a_target_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere of Brain-Score model plugins"):
        register(tmp_path / "nowhere")


def test_a_failed_write_leaves_nothing(target, monkeypatch):
    before = listing(target)

    def no_room(path, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", no_room)
    with pytest.raises(OSError, match="No space left"):
        register(target)
    assert listing(target) == before


@pytest.mark.parametrize("act", [register, unregister])
def test_a_read_only_target_is_refused(act):
    # Not under tmp_path, whose parents only its owner may enter: the child below is not its owner.
    target = Path(tempfile.mkdtemp(prefix="models-"))
    try:
        if act is unregister:
            register(target)
        target.chmod(0o555)
        assert as_unprivileged(act, target) == (
            f"PermissionError: can't change {target} (Permission denied): Brain-Score finds models only there, so use "
            "an environment that you may write to, or have its owner do this"
        )
    finally:
        target.chmod(0o755)
        shutil.rmtree(target)


def as_unprivileged(act, target):
    """The error of an action in a child process that chmod does stop, which it does not root."""

    def child(pipe):
        if os.getuid() == 0:
            os.setuid(65534)  # nobody
        try:
            act(target)
            pipe.send("no error")
        except Exception as error:
            pipe.send(f"{type(error).__name__}: {error}")

    receiving, sending = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=child, args=(sending,))
    process.start()
    assert receiving.poll(30), "the child sent nothing"
    process.join()
    return receiving.recv()
