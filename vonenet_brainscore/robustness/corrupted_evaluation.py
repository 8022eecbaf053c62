"""Accuracy on corrupted images, generated here or read from a folder of ImageNet-C."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..classification.accuracy import Accuracy, accuracy, label_ranks
from ..classification.classifier import Classifier, contents_of
from ..classification.content import own_file
from ..classification.evaluation import Evaluation
from ..classification.image_folder import ImageFolder, LabelledImage, load_crop
from .corruption_table import SEVERITIES
from .corruptions import CORRUPTIONS, TYPES, corrupt, group_means, library_version, mean_corruption_error


@dataclass(frozen=True)
class CorruptedEvaluation:
    """Accuracy on corrupted images.

    Attributes
    ----------
    clean : Accuracy or None
        None for an ImageNet-C folder, which has no clean images.
    by_type : dict from type to five of Accuracy
        Severities 1 to 5.
    groups : dict from group to float
        Mean accuracy.
    mce : float or None
        Mean corruption error relative to AlexNet's published errors, in per cent; None where types were left out. Of
        images that were corrupted here it is an approximation, as `mean_corruption_error` says.
    made_here : bool
        Whether the images were corrupted here rather than read from ImageNet-C.
    rows : list of dict
        For each image: its name, label and sha256, and the share of draws answered correctly, `clean` and for each type
        in a list of five.
    output : Path
        The file that keeps the rows.
    """

    clean: Accuracy | None
    by_type: dict[str, list[Accuracy]]
    groups: dict[str, float]
    mce: float | None
    made_here: bool
    rows: list[dict[str, Any]]
    output: Path


def evaluate_corruptions(
    classifier: Classifier,
    in_path: str | PathLike,
    *,
    output: str | PathLike = ".",
    types: Sequence[str] = TYPES,
    draws: int = 1,
    seed: int = 0,
    progress: bool = True,
    **images: Any,
) -> CorruptedEvaluation:
    """Accuracy of a classifier on the images of a folder, corrupted in every type and severity.

    Parameters and errors are those of `validate`, and:

    Parameters
    ----------
    in_path : path
        An ImageFolder of clean images, or a folder of ImageNet-C, known by its folders: a type, or a group and then a
        type, then the severity, then the classes.
    types : sequence of str
        Of `corruptions.TYPES`.
    seed : int
        Of the corruptions and of the network's noise.
    **images
        As in `validate`; `batch_size` counts corrupted images, and `workers` processes corrupt images, which takes
        longer than answering them.

    Raises
    ------
    ValueError, FileNotFoundError
        If a type is unknown, or an ImageNet-C folder lacks a file.
    """
    if isinstance(types, str) or not isinstance(types, Sequence):
        raise TypeError(f"types is {shortened(types)}; give names in a list")
    unknown = [str(name) for name in types if name not in TYPES]
    if unknown or not types:
        raise ValueError(f"unknown corruptions {', '.join(unknown) or '(none given)'}; have {', '.join(TYPES)}")
    folder = ImageFolder(in_path, **images)
    folders = _imagenet_c(folder.root, types)
    if folders is None:
        load: Any = partial(_corrupted, image_size=folder.image_size, types=types, seed=seed)
        files, measured = own_file, {"clean": None}
        source = {"library": library_version()}
    else:
        folder = replace(folder, in_path=folders[types[0]] / "1")
        load = partial(_read, image_size=folder.image_size, folders=folders)
        files, measured, source = partial(_files, folders=folders), {}, {}
    evaluation = Evaluation(classifier, folder, draws=draws, seed=seed)
    clean = len(measured)

    def measure(images: Tensor, labels: Tensor) -> dict[str, list[Any]]:
        parts = images[0].split(int(folder.batch_size))
        logits = [classifier.logits(part, contents_of(part), draws=evaluation.draws, seed=seed).cpu() for part in parts]
        correct = label_ranks(torch.cat(logits, dim=1), labels) == 0  # (draw, image)
        shares = correct.double().mean(dim=0).tolist()  # the clean image's, then type by severity
        by_type = {name: [shares[clean + 5 * i : clean + 5 * i + 5]] for i, name in enumerate(types)}
        return {"clean": shares[:1], **by_type} if clean else by_type

    rows = evaluation.rows(
        "corruptions" if folders is None else "corruptions of ImageNet-C",
        measure,
        {**measured, **dict.fromkeys(types, len(SEVERITIES))},
        settings={"types": list(types), **source},
        output=output,
        load=load,
        files=files,
        batch_size=1,  # image, with all that it is made into
        progress=progress,
    )
    by_type = {name: [accuracy(row[name][severity - 1] for row in rows) for severity in SEVERITIES] for name in types}
    means = {name: [each.mean for each in severities] for name, severities in by_type.items()}
    return CorruptedEvaluation(
        clean=accuracy(row["clean"] for row in rows) if clean else None,
        by_type=by_type,
        groups=group_means(means),
        made_here=folders is None,
        mce=mean_corruption_error(means) if set(types) == set(TYPES) else None,
        rows=rows,
        output=rows.path,
    )


def _corrupted(image: LabelledImage, image_size: int, types: Sequence[str], seed: int) -> np.ndarray:
    """The clean image and its corruptions: uint8 array (1 + type * severity, y, x, 3)."""
    clean = load_crop(image, image_size)
    return np.stack([clean, *(corrupt(clean, name, each, seed=seed) for name in types for each in SEVERITIES)])


def _read(image: LabelledImage, image_size: int, folders: dict[str, Path]) -> np.ndarray:
    """The corruptions of an image: uint8 array (type * severity, y, x, 3)."""
    files = _files(image, folders)
    return np.stack([load_crop(replace(image, path=file), image_size, resized=False) for file in files])


def _files(image: LabelledImage, folders: dict[str, Path]) -> list[Path]:
    return [folder / str(severity) / image.name for folder in folders.values() for severity in SEVERITIES]


def _imagenet_c(root: Path, types: Sequence[str]) -> dict[str, Path] | None:
    """Folder of each type, or None if `root` has no corrupted images."""
    places = {name: [root / name, *(root / group / name for group in CORRUPTIONS)] for name in types}
    folders = {name: next((place for place in each if place.is_dir()), None) for name, each in places.items()}
    found = {name: folder for name, folder in folders.items() if folder is not None}
    missing = [name for name in types if name not in found]
    if found and missing:
        raise FileNotFoundError(f"{root} holds {', '.join(found)} but not {', '.join(missing)}; name them with --types")
    return found or None
