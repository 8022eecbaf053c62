"""`doctor` says what is here, what is missing and how to get it, and fails only where scoring V1 would."""

import sys
from importlib.metadata import PackageNotFoundError

import pytest

from vonenet_brainscore import MODELS
from vonenet_brainscore.cli import doctor as module


@pytest.fixture
def said(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("VONENET_HOME", str(tmp_path / "weights"))
    monkeypatch.setenv("BRAINIO_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("RESULTCACHING_HOME", str(tmp_path / "scores"))
    monkeypatch.setattr(module, "_measurement", lambda: iter(["measured: 1 GFLOP/s"]))

    def said():
        module.doctor()
        return " ".join(capsys.readouterr().out.split())

    return said


def test_what_is_here_and_what_is_missing(said, tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / MODELS["vonealexnet"].checkpoint).write_bytes(b"0" * 2_500_000)
    words = said()
    assert f"{tmp_path}/weights 2.5 MB" in words and f"{tmp_path}/data not there" in words
    assert "vonealexnet weights here" in words and "voneresnet50 weights missing downloaded at first use" in words
    assert "vonenet-brainscore data fetch movshon.FreemanZiemba2013-v1" in words
    assert "measured: 1 GFLOP/s no problem found" in words


def test_what_is_not_installed(said, monkeypatch):
    version = module.version

    def some(name):
        if name in ("timm", "scipy"):
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(module, "version", some)
    monkeypatch.setitem(sys.modules, "torchvision", None)  # an import of it fails
    with pytest.raises(RuntimeError, match="scipy is not installed; install this package again"):
        said()


def test_notes_on_packages(monkeypatch):
    problems = []
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setattr(module, "version", lambda name: "1.0")
    assert "does not import beside this torch" in module._package("torchvision", problems)[1] and not problems

    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(module, "version", absent)
    assert module._package("timm", problems)[1] == "not installed: pip install '.[backends]'" and not problems
    module._package("scipy", problems)
    assert problems == ["scipy is not installed; install this package again: pip install ."]


def test_a_block_that_does_not_run_is_a_problem(said, monkeypatch):
    def broken():
        raise RuntimeError("no convolution")
        yield

    monkeypatch.setattr(module, "_measurement", broken)
    with pytest.raises(RuntimeError, match="the VOneBlock does not run: RuntimeError: no convolution"):
        said()


def test_the_measurement_is_of_this_machine():
    (line,) = module._measurement()
    numbers = [float(word) for word in line.replace("(", " ").split() if word.replace(".", "").isdecimal()]
    assert len(numbers) == 2 and min(numbers) > 0
