"""The installed Brain-Score's plugins are found as it finds them, and its code leaves no trace."""

import os

import numpy as np
import pytest

from vonenet_brainscore.brainscore import (
    environment,
    plugin_folder,
    registrations,
    seeded_global_generator,
    without_pip,
)


def test_registrations_are_those_that_brainscore_locates(monkeypatch):
    monkeypatch.setenv("BS_INSTALL_DEPENDENCIES", "no")
    from brainscore_vision import ImportPlugin

    for identifier, plugins in registrations("benchmark").items():
        assert [ImportPlugin("brainscore_vision", "benchmarks", identifier).locate_plugin()] == plugins


def test_registrations_reads_assignments_only(tmp_path):
    for folder, text in {
        "one": "benchmark_registry['a.V1-pls'] = A\nbenchmark_registry[\"b\"] = \\\n    B\n",
        "two": "# benchmark_registry['commented'] = C\nbenchmark_registry[f'{x}'] = D\nbenchmark_registry['b'] = E\n",
        "_hidden": "benchmark_registry['hidden'] = F\n",
    }.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text(text)
    assert registrations("benchmark", tmp_path) == {"a.V1-pls": ["one"], "b": ["one", "two"]}


def test_plugin_folder_is_inside_the_package():
    assert (plugin_folder("model") / "alexnet" / "__init__.py").is_file()


def test_the_environment_is_put_back_also_after_an_error(monkeypatch):
    monkeypatch.setenv("PRESENT", "before")
    monkeypatch.delenv("ABSENT", raising=False)
    with pytest.raises(RuntimeError), environment(PRESENT="meanwhile", ABSENT="meanwhile"):
        assert os.environ["PRESENT"] == os.environ["ABSENT"] == "meanwhile"
        raise RuntimeError
    assert os.environ["PRESENT"] == "before" and "ABSENT" not in os.environ


def test_pip_is_off_unless_the_user_has_it_on(monkeypatch):
    monkeypatch.delenv("BS_INSTALL_DEPENDENCIES", raising=False)
    with without_pip():
        assert os.environ["BS_INSTALL_DEPENDENCIES"] == "no"
    assert "BS_INSTALL_DEPENDENCIES" not in os.environ
    monkeypatch.setenv("BS_INSTALL_DEPENDENCIES", "yes")
    with without_pip():
        assert os.environ["BS_INSTALL_DEPENDENCIES"] == "yes"


def test_the_global_generator_is_seeded_and_its_state_put_back():
    np.random.seed(1)  # noqa: NPY002
    expected = np.random.random(2)  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    first = np.random.random()  # noqa: NPY002
    with seeded_global_generator(0):
        drawn = np.random.random()  # noqa: NPY002
    assert [first, np.random.random()] == expected.tolist()  # noqa: NPY002
    assert drawn == np.random.RandomState(0).random_sample()
