"""Accuracy on corrupted images: corrupted here, or read from a folder of ImageNet-C."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

import numpy as np
import torch

from ..classification.accuracy import Accuracy, accuracy, label_ranks
from ..classification.classifier import Classifier, contents_of
from ..classification.image_by_image import check_settings, evaluate_image_by_image
from ..classification.image_folder import LabelledImage, as_tensor, load_crop, read_image_folder
from ..classification.results_file import ResultsFile
from .corruptions import CORRUPTIONS, SEVERITIES, TYPES, corrupt, group_means, mean_corruption_error


@dataclass(frozen=True)
class CorruptedEvaluation:
    """Accuracy on corrupted images.

    Attributes
    ----------
    clean : Accuracy or None
        None for an ImageNet-C folder, which holds no clean images.
    by_type : dict from type to five of Accuracy
        Severities 1 to 5.
    groups : dict from group to float
        Mean accuracy.
    mce : float or None
        Mean corruption error relative to AlexNet, in per cent; None where types were left out.
    rows : list of dict
        For each image: its name and label, and the share of draws answered correctly, `clean` and for each type in a
        list of five.
    """

    clean: Accuracy | None
    by_type: dict[str, list[Accuracy]]
    groups: dict[str, float]
    mce: float | None
    rows: list[dict[str, Any]]


def evaluate_corruptions(
    classifier: Classifier,
    in_path: str | PathLike,
    *,
    output: str | PathLike,
    types: Sequence[str] = TYPES,
    draws: int = 1,
    seed: int = 0,
    DS_factor: int = 1,
    image_size: int = 224,
    batch_size: int = 64,
    classes: Sequence[str] | None = None,
    workers: int = 0,
    progress: bool = True,
) -> CorruptedEvaluation:
    """Accuracy of a classifier on the images of a folder, corrupted in every type and severity.

    Parameters are those of `evaluate`, and:

    Parameters
    ----------
    in_path : path
        An ImageFolder of clean images, or a folder of ImageNet-C, known by its folders: a type, or a group and then a
        type, then the severity, then the classes.
    types : sequence of str
        Of `corruptions.TYPES`.
    seed : int
        Of the corruptions and of the network's noise.
    batch_size : int
        Corrupted images a batch.
    workers : int
        Processes that corrupt images, which takes longer than answering them.

    Raises
    ------
    ValueError, FileNotFoundError, OSError, MemoryError
        As `evaluate`; if a type is unknown; if an ImageNet-C folder lacks a file.
    """
    check_settings(classifier, draws=draws, seed=seed, image_size=image_size, batch_size=batch_size, workers=workers)
    if isinstance(types, str) or not isinstance(types, Sequence):
        raise TypeError(f"types is {shortened(types)}; give names in a list")
    unknown = [str(name) for name in types if name not in TYPES]
    if unknown or not types:
        raise ValueError(f"unknown corruptions {', '.join(unknown) or '(none given)'}; have {', '.join(TYPES)}")
    folders = _imagenet_c(Path(in_path).expanduser(), types)
    clean_folder = in_path if folders is None else folders[types[0]] / "1"
    n_classes = classifier.count_classes(image_size)
    images = read_image_folder(clean_folder, n_classes, classes=classes, every=DS_factor)
    draws = draws if classifier.is_stochastic(image_size) else 1
    settings = {
        "evaluation": "corruptions" if folders is None else "corruptions of ImageNet-C",
        **classifier.description(),
        **{"types": list(types), "draws": draws, "seed": seed, "image_size": image_size, "DS_factor": DS_factor},
    }

    measured = {**({} if folders else {"clean": 1}), **dict.fromkeys(types, len(SEVERITIES))}

    def measure(batch: Sequence[LabelledImage], pixels: np.ndarray) -> list[dict[str, Any]]:
        inputs, labels = as_tensor(pixels[0]), torch.tensor([batch[0].label])
        correct = [
            label_ranks(classifier.logits(part, contents_of(part), draws=draws, seed=seed).cpu(), labels) == 0
            for part in inputs.split(int(batch_size))
        ]
        shares = torch.cat(correct, dim=1).double().mean(dim=0).tolist()
        row = {} if folders else {"clean": shares.pop(0)}
        return [row | {name: shares[5 * i : 5 * i + 5] for i, name in enumerate(types)}]

    load = (
        partial(_corrupted, image_size=image_size, types=types, seed=seed)
        if folders is None
        else partial(_read, image_size=image_size, folders=folders)
    )
    rows = evaluate_image_by_image(
        images, load, measure, ResultsFile(output, settings, measured), batch_size=1, workers=workers, progress=progress
    )
    by_type = {name: [accuracy(row[name][severity - 1] for row in rows) for severity in SEVERITIES] for name in types}
    means = {name: [each.mean for each in severities] for name, severities in by_type.items()}
    return CorruptedEvaluation(
        clean=None if folders else accuracy(row["clean"] for row in rows),
        by_type=by_type,
        groups=group_means(means),
        mce=mean_corruption_error(means) if set(types) == set(TYPES) else None,
        rows=rows,
    )


def _corrupted(image: LabelledImage, image_size: int, types: Sequence[str], seed: int) -> np.ndarray:
    """The clean image and its corruptions: uint8 array (1 + type * severity, y, x, 3)."""
    clean = load_crop(image, image_size)
    return np.stack([clean, *(corrupt(clean, name, each, seed=seed) for name in types for each in SEVERITIES)])


def _read(image: LabelledImage, image_size: int, folders: dict[str, Path]) -> np.ndarray:
    """The corruptions of an image: uint8 array (type * severity, y, x, 3)."""
    files = [folder / str(severity) / image.name for folder in folders.values() for severity in SEVERITIES]
    return np.stack([load_crop(replace(image, path=file), image_size, resized=False) for file in files])


def _imagenet_c(root: Path, types: Sequence[str]) -> dict[str, Path] | None:
    """Folder of each type, or None where `root` holds no corrupted images."""
    places = {name: [root / name, *(root / group / name for group in CORRUPTIONS)] for name in types}
    folders = {name: next((place for place in each if place.is_dir()), None) for name, each in places.items()}
    found = {name: folder for name, folder in folders.items() if folder is not None}
    missing = [name for name in types if name not in found]
    if found and missing:
        raise FileNotFoundError(f"{root} holds {', '.join(found)} but not {', '.join(missing)}; name them with --types")
    return found or None
