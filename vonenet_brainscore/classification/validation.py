"""Validation: top-1 and top-5 accuracy on the images of a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import Any

import numpy as np
import torch

from .accuracy import Accuracy, accuracy, label_ranks
from .classifier import Classifier, contents_of
from .image_by_image import check_settings, evaluate_image_by_image
from .image_folder import LabelledImage, as_tensor, load_crop, read_image_folder
from .results_file import ResultsFile


@dataclass(frozen=True)
class Validation:
    """Top-1 and top-5 accuracy.

    Attributes
    ----------
    top1 : Accuracy
    top5 : Accuracy or None
        None where the network tells five classes apart or fewer.
    draws : int
        Of the noise that every image was scored in; 1 for a network without noise.
    rows : list of dict
        For each image: its name and label, and the shares of draws with its class first (`top1`) and among the first
        five (`top5`).
    """

    top1: Accuracy
    top5: Accuracy | None
    draws: int
    rows: list[dict[str, Any]]


def validate(
    classifier: Classifier,
    in_path: str | PathLike,
    *,
    output: str | PathLike,
    draws: int = 1,
    seed: int = 0,
    DS_factor: int = 1,
    image_size: int = 224,
    batch_size: int = 64,
    classes: Sequence[str] | None = None,
    workers: int = 0,
    progress: bool = True,
) -> Validation:
    """Top-1 and top-5 accuracy of a classifier on the images of a folder.

    Parameters and errors are those of `evaluate`; `seed` is of the noise.
    """
    check_settings(classifier, draws=draws, seed=seed, image_size=image_size, batch_size=batch_size, workers=workers)
    n_classes = classifier.count_classes(image_size)
    images = read_image_folder(in_path, n_classes, classes=classes, every=DS_factor)
    draws = draws if classifier.is_stochastic(image_size) else 1
    settings = {
        "evaluation": "validation",
        **classifier.description(),
        **{"draws": draws, "seed": seed, "image_size": image_size, "DS_factor": DS_factor},
    }

    def measure(batch: Sequence[LabelledImage], pixels: np.ndarray) -> list[dict[str, float]]:
        inputs, labels = as_tensor(pixels), torch.tensor([image.label for image in batch])
        ranks = label_ranks(classifier.logits(inputs, contents_of(inputs), draws=draws, seed=seed).cpu(), labels)
        shares = [(ranks < first).double().mean(dim=0).tolist() for first in (1, 5)]
        return [{"top1": top1, "top5": top5} for top1, top5 in zip(*shares, strict=True)]

    rows = evaluate_image_by_image(
        images,
        partial(load_crop, image_size=image_size),
        measure,
        ResultsFile(output, settings, {"top1": 1, "top5": 1}),
        batch_size=batch_size,
        workers=workers,
        progress=progress,
    )
    top5 = accuracy(row["top5"] for row in rows) if n_classes > 5 else None
    return Validation(accuracy(row["top1"] for row in rows), top5, draws, rows)
