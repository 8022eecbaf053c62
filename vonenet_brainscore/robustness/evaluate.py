"""Adversarial evaluation: accuracy on images of a folder, as they are and attacked."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from os import PathLike
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

import torch
from torch import Tensor

from ..arguments import check_real
from ..classification.accuracy import Accuracy, accuracy, label_ranks
from ..classification.classifier import Classifier, contents_of
from ..classification.evaluation import Evaluation, check_classifier
from ..classification.image_folder import ImageFolder
from .attacks import NORMS, ProjectedGradientDescent

BATCH_SIZE = 16  # gradients take more memory than answers


@dataclass(frozen=True)
class AdversarialEvaluation:
    """Accuracy on clean and on attacked images.

    Attributes
    ----------
    clean : Accuracy
    attacked : dict from epsilon to Accuracy
    attack : ProjectedGradientDescent
        As it ran, at the largest epsilon: `k` is 1 for a network without noise.
    draws : int
        Of the noise that every image was scored in; 1 for a network without noise.
    rows : list of dict
        For each image: its name, label and sha256; the share of draws answered correctly as it is (`clean`) and at each
        epsilon (`attacked`); and how far the attacked images are from it (`distance`, in the attack's norm).
    output : Path
        The file that keeps the rows.
    """

    clean: Accuracy
    attacked: dict[float, Accuracy]
    attack: ProjectedGradientDescent
    draws: int
    rows: list[dict[str, Any]]
    output: Path

    @property
    def adversarial(self) -> Accuracy:
        """Accuracy at the largest epsilon."""
        return self.attacked[self.attack.eps]


def evaluate(
    classifier: Classifier,
    in_path: str | PathLike,
    attack: ProjectedGradientDescent,
    *,
    epsilons: Sequence[float] | None = None,
    output: str | PathLike = ".",
    draws: int = 10,
    progress: bool = True,
    **images: Any,
) -> AdversarialEvaluation:
    """Accuracy of a classifier on the images of a folder, as they are and attacked.

    Parameters and errors are those of `validate`, and:

    Parameters
    ----------
    attack : ProjectedGradientDescent
        Its seed is that of the evaluation.
    epsilons : sequence of float, optional
        Sizes of the perturbation, in place of the attack's one `eps`; clean images are scored once for all of them.
    draws : int
        Of the noise that an image is scored in. Clean and attacked images are scored in the same draws, none of which
        the attack has used.
    **images
        As in `validate`; `batch_size` is 16 by default.

    Raises
    ------
    ValueError
        If an epsilon is negative, infinite or given twice, or there is none.
    """
    if not isinstance(attack, ProjectedGradientDescent):
        raise TypeError(f"an attack is a ProjectedGradientDescent, not {type(attack).__name__}")
    check_classifier(classifier)
    attacks = [replace(attack, eps=eps) for eps in _checked(epsilons, attack)]
    folder = ImageFolder(in_path, **{"batch_size": BATCH_SIZE, **images})
    evaluation = Evaluation(classifier, folder, draws=draws, seed=attack.seed)
    if not evaluation.stochastic:
        attacks = [replace(each, k=1) for each in attacks]

    def measure(images: Tensor, labels: Tensor) -> dict[str, list[Any]]:
        contents = contents_of(images)

        def share_correct(shown: Tensor) -> list[float]:
            logits = classifier.logits(shown, contents, draws=evaluation.draws, seed=attack.seed)
            return (label_ranks(logits.cpu(), labels) == 0).double().mean(dim=0).tolist()

        made = [each(classifier, images, labels, contents) for each in attacks]
        moved = [(each - images).flatten(1) for each in made]
        distances = [torch.linalg.vector_norm(each, ord=NORMS[attack.norm], dim=1).tolist() for each in moved]
        return {
            "clean": share_correct(images),
            "attacked": [list(each) for each in zip(*map(share_correct, made), strict=True)],
            "distance": [list(each) for each in zip(*distances, strict=True)],
        }

    strengths = [each.eps for each in attacks]
    rows = evaluation.rows(
        f"adversarial-{attack.norm}",
        measure,
        {"clean": None, "attacked": len(strengths), "distance": len(strengths)},
        settings=asdict(attacks[0]) | {"eps": strengths},
        output=output,
        progress=progress,
    )
    return AdversarialEvaluation(
        clean=accuracy(row["clean"] for row in rows),
        attacked={eps: accuracy(row["attacked"][i] for row in rows) for i, eps in enumerate(strengths)},
        attack=max(attacks, key=lambda each: each.eps),
        draws=evaluation.draws,
        rows=rows,
        output=rows.path,
    )


def _checked(epsilons: Sequence[float] | None, attack: ProjectedGradientDescent) -> list[float]:
    if epsilons is None:
        return [attack.eps]
    if isinstance(epsilons, str) or not isinstance(epsilons, Sequence):
        raise TypeError(f"epsilons is {shortened(epsilons)}; give numbers in a list")
    check_real(**{f"epsilons[{i}]": eps for i, eps in enumerate(epsilons)})
    if not epsilons or len(set(epsilons)) < len(epsilons):
        raise ValueError(f"epsilons is {shortened(list(epsilons))}; give each size once, at least one")
    return [float(eps) for eps in epsilons]
