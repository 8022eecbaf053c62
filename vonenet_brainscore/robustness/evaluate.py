"""Adversarial evaluation: accuracy on clean and attacked images, with and without noise."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from os import PathLike
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from torch import Tensor

from ..arguments import check_real
from ..classification.accuracy import Accuracy, accuracy, label_ranks, majority_accuracy, undecided
from ..classification.classifier import NOISE, Classifier, contents_of
from ..classification.evaluation import Evaluation, check_classifier
from ..classification.image_folder import ImageFolder
from .attack import Attack

BATCH_SIZE = 16  # gradients take more memory than answers
# Noise in the attack and in the evaluation: what an attacker who knows the network can do; whether the noise hides the
# gradient from one who looks at the noise-free twin; what the network withstands without its noise.
NOISE_IN_ATTACK_AND_EVALUATION = (("model", "model"), ("none", "model"), ("none", "none"))


@dataclass(frozen=True)
class NoiseCondition:
    """Accuracy against epsilon for one noise in the attack and one in the evaluation, both of `NOISE`.

    Attributes
    ----------
    attack_noise, evaluation_noise : str
        'model', 'fixed' or 'none'; 'none' also for a network that has no noise.
    clean : Accuracy
    attacked : dict from epsilon to Accuracy
        Mean over draws: the chance that an image is answered correctly.
    robust : dict from epsilon to Accuracy
        By the majority of draws: an image is broken if it is misclassified in more than half of them. Its interval is a
        binomial one over images.
    undecided : dict from epsilon to int
        Images of which the draws do not tell (exact binomial interval, 95 %) whether most draws are right or wrong.
    """

    attack_noise: str
    evaluation_noise: str
    clean: Accuracy
    attacked: dict[float, Accuracy]
    robust: dict[float, Accuracy]
    undecided: dict[float, int]


@dataclass(frozen=True)
class AdversarialEvaluation:
    """Accuracy on clean and on attacked images.

    Attributes
    ----------
    conditions : list of NoiseCondition
        The first is the one that counts: an attacker who knows the network as it is.
    attack : Attack
        As it ran, at the largest epsilon: `k` is 1 for a network without noise.
    draws : int
        Of the noise that every image was scored in; 1 for a network without noise.
    n_classes : int
        That the network tells apart.
    training_noise : str
        Noise mode that the network was trained with.
    rows : list of dict
        For each image: its name, label and sha256; the share of draws answered correctly as it is (`clean_NOISE`) and
        at each epsilon (`attacked_NOISE_NOISE`, of attack and evaluation); and how far the attacked images are from it
        (`distance_NOISE`, of the attack, in its norm).
    output : Path
        The file that keeps the rows.
    """

    conditions: list[NoiseCondition]
    attack: Attack
    draws: int
    n_classes: int
    training_noise: str
    rows: list[dict[str, Any]]
    output: Path

    @property
    def clean(self) -> Accuracy:
        """Accuracy on clean images, under the first condition."""
        return self.conditions[0].clean

    @property
    def attacked(self) -> dict[float, Accuracy]:
        """Accuracy at each epsilon, under the first condition."""
        return self.conditions[0].attacked

    @property
    def adversarial(self) -> Accuracy:
        """Accuracy at the largest epsilon, under the first condition."""
        return self.attacked[self.attack.eps]

    def unmoved(self) -> int:
        """Images that the attack of the first condition did not change, because there was no gradient."""
        distances = [row[f"distance_{self.conditions[0].attack_noise}"] for row in self.rows]
        return sum(any(d == 0 < e for d, e in zip(each, self.attacked, strict=True)) for each in distances)


def evaluate(
    classifier: Classifier,
    in_path: str | PathLike,
    attack: Attack,
    *,
    epsilons: Sequence[float] | None = None,
    noise: Sequence[tuple[str, str]] | None = None,
    output: str | PathLike = ".",
    draws: int = 10,
    progress: bool = True,
    **images: Any,
) -> AdversarialEvaluation:
    """Accuracy of a classifier on the images of a folder, as they are and attacked.

    Parameters and errors are those of `validate`, and:

    Parameters
    ----------
    attack : Attack
        Such as ``ProjectedGradientDescent()``. Its seed is that of the evaluation.
    epsilons : sequence of float, optional
        Sizes of the perturbation, in place of the attack's one `eps`; clean images are scored once for all of them.
    noise : sequence of pairs of str, optional
        Noise in the attack and in the evaluation, each of `NOISE`; default, `NOISE_IN_ATTACK_AND_EVALUATION`. What a
        classifier has no noise for is left out of the default; one that `with_noise` made keeps its own in both.
    draws : int
        Of the noise that an image is scored in. Clean and attacked images are scored in the same draws, none of which
        the attack has used.
    **images
        As in `validate`; `batch_size` is 16 by default.

    Raises
    ------
    ValueError
        If an epsilon is negative, infinite or given twice, or there is none; or if a noise is unknown, or is to be left
        out of a network whose noise is not a VOneBlock's.
    """
    if not isinstance(attack, Attack):
        raise TypeError(f"an attack is an Attack such as ProjectedGradientDescent(), not {type(attack).__name__}")
    check_classifier(classifier)
    attacks = [replace(attack, eps=eps) for eps in _checked(epsilons, attack)]
    folder = ImageFolder(in_path, **{"batch_size": BATCH_SIZE, **images})
    evaluation = Evaluation(classifier, folder, draws=draws, seed=attack.seed)
    pairs = _noise_pairs(noise, evaluation)
    known = {name: classifier if name == classifier.noise else classifier.with_noise(name) for name in NOISE}
    known["none"] = known["none"] if evaluation.stochastic else classifier
    random = {name: evaluation.stochastic and name == "model" for name in NOISE}

    def measure(images: Tensor, labels: Tensor) -> dict[str, list[Any]]:
        contents = contents_of(images)

        def share_correct(shown: Tensor, evaluated: str) -> list[float]:
            some = evaluation.draws if random[evaluated] else 1
            logits = known[evaluated].logits(shown, contents, draws=some, seed=attack.seed)
            return (label_ranks(logits.cpu(), labels) == 0).double().mean(dim=0).tolist()

        found: dict[str, list[Any]] = {
            f"clean_{evaluated}": share_correct(images, evaluated) for evaluated in dict.fromkeys(e for _, e in pairs)
        }
        for attacked in dict.fromkeys(a for a, _ in pairs):
            made = [
                replace(each, k=each.k if random[attacked] else 1)(known[attacked], images, labels, contents)
                for each in attacks
            ]
            for evaluated in (e for a, e in pairs if a == attacked):
                shares = [share_correct(each, evaluated) for each in made]
                found[f"attacked_{attacked}_{evaluated}"] = [list(each) for each in zip(*shares, strict=True)]
            distances = [attack.ball.norm(each - images).tolist() for each in made]
            found[f"distance_{attacked}"] = [list(each) for each in zip(*distances, strict=True)]
        return found

    strengths = [each.eps for each in attacks]
    measured: dict[str, int | None] = {}
    for attacked, evaluated in pairs:
        measured |= {f"clean_{evaluated}": None, f"distance_{attacked}": len(strengths)}
        measured |= {f"attacked_{attacked}_{evaluated}": len(strengths)}
    rows = evaluation.rows(
        f"adversarial-{attack.norm}",
        measure,
        measured,
        settings={
            "attack": type(attack).__name__,
            **asdict(attack),
            **{"eps": strengths, "noise_in_attack_and_evaluation": [list(pair) for pair in pairs]},
        },
        output=output,
        progress=progress,
    )
    strongest = max(attacks, key=lambda each: each.eps)
    return AdversarialEvaluation(
        conditions=[_condition(*pair, rows, strengths, evaluation.draws if random[pair[1]] else 1) for pair in pairs],
        attack=replace(strongest, k=strongest.k if random[pairs[0][0]] else 1),
        draws=evaluation.draws,
        n_classes=evaluation.n_classes,
        training_noise=classifier.training_noise,
        rows=rows,
        output=rows.path,
    )


def _condition(
    attacked: str, evaluated: str, rows: Sequence[dict[str, Any]], epsilons: Sequence[float], draws: int
) -> NoiseCondition:
    shares = {eps: [row[f"attacked_{attacked}_{evaluated}"][i] for row in rows] for i, eps in enumerate(epsilons)}
    return NoiseCondition(
        attack_noise=attacked,
        evaluation_noise=evaluated,
        clean=accuracy(row[f"clean_{evaluated}"] for row in rows),
        attacked={eps: accuracy(each) for eps, each in shares.items()},
        robust={eps: majority_accuracy(each) for eps, each in shares.items()},
        undecided={eps: undecided(each, draws) for eps, each in shares.items()},
    )


def _noise_pairs(noise: Sequence[tuple[str, str]] | None, evaluation: Evaluation) -> list[tuple[str, str]]:
    classifier, side = evaluation.classifier, evaluation.folder.image_size
    if noise is None:
        if classifier.noise != "model":
            return [(classifier.noise, classifier.noise)]
        if not evaluation.stochastic:
            return [("none", "none")]
        separable = not classifier.with_noise("none").is_stochastic(side)
        return list(NOISE_IN_ATTACK_AND_EVALUATION[: None if separable else 1])
    if isinstance(noise, str) or not isinstance(noise, Sequence) or not all(_is_pair(each) for each in noise):
        raise TypeError(f"noise is {shortened(noise)}; give pairs of text, of the noise in attack and evaluation")
    pairs = [(attacked, evaluated) for attacked, evaluated in noise]
    unknown = [each for pair in pairs for each in pair if each not in NOISE]
    if unknown or len(set(pairs)) < len(pairs) or not pairs:
        raise ValueError(f"noise is {shortened(pairs)}; give pairs of {', '.join(NOISE)}, each once, at least one")
    if any("none" in pair for pair in pairs) and classifier.with_noise("none").is_stochastic(side):
        raise ValueError(f"{classifier.name} has noise that is not a VOneBlock's and cannot be left out")
    return pairs


def _is_pair(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and [type(each) for each in value] == [str, str]


def _checked(epsilons: Sequence[float] | None, attack: Attack) -> list[float]:
    if epsilons is None:
        return [attack.eps]
    if isinstance(epsilons, str) or not isinstance(epsilons, Sequence):
        raise TypeError(f"epsilons is {shortened(epsilons)}; give numbers in a list")
    check_real(**{f"epsilons[{i}]": eps for i, eps in enumerate(epsilons)})
    if not epsilons or len(set(epsilons)) < len(epsilons):
        raise ValueError(f"epsilons is {shortened(list(epsilons))}; give each size once, at least one")
    return [float(eps) for eps in epsilons]
