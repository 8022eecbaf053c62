"""Accuracy of a trained network that is no VOneNet against eps and against corruptions, on real photographs.

    python tests/benchmarks/robustness_curves.py

EfficientNet-Lite0 with its ImageNet weights on the 20 ImageNet photographs that foolbox ships. Prints accuracy against
eps for each norm, then accuracy at each severity for each type of corruption, the means by group and mCE.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

from test_robustness_on_imagenet import NAMES, efficientnet, labelled_folder

from vonenet_brainscore.classification.validation import validate
from vonenet_brainscore.robustness.attacks import ProjectedGradientDescent
from vonenet_brainscore.robustness.corrupted_evaluation import evaluate_corruptions
from vonenet_brainscore.robustness.evaluate import evaluate

ITERATIONS = 10
EPS = {
    "inf": (0, 1 / 4080, 1 / 1020, 1 / 510, 1 / 255, 4 / 255),
    "2": (0.05, 0.15, 0.3, 0.6, 1.2),
    "1": (10, 40, 80, 160, 320),
}


def main() -> None:
    with TemporaryDirectory() as temporary:
        place = Path(temporary)
        images, classifier = labelled_folder(place), efficientnet()
        settings = {"classes": NAMES, "progress": False}
        valid = validate(classifier, images, output=place / "valid.jsonl", **settings)
        print(f"{valid.top1.images} images, top-1 {valid.top1}, top-5 {valid.top5}")
        for norm, strengths in EPS.items():
            for number, eps in enumerate(strengths):
                attack = ProjectedGradientDescent(norm, eps, iterations=ITERATIONS, k=1)
                found = evaluate(classifier, images, attack, output=place / f"{norm}-{number}.jsonl", **settings)
                print(f"L{norm} eps {eps:<8.4g} {found.adversarial}", flush=True)
        found = evaluate_corruptions(classifier, images, output=place / "corrupted.jsonl", **settings)
        for name, severities in found.by_type.items():
            print(f"{name:<18}", *(f"{each.mean:5.0%}" for each in severities))
        print(", ".join(f"{group} {mean:.1%}" for group, mean in found.groups.items()), f"mCE {found.mce:.1f}")


if __name__ == "__main__":
    main()
