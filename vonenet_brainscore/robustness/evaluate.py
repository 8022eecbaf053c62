"""Adversarial evaluation: accuracy on images of a folder, as they are and attacked."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from os import PathLike
from typing import Any

import numpy as np
import torch

from ..classification.accuracy import Accuracy, accuracy, label_ranks
from ..classification.classifier import Classifier, contents_of
from ..classification.image_by_image import check_settings, evaluate_image_by_image
from ..classification.image_folder import LabelledImage, as_tensor, load_crop, read_image_folder
from ..classification.results_file import ResultsFile
from .attacks import NORMS, ProjectedGradientDescent


@dataclass(frozen=True)
class AdversarialEvaluation:
    """Accuracy on clean and on attacked images.

    Attributes
    ----------
    clean, adversarial : Accuracy
    attack : ProjectedGradientDescent
        As it ran: `k` is 1 for a network without noise.
    draws : int
        Of the noise that every image was scored in; 1 for a network without noise.
    rows : list of dict
        For each image: its name and label, the shares of draws answered correctly (`clean`, `adversarial`) and how far
        the attacked image is from it (`distance`, in the attack's norm).
    """

    clean: Accuracy
    adversarial: Accuracy
    attack: ProjectedGradientDescent
    draws: int
    rows: list[dict[str, Any]]


def evaluate(
    classifier: Classifier,
    in_path: str | PathLike,
    attack: ProjectedGradientDescent,
    *,
    output: str | PathLike,
    draws: int = 10,
    DS_factor: int = 1,
    image_size: int = 224,
    batch_size: int = 16,
    classes: Sequence[str] | None = None,
    workers: int = 0,
    progress: bool = True,
) -> AdversarialEvaluation:
    """Accuracy of a classifier on the images of a folder, as they are and attacked.

    Parameters
    ----------
    classifier : Classifier
    in_path : path
        An ImageFolder, or what holds one in `val/`.
    attack : ProjectedGradientDescent
    output : path
        JSON Lines, an image a line, written as results come; a file of the same settings is continued.
    draws : int
        Of the noise that an image is scored in. Clean and attacked images are scored in the same draws, none of which
        the attack has used.
    DS_factor : int
        Keep every so-many-th image.
    image_size : int
        Side of the square that the network sees, in pixels.
    batch_size : int
    classes : sequence of str, optional
        Names of class folders in the order of the model's outputs, as in `read_image_folder`.
    workers : int
        Processes that load images.
    progress : bool

    Raises
    ------
    ValueError, FileNotFoundError
        If settings, images or labels cannot be, as `read_image_folder`, `ResultsFile` and the attack say.
    TypeError
        If an argument is not of its kind.
    OSError, MemoryError
        If results cannot be kept or a batch does not fit.
    """
    if not isinstance(attack, ProjectedGradientDescent):
        raise TypeError(f"an attack is a ProjectedGradientDescent, not {type(attack).__name__}")
    check_settings(
        classifier, draws=draws, seed=attack.seed, image_size=image_size, batch_size=batch_size, workers=workers
    )
    images = read_image_folder(in_path, classifier.count_classes(image_size), classes=classes, every=DS_factor)
    if not classifier.is_stochastic(image_size):
        attack, draws = replace(attack, k=1), 1
    settings = {
        "evaluation": "adversarial",
        **classifier.description(),
        **asdict(attack),
        **{"draws": draws, "image_size": image_size, "DS_factor": DS_factor},
    }

    def measure(batch: Sequence[LabelledImage], pixels: np.ndarray) -> list[dict[str, float]]:
        clean, labels = as_tensor(pixels), torch.tensor([image.label for image in batch])
        contents = contents_of(clean)
        adversarial = attack(classifier, clean, labels, contents)
        distances = torch.linalg.vector_norm((adversarial - clean).flatten(1), ord=NORMS[attack.norm], dim=1)
        correct = [
            (label_ranks(classifier.logits(each, contents, draws=draws, seed=attack.seed).cpu(), labels) == 0)
            for each in (clean, adversarial)
        ]
        shares = [each.double().mean(dim=0).tolist() for each in correct]
        return [
            {"clean": before, "adversarial": after, "distance": distance}
            for before, after, distance in zip(*shares, distances.tolist(), strict=True)
        ]

    rows = evaluate_image_by_image(
        images,
        partial(load_crop, image_size=image_size),
        measure,
        ResultsFile(output, settings, {"clean": 1, "adversarial": 1, "distance": 1}),
        batch_size=batch_size,
        workers=workers,
        progress=progress,
    )
    clean, adversarial = (accuracy(row[name] for row in rows) for name in ("clean", "adversarial"))
    return AdversarialEvaluation(clean, adversarial, attack, draws, rows)
