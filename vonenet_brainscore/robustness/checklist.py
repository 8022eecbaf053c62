"""Gradient-masking checks of an accuracy under attack (Carlini et al. 2019), one verdict per line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from os import PathLike
from pathlib import Path
from statistics import NormalDist, fmean, stdev
from typing import Any

from ..arguments import check_whole
from ..classification.accuracy import COVERAGE, Accuracy, accuracy
from ..classification.classifier import Classifier
from .attacks import AutoPGD, ProjectedGradientDescent, SquareAttack
from .evaluate import AdversarialEvaluation, evaluate

PASSES, FAILS, NOT_TESTED = "passes", "fails", "not tested"
# A perturbation of this radius reaches every image from every other, whatever the norm: all pixel values by 1.
_EVERYWHERE = {"inf": lambda values: 1.0, "2": lambda values: values**0.5, "1": float}


@dataclass(frozen=True)
class Check:
    """A line of the checklist.

    Attributes
    ----------
    question : str
    found : dict from setting to Accuracy
        Mean accuracy over images and draws under each attack that the line compares.
    verdict : {'passes', 'fails', 'not tested'}
    reason : str
    """

    question: str
    found: dict[str, Accuracy]
    verdict: str
    reason: str


@dataclass(frozen=True)
class Checklist:
    """Checks of an evaluation under attack.

    Attributes
    ----------
    checks : list of Check
    strongest : Accuracy
        Each image under the attack of this size that was the strongest one on it, broken by the majority of draws. The
        strongest of several noisy counts slightly overestimates the attacks, which is conservative.
    evaluations : dict from attack to AdversarialEvaluation
        Image by image.
    training_noise : str
    """

    checks: list[Check]
    strongest: Accuracy
    evaluations: dict[str, AdversarialEvaluation]
    training_noise: str

    @property
    def passes(self) -> bool:
        """Whether no line fails."""
        return all(each.verdict != FAILS for each in self.checks)


def attack_checklist(
    classifier: Classifier,
    in_path: str | PathLike,
    attack: ProjectedGradientDescent,
    *,
    squares: int = 1000,
    doublings: int = 3,
    output: str | PathLike = ".",
    draws: int = 10,
    progress: bool = True,
    **images: Any,
) -> Checklist:
    """Check an attack on a classifier as Carlini et al. 2019 (arXiv 1902.06705, sections 3 to 5) advise.

    It is run with fewer and more steps, fewer and more draws a step, smaller and larger epsilon, and beside other
    attacks; differences are judged image by image, with 95 % intervals of their mean over images. What is no evidence:
    a line that passes, since an attack that nobody has thought of may be stronger.

    Parameters
    ----------
    classifier, in_path, draws, progress, images
        As in `evaluate`.
    attack : ProjectedGradientDescent
        Whose result is to be believed. Its momentum and steps are kept.
    squares : int
        Iterations of the black-box attack.
    doublings : int
        How often steps, and draws a step, are doubled at most, until accuracy falls no further: the plateau. The line
        fails if it lies beyond what was asked for.
    output : path
        A folder. Each attack's results are kept there as `evaluate` keeps them, so that a run that was cut off resumes.

    Raises
    ------
    ValueError, TypeError, FileNotFoundError, OSError, MemoryError
        As `evaluate`; if `output` is no folder, or epsilon is 0.
    """
    if not isinstance(attack, ProjectedGradientDescent):
        raise TypeError(f"the attack to check is a ProjectedGradientDescent, not {type(attack).__name__}")
    check_whole(squares=squares, doublings=doublings)
    if doublings < 1:
        raise ValueError(f"doublings is {doublings}; it must be at least 1")
    if not Path(output).expanduser().is_dir():
        raise ValueError(f"{output} is no folder; each attack has a file of results there")
    if attack.eps == 0:
        raise ValueError("eps is 0; give the size of a perturbation")
    evaluations: dict[str, AdversarialEvaluation] = {}

    def under(name: str, changed: Any, noise: list[tuple[str, str]] | None) -> AdversarialEvaluation:
        if name not in evaluations:
            evaluations[name] = evaluate(
                classifier, in_path, changed, noise=noise, output=output, draws=draws, progress=progress, **images
            )
        return evaluations[name]

    first = under("as asked", attack, None)
    noise = [(first.conditions[0].attack_noise, first.conditions[0].evaluation_noise)]
    eps, steps, k = attack.eps, attack.iterations, first.attack.k
    values = 3 * int(images.get("image_size", 224)) ** 2
    reaching = _EVERYWHERE[attack.norm](values)
    by_size = {f"eps {size:.3g}": replace(attack, eps=size) for size in (eps / 2, 2 * eps)}
    shared: dict[str, Any] = {"norm": attack.norm, "eps": eps, "iterations": steps, "k": attack.k, "seed": attack.seed}
    others: dict[str, Any] = {"restarts 3": replace(attack, restarts=3), "AutoPGD, cross-entropy": AutoPGD(**shared)}
    if first.n_classes > 2:
        others["AutoPGD, logits ratio"] = AutoPGD(**shared, loss="dlr")

    def shares_under(changed: dict[str, Any]) -> dict[str, list[float]]:
        return {name: _shares(under(name, each, noise)) for name, each in changed.items()}

    def to_plateau(name: str, now: int) -> dict[str, list[float]]:
        """From a quarter of a setting on, doubled beyond it until accuracy falls no further."""
        label = "{} steps" if name == "iterations" else "k {}"

        def at(number: int) -> dict[str, list[float]]:
            changed: dict[str, Any] = {name: number}
            return shares_under({label.format(number): replace(attack, **changed)})

        shares = mine if now < 2 else at(max(1, now // 4)) | mine
        for doubling in range(1, doublings + 1):
            *_, last = shares.values()
            further = at(now << doubling)
            shares = shares | further
            gain, half = _gain(last, *further.values())
            if gain - half <= 0:
                break
        return shares

    mine = {"as asked": _shares(first)}
    whole = shares_under({"everywhere": replace(attack, eps=reaching, step_size=None)})
    checks = [
        _reaches_zero(whole),
        _falls("Does a larger epsilon never help the network?", _between(shares_under(by_size), mine)),
        _plateau("Are there steps enough?", to_plateau("iterations", steps)),
        _plateau("Are there draws enough in a step?", to_plateau("k", k))
        if first.attack.k > 1
        else Check("Are there draws enough in a step?", {}, NOT_TESTED, "the network has no noise"),
        _strongest("Is no other white-box attack stronger?", mine | shares_under(others)),
    ]
    if attack.norm in SquareAttack.norms:
        square = SquareAttack(attack.norm, eps, squares, attack.k, seed=attack.seed)
        checks.append(
            _strongest("Is an attack that sees scores alone no stronger?", mine | shares_under({"Square": square}))
        )
    else:
        reason = f"the Square attack is for {', '.join(SquareAttack.norms)} alone"
        checks.append(Check("Is an attack that sees scores alone no stronger?", {}, NOT_TESTED, reason))
    checks.append(_transfer(first, mine))
    unmoved = first.unmoved()
    checks.append(
        Check(
            "Has every image a gradient to follow?",
            {},
            FAILS if unmoved else PASSES,
            f"{unmoved} of {first.clean.images} images were left as they were",
        )
    )
    at_eps = [_shares(each) for each in evaluations.values() if each.attack.eps <= eps]
    strongest = accuracy(float(min(of_image) >= 0.5) for of_image in zip(*at_eps, strict=True))
    return Checklist(checks, strongest, evaluations, classifier.training_noise)


def _shares(found: AdversarialEvaluation) -> list[float]:
    """The share of correct draws of each image under the first condition."""
    condition = found.conditions[0]
    return [row[f"attacked_{condition.attack_noise}_{condition.evaluation_noise}"][0] for row in found.rows]


def _between(around: dict[str, list[float]], middle: dict[str, list[float]]) -> dict[str, list[float]]:
    """The first of two, what lies in the middle, the second."""
    (before, below), (after, above) = around.items()
    return {before: below, **middle, after: above}


def _gain(weaker: Sequence[float], stronger: Sequence[float]) -> tuple[float, float]:
    """By how much accuracy falls from one attack to another, and half the 95 % interval of that over images."""
    falls = [before - after for before, after in zip(weaker, stronger, strict=True)]
    z = NormalDist().inv_cdf((1 + COVERAGE) / 2)
    return fmean(falls), z * stdev(falls) / len(falls) ** 0.5 if len(falls) > 1 else 1.0


def _line(question: str, shares: dict[str, list[float]], verdict: str, reason: str) -> Check:
    return Check(question, {name: accuracy(each) for name, each in shares.items()}, verdict, reason)


def _reaches_zero(shares: dict[str, list[float]]) -> Check:
    (of_images,) = shares.values()
    left = sum(share >= 0.5 for share in of_images)
    reason = f"{left} of {len(of_images)} images withstand an attack that may change them into any other image"
    return _line("Does an unbounded attack break every image?", shares, FAILS if left else PASSES, reason)


def _falls(question: str, shares: dict[str, list[float]]) -> Check:
    """Passes unless accuracy rises, beyond chance, from one to the next."""
    names = list(shares)
    for before, after in pairwise(names):
        gain, half = _gain(shares[before], shares[after])
        if gain + half < 0:
            reason = f"accuracy rises by {-gain:.3f} ± {half:.3f} from {before} to {after}"
            return _line(question, shares, FAILS, reason)
    return _line(question, shares, PASSES, "accuracy never rises beyond chance")


def _plateau(question: str, shares: dict[str, list[float]], asked: str = "as asked") -> Check:
    """Passes if no doubling takes more from the network than what was asked for, beyond chance, nor less."""
    rises = _falls(question, shares)
    if rises.verdict == FAILS:
        return rises
    names = list(shares)
    after = names[names.index(asked) + 1]
    gain, half = _gain(shares[asked], shares[after])
    if gain - half <= 0:
        return _line(question, shares, PASSES, f"{after}, accuracy falls by {gain:.3f} ± {half:.3f} more: a plateau")
    *_, before, last = names
    gain, half = _gain(shares[before], shares[last])
    reached = f"the plateau is at {before}" if gain - half <= 0 else f"no plateau up to {last}"
    gain, half = _gain(shares[asked], shares[last])
    return _line(question, shares, FAILS, f"{last}, accuracy falls by {gain:.3f} ± {half:.3f} more; {reached}")


def _strongest(question: str, shares: dict[str, list[float]]) -> Check:
    """Passes if no other attack takes more from the network than the first, beyond chance."""
    (mine, of_mine), *others = shares.items()
    gains = {name: _gain(of_mine, each) for name, each in others}
    name, (gain, half) = max(gains.items(), key=lambda item: item[1][0] - item[1][1])
    verdict = FAILS if gain - half > 0 else PASSES
    return _line(question, shares, verdict, f"{name}: accuracy falls by {gain:.3f} ± {half:.3f} more than {mine}")


def _transfer(first: AdversarialEvaluation, mine: dict[str, list[float]]) -> Check:
    """Whether the attack made without the noise is no stronger on the network with it."""
    question = "Is an attack on the noise-free twin no stronger?"
    conditions = {(each.attack_noise, each.evaluation_noise) for each in first.conditions}
    if ("none", "model") not in conditions:
        return Check(question, {}, NOT_TESTED, "the network has no noise that can be left out")
    return _strongest(question, {**mine, "twin": [row["attacked_none_model"][0] for row in first.rows]})
