"""Made recordings in Brain-Score's BrainIO format, so that its own loaders, benchmarks and ceilings run on them.

The formats are those of FreemanZiemba2013 (V1, V2) and MajajHong2015 (V4, IT), small, with planted responses. Use:

    made = write_freeman_ziemba(tmp_path)
    with registered(tmp_path, made):
        benchmark = brainscore_vision.load_benchmark('FreemanZiemba2013public.V1-pls')

The sha1 that Brain-Score registers for the real files can't be met by made ones, so `registered` registers loaders with
the made files' own. Caches that go by names, not content, are kept away from the real ones for as long as it lasts.
"""

import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from PIL import Image

# From images in [0, 1], shape (stimulus, y, x), to responses, shape (stimulus, neuroid).
Responses = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class MadeDataSet:
    """What `registered` tells Brain-Score about made files.

    `assembly` and `stimulus_set` are the identifiers that a benchmark loads, `stored_assembly` the one that its file
    bears; the three hashes are those of the recordings, the table of stimuli and the archive of images. A table of
    neurons' `properties` is loaded with the stimuli beside it, recordings with the stimuli merged into them.
    """

    assembly: str
    stored_assembly: str
    stimulus_set: str
    nc_sha1: str
    csv_sha1: str
    zip_sha1: str
    properties: bool = False

    def paths(self, folder: Path) -> tuple[Path, Path, Path]:
        """The recordings, the table of stimuli and the archive of images in `folder`."""
        stimuli = f"stimulus_{self.stimulus_set.replace('.', '_')}"
        return (
            folder / self.nc_sha1 / f"assy_{self.stored_assembly.replace('.', '_')}.nc",
            folder / self.csv_sha1 / f"{stimuli}.csv",
            folder / self.zip_sha1 / f"{stimuli}.zip",
        )


def write_freeman_ziemba(
    folder: Path,
    *,
    families: int = 5,
    samples: int = 6,
    repetitions: int = 4,
    neuroids: int = 8,
    rates: Responses | None = None,
    seed: int = 0,
) -> MadeDataSet:
    """Write recordings as FreemanZiemba2013's public ones are stored, into a BrainIO cache folder.

    Poisson spikes in 300 bins of 1 ms, dims (neuroid, time_bin, presentation), for 320 x 320 grey images in a cosine
    aperture: `families` oriented textures and their phase-scrambled noise, `samples` of each. The benchmark needs more
    than 28 stimuli (25 PLS components, a tenth held out).

    Parameters
    ----------
    folder : path
        The cache, laid out ``<sha1>/<name>``.
    families, samples, repetitions : int
        Stimuli are 2 x families x samples.
    neuroids : int
        In each of V1 and V2.
    rates : callable, optional
        Images (stimulus, y, x) in [0, 1] -> firing rates (stimulus, 2 x neuroids) in spikes/s, V1 first. A fixed
        random readout of local contrast when left out.
    seed : int
    """
    rng = np.random.default_rng(seed)
    kinds = [
        (kind, family, sample)
        for kind in ("texture", "noise")
        for family in range(families)
        for sample in range(samples)
    ]
    images = np.stack([_texture(kind, family, rng) for kind, family, _ in kinds])
    rows = pd.DataFrame(kinds, columns=["texture_type", "texture_family", "sample"])
    rows["resolution"] = "320x320"
    rows["image_id_without_aperture"] = [f"without-aperture-{i}" for i in range(len(rows))]
    stimuli, csv_sha1, zip_sha1 = write_stimuli(folder, "FreemanZiemba2013.aperture-public", rows, images)

    rate = (rates or _contrast_readout(2 * neuroids, seed))(images / 255.0)  # (stimulus, neuroid)
    bin_s = 1e-3
    counts = rng.poisson(rate.T[:, None, None, :] * bin_s, (2 * neuroids, 300, repetitions, len(rows)))
    data = xr.DataArray(
        counts.reshape(2 * neuroids, 300, -1).astype(np.float64),
        dims=("neuroid", "time_bin", "presentation"),
        coords={
            "neuroid_id": ("neuroid", np.arange(1, 2 * neuroids + 1)),
            "region": ("neuroid", np.repeat(["V1", "V2"], neuroids)),
            "time_bin_start": ("time_bin", np.arange(300)),
            "time_bin_end": ("time_bin", np.arange(1, 301)),
            "image_id": ("presentation", np.tile(stimuli["image_id"].to_numpy(), repetitions)),
            "repetition": ("presentation", np.repeat(np.arange(repetitions), len(rows))),
        },
    )
    stored = "movshon.FreemanZiemba2013.public"
    return MadeDataSet(
        assembly="FreemanZiemba2013.public",
        stored_assembly=stored,
        stimulus_set="FreemanZiemba2013.aperture-public",
        nc_sha1=write_recordings(folder, stored, data),
        csv_sha1=csv_sha1,
        zip_sha1=zip_sha1,
    )


def write_majaj_hong(
    folder: Path,
    *,
    objects: int = 6,
    samples: int = 10,
    repetitions: int = 4,
    neuroids: int = 8,
    responses: Responses | None = None,
    seed: int = 0,
) -> MadeDataSet:
    """Write recordings as MajajHong2015's public ones are stored, into a BrainIO cache folder.

    Normalised rates (z-scores with unit Gaussian trial noise) in one bin of 70 to 170 ms, dims (neuroid, presentation,
    time_bin), for 256 x 256 images of `objects` shapes, `samples` of each. The held-out tenth of the stimuli must be
    no fewer than the objects.

    Parameters
    ----------
    folder : path
        The cache, laid out ``<sha1>/<name>``.
    objects, samples, repetitions : int
    neuroids : int
        In each of V4 and IT.
    responses : callable, optional
        Images (stimulus, y, x) in [0, 1] -> responses (stimulus, 2 x neuroids), V4 first. A fixed random readout of
        local contrast, z-scored, when left out.
    seed : int
    """
    rng = np.random.default_rng(seed)
    shapes = [(index, sample) for index in range(objects) for sample in range(samples)]
    images = np.stack([_shape(index, rng) for index, _ in shapes])
    rows = pd.DataFrame(
        {
            "object_name": [f"object_{index}" for index, _ in shapes],
            "category_name": [f"category_{index % 2}" for index, _ in shapes],
            "background_id": [f"background_{sample}" for _, sample in shapes],
            "variation": [3 * (sample % 2) for _, sample in shapes],
            "size": 256,
        }
    )
    stimuli, csv_sha1, zip_sha1 = write_stimuli(folder, "hvm-public", rows, images)

    if responses is None:
        drive = _contrast_readout(2 * neuroids, seed)(images / 255.0)
        signal = (drive - drive.mean(0)) / drive.std(0)
    else:
        signal = responses(images / 255.0)
    trials = signal.T[:, None, :] + rng.standard_normal((2 * neuroids, repetitions, len(rows)))
    data = xr.DataArray(
        trials.reshape(2 * neuroids, -1, 1),
        dims=("neuroid", "presentation", "time_bin"),
        coords={
            "neuroid_id": ("neuroid", [f"Made_L_{i}" for i in range(2 * neuroids)]),
            "region": ("neuroid", np.repeat(["V4", "IT"], neuroids)),
            "animal": ("neuroid", ["Made"] * (2 * neuroids)),
            "image_id": ("presentation", np.tile(stimuli["image_id"].to_numpy(), repetitions)),
            "repetition": ("presentation", np.repeat(np.arange(repetitions), len(rows))),
            "time_bin_start": ("time_bin", [70]),
            "time_bin_end": ("time_bin", [170]),
        },
    )
    stored = "dicarlo.MajajHong2015.public"
    return MadeDataSet(
        assembly="MajajHong2015.public",
        stored_assembly=stored,
        stimulus_set="hvm-public",
        nc_sha1=write_recordings(folder, stored, data),
        csv_sha1=csv_sha1,
        zip_sha1=zip_sha1,
    )


@contextmanager
def registered(folder: Path, *made: MadeDataSet) -> Iterator[None]:
    """Brain-Score finds the made data sets, in `folder`, in place of the real ones; everything is put back afterwards.

    Meanwhile its BrainIO cache is `folder`, the images that it places on the screen go to ``folder/on_screen``, its
    result caches (of recordings and ceilings, by name only) are off, and it installs no packages.
    """
    import brainscore_vision
    from brainscore_core.supported_data_standards.brainio import fetch
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuronRecordingAssembly, PropertyAssembly
    from brainscore_core.supported_data_standards.brainio.s3 import load_assembly_from_s3, load_stimulus_set_from_s3
    from brainscore_vision import data_registry, stimulus_set_registry
    from brainscore_vision.benchmark_helpers import screen

    variables = {"BS_INSTALL_DEPENDENCIES": "no", "RESULTCACHING_DISABLE": "1"}
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    cache, root = fetch._local_data_path, screen.root_path
    for one in made:  # importing the plugin registers the real loaders, which ours then replace
        brainscore_vision.import_plugin("brainscore_vision", "data", one.assembly)
    real_assemblies = {one.assembly: data_registry[one.assembly] for one in made}
    real_stimulus_sets = {one.stimulus_set: stimulus_set_registry[one.stimulus_set] for one in made}
    fetch._local_data_path, screen.root_path = str(folder), folder / "on_screen"
    try:
        for one in made:
            stimulus_set_registry[one.stimulus_set] = lambda one=one: load_stimulus_set_from_s3(
                identifier=one.stimulus_set,
                bucket="made/none",
                csv_sha1=one.csv_sha1,
                zip_sha1=one.zip_sha1,
                csv_version_id="null",
                zip_version_id="null",
            )
            data_registry[one.assembly] = lambda one=one: load_assembly_from_s3(
                identifier=one.stored_assembly,
                version_id="null",
                sha1=one.nc_sha1,
                bucket="made/none",
                cls=PropertyAssembly if one.properties else NeuronRecordingAssembly,
                stimulus_set_loader=lambda: brainscore_vision.load_stimulus_set(one.stimulus_set),
                merge_stimulus_set_meta=not one.properties,
            )
        yield
    finally:
        fetch._local_data_path, screen.root_path = cache, root
        data_registry.update(real_assemblies)
        stimulus_set_registry.update(real_stimulus_sets)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _texture(kind: str, family: int, rng: np.random.Generator) -> np.ndarray:
    """Noise in an oriented band of spatial frequencies, uint8 (320, 320); a texture also has contrast steps."""
    cycles = np.fft.fftfreq(320) * 320
    radius = np.hypot(cycles[:, None], cycles[None, :])
    angle = np.arctan2(cycles[:, None], cycles[None, :])
    band = np.exp(-((np.log2(np.maximum(radius, 0.5)) - 3 - family % 3) ** 2)) * (
        0.2 + np.cos(angle - family * np.pi / 5) ** 4
    )
    pattern = np.real(np.fft.ifft2(np.fft.fft2(rng.standard_normal((320, 320))) * band))
    pattern /= pattern.std()
    if kind == "texture":
        pattern = np.sign(pattern) * np.abs(pattern) ** 0.5
    distance = np.hypot(*(np.indices((320, 320)) - 159.5)) / 160
    aperture = 0.5 + 0.5 * np.cos(np.pi * np.clip((distance - 0.75) / 0.25, 0, 1))
    return np.clip(128 + 40 * pattern * aperture, 0, 255).astype(np.uint8)


def _shape(index: int, rng: np.random.Generator) -> np.ndarray:
    """A striped disc at a random place on a smooth background, uint8 (256, 256); the stripes tell the object."""
    y, x = np.indices((256, 256))
    cy, cx = rng.uniform(90, 166, 2)
    stripes = np.sin((x * np.cos(index) + y * np.sin(index)) * 2 * np.pi / (8 + 4 * index))
    background = 40 * np.sin((x + y) * 2 * np.pi / rng.uniform(60, 200))
    return (128 + np.where(np.hypot(y - cy, x - cx) < 60, 100 * stripes, background)).astype(np.uint8)


def _contrast_readout(neuroids: int, seed: int) -> Responses:
    """Rates in spikes/s, about 20 to 120, from a random mixture of the contrast in 8 x 8 squares of the image."""

    def rates(images: np.ndarray) -> np.ndarray:
        stimuli, height, width = images.shape
        squares = images.reshape(stimuli, 8, height // 8, 8, width // 8)
        contrast = squares.std((2, 4)).reshape(stimuli, 64)
        mixture = contrast @ np.random.default_rng(seed).standard_normal((64, neuroids))
        mixture = (mixture - mixture.min(0)) / np.ptp(mixture, axis=0)
        return 20 + 100 * mixture

    return rates


def write_stimuli(
    folder: Path, identifier: str, rows: pd.DataFrame, images: np.ndarray
) -> tuple[pd.DataFrame, str, str]:
    """Write the table and the flat archive of PNGs; returns the table and both hashes."""
    archive, hashes = io.BytesIO(), []
    with zipfile.ZipFile(archive, "w") as target:
        for image in images:
            png = io.BytesIO()
            Image.fromarray(image).save(png, "PNG")
            hashes.append(hashlib.sha1(png.getvalue()).hexdigest())
            target.writestr(f"{hashes[-1]}.png", png.getvalue())
    table = rows.assign(
        id=np.arange(len(rows)),
        image_id=hashes,
        image_file_sha1=hashes,
        image_file_name=[f"{sha1}.png" for sha1 in hashes],
        filename=[f"{sha1}.png" for sha1 in hashes],
    )
    name = f"stimulus_{identifier.replace('.', '_')}"
    csv_sha1 = _store(folder, f"{name}.csv", table.to_csv(index=False).encode())
    return table, csv_sha1, _store(folder, f"{name}.zip", archive.getvalue())


def write_recordings(folder: Path, identifier: str, data: xr.DataArray) -> str:
    temporary = folder / "recordings.nc"
    data.to_netcdf(temporary)
    sha1 = _store(folder, f"assy_{identifier.replace('.', '_')}.nc", temporary.read_bytes())
    temporary.unlink()
    return sha1


def _store(folder: Path, name: str, content: bytes) -> str:
    sha1 = hashlib.sha1(content).hexdigest()
    (folder / sha1).mkdir(parents=True, exist_ok=True)
    (folder / sha1 / name).write_bytes(content)
    return sha1
