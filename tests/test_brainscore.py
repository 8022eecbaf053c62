"""The installed Brain-Score: its plugins are found, its code leaves no trace, and the names relied on exist."""

import importlib
import inspect
import os
from importlib.metadata import version

import numpy as np
import pytest

from vonenet_brainscore.brainscore import (
    environment,
    plugin_folder,
    registrations,
    seeded_global_generator,
    without_chatter,
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


@pytest.mark.parametrize("progress", [True, False])
def test_brainscore_prints_no_more_than_was_asked_for(capsys, progress):
    from brainscore_vision.metric_helpers import transformations

    bar = transformations.tqdm
    with without_chatter(progress):
        print("BRAINSCORE_PREFLIGHT {}")
        print("[pre-flight] 3 GB")
        print("a benchmark's own word", end="; ")
        print("B", end="")
        print("y")
        list(transformations.tqdm(range(2), desc="cross-validation"))
    told = capsys.readouterr()
    assert told.out == ("[pre-flight] 3 GB\n" if progress else "") + "a benchmark's own word; By\n"
    assert ("cross-validation" in told.err) == progress and transformations.tqdm is bar


def test_the_global_generator_is_seeded_and_its_state_put_back():
    np.random.seed(1)  # noqa: NPY002
    expected = np.random.random(2)  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    first = np.random.random()  # noqa: NPY002
    with seeded_global_generator(0):
        drawn = np.random.random()  # noqa: NPY002
    assert [first, np.random.random()] == expected.tolist()  # noqa: NPY002
    assert drawn == np.random.RandomState(0).random_sample()


# Brain-Score's names that are used beyond its documented interface: module, class ("" for the module itself), names.
RELIED_ON = [
    (
        "brainscore_vision.benchmark_helpers.neural_common",
        "NeuralBenchmark",
        ["_assembly", "_similarity_metric", "_visual_degrees", "_number_of_trials", "region", "timebins"],
    ),
    (
        "brainscore_vision.benchmark_helpers.neural_common",
        "TrainTestNeuralBenchmark",
        ["train_assembly", "test_assembly", "_similarity_metric"],
    ),
    ("brainscore_vision.benchmark_helpers.neural_common", "", ["timebins_from_assembly"]),
    ("brainscore_vision.benchmark_helpers.screen", "", ["_place_on_screen", "ImageConverter", "root_path"]),
    (
        "brainscore_vision.metrics.regression_correlation.metric",
        "CrossRegressedCorrelation",
        ["cross_validation", "regression", "correlation"],
    ),
    ("brainscore_vision.metrics.regression_correlation.metric", "DualRidgeCVRegression", ["_ridgecv_kwargs"]),
    ("brainscore_vision.metric_helpers.xarray_utils", "XarrayRegression", ["_regression"]),
    ("brainscore_vision.metric_helpers.transformations", "CrossValidation", ["_split", "_preprocess_indices"]),
    ("brainscore_vision.metrics.cka.metric", "CKACrossValidated", ["_cross_validation", "_metric"]),
    ("brainscore_vision.metrics.rdm.metric", "RDMCrossValidated", ["_cross_validation", "_metric"]),
    (
        "brainscore_vision.model_helpers.activations.core",
        "ActivationsExtractorHelper",
        ["_batch_activations_hooks", "_stimulus_set_hooks", "_microsaccade_helper", "_batch_size"],
    ),
    ("brainscore_vision.model_helpers.activations.pytorch", "PytorchWrapper", ["_extractor"]),
    ("brainscore_vision.model_helpers.brain_transformation.temporal", "TemporalAligned", ["_layer_model"]),
    ("brainscore_vision.model_helpers.brain_transformation.neural", "LayerMappedModel", ["region_layer_map"]),
    ("brainscore_core.supported_data_standards.brainio.s3", "", ["fetch_file", "unzip", "AssemblyLoader"]),
]


@pytest.mark.parametrize(
    ("module", "owner", "name"), [(module, owner, name) for module, owner, names in RELIED_ON for name in names]
)
def test_names_that_are_relied_on_are_there(module, owner, name):
    found = importlib.import_module(module)
    if owner:
        bases = getattr(found, owner).__mro__[:-1]
        sources = "".join(inspect.getsource(base) for base in bases if base.__module__.startswith("brainscore"))
        there = f"self.{name} =" in sources or f"def {name}(" in sources or f"self.{name}: " in sources
    else:
        there = hasattr(found, name)
    assert there, (
        f"brainscore-vision {version('brainscore-vision')} has no {owner or module}.{name}, which vonenet_brainscore "
        "relies on: read what replaced it, change what uses it, and raise the lower bound in setup.py"
    )
