"""Attacks and corruptions measured: ours beside the library's, and accuracy of a network on real photographs.

    python tests/benchmarks/robustness_curves.py [attacks | photographs]

`attacks`: each attack of ours and its counterpart in the adversarial-robustness-toolbox on an undefended small network
(a VOneNet without noise that tells four orientations apart), with equal settings: accuracy on 64 images and seconds.
`photographs`: EfficientNet-Lite0 with its ImageNet weights on the 20 ImageNet photographs that foolbox ships; accuracy
against eps for each norm, then at each severity of each type of corruption, the means by group and mCE. Default: both.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from orientation_task import CLASSES, SIZE, gratings, trained_classifier
from test_robustness_on_imagenet import NAMES, efficientnet, labelled_folder
from torch import nn

from vonenet_brainscore import ATTACKS, ProjectedGradientDescent, evaluate, evaluate_corruptions, validate

ITERATIONS = 10
EPS = {
    "inf": (0, 1 / 4080, 1 / 1020, 1 / 510, 1 / 255, 4 / 255),
    "2": (0.05, 0.15, 0.3, 0.6, 1.2),
    "1": (10, 40, 80, 160, 320),
}
SMALL_EPS = {"inf": 0.014, "2": 1.5, "1": 100.0}  # at which the small network answers some images and not others
SQUARES, SQUARE_EPS = 100, 0.06  # random search needs more of either


def side_by_side() -> None:
    """Ours and ART's on one network, with the same norm, size, steps and one run each."""
    from art.attacks import evasion
    from art.estimators.classification import PyTorchClassifier

    classifier = trained_classifier(None)
    images, labels = gratings(64, seed=1)
    shape = (3, SIZE, SIZE)
    estimator = PyTorchClassifier(
        classifier, nn.CrossEntropyLoss(), shape, CLASSES, clip_values=(0, 1), device_type="cpu"
    )

    def theirs(name, norm, eps):
        common = {"estimator": estimator, "norm": float(norm), "eps": eps, "batch_size": 64, "verbose": False}
        if name == "square":
            return evasion.SquareAttack(**common, max_iter=SQUARES, p_init=0.8, nb_restarts=1)
        if name.startswith("apgd"):
            loss = "cross_entropy" if name == "apgd-ce" else "difference_logits_ratio"
            steps = {"eps_step": 2 * eps, "max_iter": ITERATIONS, "nb_random_init": 1}
            return evasion.AutoProjectedGradientDescent(**common, **steps, loss_type=loss)
        decay = 1.0 if name == "momentum-pgd" else None
        return evasion.ProjectedGradientDescent(**common, eps_step=eps / 5, max_iter=ITERATIONS, decay=decay)

    print(f"{'attack':<14}{'norm':>5}{'eps':>8}{'ours':>8}{'ART':>8}{'ours, s':>10}{'ART, s':>10}")
    for name, attack in ATTACKS.items():
        for norm in attack.norms:
            eps = SQUARE_EPS if name == "square" else SMALL_EPS[norm]
            steps = SQUARES if name == "square" else ITERATIONS
            ours = replace(attack, norm=norm, eps=eps, iterations=steps, k=1)
            found, seconds = timed(lambda ours=ours: ours(classifier, images, labels))
            try:
                other = theirs(name, norm, eps)
                of_art, art_seconds = timed(lambda other=other: other.generate(images.numpy(), labels.numpy()))
                told = f"{right(classifier, torch.from_numpy(of_art), labels):>8.3f}"
            except (ValueError, NotImplementedError) as error:
                told, art_seconds = f"  none: {error}"[:40], float("nan")
            accuracy = right(classifier, found, labels)
            print(f"{name:<14}{norm:>5}{eps:>8}{accuracy:>8.3f}{told}{seconds:>10.1f}{art_seconds:>10.1f}", flush=True)


def timed(work):
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def right(classifier, images, labels) -> float:
    with torch.no_grad():
        return (classifier(images).argmax(dim=1) == labels).double().mean().item()


def photographs() -> None:
    with TemporaryDirectory() as temporary:
        place = Path(temporary)
        images, classifier = labelled_folder(place), efficientnet()
        settings = {"classes": NAMES, "progress": False, "output": place}
        valid = validate(classifier, images, **settings)
        print(f"{valid.top1.images} images, top-1 {valid.top1}, top-5 {valid.top5}")
        for norm, strengths in EPS.items():
            attack = ProjectedGradientDescent(norm, iterations=ITERATIONS, k=1)
            for eps, accuracy in evaluate(classifier, images, attack, epsilons=strengths, **settings).attacked.items():
                print(f"L{norm} eps {eps:<8.4g} {accuracy}", flush=True)
        found = evaluate_corruptions(classifier, images, **settings)
        for name, severities in found.by_type.items():
            print(f"{name:<18}", *(f"{each.mean:5.0%}" for each in severities))
        groups = ", ".join(f"{group} {mean:.1%}" for group, mean in found.groups.items())
        print(groups, f"mCE {found.mce:.1f}, of images corrupted here, against AlexNet's errors on ImageNet-C")


if __name__ == "__main__":
    asked = sys.argv[1:] or ["attacks", "photographs"]
    for each in asked:
        {"attacks": side_by_side, "photographs": photographs}[each]()
