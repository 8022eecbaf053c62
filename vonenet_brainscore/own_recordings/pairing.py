"""Pairing of images with recorded responses: by name if the responses name their stimuli, else by order."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..stimuli.images import image_files, read_image, stimulus_files
from .distinct_pictures import check_distinct, small_version
from .response_files import read_responses
from .responses import Responses
from .stimulus_order import check_order, listed, rows_of_images


@dataclass(frozen=True)
class Recordings:
    """Stimuli, and the response of each neuron to each stimulus.

    Attributes
    ----------
    stimulus_set : brainscore_core StimulusSet
        Its identifier is a digest of its contents.
    values : float64 array, shape (stimulus, neuron, repetition)
        Row i belongs to stimulus i; finite, except for NaN if a repetition is missing but another exists.
    neurons : tuple of str
    stated : dict
        Statements of the responses' source about the experiment, as in `responses.Responses`.
    summary : str
        The numbers of stimuli, neurons, repetitions and missing responses.
    notes : tuple of str
        Assumptions made in reading, in words for the user.
    """

    stimulus_set: Any
    values: np.ndarray
    neurons: tuple[str, ...]
    stated: Mapping[str, Any]
    summary: str
    notes: tuple[str, ...]


def paired(
    stimuli: Any,
    responses: Any,
    *,
    region: str | None = None,
    variable: str | None = None,
    axes: Any = None,
    time_bin: Sequence[float] | None = None,
) -> Recordings:
    """Recordings from any form of images and responses that `neural_benchmark` takes.

    Parameters
    ----------
    stimuli, responses
        As in `neural_benchmark`.
    region : str, optional
        Region of the neurons to use, by its name in the responses' source; by default all neurons.
    variable, axes, time_bin
        As in `response_files.read_responses`.

    Raises
    ------
    ValueError
        For an image without a response or the reverse, lengths that do not match, files whose order is not clear, NaN
        without another repetition, infinite values, a constant neuron, an unreadable image, a duplicated name,
        no neuron in the region, or responses to another stimulus set.
    FileNotFoundError
        For a missing folder, image or file of responses.
    """
    recorded = read_responses(responses, variable=variable, axes=axes, time_bin=time_bin)
    if region is not None:
        recorded = recorded.of_region(region)
    shown_to, given = recorded.stated.get("stimulus_set"), getattr(stimuli, "identifier", None)
    if shown_to is not None and isinstance(given, str) and given != shown_to:
        raise ValueError(f"the responses are to the stimulus set {shown_to!r}, and the stimuli are {given!r}")
    notes = list(recorded.notes)
    if shown_to is not None and not isinstance(given, str):
        notes.append(
            f"the responses are to the stimulus set {shown_to!r}; image files do not say to which set they belong"
        )
    stimulus_set = _stimulus_set(stimuli)
    values, note = _in_order_of(stimulus_set, recorded, sorted_by_name=isinstance(stimuli, str | PathLike))
    _check_values(values, list(stimulus_set["stimulus_id"]), recorded.neurons)
    notes += note
    return Recordings(stimulus_set, values, recorded.neurons, recorded.stated, recorded.summary(), tuple(notes))


def _stimulus_set(stimuli: Any) -> Any:
    """The stimuli as a StimulusSet whose identifier is a digest of its contents.

    Brain-Score stores images that it placed on a screen under the identifier of their set, so two sets must not share
    an identifier. It writes them under their file names, so these must not be duplicated either.
    """
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    if isinstance(stimuli, StimulusSet):
        if "degrees" in stimuli:
            raise ValueError("the stimulus set has a column 'degrees', which visual_degrees would contradict; drop one")
        stimulus_set = StimulusSet(stimuli.copy(deep=True).reset_index(drop=True))
        paths = dict(zip(stimulus_set["stimulus_id"], stimulus_files(stimuli), strict=True))
    else:
        paths = _paths_by_id(stimuli)
        stimulus_set = StimulusSet({"stimulus_id": list(paths)})
    names = [path.name for path in paths.values()]
    _check_unique("stimulus", stimulus_set["stimulus_id"])
    _check_unique("file", names)
    stimulus_set["filename"] = names
    digest = hashlib.sha256(stimulus_set.to_csv(index=False).encode())
    contents, small_versions = {}, []
    for stimulus_id, path in paths.items():
        picture = read_image(path, as_shown=True)
        height, width = picture.pixels.shape[:2]
        if height != width:
            raise ValueError(
                f"{path} is {width} x {height} pixels, but a model sees a square, to which the image would be "
                "stretched; pad it to a square with the background that was shown, and give the square's width as "
                "visual_degrees"
            )
        digest.update(picture.content)
        contents[stimulus_id] = picture.content
        small_versions.append(small_version(picture))
    check_distinct(contents, np.stack(small_versions))
    stimulus_set.stimulus_paths = paths
    stimulus_set.identifier = f"own-stimuli-{digest.hexdigest()[:16]}"
    return stimulus_set


def _paths_by_id(stimuli: Any) -> dict[Any, Path]:
    if isinstance(stimuli, Mapping):
        return {stimulus_id: Path(path) for stimulus_id, path in stimuli.items()}
    if isinstance(stimuli, bytes) or not isinstance(stimuli, Iterable | PathLike):
        raise TypeError(f"stimuli are a folder, paths or a StimulusSet, not {type(stimuli).__name__}")
    files = image_files(stimuli) if isinstance(stimuli, str | PathLike) else [Path(path) for path in stimuli]
    _check_unique("stimulus", [file.stem for file in files])
    return {file.stem: file for file in files}


def _check_unique(kind: str, names: Sequence[Any]) -> None:
    index = pd.Index(names)
    if not index.is_unique:
        twice = list(index[index.duplicated()].unique())
        raise ValueError(f"{kind} {listed(twice)} is duplicated; each image needs its own name, apart from the suffix")


def _in_order_of(stimulus_set: Any, responses: Responses, *, sorted_by_name: bool) -> tuple[np.ndarray, list[str]]:
    """The responses' values, with row i for image i, and a note if the order relies on an assumption."""
    images, shape = len(stimulus_set), responses.values.shape
    if responses.stimuli is None:
        if shape[0] != images:
            fitting = [axis for axis, size in enumerate(shape) if size == images]
            hint = ""
            if fitting:
                order = "neuron,stimulus" + ",repetition" * (shape[2] > 1)
                order = order if fitting[0] == 1 else "repetition,neuron,stimulus"
                hint = (
                    f"; axis {fitting[0]} has {images}: if these are the stimuli, say so, as in axes={order!r} (--axes)"
                )
            raise ValueError(f"{images} images but {shape[0]} rows of responses{hint}")
        if sorted_by_name:
            check_order(list(stimulus_set["filename"]))
        return responses.values, []
    rows, note = rows_of_images(responses.stimuli, list(stimulus_set["stimulus_id"]), list(stimulus_set["filename"]))
    return responses.values[rows], [] if note is None else [note]


def _check_values(values: np.ndarray, stimulus_ids: Sequence[Any], neurons: Sequence[str]) -> None:
    for problem, cells in (
        ("are infinite", np.isinf(values).any(axis=-1)),
        ("are NaN" if values.shape[-1] == 1 else "are NaN in every repetition", np.isnan(values).all(axis=-1)),
    ):
        if cells.any():
            pairs = [f"stimulus {stimulus_ids[i]!r} of neuron {neurons[j]!r}" for i, j in np.argwhere(cells)]
            raise ValueError(f"{cells.sum()} of {cells.size} responses {problem}: {listed(pairs, quote=False)}")
    mean = np.nanmean(values, axis=-1)  # (stimulus, neuron)
    # Means over different numbers of equal repetitions differ in the last bits.
    constant = np.ptp(mean, axis=0) <= 1e-12 * np.abs(mean).max(axis=0)
    if constant.any():
        names = [neurons[j] for j in np.flatnonzero(constant)]
        raise ValueError(
            f"{len(names)} of {len(neurons)} neurons respond equally to all stimuli, so nothing correlates with them; "
            f"leave out {listed(names)}"
        )
