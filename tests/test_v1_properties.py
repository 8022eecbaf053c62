"""V1 property benchmarks against Brain-Score's own, and where their primate data are not here."""

import socket
import urllib.error

import numpy as np
import pytest
import xarray as xr
from brainio_format import registered
from property_format import write_texture_properties
from tiny_networks import tiny_vonenet

from vonenet_brainscore import score_model
from vonenet_brainscore.benchmarks import storage
from vonenet_brainscore.benchmarks.storage import MissingDataError, wanted_files
from vonenet_brainscore.benchmarks.v1_properties import V1PropertyBenchmark
from vonenet_brainscore.brainscore import seeded_global_generator
from vonenet_brainscore.primates.binned_similarity import property_assembly
from vonenet_brainscore.primates.property_table import TEXTURE_STIMULI, V1_BENCHMARKS
from vonenet_brainscore.recordings.activations import ActivationsExtractor
from vonenet_brainscore.recordings.loading import load_subject
from vonenet_brainscore.recordings.subject import Subject
from vonenet_brainscore.stimuli import gratings
from vonenet_brainscore.stimuli.images import as_picture
from vonenet_brainscore.tuning import grating_experiments, screen_recorder, window_recorder
from vonenet_brainscore.tuning.grating_experiments import GratingExperiments
from vonenet_brainscore.tuning.window import VOneWindow

RINGACH = {name: row for name, row in V1_BENCHMARKS.items() if "Ringach2002" in name}
TEXTURE = "Marques2020_FreemanZiemba2013-texture_sparseness"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("brainio")
    return folder, write_texture_properties(folder)


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


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Brain-Score's benchmarks see the gratings that ours draw; by name."""
    from brainscore_vision import stimulus_set_registry
    from brainscore_vision.data import marques2020  # registers its own, which these replace  # noqa: F401

    sets = {
        f"Marques2020_{name}": gratings.grating_stimulus_set(name, tmp_path / name, visual_degrees=8)
        for name in ("blank", "receptive_field", "orientation")
    }
    for name, stimuli in sets.items():
        monkeypatch.setitem(stimulus_set_registry, name, lambda stimuli=stimuli: stimuli)
    return sets


def ringach_assembly(stimuli):
    """The neurons behind the counts of all eight properties in Brain-Score's format."""
    columns = [property_assembly(row.primate_values(), row.name, row.edges) for row in RINGACH.values()]
    assembly = xr.concat(columns, "neuronal_property")
    for column in columns:
        assembly.attrs |= column.attrs
    # A set of its own, because Brain-Score renames the one that it shows.
    assembly.attrs["stimulus_set"] = type(stimuli)(stimuli[["degrees", "position_x", "position_y"]])
    assembly.attrs["stimulus_set"].identifier = "Marques2020_orientation"
    return assembly


def test_the_eight_are_brainscores_own_unit_by_unit(drawn, monkeypatch):
    """Its functions from the model to the properties, and its metric on neurons built from the counts."""
    from brainscore_vision import load_benchmark
    from brainscore_vision.benchmarks.marques2020.benchmarks import ringach2002_benchmark

    neurons = ringach_assembly(drawn["Marques2020_orientation"])
    monkeypatch.setattr(ringach2002_benchmark, "load_dataset", lambda identifier: neurons.copy(deep=True))
    measured = []
    properties = ringach2002_benchmark.ringach2002_properties
    monkeypatch.setattr(
        ringach2002_benchmark,
        "ringach2002_properties",
        lambda **recorded: measured.append(properties(**recorded)) or measured[-1].copy(deep=True),
    )
    scores = score_model(subject(), list(RINGACH), seed=3, cache=False)
    load_benchmark(next(iter(RINGACH)))(subject())  # records
    (theirs,) = measured
    for identifier, score in scores.items():
        row, benchmark = RINGACH[identifier], load_benchmark(identifier)
        of_unit = theirs.loc[:, row.name].values
        np.testing.assert_allclose(score.attrs["model_values"], of_unit, atol=1e-6, rtol=1e-6, equal_nan=True)
        assert len(of_unit) == score.attrs["n_units"] <= score.attrs["n_probed"]
        with seeded_global_generator(3):
            raw = benchmark._similarity_metric(theirs.copy(deep=True), benchmark._assembly)
        with seeded_global_generator(3):
            ceiling = benchmark.ceiling
        assert float(score.attrs["raw"]) == pytest.approx(float(raw), abs=1e-6)
        assert float(score.attrs["ceiling"]) == pytest.approx(float(ceiling), abs=1e-6)
        assert score.attrs["error"] == pytest.approx(raw.attrs["error"], abs=1e-6)
        assert score.attrs["n_neurons"] == 304 and score.attrs["held_out"]
        assert score.attrs["data_source"].endswith("22:5639; counted from the study's public data for this package")


def test_scores_on_stored_data_are_those_of_brainscores_own_benchmarks(data_here, drawn):
    import brainscore_vision

    score = score_model(subject(), TEXTURE, seed=3, cache=False)
    theirs = brainscore_vision.load_benchmark(TEXTURE)
    with seeded_global_generator(3):
        expected = theirs(subject())
    with seeded_global_generator(3):
        ceiling = theirs.ceiling
    assert float(score.attrs["raw"]) == pytest.approx(float(expected.attrs["raw"]), abs=1e-6)
    assert float(score.attrs["ceiling"]) == pytest.approx(float(ceiling), abs=1e-6)
    assert score.attrs["error"] == pytest.approx(expected.attrs["raw"].attrs["error"], abs=1e-6)
    assert score.attrs["n_neurons"] == len(score.attrs["primate_values"]) == 40
    study = V1_BENCHMARKS[TEXTURE].study
    assert score.attrs["data_source"] == f"{study.reference}; Brain-Score's data set {study.data_set}"


# ---- data that are not here


def test_a_score_without_data_is_refused_before_the_work_starts(no_data, monkeypatch):
    monkeypatch.setattr(GratingExperiments, "properties", None)
    message = "needs Brain-Score's data set FreemanZiemba2013_V1_properties; not on this machine"
    with pytest.raises(MissingDataError, match=message) as error:
        score_model(subject(), TEXTURE)
    assert [file.name for file in error.value.files] == [
        "assy_movshon_FreemanZiemba2013_V1_properties.nc",
        "stimulus_FreemanZiemba2013_properties.csv",
        "stimulus_FreemanZiemba2013_properties.zip",
    ]


def test_textures_that_are_not_here_are_named(no_data):
    with pytest.raises(MissingDataError, match=r"stimulus_FreemanZiemba2013_properties\.zip"):
        V1PropertyBenchmark(TEXTURE).measure(GratingExperiments(subject()))


def test_only_what_a_score_wants_is_fetched(data_here):
    assert wanted_files("Marques2020_Ringach2002-circular_variance") == ()
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

    benchmark = V1PropertyBenchmark("Marques2020_Ringach2002-circular_variance")
    experiments = GratingExperiments(subject())
    table = v1_properties.measured(experiments, benchmark.row.experiment).assign(responsive=False)
    monkeypatch.setattr(v1_properties, "measured", lambda *_: table)
    with pytest.raises(ValueError, match=f"none of {len(table)} neuroids at the probed place is responsive"):
        benchmark.measure(experiments)


def test_brainscore_can_call_the_benchmark_itself():
    """As `brainscore_vision.score` does; `score_model` measures a subject once for all of its benchmarks."""
    identifier, quiet = "Marques2020_DeValois1982-pref_or", {"noise": "none", "progress": False}
    called = V1PropertyBenchmark(identifier, seed=3)(load_subject(tiny_vonenet(), seed=3, **quiet))
    assert float(called) == float(score_model(tiny_vonenet(), identifier, seed=3, cache=False, **quiet))
