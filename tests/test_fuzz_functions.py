"""Public functions given what users pass by mistake: a right result, or a documented error that says what is wrong."""

import inspect
import itertools
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from brainscore_core.metrics import Score
from few_gratings import show_few_gratings
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from junk import fuzz, junk, lawful, workplace
from PIL import Image
from tiny_networks import SMALL, PlainNetwork, tiny_vonenet

import vonenet_brainscore
from vonenet_brainscore.benchmarks.importing import import_data
from vonenet_brainscore.benchmarks.names import benchmark_identifiers
from vonenet_brainscore.benchmarks.storage import data_status, fetch_data
from vonenet_brainscore.classification.classifier import Classifier
from vonenet_brainscore.classification.image_folder import read_image_folder
from vonenet_brainscore.classification.loading import load_classifier
from vonenet_brainscore.classification.validation import validate
from vonenet_brainscore.models.checkpoints import fetch_checkpoint, read_checkpoint
from vonenet_brainscore.models.settings import DEFAULTS
from vonenet_brainscore.models.vonenet import get_model
from vonenet_brainscore.own_recordings.response_files import read_responses
from vonenet_brainscore.report.page import write_report
from vonenet_brainscore.results import save_results
from vonenet_brainscore.robustness.attacks import ProjectedGradientDescent
from vonenet_brainscore.robustness.corrupted_evaluation import evaluate_corruptions
from vonenet_brainscore.robustness.corruptions import TYPES, corrupt
from vonenet_brainscore.robustness.evaluate import evaluate
from vonenet_brainscore.stimuli.gratings import grating_parameters, grating_stimulus_set, screen_size
from vonenet_brainscore.stimuli.images import as_picture, image_files, read_image
from vonenet_brainscore.submission import packaging
from vonenet_brainscore.submission.rules import broken_rules, check_identifier

# Arguments that say how large something is to be made, and how much is to be done.
SIZES = {"image_size", "ksize", "simple_channels", "complex_channels"}
WORK = {"trials", "draws", "seeds", "splits", "iterations", "k", "restarts", "number_of_trials", "workers"}
WORK |= {"n_stimuli", "n_neurons", "repetitions"}
QUIET = {"device": None, "progress": False}
RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.integers(0, 256, (32, 32, 3), dtype=np.uint8)
RESPONSES = RANDOM.normal(size=(30, 3))


class Half:
    """A benchmark whose score is 0.5."""

    identifier, version, parent, region = "half", 1, "V1", None

    def __call__(self, subject):
        return Score(0.5)


@pytest.fixture(scope="module", autouse=True)
def workspace(tmp_path_factory):
    """A folder to work in, without network."""
    with workplace(tmp_path_factory.mktemp("fuzz")) as patch:
        patch.setattr(packaging, "check_zip", lambda *_: None)
        show_few_gratings(patch)
        Path("images").mkdir()
        for index in range(30):
            name = f"images/{index:02d}.png"
            Image.fromarray(RANDOM.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(name)
        for label in range(10):
            Path(f"classes/{label}").mkdir(parents=True)
        Image.fromarray(IMAGE).save("classes/1/image.png")
        Path("mine.py").write_text("import torch\n\n\ndef network():\n    return torch.nn.Flatten()\n")
        torch.save({"state_dict": tiny_vonenet().state_dict()}, "weights.pth")
        with zipfile.ZipFile("some.zip", "w") as archive:
            archive.writestr("a", "b")
        yield


def own_recordings():
    return {
        "identifier": "own",
        "stimuli": "images",
        "responses": RESPONSES,
        "region": "V1",
        "visual_degrees": 8,
        "metric": "ridge",
        "number_of_trials": None,
        "time_bin": (50, 200),
        "stratify": None,
        "splits": 2,
    }


def an_evaluation(counter=itertools.count()):  # noqa: B008  # one counter for all: each has a file of its own
    return {
        "classifier": Classifier(NETWORK),
        "in_path": "classes",
        "output": f"results-{next(counter)}.jsonl",
        "draws": 1,
        "DS_factor": 1,
        "image_size": 32,
        "batch_size": 2,
        "classes": None,
        "workers": 0,
        "progress": False,
    }


def attacked(images, labels, contents, classifier, **settings):
    return ProjectedGradientDescent(**settings)(classifier, images, labels, contents)


NETWORK = tiny_vonenet(noise_mode=None)
BACK_END = NETWORK.model
OWN = vonenet_brainscore.neural_benchmark
GIVEN = {"trials": None, "noise": "none", "seed": 0, **QUIET}
PACKAGED = {"identifier": "mine_x", "front_end": True, "template": False, "force": True, "check": False}
NO_WEIGHTS = {"weights": None, "weights_url": None, "weights_sha256": None}
ATTACK = {
    "norm": "inf",
    "eps": 0.01,
    "iterations": 1,
    "k": 1,
    "step_size": None,
    "momentum": 0,
    "restarts": 1,
    "seed": 0,
}
BATCH = {"images": torch.rand(2, 3, 32, 32), "labels": torch.tensor([1, 2]), "contents": None}
NETWORK_OF = {"model_arch": None, "pretrained": False, "map_location": "cpu", "weights": None, "back_end": None}
SCORED = {"seeds": None, "region_layer_map": None, "memory": None, "cache": False}
# A cheap call of each function that is right, or fails at its last check; each example spoils an argument or two.
CALLS = {
    "get_model": (get_model, lambda: {**DEFAULTS, **SMALL, **NETWORK_OF}),
    "get_model from a checkpoint": (get_model, lambda: {**SMALL, "weights": "weights.pth", "back_end": BACK_END}),
    "score_model": (
        vonenet_brainscore.score_model,
        lambda: {"model": NETWORK, "benchmark": Half(), **GIVEN, **SCORED},
    ),
    "record": (
        vonenet_brainscore.record,
        lambda: {**GIVEN, "model": NETWORK, "stimuli": [IMAGE], "layers": ["vone_block"], "trials": 1, "average": True},
    ),
    "choose_layers": (
        vonenet_brainscore.choose_layers,
        lambda: {"model": NETWORK, "benchmark": OWN(**own_recordings()), "layers": ["conv"], "memory": None, **GIVEN},
    ),
    "v1_properties": (
        vonenet_brainscore.v1_properties,
        lambda: {"model": NETWORK, "layer": None, "properties": ["preferred_orientation"], "curves": False, **GIVEN},
    ),
    "tuning_curves": (
        vonenet_brainscore.tuning_curves,
        lambda: {"model": NETWORK, "units": [0], "layer": None, **GIVEN},
    ),
    "noise_correlations": (
        vonenet_brainscore.noise_correlations,
        lambda: {"model": NETWORK, "units": [0, 1], "stimuli": [IMAGE], "trials": 2, "layer": None, "seed": 0, **QUIET},
    ),
    "compare_models": (
        vonenet_brainscore.compare_models,
        lambda: {"models": {"one": NETWORK, "two": NETWORK}, "benchmark": Half(), "cache": False, **GIVEN},
    ),
    "partition_variance": (
        vonenet_brainscore.partition_variance,
        lambda: {"models": {"one": NETWORK, "two": "pixels"}, "benchmark": Half(), "folds": 2, **GIVEN},
    ),
    "score_difference": (
        vonenet_brainscore.score_difference,
        lambda: {"first": Score(0.5), "second": Score(0.5)},
    ),
    "compare_gabors": (vonenet_brainscore.compare_gabors, lambda: {"model": PlainNetwork(), "seed": 0}),
    "property_distributions": (
        vonenet_brainscore.plots.property_distributions,
        lambda: {"scores": {"half": Score(0.5)}},
    ),
    "neural_benchmark": (OWN, own_recordings),
    "package_submission": (
        vonenet_brainscore.package_submission,
        lambda: {"model": "voneresnet50", "output": "x.zip", "region_layer_map": {"V": "x"}, **PACKAGED, **NO_WEIGHTS},
    ),
    "write_report": (
        write_report,
        lambda: {"models": [PlainNetwork()], "output": "x.html", "benchmarks": ["no such"], "memory": None, **GIVEN},
    ),
    "save_results": (save_results, lambda: {"scores": {"half": Score(0.5)}, "path": "scores.csv"}),
    "evaluate": (
        evaluate,
        lambda: {
            **an_evaluation(),
            "attack": ProjectedGradientDescent(iterations=1, k=1),
            "epsilons": [0.01],
            "noise": None,
        },
    ),
    "evaluate_corruptions": (evaluate_corruptions, lambda: {**an_evaluation(), "types": ["brightness"], "seed": 0}),
    "validate": (validate, lambda: {**an_evaluation(), "seed": 0}),
    "attack": (attacked, lambda: {"classifier": Classifier(NETWORK), **BATCH, **ATTACK}),
    "corrupt": (corrupt, lambda: {"pixels": IMAGE, "corruption": "brightness", "severity": 1, "seed": 0}),
    "load_classifier": (
        load_classifier,
        lambda: {"model": "mine:network", "weights": None, "mean": 0.5, "std": 0.5, "device": "cpu"},
    ),
    "Classifier": (Classifier, lambda: {"network": NETWORK, "mean": 0.5, "std": 0.5, "name": "tiny"}),
    "read_image_folder": (
        read_image_folder,
        lambda: {"folder": "classes", "n_classes": 10, "classes": None, "every": 1},
    ),
    "read_checkpoint": (read_checkpoint, lambda: {"path": "weights.pth"}),
    "fetch_checkpoint": (fetch_checkpoint, lambda: {"file_name": "weights.pth", "address": "file:///nowhere/x"}),
    "read_image": (read_image, lambda: {"path": "images/00.png"}),
    "as_picture": (as_picture, lambda: {"image": IMAGE}),
    "image_files": (image_files, lambda: {"folder": "images"}),
    "read_responses": (read_responses, lambda: {"source": RESPONSES}),
    "benchmark_identifiers": (benchmark_identifiers, lambda: {"name": "V1-properties"}),
    "data_status": (data_status, lambda: {"name": "V1-properties"}),
    "fetch_data": (fetch_data, lambda: {"name": "V1-properties"}),
    "import_data": (import_data, lambda: {"paths": ["images/00.png"]}),
    "check_identifier": (check_identifier, lambda: {"identifier": "mine"}),
    "broken_rules": (broken_rules, lambda: {"archive": "some.zip"}),
    "grating_parameters": (grating_parameters, lambda: {"name": "blank"}),
    "grating_stimulus_set": (
        grating_stimulus_set,
        lambda: {"name": "blank", "directory": "gratings", "visual_degrees": 1},
    ),
    "screen_size": (screen_size, lambda: {"visual_degrees": 8}),
}


PUBLIC = vonenet_brainscore.__all__


def is_flag(function, name):
    parameter = inspect.signature(function).parameters.get(name)
    return name == "rand_param" or (parameter is not None and parameter.annotation in (bool, "bool"))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_a_spoilt_call_is_refused_in_words(name):
    function, arguments = CALLS[name]
    names = sorted(arguments())

    @fuzz(min(8 * len(names), 60))
    @given(st.data())
    def spoil(data):
        spoilt = data.draw(st.sets(st.sampled_from(names), min_size=1, max_size=2), label="spoilt")
        values = {
            each: data.draw(junk(flag=is_flag(function, each), size=each in SIZES, work=each in WORK), label=each)
            for each in sorted(spoilt)
        }
        with lawful():
            function(**{**arguments(), **values})

    spoil()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in PUBLIC if callable(getattr(vonenet_brainscore, name))])
def test_every_public_function_refuses_junk_in_words(name):
    """Also those that no row above knows: all required arguments are junk, and perhaps one that is not required."""
    function = getattr(vonenet_brainscore, name)
    parameters = inspect.signature(function).parameters.values()
    named = [each for each in parameters if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
    required = [each.name for each in named if each.default is each.empty]
    others = [each.name for each in named if each.default is not each.empty]
    if name == "get_model":
        required.append("model_arch")  # its default is a large network

    @fuzz(20)
    @given(st.data())
    def spoil(data):
        optional = data.draw(st.lists(st.sampled_from(others), max_size=1)) if others else []
        values = {
            each: data.draw(junk(flag=is_flag(function, each), size=each in SIZES, work=each in WORK), label=each)
            for each in dict.fromkeys([*required, *optional])
        }
        with lawful():
            function(**values)

    spoil()


arrays = npst.arrays(
    dtype=st.one_of(npst.scalar_dtypes(), st.just(np.dtype(np.uint8)), st.just(np.dtype(float))),
    shape=npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


@fuzz(100)
@given(arrays)
def test_arrays_of_any_shape_and_type_as_responses(array):
    with lawful():
        read = read_responses(array)
        np.testing.assert_array_equal(read.values.squeeze(), array.astype(float).squeeze())
        assert read.values.ndim == 3 and read.values.dtype == np.float64


@fuzz(100)
@given(arrays)
def test_arrays_of_any_shape_and_type_as_images(array):
    with lawful():
        picture = as_picture(array)
        assert picture.pixels.shape == (*array.shape[:2], 3) and picture.pixels.dtype == np.uint8
        assert (picture.pixels[..., 0] == (array if array.ndim == 2 else array[..., 0])).all()


@fuzz(60)
@given(arrays, st.sampled_from(TYPES), st.integers(1, 5))
def test_arrays_of_any_shape_and_type_to_corrupt(array, corruption, severity):
    with lawful():
        corrupt(array, corruption, severity, seed=0)


@pytest.mark.filterwarnings("ignore")
@fuzz(60)
@given(
    arrays, st.lists(st.sampled_from(["stimulus", "image_id", "neuron", "repetition", "time"]), max_size=4), st.data()
)
def test_assemblies_of_any_dimensions_as_responses(array, names, data):
    dims = [names[axis] if axis < len(names) else f"dim{axis}" for axis in range(array.ndim)]
    dims = [f"{dim}{axis}" if dims.count(dim) > 1 else dim for axis, dim in enumerate(dims)]
    names_of = st.one_of(st.text(max_size=2), st.integers(0, 2)).map(str)
    coords = {
        dim: (dim, data.draw(st.lists(names_of, min_size=size, max_size=size)))
        for dim, size in zip(dims, array.shape, strict=True)
        if data.draw(st.booleans())
    }
    try:
        made = xr.DataArray(array, dims=dims, coords=coords)
    except ValueError:  # a time of geological age, which xarray does not hold
        return
    with lawful():
        read_responses(made)


cells = st.one_of(st.none(), st.integers(-3, 3), st.floats(), st.sampled_from(["a", "b", "", "nan", "1", "1e3", "x"]))


@pytest.mark.filterwarnings("ignore")
@fuzz(80)
@given(st.data())
def test_tables_of_any_columns_as_responses(data):
    columns = data.draw(
        st.lists(
            st.sampled_from(["stimulus", "image_id", "neuron", "response", "repetition", "trial", "n1", "", 3]),
            max_size=4,
        )
    )
    rows = data.draw(st.lists(st.lists(cells, min_size=len(columns), max_size=len(columns)), max_size=4))
    with lawful():
        read_responses(pd.DataFrame(rows, columns=columns))


READERS = {
    **dict.fromkeys((".npy", ".nc", ".csv", ".mat"), read_responses),
    **{".png": read_image, ".pth": read_checkpoint, ".zip": broken_rules},
}


@fuzz(60)
@given(st.binary(max_size=200), st.sampled_from(sorted(READERS)))
def test_files_of_any_bytes(content, suffix):
    path = Path(f"ünïcode file{suffix}")
    path.write_bytes(content)
    with lawful():
        READERS[suffix](path)


@pytest.mark.parametrize("suffix", READERS)
def test_paths_that_are_no_readable_files(suffix):
    folder, secret = Path(f"a place{suffix}"), Path(f"secret place{suffix}")
    folder.mkdir()
    secret.touch(mode=0)
    with pytest.raises((OSError, ValueError), match="a place"):
        READERS[suffix](folder)
    user = os.geteuid()
    try:
        if user == 0:  # who may read everything
            Path().chmod(0o755)
            os.seteuid(65534)
        with pytest.raises((OSError, ValueError), match="secret place"):
            READERS[suffix](secret)
    finally:
        os.seteuid(user)
