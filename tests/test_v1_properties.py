"""V1 properties whose primate data are in storage: measurement without data, and scores against Brain-Score's."""

import socket
import urllib.error

import numpy as np
import pytest
from brainio_format import registered
from property_format import write_ringach, write_texture_properties
from tiny_networks import tiny_vonenet

from vonenet_brainscore import score_model
from vonenet_brainscore.benchmarks import storage
from vonenet_brainscore.benchmarks.storage import MissingDataError, wanted_files
from vonenet_brainscore.benchmarks.v1_properties import V1PropertyBenchmark
from vonenet_brainscore.primates.property_table import TEXTURE_STIMULI, V1_BENCHMARKS
from vonenet_brainscore.recordings.activations import ActivationsExtractor
from vonenet_brainscore.recordings.subject import Subject
from vonenet_brainscore.stimuli import gratings
from vonenet_brainscore.stimuli.images import as_picture
from vonenet_brainscore.tuning import grating_experiments, screen_recorder, window_recorder
from vonenet_brainscore.tuning.grating_experiments import GratingExperiments
from vonenet_brainscore.tuning.window import VOneWindow

CIRCULAR_VARIANCE = "Marques2020_Ringach2002-circular_variance"
TEXTURE = "Marques2020_FreemanZiemba2013-texture_sparseness"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("brainio")
    return folder, write_ringach(folder), write_texture_properties(folder)


@pytest.fixture
def data_here(made):
    folder, *data_sets = made
    with registered(folder, *data_sets):
        yield


@pytest.fixture
def no_data(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise urllib.error.URLError(socket.gaierror(-2, "Name or service not known"))

    monkeypatch.setattr(storage.urllib.request, "urlopen", refused)
    with registered(tmp_path):
        yield


@pytest.fixture(autouse=True)
def few_gratings(monkeypatch):
    """A twelfth of the positions, half the phases, one aperture: Brain-Score takes whole screens from files."""
    everything = gratings.grating_parameters

    def some(name):
        table = everything(name)
        if name == "receptive_field":
            table = table[table[["position_y", "position_x"]].isin([-0.25, 0.0, 0.25, 0.5, 0.75, 1.0]).all(axis=1)]
        elif name == "orientation":
            table = table[: len(table) // 3]
            table = table[table["phase"].isin([0, 90, 180, 270])]
        return table.reset_index(drop=True)

    for module in (gratings, grating_experiments, screen_recorder, window_recorder):
        monkeypatch.setattr(module, "grating_parameters", some)


def subject(**settings):
    network = tiny_vonenet(noise_mode=None, simple_channels=16, complex_channels=16)
    extractor = ActivationsExtractor(network, "tiny", image_size=64, progress=False, **settings)
    return Subject("tiny", extractor, {"V1": "vone_block"})


# ---- reference: Brain-Score


def test_scores_are_those_of_brainscores_own_benchmarks(data_here, tmp_path):
    import brainscore_vision
    from brainscore_vision import stimulus_set_registry

    drawn = {
        f"Marques2020_{name}": gratings.grating_stimulus_set(name, tmp_path / name, visual_degrees=8)
        for name in ("blank", "receptive_field", "orientation")
    }
    compared = [CIRCULAR_VARIANCE, "Marques2020_Ringach2002-or_bandwidth", TEXTURE]
    scores = score_model(subject(), compared, seed=3, cache=False)
    for identifier in compared:
        theirs = brainscore_vision.load_benchmark(identifier)
        with pytest.MonkeyPatch.context() as patch:
            for name, stimuli in drawn.items():
                patch.setitem(stimulus_set_registry, name, lambda stimuli=stimuli: stimuli)
            np.random.seed(3)  # noqa: NPY002
            expected = theirs(subject())
            np.random.seed(3)  # noqa: NPY002
            ceiling = theirs.ceiling

        score = scores[identifier]
        assert float(score.attrs["raw"]) == pytest.approx(float(expected.attrs["raw"]), abs=1e-6)
        assert float(score.attrs["ceiling"]) == pytest.approx(float(ceiling), abs=1e-6)
        assert score.attrs["error"] == pytest.approx(expected.attrs["raw"].attrs["error"], abs=1e-6)
        assert score.attrs["n_neurons"] == len(score.attrs["primate_values"]) == 40
        assert score.attrs["n_units"] == len(score.attrs["model_values"]) <= score.attrs["n_probed"]
        study = V1_BENCHMARKS[identifier].study
        assert score.attrs["data_source"] == f"{study.reference}; Brain-Score's data set {study.data_set}"


# ---- data that are not here


def test_a_score_without_data_is_refused_before_the_work_starts(no_data, monkeypatch):
    monkeypatch.setattr(GratingExperiments, "properties", None)
    with pytest.raises(
        MissingDataError, match="needs Brain-Score's data set Ringach2002; not on this machine"
    ) as error:
        score_model(subject(), CIRCULAR_VARIANCE)
    assert [file.name for file in error.value.files] == [
        "assy_shapley_Ringach2002.nc",
        "stimulus_Marques2020_orientation.csv",
        "stimulus_Marques2020_orientation.zip",
    ]


def test_the_model_is_measured_without_primate_data(no_data):
    model = V1PropertyBenchmark(CIRCULAR_VARIANCE).measure(GratingExperiments(subject()))
    assert model["n_units"] > 0 and model["n_undefined"] == 0
    assert ((model["model_values"] >= 0) & (model["model_values"] <= 1)).all()


def test_textures_that_are_not_here_are_named(no_data):
    with pytest.raises(MissingDataError, match=r"stimulus_FreemanZiemba2013_properties\.zip"):
        V1PropertyBenchmark(TEXTURE).measure(GratingExperiments(subject()))


def test_only_what_a_score_wants_is_fetched(data_here):
    assert {file.data_set for file in wanted_files(CIRCULAR_VARIANCE)} == {"Ringach2002"}
    assert {file.data_set for file in wanted_files(TEXTURE)} == {"FreemanZiemba2013_V1_properties"}


# ---- laws and refusals


def test_window_and_whole_screens_see_the_same_textures(data_here, monkeypatch):
    through_window = V1PropertyBenchmark(TEXTURE).measure(GratingExperiments(subject()))
    monkeypatch.setattr(grating_experiments, "_recorder_for", grating_experiments.ScreenRecorder)
    on_screen = V1PropertyBenchmark(TEXTURE).measure(GratingExperiments(subject()))
    # float32 convolutions of other sizes
    np.testing.assert_allclose(through_window["model_values"], on_screen["model_values"], atol=1e-4)


def test_textures_are_shown_once_for_all_seven_properties(data_here, monkeypatch):
    shown = []
    record = window_recorder.WindowRecorder.record_images
    monkeypatch.setattr(
        window_recorder.WindowRecorder, "record_images", lambda *args: shown.append(args[1].identifier) or record(*args)
    )
    experiments = GratingExperiments(subject())
    for identifier, row in V1_BENCHMARKS.items():
        if row.experiment.stimuli == TEXTURE_STIMULI:
            V1PropertyBenchmark(identifier).measure(experiments)
    assert shown == ["FreemanZiemba2013_properties"]


def test_images_with_colour_are_refused():
    network = tiny_vonenet(noise_mode=None)
    seen = VOneWindow(network.module.vone_block, 8, range(3), range(3))
    pixels = np.full((64, 64, 3), 128, np.uint8)
    seen.rates_to_images([as_picture(pixels)])
    pixels[0, 0, 1] = 0
    with pytest.raises(ValueError, match="an image has colour"):
        seen.rates_to_images([as_picture(pixels)])


def test_a_model_of_which_no_unit_responds_is_refused(monkeypatch):
    from vonenet_brainscore.benchmarks import v1_properties

    benchmark = V1PropertyBenchmark(CIRCULAR_VARIANCE)
    experiments = GratingExperiments(subject())
    table = v1_properties.measured(experiments, benchmark.row.experiment).assign(responsive=False)
    monkeypatch.setattr(v1_properties, "measured", lambda *_: table)
    with pytest.raises(ValueError, match=f"none of {len(table)} neuroids at the probed place exceeds the 5 spikes/s"):
        benchmark.measure(experiments)
