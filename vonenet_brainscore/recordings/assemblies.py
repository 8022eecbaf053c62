"""Recordings in Brain-Score's format: (presentation, neuroid) with coordinates of both."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..models.vone_block import VOneBlock
from ..stimuli.images import OnScreen, Picture, as_picture, image_files, stimulus_files
from ..stimuli.picture_files import open_picture
from .neuroids import neuroid_coordinates, side_by_side

if TYPE_CHECKING:
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

_BLOCK_LAYERS = ("vone_block", "vone_block.output")


def presentation_coordinates(stimuli: Any) -> tuple[dict[str, np.ndarray], list[Any]]:
    """Coordinates of the presentations, and the images.

    Parameters
    ----------
    stimuli : StimulusSet, folder, path, or sequence of images
        A Brain-Score stimulus set; a folder of images, in the order of their names; or one or several images as paths,
        Pillow images, uint8 arrays or `Picture`s.

    Returns
    -------
    dict of arrays, shape (presentation,)
        The stimulus set's columns, or a unique `stimulus_id` (the file name, with its folder if names repeat, or the
        first half of the content's digest if there is no file); and `stimulus_path`, which is '' without a file.
    list
        What `stimuli.images.as_picture` reads.

    Raises
    ------
    ValueError
        If there are no stimuli, a table does not give their paths, or a file has several frames or pages or a rotation
        flag.
    TypeError
        If `stimuli` is none of these.
    FileNotFoundError
        If a folder or file is missing.
    """
    if isinstance(stimuli, pd.DataFrame):
        images: list[Any] = [*stimulus_files(stimuli)]
        columns = {str(name): np.asarray(stimuli[name].values) for name in stimuli.columns}
    else:
        images = _images(stimuli)
        columns = {"stimulus_id": _stimulus_ids(images)}
    if not len(images):
        raise ValueError("no stimuli to look at; give at least one image")
    files = [image.path if isinstance(image, OnScreen) else image for image in images]
    missing = [str(file) for file in files if isinstance(file, Path) and not file.is_file()]
    if missing:
        raise FileNotFoundError(f"{len(missing)} of {len(images)} images are missing, the first is {missing[0]}")
    if not isinstance(stimuli, pd.DataFrame):  # a stimulus set is Brain-Score's, and is read as Brain-Score reads it
        for file in files:
            if isinstance(file, Path):
                open_picture(file, load=False, as_shown=True)
    columns["stimulus_path"] = np.array([str(file) if isinstance(file, Path) else "" for file in files])
    return columns, images


def _images(stimuli: Any) -> list[Any]:
    if isinstance(stimuli, str | PathLike):
        return image_files(stimuli) if Path(stimuli).is_dir() else [Path(stimuli)]
    if isinstance(stimuli, Picture | np.ndarray) or hasattr(stimuli, "convert"):
        raise TypeError("stimuli is one image; put it into a list")
    if not isinstance(stimuli, Iterable):
        raise TypeError(f"stimuli are a folder, images in a list or a StimulusSet, not {type(stimuli).__name__}")
    return [_image(image) for image in stimuli]


def _image(image: Any) -> Path | OnScreen | Picture:
    if isinstance(image, OnScreen):
        return image
    return Path(image) if isinstance(image, str | PathLike) else as_picture(image)


def _stimulus_ids(shown: Sequence[Path | OnScreen | Picture]) -> np.ndarray:
    """Unique names: the file name, with its folder or a number appended if names repeat."""
    images = [image.path if isinstance(image, OnScreen) else image for image in shown]
    names = [image.name if isinstance(image, Path) else image.content.hex()[:32] for image in images]
    names = [
        str(image) if isinstance(image, Path) and names.count(name) > 1 else name
        for image, name in zip(images, names, strict=True)
    ]
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return np.array(unique)


def package(
    identifier: str,
    recorded: Mapping[str, Sequence[np.ndarray]],
    presentations: Mapping[str, np.ndarray],
    *,
    block: VOneBlock | None = None,
    regions: Mapping[str, str] | None = None,
    by_trial: bool = False,
) -> "NeuroidAssembly":
    """An assembly of the layers' responses, side by side.

    Parameters
    ----------
    identifier : str
        The model's.
    recorded : dict from layer to list of arrays
        One array per call, of shape (stimulus, *units), or (stimulus, trial, *units) with ``by_trial``.
    presentations : dict of arrays, shape (stimulus,)
    block : VOneBlock, optional
        For the coordinates of its units.
    regions : mapping from layer to region, optional
    by_trial : bool

    Returns
    -------
    NeuroidAssembly
        (presentation, neuroid); with a third dimension `time_step` if a layer was called more than once, and NaN after
        the last call of a layer that was called less often. Trials are presentations with a `repetition`.
    """
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    stimuli = len(next(iter(presentations.values())))
    steps = max(len(calls) for calls in recorded.values())
    trials = next(iter(recorded.values()))[0].shape[1] if by_trial else 1
    widths, parts = [], []
    for layer, calls in recorded.items():
        units = calls[0].shape[1 + by_trial :]
        widths.append(int(np.prod(units)))
        part = neuroid_coordinates(identifier, layer, units, block if layer in _BLOCK_LAYERS else None)
        if regions:
            part["region"] = np.full(widths[-1], regions.get(layer, ""))
        parts.append(part)
    shape = (stimuli * trials, sum(widths)) + ((steps,) if steps > 1 else ())
    if len(recorded) == 1 and steps == 1:
        (calls,) = recorded.values()
        values = calls[0].reshape(shape)  # no copy: a whole layer can be gigabytes
    else:
        values = np.full(shape, np.nan, np.float32)
        ends = np.cumsum(widths)
        for end, width, calls in zip(ends, widths, recorded.values(), strict=True):
            for step, call in enumerate(calls):
                where = (slice(None), slice(end - width, end), step)[: len(shape)]
                values[where] = call.reshape(stimuli * trials, width)
    coordinates: dict[str, Any] = {
        name: ("presentation", np.repeat(column, trials)) for name, column in presentations.items()
    }
    if by_trial:
        coordinates["repetition"] = ("presentation", np.tile(np.arange(trials), stimuli))
    # Brain-Score's benchmarks read the stimuli's columns off a recording: of two of one name, such as the orientation
    # of a grating and of a Gabor, the stimulus keeps it.
    units_columns = side_by_side(parts)
    coordinates |= {name: ("neuroid", units_columns[name]) for name in units_columns if name not in coordinates}
    dims = ["presentation", "neuroid"]
    if steps > 1:
        dims.append("time_step")
        coordinates["time_step"] = ("time_step", np.arange(steps))
    return NeuroidAssembly(values, coords=coordinates, dims=dims)
