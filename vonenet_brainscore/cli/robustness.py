"""Commands that measure accuracy: `evaluate-corruptions`, `certify`, `validate`."""

from typing import Annotated, Any

import typer

from .classifier_options import Asked, Draws, Seed, asked_about, columns
from .tables import number, say, table


@asked_about()
def evaluate_corruptions(
    asked: Asked,
    types: Annotated[list[str] | None, typer.Option("--types", help="Corruptions; default, all 15.")] = None,
    draws: Draws = 1,
    seed: Seed = 0,
) -> None:
    """Accuracy on images corrupted in 15 ways at 5 severities, made here or read from a folder of ImageNet-C."""
    from ..robustness.corrupted_evaluation import evaluate_corruptions as run
    from ..robustness.corruption_table import CORRUPTION_TABLE, SEVERITIES
    from ..robustness.corruptions import TYPES

    found = run(asked.classifier(), asked.in_path, types=types or TYPES, draws=draws, seed=seed, **asked.images())
    severities = [f"severity {each}" for each in SEVERITIES]
    shown = table(f"{asked.model_arch}, accuracy", "corruption", *severities, "mean", numbers=(*severities, "mean"))
    for name, each in found.by_type.items():
        means = [severity.mean for severity in each]
        shown.add_row(name, *map(number, means), number(sum(means) / len(means)))
    groups = table("Means", "group", "accuracy", numbers=("accuracy",))
    for group, value in found.groups.items():
        groups.add_row(group, number(value))
    say(shown, groups)
    if found.clean is not None:
        say(f"clean accuracy {found.clean}")
    if found.mce is not None:
        say(f"mCE {found.mce:.1f}, relative to AlexNet's published errors on ImageNet-C (100)")
    differing = [name for name in found.by_type if CORRUPTION_TABLE[name].differs]
    if found.made_here and differing:
        say("corrupted here; from ImageNet-C's own files differ " + ", ".join(differing))
    say(f"results: {found.output}")


@asked_about()
def certify(
    asked: Asked,
    sigma: Annotated[
        float, typer.Option("--sigma", help="Standard deviation of the noise on images, in pixel values of [0, 1].")
    ] = 0.25,
    n0: Annotated[int, typer.Option("--n0", help="Noisy images from which the class of an image is chosen.")] = 100,
    n: Annotated[int, typer.Option("--n", help="Further noisy images, which are counted for that class.")] = 1000,
    alpha: Annotated[float, typer.Option("--alpha", help="Largest probability of a wrong certificate.")] = 0.001,
    seed: Seed = 0,
) -> None:
    """Certified accuracy: L2 radii within which no perturbation changes the answer under Gaussian noise on images."""
    from ..robustness.certify import certify as run

    settings: dict[str, Any] = {"sigma": sigma, "n0": n0, "n": n, "alpha": alpha, "seed": seed}
    found = run(asked.classifier(), asked.in_path, **settings, **asked.images())
    shown = table(
        f"{asked.model_arch}, {len(found.rows)} images",
        "L2 radius",
        "certified accuracy",
        "95 % interval",
        numbers=("certified accuracy",),
    )
    for radius in (0, 0.5 * sigma, sigma, 2 * sigma, 3 * sigma):
        shown.add_row(f"{radius:.3g}", *columns(found.accuracy(radius)))
    noise = f"noise in training: {found.training_noise}; in evaluation: {found.noise}, and sigma {sigma:g} on images"
    say(shown, noise, f"abstained on {number(found.abstained)} of the images", f"results: {found.output}")


@asked_about()
def validate(asked: Asked, draws: Draws = 1, seed: Seed = 0) -> None:
    """Top-1 and top-5 accuracy."""
    from ..classification.validation import validate as run

    found = run(asked.classifier(), asked.in_path, draws=draws, seed=seed, **asked.images())
    shown = table(f"{asked.model_arch}, {found.top1.images} images", "", "accuracy", "95 % interval")
    shown.add_row("top-1", *columns(found.top1))
    if found.top5 is not None:
        shown.add_row("top-5", *columns(found.top5))
    say(shown, f"results: {found.output}")
