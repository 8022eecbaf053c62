"""Brain-Score's files: which a benchmark needs, what is missing, and how it is fetched and verified."""

import http.server
import os
import pickle
import shutil
import socket
import subprocess
import sys
import threading
import urllib.error
from pathlib import Path

import numpy as np
import pytest
from brainio_format import registered, write_freeman_ziemba, write_majaj_hong

from vonenet_brainscore.benchmarks import importing, storage
from vonenet_brainscore.benchmarks.data_sets import DataFile, benchmark_data_sets, data_set_files, sha1_of
from vonenet_brainscore.benchmarks.importing import import_data
from vonenet_brainscore.benchmarks.loading import load_benchmark
from vonenet_brainscore.benchmarks.storage import (
    MissingDataError,
    data_on_demand,
    data_status,
    fetch_data,
    require_data,
    wanted_files,
)

# The made recordings have so few stimuli that fewer than PLS's 25 components explain them.
pytestmark = pytest.mark.filterwarnings("ignore:y residual is constant:UserWarning:sklearn")
V1_NAME, V1_BENCHMARK = "movshon.FreemanZiemba2013-v1", "FreemanZiemba2013public.V1-pls"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A BrainIO cache with both made data sets in it; not to be changed."""
    folder = tmp_path_factory.mktemp("brainio")
    return folder, write_freeman_ziemba(folder, repetitions=2), write_majaj_hong(folder, repetitions=2)


@pytest.fixture
def cache(made, tmp_path):
    """A copy of that cache to work in, registered with Brain-Score."""
    folder, *data_sets = made
    shutil.copytree(folder, tmp_path / "brainio")
    with registered(tmp_path / "brainio", *data_sets):
        yield tmp_path / "brainio"


@pytest.fixture
def empty_cache(tmp_path):
    with registered(tmp_path / "brainio"):
        yield tmp_path / "brainio"


@pytest.fixture
def no_network(monkeypatch):
    def refused(*_, **__):
        raise urllib.error.URLError(socket.gaierror(-2, "Name or service not known"))

    monkeypatch.setattr(storage.urllib.request, "urlopen", refused)


@pytest.fixture
def downloads(monkeypatch, made):
    """Brain-Score's storage as a server would be: its downloader copies from the made cache; what it fetched."""
    from brainscore_core.supported_data_standards.brainio.fetch import BotoFetcher

    fetched = []

    def download(fetcher):
        fetched.append(Path(fetcher.output_filename).name)
        shutil.copy(next(made[0].rglob(fetched[-1])), fetcher.output_filename)

    monkeypatch.setattr(BotoFetcher, "download_boto", download)
    monkeypatch.setattr(storage, "_unreachable", lambda url: None)
    return fetched


# --- which files are wanted


def test_real_files_are_those_that_brainscore_registers(empty_cache):
    names_and_hashes = {(file.name, file.sha1) for file in wanted_files(V1_NAME)}
    assert names_and_hashes == {
        ("assy_movshon_FreemanZiemba2013_public.nc", "761c08f796db4e342555cdb60eef23a4f19ead43"),
        ("stimulus_FreemanZiemba2013_aperture-public.csv", "194c9b301a4e3e9cff02481d4c19b39331d52660"),
        ("stimulus_FreemanZiemba2013_aperture-public.zip", "3a6fec1fc28c212882d6833e267ea8654d289611"),
    }
    file = wanted_files(V1_NAME)[0]
    assert file.path == empty_cache / file.sha1 / file.name
    assert file.url == f"https://brainscore-storage.s3.amazonaws.com/brainio-brainscore/{file.name}"
    assert file.size is None
    assert not empty_cache.exists()  # asking writes nothing


def test_data_sets_of_each_kind_of_benchmark():
    assert benchmark_data_sets("MajajHong2015public.V4-pls") == ("MajajHong2015.public",)  # loaded when built
    assert benchmark_data_sets("Papale2025.V1-ridge") == ("Papale2025_train", "Papale2025_test")
    assert benchmark_data_sets("Marques2020_Ringach2002-or_bandwidth") == (
        "Ringach2002",
        "Marques2020_blank",
        "Marques2020_receptive_field",
    )
    assert benchmark_data_sets("Scialom2024_rgbBehavioralAccuracyDistance") == ("Scialom2024_rgb",)  # loaded lazily


def test_stimuli_not_merged_into_the_recordings_are_wanted_too():
    assert [file.name.rpartition(".")[2] for file in data_set_files("Bracci2019")] == ["nc", "csv", "zip"]


def test_a_cached_recording_hides_no_data_set(monkeypatch):
    import brainscore_vision

    monkeypatch.delenv("RESULTCACHING_DISABLE", raising=False)
    brainscore_vision.import_plugin("brainscore_vision", "benchmarks", V1_BENCHMARK)
    seen = []

    def build():
        seen.append(os.environ.get("RESULTCACHING_DISABLE"))
        return brainscore_vision.load_dataset("FreemanZiemba2013.public")

    monkeypatch.setitem(brainscore_vision.benchmark_registry, V1_BENCHMARK, build)
    assert benchmark_data_sets(V1_BENCHMARK) == ("FreemanZiemba2013.public",)
    assert seen == ["1"]
    assert "RESULTCACHING_DISABLE" not in os.environ


def test_every_neural_benchmark_names_its_files_without_a_trace():
    import brainscore_vision
    from brainscore_core.supported_data_standards.brainio import s3

    from vonenet_brainscore.brainscore import registrations

    brainscore_vision.import_plugin("brainscore_vision", "data", "FreemanZiemba2013.public")
    before = dict(vars(s3)), brainscore_vision.import_plugin, dict(os.environ)
    neural = ("FreemanZiemba2013public", "MajajHong2015public", "Rajalingham2020", "Kar2019", "SanghaviMurty2020")
    for identifier in registrations("benchmark"):
        if identifier.startswith(neural):
            assert len([f for d in benchmark_data_sets(identifier) for f in data_set_files(d)]) == 3, identifier
    assert (dict(vars(s3)), brainscore_vision.import_plugin, dict(os.environ)) == before


def test_v1_properties_want_no_files():
    assert data_status("V1-properties") == {}
    require_data("Marques2020_DeValois1982-pref_or")


def test_without_a_name_all_dataset_names(empty_cache):
    assert {file.data_set for file in data_status()} == {"FreemanZiemba2013.public", "MajajHong2015.public"}
    assert set(data_status().values()) == {"missing"}


def test_private_data_set_is_refused():
    with pytest.raises(ValueError, match=r"private data.*public part is 'MajajHong2015.public'"):
        wanted_files("MajajHong2015.private")


def test_unknown_data_set_is_refused():
    with pytest.raises(ValueError, match=r"unknown benchmark 'MajajHong2015\.pubic'"):
        wanted_files("MajajHong2015.pubic")


# --- the real chain on made data


@pytest.mark.parametrize(
    ("identifier", "region", "timebins"),
    [
        ("FreemanZiemba2013public.V1-pls", "V1", (50, 200)),
        ("FreemanZiemba2013public.V2-pls", "V2", (50, 200)),
        ("MajajHong2015public.V4-pls", "V4", (70, 170)),
        ("MajajHong2015public.IT-pls", "IT", (70, 170)),
    ],
)
def test_brainscores_own_benchmark_and_ceiling_run(cache, no_network, identifier, region, timebins):
    from brainscore_vision.benchmark_helpers.neural_common import NeuralBenchmark

    require_data(identifier)
    benchmark = load_benchmark(identifier)
    assert type(benchmark) is NeuralBenchmark
    assert benchmark.region == region
    assert [bins.item() for bins in benchmark.timebins] == [timebins]
    assert benchmark._assembly.dims == ("presentation", "neuroid")
    assert benchmark._assembly.shape == (60, 8)
    assert 0.2 < float(benchmark.ceiling) < 1  # two noisy trials: well above chance, below perfect


def test_a_subject_that_is_the_recordings_scores_high(cache, no_network):
    from brainscore_vision.metrics.regression_correlation.metric import CrossRegressedCorrelation

    benchmark = load_benchmark("MajajHong2015public.V4-pls")
    assert type(benchmark._similarity_metric) is CrossRegressedCorrelation
    recordings = benchmark._assembly
    # Four copies of what is to be predicted: PLS with 25 components needs as many columns.
    source = recordings.isel(neuroid=np.tile(np.arange(8), 4))
    assert float(_scored(benchmark, source)) > 0.99


def _scored(benchmark, source):
    """The metric's score of recordings that stand in for a model's, with neuroids named apart."""
    import xarray as xr
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    model = NeuroidAssembly(
        xr.DataArray(
            source.values,
            dims=source.dims,
            coords={
                "stimulus_id": ("presentation", source["stimulus_id"].values),
                "object_name": ("presentation", source["object_name"].values),
                "neuroid_id": ("neuroid", np.arange(source.sizes["neuroid"])),
                "layer": ("neuroid", ["made"] * source.sizes["neuroid"]),
            },
        )
    )
    return benchmark._similarity_metric(model, benchmark._assembly)


def test_status_names_missing_damaged_and_verified(cache):
    recordings, table, archive = wanted_files(V1_NAME)
    recordings.path.unlink()
    archive.path.write_bytes(archive.path.read_bytes()[:1000])
    assert data_status(V1_NAME) == {recordings: "missing", table: "verified", archive: "damaged"}
    assert archive.size == 1000


# --- missing data


def test_missing_data_are_one_error_with_all_that_is_needed(empty_cache, no_network):
    with pytest.raises(MissingDataError) as caught:
        require_data(V1_BENCHMARK, V1_NAME)
    message = str(caught.value)
    assert f"{V1_NAME} needs Brain-Score's data set FreemanZiemba2013.public" in message
    for file in wanted_files(V1_NAME):
        assert f"{file.path}  (sha1 {file.sha1}; missing)" in message
    assert f"vonenet-brainscore data fetch {V1_NAME}" in message
    assert "Name or service not known" in message
    assert isinstance(caught.value, FileNotFoundError)
    assert len(caught.value.files) == 3


def test_missing_data_error_survives_pickling(empty_cache):
    error = pickle.loads(pickle.dumps(MissingDataError(V1_NAME, wanted_files(V1_NAME), "no network")))
    assert error.name == V1_NAME
    assert len(error.files) == 3


def test_a_damaged_file_is_named_as_such(cache, no_network):
    archive = wanted_files(V1_NAME)[2]
    archive.path.write_bytes(archive.path.read_bytes()[:1000])
    with pytest.raises(MissingDataError, match="damaged, 1000 bytes with another sha1") as caught:
        fetch_data(V1_NAME)
    assert caught.value.files == (archive,)
    assert archive.path.exists()  # kept until there is something better


def test_a_benchmark_that_asks_for_missing_data_says_so(empty_cache, no_network):
    with pytest.raises(MissingDataError, match="data fetch my-name"):
        load_benchmark("MajajHong2015public.IT-pls", "my-name")
    with pytest.raises(MissingDataError), data_on_demand("my-name"):
        import brainscore_vision

        brainscore_vision.load_stimulus_set("Marques2020_blank")


def test_a_command_of_the_plugins_own_that_fails_is_explained():
    with (
        pytest.raises(FileNotFoundError, match="Zerbe fetches its data with its own command"),
        data_on_demand("Zerbe"),
    ):
        subprocess.run([sys.executable, "-c", "raise SystemExit(1)"], check=True)


# --- fetching


def test_fetch_gets_what_is_missing_or_damaged_through_brainscore(cache, downloads):
    recordings, table, archive = wanted_files(V1_NAME)
    recordings.path.unlink()
    archive.path.write_bytes(b"cut short")
    unpacked = archive.path.with_suffix("")
    unpacked.mkdir()
    assert fetch_data(V1_NAME) == (recordings, archive)
    assert downloads == [recordings.name, archive.name]
    assert set(data_status(V1_NAME).values()) == {"verified"}
    assert not unpacked.exists()  # Brain-Score would have gone on using it
    assert fetch_data(V1_NAME) == ()
    assert table.state() == "verified"


def test_require_data_fetches_on_a_machine_with_network(cache, downloads):
    for file in wanted_files(V1_NAME):
        file.path.unlink()
    require_data(V1_BENCHMARK, V1_NAME)
    assert len(downloads) == 3


def test_a_download_that_fails_is_a_missing_data_error(cache, monkeypatch):
    from brainscore_core.supported_data_standards.brainio.fetch import BotoFetcher

    def forbidden(fetcher):
        raise Exception(["403 Forbidden"])

    monkeypatch.setattr(BotoFetcher, "download_boto", forbidden)
    monkeypatch.setattr(storage, "_unreachable", lambda url: None)
    table = wanted_files(V1_NAME)[1]
    table.path.unlink()
    with pytest.raises(MissingDataError, match=r"did not deliver it.*403 Forbidden"):
        fetch_data(V1_NAME)


def test_reachable_is_any_answer_and_unreachable_is_none():
    class Forbidding(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_error(403)

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Forbidding)
    url = f"http://127.0.0.1:{server.server_port}/file"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        assert storage._unreachable(url) is None
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert "can't be reached" in storage._unreachable(url)


# --- importing


def test_import_knows_files_by_content(cache, tmp_path):
    files = wanted_files(V1_NAME)
    brought = []
    for number, file in enumerate(files):
        brought.append(tmp_path / f"download({number})")
        shutil.move(file.path, brought[-1])
    archive = files[2]
    archive.path.write_bytes(b"cut short")
    archive.path.with_suffix("").mkdir()  # unpacked from the damaged one
    assert import_data(brought) == files
    assert set(data_status(V1_NAME).values()) == {"verified"}
    assert import_data(brought) == files  # again: already there
    for file in files:
        assert {p.name for p in file.path.parent.iterdir()} == {file.name}  # no temporary left behind


def test_import_refuses_a_file_that_nothing_wants_and_imports_none(cache, tmp_path):
    recordings, *_ = wanted_files(V1_NAME)
    whole, cut = tmp_path / "whole.nc", tmp_path / "cut.nc"
    shutil.move(recordings.path, whole)
    cut.write_bytes(whole.read_bytes()[:100])
    with pytest.raises(ValueError, match=f"sha1 {sha1_of(cut)}, which no Brain-Score data set.*\n.*{recordings.sha1}"):
        import_data([whole, cut])
    assert not recordings.path.exists()


def test_import_refuses_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*nothing\.nc to import"):
        import_data([tmp_path / "nothing.nc"])


def test_import_takes_files_of_every_registered_data_set(empty_cache):
    # Found by text in the data plugins; the file itself is not to be had here.
    file = importing._registered_file("a56f55205904d5fb5ead4d0dc7bfad5cc4083b94")
    assert file.name == "stimulus_hvm.csv"
    assert importing._registered_file("0" * 40) is None


def test_an_interrupted_import_leaves_nothing(cache, tmp_path, monkeypatch):
    recordings, *_ = wanted_files(V1_NAME)
    whole = tmp_path / "whole.nc"
    shutil.move(recordings.path, whole)

    def no_room(source, target):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage.shutil, "copyfile", no_room)
    with pytest.raises(OSError, match="No space left"):
        import_data([whole])
    assert list(recordings.path.parent.iterdir()) == []


# --- the environment


@pytest.mark.parametrize("users", [None, "yes"])
def test_pip_is_kept_out_unless_the_user_set_it(monkeypatch, users):
    import brainscore_vision

    if users is None:
        monkeypatch.delenv("BS_INSTALL_DEPENDENCIES", raising=False)
    else:
        monkeypatch.setenv("BS_INSTALL_DEPENDENCIES", users)
    seen = []
    monkeypatch.setattr(
        brainscore_vision, "load_benchmark", lambda _: seen.append(os.environ["BS_INSTALL_DEPENDENCIES"])
    )
    load_benchmark(V1_BENCHMARK)
    assert seen == [users or "no"]
    assert os.environ.get("BS_INSTALL_DEPENDENCIES") == users


def test_a_missing_package_is_named(monkeypatch):
    import brainscore_vision

    def missing(identifier):
        raise ModuleNotFoundError("No module named 'rare'", name="rare")

    monkeypatch.setattr(brainscore_vision, "load_benchmark", missing)
    with pytest.raises(ModuleNotFoundError, match=r"needs the package 'rare'.*BS_INSTALL_DEPENDENCIES=yes"):
        load_benchmark(V1_BENCHMARK)


def test_data_file_states(tmp_path, empty_cache):
    file = DataFile("set", "a.csv", "a9993e364706816aba3e25717850c26c9cd0d89d", "https://x/a.csv")
    assert file.state() == "missing"
    file.path.parent.mkdir(parents=True)
    file.path.write_bytes(b"abc")  # whose sha1 is the standard's own example (FIPS 180, A.1)
    assert file.state() == "verified"
    file.path.write_bytes(b"abd")
    assert file.state() == "damaged"
