"""Validation: top-1 and top-5 accuracy on the images of a folder."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from torch import Tensor

from .accuracy import Accuracy, accuracy, label_ranks
from .classifier import Classifier, contents_of
from .evaluation import Evaluation
from .image_folder import ImageFolder


@dataclass(frozen=True)
class Validation:
    """Top-1 and top-5 accuracy.

    Attributes
    ----------
    top1 : Accuracy
    top5 : Accuracy or None
        None if the network has five classes or fewer.
    draws : int
        Number of noise draws per image; 1 for a network without noise.
    rows : list of dict
        For each image: its name, label and sha256, and the shares of draws with its class first (`top1`) and among the
        first five (`top5`).
    output : Path
        The file that stores the rows.
    """

    top1: Accuracy
    top5: Accuracy | None
    draws: int
    rows: list[dict[str, Any]]
    output: Path


def validate(
    classifier: Classifier,
    in_path: str | PathLike,
    *,
    output: str | PathLike = ".",
    draws: int = 1,
    seed: int = 0,
    progress: bool = True,
    **images: Any,
) -> Validation:
    """Top-1 and top-5 accuracy of a classifier on the images of a folder.

    Parameters
    ----------
    classifier : Classifier
    in_path : path
        A folder with one folder of images per class, or with such a folder `val/`.
    output : path
        A file of JSON Lines, one image per line, written as results come; results that are there already are kept if
        the network, the settings and the content of the images are the same, else refused. Or a folder, in which a file
        is named by what makes the results.
    draws : int
        Of the noise that an image is scored in.
    seed : int
        Of the noise.
    progress : bool
    **images
        The other attributes of `ImageFolder`: `DS_factor`, `image_size`, `batch_size`, `classes`, `workers`.

    Raises
    ------
    ValueError, FileNotFoundError
        If settings, images or labels cannot be, as `ImageFolder`, `read_image_folder` and `ResultsFile` say.
    TypeError
        If an argument is not of its kind.
    OSError, MemoryError
        If results cannot be kept or a batch does not fit.
    """
    evaluation = Evaluation(classifier, ImageFolder(in_path, **images), draws=draws, seed=seed)

    def measure(images: Tensor, labels: Tensor) -> dict[str, list[float]]:
        logits = classifier.logits(images, contents_of(images), draws=evaluation.draws, seed=seed)
        ranks = label_ranks(logits.cpu(), labels)  # (draw, image)
        return {f"top{first}": (ranks < first).double().mean(dim=0).tolist() for first in (1, 5)}

    rows = evaluation.rows(
        "validation", measure, {"top1": None, "top5": None}, settings={}, output=output, progress=progress
    )
    top5 = accuracy(row["top5"] for row in rows) if evaluation.n_classes > 5 else None
    return Validation(accuracy(row["top1"] for row in rows), top5, evaluation.draws, rows, rows.path)
