"""Files from outside: nothing in them is executed, nothing is written beside them, and memory does not fill."""

import hashlib
import json
import os
import pickle
import stat
import struct
import tempfile
import threading
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import brainscore_vision
import h5py
import numpy as np
import pandas as pd
import psutil
import pytest
import scipy.io
import torch
import xarray as xr
from brainio_format import registered, write_freeman_ziemba
from brainscore_core.metrics import Score
from hypothesis import given
from hypothesis import strategies as st
from junk import fuzz, lawful
from PIL import Image
from tiny_networks import tiny_vonenet

from vonenet_brainscore.benchmarks.storage import data_on_demand
from vonenet_brainscore.classification.results_file import ResultsFile
from vonenet_brainscore.kept_scores import kept_or_computed
from vonenet_brainscore.models.checkpoints import read_checkpoint
from vonenet_brainscore.models.vonenet import get_model
from vonenet_brainscore.own_recordings import responses, variable_files
from vonenet_brainscore.own_recordings.neural_benchmark import neural_benchmark
from vonenet_brainscore.own_recordings.response_files import read_responses
from vonenet_brainscore.stimuli.images import as_picture, read_image
from vonenet_brainscore.submission import rules
from vonenet_brainscore.submission.rules import broken_rules

MODES = [
    "1",
    "L",
    "LA",
    "P",
    "RGB",
    "RGBA",
    "CMYK",
    "YCbCr",
    "HSV",
    "I",
    "F",
    "LAB",
    "I;16",
    "PA",
    "La",
    "RGBa",
    "RGBX",
]


class MakesAFolder:
    """Unpickled without care, it makes a folder."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def peak_mb():
    """How far this process's memory rose meanwhile, in MB."""

    class Peak:
        def __enter__(self):
            self.before = self.highest = psutil.Process().memory_info().rss
            self.done = threading.Event()
            self.watch = threading.Thread(target=self.look)
            self.watch.start()
            return self

        def look(self):
            while not self.done.wait(0.01):
                self.highest = max(self.highest, psutil.Process().memory_info().rss)

        def __exit__(self, *_):
            self.done.set()
            self.watch.join()
            self.value = (self.highest - self.before) / 1e6

    return Peak()


def little_memory(monkeypatch, megabytes=1):
    """As on a machine with little memory free."""
    free = psutil.virtual_memory()._replace(available=megabytes * 10**6)
    monkeypatch.setattr(responses.psutil, "virtual_memory", lambda: free)


# Checkpoints (crafted pickles: test_checkpoints)


@pytest.mark.filterwarnings("ignore:`torch.jit")  # deprecated, but such files exist
def test_a_torchscript_archive_is_not_run(tmp_path):
    path = tmp_path / "program.pth"
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)
    with pytest.raises(ValueError, match=r"is a TorchScript archive, a program .* nothing of it was run"):
        read_checkpoint(path)


def test_a_compressed_checkpoint_is_refused_before_it_unpacks(tmp_path, peak_mb):
    torch.save({"a": torch.zeros(50_000_000)}, tmp_path / "plain")
    bomb = tmp_path / "bomb.pth"
    with zipfile.ZipFile(tmp_path / "plain") as plain, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in plain.infolist():
            packed.writestr(entry.filename, plain.read(entry))
    assert bomb.stat().st_size < 10**6
    with peak_mb, pytest.raises(ValueError, match=r"is compressed: 2000\d+ bytes in \d+, which torch\.save never does"):
        read_checkpoint(bomb)
    assert peak_mb.value < 50


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: torch.zeros(1).expand(10**6, 10**6), "claims 1000000000000 numbers where 1 are stored"),
        (lambda: torch.eye(3).to_sparse(), "is not a dense tensor"),
        (lambda: torch.zeros(3, device="meta"), "is not a dense tensor"),
        (lambda: torch.quantize_per_tensor(torch.zeros(3), 1.0, 0, torch.qint8), "is not a dense tensor"),
        (lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]), "is not a dense tensor"),
        (lambda: torch.zeros(3).to(torch.float8_e4m3fn), r"is torch\.float8_e4m3fn"),
    ],
)
def test_tensors_that_are_no_weights_are_named(tmp_path, make, problem):
    torch.save({"fine": torch.zeros(3), "odd": make()}, tmp_path / "odd.pth")
    with pytest.raises(ValueError, match=rf"odd\.pth holds no weights .*: odd {problem}"):
        read_checkpoint(tmp_path / "odd.pth")


@pytest.mark.parametrize(
    "flags",
    [
        {"simple_channels": "32"},
        {"simple_channels": None},
        {"simple_channels": 10**12},
        {"visual_degrees": float("nan")},
        {"image_size": 10**30},
        {"noise_scale": [1]},
        {"stride": 0.5},
        {"stride": 0},
        {"k_exc": "x"},
        {"sf_max": "high"},
    ],
)
def test_flags_that_cannot_be_are_refused(tmp_path, flags):
    content = {
        "flags": {"simple_channels": 32, "complex_channels": 32, **flags},
        "state_dict": tiny_vonenet().state_dict(),
    }
    torch.save(content, tmp_path / "flags.pth")
    with lawful(), pytest.raises((ValueError, TypeError), match=next(iter(flags))):
        get_model(None, weights=tmp_path / "flags.pth")


@pytest.mark.parametrize("filters", [torch.tensor(1.0), torch.zeros(3), torch.zeros(0, 3, 9, 9), torch.zeros(64, 3, 9)])
def test_filters_of_another_shape_are_no_vonenet(tmp_path, filters):
    torch.save({"vone_block.simple_conv_q0.weight": filters}, tmp_path / "filters.pth")
    with lawful(), pytest.raises(ValueError, match=r"filters\.pth"):
        get_model(None, weights=tmp_path / "filters.pth", simple_channels=32, complex_channels=32)


# Responses


@pytest.mark.parametrize("suffix", [".npy", ".nc", ".mat", ".csv", ".npz", ".h5", ".parquet", ".nwb"])
def test_a_pickle_by_another_name_is_not_run(tmp_path, suffix):
    path, trace = tmp_path / f"responses{suffix}", tmp_path / "trace"
    path.write_bytes(pickle.dumps(MakesAFolder(trace)))
    with lawful(), pytest.raises(ValueError, match=f"responses{suffix}"):
        read_responses(path)
    with path.open("wb") as file:
        save = np.savez if suffix == ".npz" else np.save
        save(file, np.array([[MakesAFolder(trace)]], dtype=object))
    with lawful(), pytest.raises(ValueError, match=f"responses{suffix}"):
        read_responses(path)
    assert not trace.exists()
    with path.open("wb") as file:
        np.save(file, np.array([[MakesAFolder(trace)]], dtype=object), allow_pickle=True)
    np.load(path, allow_pickle=True)
    assert trace.exists()  # the crafted file does what it is for


def test_an_archive_of_arrays_is_named(tmp_path):
    with (tmp_path / "r.npy").open("wb") as file:
        np.savez(file, a=np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"r\.npy: is an archive of arrays; call it \.npz"):
        read_responses(tmp_path / "r.npy")


def npy_that_claims(shape, path):
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
        file.write(b"\0" * 800)


def netcdf_that_claims(shape, path):
    with h5py.File(path, "w") as file:
        for name, size in zip(("stimulus", "neuron"), shape, strict=True):
            file.create_dataset(name, (size,), "f4", chunks=(1024,)).make_scale(name)
        responses = file.create_dataset("responses", shape, "f8", chunks=(64, 64), compression="gzip")
        responses.dims[0].attach_scale(file["stimulus"])
        responses.dims[1].attach_scale(file["neuron"])


def mat_that_claims(shape, path):
    with h5py.File(path, "w") as file:
        file.create_dataset("responses", shape, "f8", chunks=(64, 64), compression="gzip")


def npz_that_claims(shape, path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("responses.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, {"descr": "<f8", "fortran_order": False, "shape": shape})
        member.write(b"\0" * 800)


def old_mat_that_claims(shape, path):
    scipy.io.savemat(path, {"responses": np.zeros(shape)}, do_compression=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("suffix", "make"),
    [
        (".npy", npy_that_claims),
        (".nc", netcdf_that_claims),
        (".mat", mat_that_claims),
        (".h5", mat_that_claims),
        (".npz", npz_that_claims),
    ],
)
def test_a_small_file_that_claims_terabytes_fills_nothing(tmp_path, suffix, make, peak_mb):
    path = tmp_path / f"huge{suffix}"
    make((1_000_000, 1_000_000), path)
    assert path.stat().st_size < 10**6
    with peak_mb, lawful(), pytest.raises((MemoryError, ValueError), match=r"8000\.0 GB, and .* are free|huge\.npy"):
        read_responses(path)
    assert peak_mb.value < 200


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("suffix", "make"), [(".nc", netcdf_that_claims), (".mat", mat_that_claims), (".mat", old_mat_that_claims)]
)
def test_a_file_that_unpacks_to_more_than_is_free_is_refused_before(tmp_path, suffix, make, monkeypatch, peak_mb):
    path = tmp_path / f"large{suffix}"
    make((6000, 6000), path)
    assert path.stat().st_size < 10**6
    little_memory(monkeypatch)
    with peak_mb, pytest.raises(MemoryError, match=r"shape \(6000, 6000\) take 0\.3 GB, and 0\.0 are free"):
        read_responses(path)
    assert peak_mb.value < 200  # zlib unpacks a block at a time, at most 131 MB


def test_a_structure_that_unpacks_to_more_than_is_free_is_refused(tmp_path, monkeypatch):
    """Its size is not in the file's list of variables."""
    scipy.io.savemat(tmp_path / "r.mat", {"data": {"responses": np.zeros((9000, 9000))}}, do_compression=True)
    little_memory(monkeypatch)
    with pytest.raises(MemoryError, match=r"r\.mat exceed the 0\.0 GB of free memory"):
        read_responses(tmp_path / "r.mat")


def test_numbers_that_lie_in_other_files_are_not_read(tmp_path):
    (tmp_path / "secret").write_bytes(np.arange(6.0).tobytes())
    with h5py.File(tmp_path / "r.h5", "w") as file:
        file.create_dataset("responses", (2, 3), "f8", external=[(str(tmp_path / "secret"), 0, 48)])
    with pytest.raises(ValueError, match=r"r\.h5: '/responses' stores its numbers in another file"):
        read_responses(tmp_path / "r.h5")
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["responses"] = h5py.ExternalLink(str(tmp_path / "r.h5"), "/responses")
    with pytest.raises(ValueError, match=r"s\.h5: 'responses' is a link to another file"):
        read_responses(tmp_path / "s.h5")


def test_a_table_that_unfolds_to_more_than_is_free_is_refused(monkeypatch, peak_mb):
    little_memory(monkeypatch, megabytes=100)
    names = [str(index) for index in range(5000)]
    table = pd.DataFrame({"stimulus": names, "neuron": names, "trial": range(5000), "response": 1.0})
    with peak_mb, pytest.raises(MemoryError, match=r"shape \(5000, 5000, 1\) take 0\.2 GB, and 0\.1 are free"):
        read_responses(table)
    assert peak_mb.value < 100


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "make",
    [
        lambda: xr.DataArray(np.zeros((2, 3)), dims=("a", "b")).to_dataset(name="r"),
        lambda: xr.DataArray(np.zeros((2, 3, 2, 2)), dims=("stimulus", "neuron", "time", "repetition")).to_dataset(
            name="r"
        ),
        lambda: xr.Dataset({"r": (("stimulus", "neuron"), np.zeros((2, 3))), "s": ("stimulus", [1, 2])}),
        lambda: xr.Dataset({}),
        lambda: xr.Dataset({"r": (("stimulus", "neuron"), [["a", "b"], ["c", "d"]])}),
        lambda: xr.Dataset(
            {"r": (("stimulus", "neuron", "repetition"), np.zeros((2, 3, 2)))}, {"stimulus": ["x", "x"]}
        ),
        lambda: xr.Dataset({"r": (("stimulus", "neuron"), np.zeros((2, 3)), {"units": "days since never"})}),
        lambda: xr.Dataset({"r": (("stimulus", "neuron"), np.zeros((2, 3)), {"scale_factor": "much"})}),
        lambda: xr.Dataset({"r": (("stimulus", "neuron"), np.zeros((0, 3)))}),
        lambda: xr.Dataset({"r": ((), 1.0)}),
    ],
)
def test_a_netcdf_of_another_kind_is_refused_by_name(tmp_path, make):
    make().to_netcdf(tmp_path / "r.nc")
    with lawful(), pytest.raises((ValueError, TypeError), match=r"r\.nc: "):
        read_responses(tmp_path / "r.nc")


@pytest.mark.parametrize(
    "content",
    [
        {"responses": {"a": 1.0}},
        {"responses": "text"},
        {"responses": np.zeros((2, 2)), "stimuli": 3.0},
        {"responses": np.zeros((2, 2)), "stimuli": np.array([[1, 2]], dtype=object)},
        {"responses": np.zeros((2, 2)), "neurons": np.array([[{"a": 1}, 2]], dtype=object)},
        {"responses": np.zeros((2, 2)) + 1j},
    ],
)
def test_a_mat_of_other_content_is_refused_or_read(tmp_path, content):
    scipy.io.savemat(tmp_path / "r.mat", content)
    with lawful():
        read_responses(tmp_path / "r.mat")


@pytest.mark.parametrize("module", ["json", "numpy", "scipy"])
def test_code_that_lies_beside_the_files_is_not_run(tmp_path, monkeypatch, module):
    (tmp_path / f"{module}.py").write_text("import os; os.mkdir('trace')")
    monkeypatch.chdir(tmp_path)
    scipy.io.savemat("r.mat", {"responses": np.eye(2)})
    np.testing.assert_array_equal(read_responses("r.mat").values[..., 0], np.eye(2))
    assert not Path("trace").exists()


def test_a_mat_that_crashes_its_reader_is_refused(tmp_path, monkeypatch):
    scipy.io.savemat(tmp_path / "r.mat", {"responses": np.eye(2)})
    monkeypatch.setattr(variable_files, "_READ_MAT", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with lawful(), pytest.raises(ValueError, match=r"r\.mat: damaged; reading it ended with -11"):
        read_responses(tmp_path / "r.mat")


def damaged(content, data):
    """The bytes with some changed, and perhaps cut short."""
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 8))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    return bytes(changed[: data.draw(st.one_of(st.just(len(changed)), st.integers(0, len(changed))))])


def written(write, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"whole{suffix}"
        write(path)
        return path.read_bytes()


def write_hdf5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array


def parquet_table():
    return pd.DataFrame({"stimulus": ["a", "b"], "n1": [1.0, 2.5], "n2": [0.0, 4.0]})


PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8))
TABLE = xr.DataArray(np.arange(6.0).reshape(2, 3), dims=("stimulus", "neuron"), name="r")
WHOLE = {
    **{
        suffix: (read_image, written(PICTURE.save, suffix))
        for suffix in (".png", ".jpg", ".bmp", ".gif", ".tif", ".webp", ".ppm")
    },
    ".npy": (read_responses, written(lambda path: np.save(path, TABLE.values), ".npy")),
    ".mat": (read_responses, written(lambda path: scipy.io.savemat(path, {"responses": TABLE.values}), ".mat")),
    ".nc": (read_responses, written(TABLE.to_netcdf, ".nc")),
    " classic.nc": (read_responses, written(lambda path: TABLE.to_netcdf(path, format="NETCDF3_64BIT"), ".nc")),
    ".npz": (read_responses, written(lambda path: np.savez(path, responses=TABLE.values), ".npz")),
    ".h5": (read_responses, written(lambda path: write_hdf5(path, responses=TABLE.values), ".h5")),
    ".parquet": (read_responses, written(lambda path: parquet_table().to_parquet(path), ".parquet")),
    ".csv": (read_responses, written(lambda path: TABLE.to_pandas().to_csv(path), ".csv")),
    ".pth": (read_checkpoint, written(lambda path: torch.save({"a": torch.zeros(3)}, path), ".pth")),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", WHOLE)
def test_a_damaged_file_is_read_or_refused_by_name(tmp_path_factory, suffix):
    read, content = WHOLE[suffix]
    path = tmp_path_factory.mktemp("damaged") / f"damaged{suffix}"

    @fuzz(5 if suffix == ".mat" else 30)  # it has a process of its own
    @given(st.data())
    def damage(data):
        path.write_bytes(damaged(content, data))
        with lawful():
            try:
                read(path)
            except Exception as error:
                assert path.name in str(error)
                raise

    damage()


# Images


def png_that_claims(width, height):
    """A small file of one colour, whose pixels unpack to gigabytes."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = zlib.compressobj()
    rows = b"".join(pixels.compress(b"\0" * 3_000_000) for _ in range(20)) + pixels.flush()
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_decompression_bomb_fills_nothing(tmp_path, peak_mb):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_that_claims(60_000, 60_000))
    assert path.stat().st_size < 10**6
    with peak_mb, pytest.raises(ValueError, match=r"bomb\.png cannot be read as an image .*exceeds limit"):
        read_image(path)
    assert peak_mb.value < 50


def test_text_in_an_image_that_unpacks_to_gigabytes_is_refused(tmp_path, peak_mb):
    from PIL import PngImagePlugin

    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "x" * 200_000_000, zip=True)
    PICTURE.save(tmp_path / "text.png", pnginfo=text)
    del text
    with peak_mb, pytest.raises(ValueError, match=r"text\.png cannot be read as an image .*too large"):
        read_image(tmp_path / "text.png")
    assert peak_mb.value < 100


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.parametrize("suffix", [".png", ".eps"])
def test_postscript_by_another_name_is_not_given_to_ghostscript(tmp_path, monkeypatch, suffix):
    from PIL import EpsImagePlugin

    trace, ghostscript = tmp_path / "trace", tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\nmkdir -p {trace}\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    path = tmp_path / f"image{suffix}"
    path.write_bytes(POSTSCRIPT)
    with pytest.raises(ValueError, match=f"image{suffix} cannot be read as an image"):
        read_image(path)
    assert not trace.exists()
    with pytest.raises(OSError), Image.open(path) as image:
        image.load()
    assert trace.exists()  # the crafted file does what it is for


@pytest.mark.parametrize("mode", MODES)
def test_images_of_every_mode_are_exact_or_refused(tmp_path, mode):
    image = Image.new(mode, (4, 3))
    with lawful():
        picture = as_picture(image)
        np.testing.assert_array_equal(picture.pixels, np.array(image.convert("RGB")))
    for suffix in (".png", ".tif", ".jpg", ".webp", ".gif", ".bmp"):
        try:
            image.save(tmp_path / f"image{suffix}")
        except (OSError, ValueError, KeyError):
            continue  # the format has no such mode
        with lawful():
            assert read_image(tmp_path / f"image{suffix}").pixels.shape == (3, 4, 3)


@pytest.mark.parametrize("mode", ["I", "F", "I;16"])
def test_a_pillow_image_of_more_bits_is_not_clipped(mode):
    with pytest.raises(ValueError, match=f"the image has {mode} pixels of (16|32) bits per channel"):
        as_picture(Image.new(mode, (4, 3)))


def test_an_image_without_pixels_is_refused():
    for image in (np.zeros((0, 4), np.uint8), np.zeros((4, 0, 3), np.uint8), Image.new("RGB", (0, 3))):
        with pytest.raises(ValueError, match="has no pixels"):
            as_picture(image)


def test_an_animation_is_its_first_picture(tmp_path):
    first, second = Image.new("RGB", (4, 3), "red"), Image.new("RGB", (4, 3), "blue")
    first.save(tmp_path / "two.gif", save_all=True, append_images=[second])
    np.testing.assert_array_equal(read_image(tmp_path / "two.gif").pixels, np.array(first))


def test_a_hostile_image_among_ones_own_stimuli_is_named(tmp_path):
    for index in range(30):
        PICTURE.resize((10, 10)).save(tmp_path / f"{index:02d}.png")
    (tmp_path / "07.png").write_bytes(POSTSCRIPT)
    with pytest.raises(ValueError, match=r"07\.png cannot be read as an image"):
        neural_benchmark("own", tmp_path, np.random.default_rng(0).normal(size=(30, 2)))


# Zips


def crafted_zip(path, entries, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_a_zip_of_code_that_unpacks_to_gigabytes_is_refused_before(tmp_path, peak_mb):
    bomb = crafted_zip(tmp_path / "bomb.zip", {f"x/models/x/{i}.py": b"#" * rules.MAX_BYTES for i in range(4)})
    assert bomb.stat().st_size < 10**6
    with peak_mb, pytest.raises(ValueError, match=r"bomb\.zip cannot be read: its modules unpack to more bytes than"):
        broken_rules(bomb)
    assert peak_mb.value < 30


def test_paths_out_of_a_zip_and_links_are_named(tmp_path):
    link = zipfile.ZipInfo("x/models/x/link.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = crafted_zip(
        tmp_path / "paths.zip", {"../up.py": "", "/root.py": "", "x/../../up.py": "", link: "/etc/passwd"}
    )
    broken = " ".join(broken_rules(path))
    for name in ("'../up.py': use relative", "'/root.py': use relative", "'x/../../up.py': use relative"):
        assert f"paths: {name}" in broken
    assert "paths: 'x/models/x/link.py' is a link" in broken


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9, 0.99])
def test_a_damaged_or_locked_zip_is_refused(tmp_path, place):
    path = crafted_zip(tmp_path / "some.zip", {"x/models/x/__init__.py": os.urandom(500), "x/y.py": b"1"})
    content = bytearray(path.read_bytes())
    content[int(place * len(content)) :][:1] = b"\xff"
    for start in (0, int(place * len(content))):
        for bit in (b"PK\x01\x02", b"PK\x03\x04"):
            place_of = content.find(bit, start)
            if place_of >= 0:
                content[place_of + (8 if bit == b"PK\x01\x02" else 6)] |= 1  # says that it is locked
    path.write_bytes(content)
    with lawful(), pytest.raises(ValueError, match=r"some\.zip"):
        broken_rules(path)


def test_a_stimulus_archive_writes_nothing_outside_its_folder(tmp_path):
    """Brain-Score unpacks the archives of its storage; one that is registered and hostile stays in its folder."""
    cache, outside = tmp_path / "a" / "b" / "cache", tmp_path / "outside.png"
    cache.mkdir(parents=True)
    made = write_freeman_ziemba(cache, families=1, samples=2, repetitions=1, neuroids=1)
    archive = made.paths(cache)[2]
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "a") as opened:
        for name in ("../../../outside.png", str(outside), "../up.png"):
            opened.writestr(name, b"evil")
        opened.writestr(link, str(outside))
    sha1 = hashlib.sha1(archive.read_bytes()).hexdigest()
    archive.parent.rename(cache / sha1)
    made = replace(made, zip_sha1=sha1)
    unpacked = made.paths(cache)[2].with_suffix("")

    def elsewhere():
        return {path for path in tmp_path.rglob("*") if unpacked not in path.parents}

    before = elsewhere()
    with registered(cache, made), pytest.raises(ValueError, match=r"made: .*do not match csv"), data_on_demand("made"):
        brainscore_vision.load_stimulus_set(made.stimulus_set)
    assert elsewhere() == before | {unpacked}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


# Kept scores and results


def deep(levels, inside="1"):
    return '{"kind": "list", "items": [' * levels + inside + "]}" * levels


ATTRS = '"attrs": {"kind": "mapping", "items": []}'
KEPT = {
    "no JSON": "import os",
    "a number": "0.9",
    "null": "null",
    "a list": "[1]",
    "another kind": '{"kind": "Model"}',
    "no kind": "{}",
    "an array": '{"kind": "array", "dtype": "<f8", "shape": [1], "values": [0.5]}',
    "deep": deep(100_000),
    "a score of text": '{"kind": "Score", "values": "high", "dims": [], "coords": [], ' + ATTRS + "}",
    "a score of two": '{"kind": "Score", "values": {"kind": "array", "dtype": "<f8", "shape": [2], "values": [1, 2]}, '
    '"dims": ["a"], "coords": [], ' + ATTRS + "}",
    "attributes of text": '{"kind": "Score", "values": 0.5, "dims": [], "coords": [], "attrs": "x"}',
    "text of gigabytes": '{"kind": "Score", "values": {"kind": "array", "dtype": "<U10000000", "shape": [4, 4], '
    f'"values": {json.dumps(["x"] * 16)}}}, "dims": ["a", "b"], "coords": [], {ATTRS}}}',
    "bytes of gigabytes": '{"kind": "array", "dtype": "|V2000000000", "shape": [1], "values": [0]}',
    "a shape of terabytes": '{"kind": "array", "dtype": "<f8", "shape": [1000000, 1000000], "values": [0.5]}',
    "a structure": '{"kind": "array", "dtype": "i4,(1000000000)i4", "shape": [1], "values": [0]}',
    "a number of many digits": '{"kind": "Score", "values": ' + "9" * 5000 + "}",
    "bytes": "\udcff\udcfe",
}


def kept_file(score):
    """A kept score's file with this JSON as the score and, where it can be read, the digest that goes with it."""
    try:
        digest = hashlib.sha256(json.dumps(json.loads(score), sort_keys=True).encode()).hexdigest()
    except (ValueError, RecursionError):
        digest = ""
    return f'{{"score": {score}, "sha256": "{digest}", "content": {{"a": 1}}}}'


@pytest.mark.parametrize(
    "content", [*KEPT.values(), *map(kept_file, KEPT.values())], ids=[*KEPT, *map(str.upper, KEPT)]
)
def test_a_kept_score_that_is_none_is_computed_anew(tmp_path, monkeypatch, content, peak_mb):
    monkeypatch.setenv("RESULTCACHING_HOME", str(tmp_path))
    monkeypatch.delenv("RESULTCACHING_DISABLE", raising=False)
    kept_or_computed({"a": 1}, lambda: Score(0.5))
    (kept,) = tmp_path.rglob("*.json")
    kept.write_bytes(content.encode("utf-8", "surrogateescape"))
    with peak_mb, pytest.warns(UserWarning, match=r"the kept score .* is damaged"):
        assert float(kept_or_computed({"a": 1}, lambda: Score(0.25))) == 0.25
    assert peak_mb.value < 100
    assert float(kept_or_computed({"a": 1}, lambda: pytest.fail("computed again"))) == 0.25


ROW = {"image": "a", "label": 0, "top1": 1.0, "fog": [0.0, 0.5, 1.0]}
LINES = {
    "a number": "1",
    "null": "null",
    "a list": "[1]",
    "text": '"row"',
    "nothing measured": '{"image": "a", "label": 0}',
    "text measured": json.dumps(ROW | {"top1": "1.0"}),
    "a list in place of a number": json.dumps(ROW | {"top1": [1.0]}),
    "NaN": json.dumps(ROW | {"top1": float("nan")}),
    "infinity": json.dumps(ROW | {"top1": float("inf")}),
    "negative": json.dumps(ROW | {"top1": -0.1}),
    "fewer numbers": json.dumps(ROW | {"fog": [0.5]}),
    "a number in place of a list": json.dumps(ROW | {"fog": 0.5}),
    "NaN among them": json.dumps(ROW | {"fog": [0.0, float("nan"), 1.0]}),
    "deep": "[" * 100_000 + "]" * 100_000,
    "many digits": "9" * 5000,
    "code": "__import__('os').system('true')",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_line_that_holds_no_results_is_refused_and_left(tmp_path, line):
    path, measured = tmp_path / "results.jsonl", {"top1": None, "fog": 3}
    ResultsFile(path, {"seed": 0}, measured).append([ROW])
    assert ResultsFile(path, {"seed": 0}, measured).rows == [ROW]
    with path.open("a") as file:
        file.write(line + "\n")
    kept = path.read_bytes()
    with lawful(), pytest.raises(ValueError, match=r"results\.jsonl is no file of results .*; choose another --output"):
        ResultsFile(path, {"seed": 0}, measured)
    assert path.read_bytes() == kept


@pytest.mark.parametrize(
    "first", ["1", "[]", "{}", '{"settings": 1}', '{"settings": [1]}', '{"settings": null}', "{" * 10**5]
)
def test_settings_that_are_none_are_refused(tmp_path, first):
    (tmp_path / "results.jsonl").write_text(first + "\n")
    with lawful(), pytest.raises(ValueError, match="is no file of results"):
        ResultsFile(tmp_path / "results.jsonl", {"seed": 0}, {"top1": None})
