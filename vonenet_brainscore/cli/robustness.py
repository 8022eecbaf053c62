"""Commands that measure accuracy: `evaluate`, `evaluate-corruptions`, `validate`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .tables import number, say, table

In = Annotated[Path, typer.Option("--in_path", help="A folder of images for each class, or what holds one in val/.")]
Model = Annotated[str, typer.Option("--model_arch", help="resnet50, cornets, alexnet, ..., or module:function.")]
Weights = Annotated[Path | None, typer.Option("--weights", help="A checkpoint; default, the released weights.")]
Mean = Annotated[str, typer.Option("--mean", help="That the network's images are normalised by: one number or three.")]
Std = Annotated[str, typer.Option("--std", help="Likewise. A network that normalises by itself: --mean 0 --std 1.")]
Every = Annotated[int, typer.Option("--DS_factor", help="Keep every n-th image.")]
Draws = Annotated[int, typer.Option("--draws", help="Of the noise, in which each image is scored.")]
Seed = Annotated[int, typer.Option("--seed", help="Of all that is random.")]
BatchSize = Annotated[int, typer.Option("--batch_size", help="Images a batch.")]
ImageSize = Annotated[int, typer.Option("--image_size", help="Side of what the network sees, in pixels.")]
Classes = Annotated[
    Path | None, typer.Option("--classes", help="Names of class folders in the order of the outputs, one a line.")
]
Workers = Annotated[int, typer.Option("--workers", help="Processes that prepare images; 0, none but this one.")]
Device = Annotated[str | None, typer.Option("--device", help="Where to run; default, a GPU if there is one.")]
Output = Annotated[
    Path | None, typer.Option("--output", help="Results an image, as JSON Lines; a file that is there is continued.")
]


def evaluate(
    in_path: In,
    model_arch: Model = "resnet50",
    weights: Weights = None,
    norm: Annotated[str, typer.Option("--norm", help="Of the perturbation: inf, 2 or 1.")] = "inf",
    eps: Annotated[float, typer.Option("--eps", help="Its size, in pixel values of [0, 1].")] = 1 / 255,
    iterations: Annotated[int, typer.Option("--iterations", help="Steps of projected gradient descent.")] = 64,
    k: Annotated[int, typer.Option("--k", help="Draws of the noise that a step's gradient is averaged over.")] = 10,
    step_size: Annotated[
        float | None, typer.Option("--step_size", help="As a fraction of eps; default 2 / iterations.")
    ] = None,
    restarts: Annotated[int, typer.Option("--restarts", help="Runs, of which an image's strongest counts.")] = 1,
    draws: Draws = 10,
    seed: Seed = 0,
    DS_factor: Every = 1,
    mean: Mean = "0.5",
    std: Std = "0.5",
    image_size: ImageSize = 224,
    batch_size: BatchSize = 16,
    classes: Classes = None,
    workers: Workers = 0,
    device: Device = None,
    output: Output = None,
) -> None:
    """Accuracy on images as they are, and under a white-box attack averaged over the model's noise."""
    from ..robustness.attacks import ProjectedGradientDescent
    from ..robustness.evaluate import evaluate as run

    attack = ProjectedGradientDescent(
        norm=norm, eps=eps, iterations=iterations, k=k, step_size=step_size, restarts=restarts, seed=seed
    )
    output = output or Path(f"{_file_name(model_arch)}-adversarial-{norm}-{eps:g}.jsonl")
    found = run(
        _classifier(model_arch, weights, mean, std, device),
        in_path,
        attack,
        output=output,
        draws=draws,
        DS_factor=DS_factor,
        image_size=image_size,
        batch_size=batch_size,
        classes=_names(classes),
        workers=workers,
    )
    shown = table(f"{model_arch}, {found.clean.images} images", "images", "accuracy", "95 % interval")
    shown.add_row("clean", *_columns(found.clean))
    shown.add_row(f"attacked, L{norm} {eps:g}", *_columns(found.adversarial))
    say(shown, f"{found.attack}; scored in {found.draws} draws", f"results: {output}")
    unmoved = sum(row["distance"] == 0 for row in found.rows)
    if unmoved and eps > 0:
        say(f"{unmoved} images had no gradient to follow and were not changed: no evidence that they withstand attacks")


def evaluate_corruptions(
    in_path: In,
    model_arch: Model = "resnet50",
    weights: Weights = None,
    types: Annotated[list[str] | None, typer.Option("--types", help="Corruptions; default, all 15.")] = None,
    draws: Draws = 1,
    seed: Seed = 0,
    DS_factor: Every = 1,
    mean: Mean = "0.5",
    std: Std = "0.5",
    image_size: ImageSize = 224,
    batch_size: BatchSize = 64,
    classes: Classes = None,
    workers: Workers = 0,
    device: Device = None,
    output: Output = None,
) -> None:
    """Accuracy on images corrupted in 15 ways at 5 severities, made here or read from a folder of ImageNet-C."""
    from ..robustness.corrupted_evaluation import evaluate_corruptions
    from ..robustness.corruptions import SEVERITIES, TYPES

    output = output or Path(f"{_file_name(model_arch)}-corruptions.jsonl")
    found = evaluate_corruptions(
        _classifier(model_arch, weights, mean, std, device),
        in_path,
        output=output,
        types=types or TYPES,
        draws=draws,
        seed=seed,
        DS_factor=DS_factor,
        image_size=image_size,
        batch_size=batch_size,
        classes=_names(classes),
        workers=workers,
    )
    severities = [f"severity {each}" for each in SEVERITIES]
    shown = table(f"{model_arch}, accuracy", "corruption", *severities, "mean", numbers=(*severities, "mean"))
    for name, each in found.by_type.items():
        means = [severity.mean for severity in each]
        shown.add_row(name, *map(number, means), number(sum(means) / len(means)))
    groups = table("Means", "group", "accuracy", numbers=("accuracy",))
    for group, value in found.groups.items():
        groups.add_row(group, number(value))
    say(shown, groups)
    if found.clean is not None:
        say(f"clean accuracy {found.clean}")
    say(f"mCE {number(found.mce, 1)} (AlexNet 100)", f"results: {output}")


def validate(
    in_path: In,
    model_arch: Model = "resnet50",
    weights: Weights = None,
    draws: Draws = 1,
    seed: Seed = 0,
    DS_factor: Every = 1,
    mean: Mean = "0.5",
    std: Std = "0.5",
    image_size: ImageSize = 224,
    batch_size: BatchSize = 64,
    classes: Classes = None,
    workers: Workers = 0,
    device: Device = None,
    output: Output = None,
) -> None:
    """Top-1 and top-5 accuracy."""
    from ..classification.validation import validate as run

    output = output or Path(f"{_file_name(model_arch)}-validation.jsonl")
    found = run(
        _classifier(model_arch, weights, mean, std, device),
        in_path,
        output=output,
        draws=draws,
        seed=seed,
        DS_factor=DS_factor,
        image_size=image_size,
        batch_size=batch_size,
        classes=_names(classes),
        workers=workers,
    )
    shown = table(f"{model_arch}, {found.top1.images} images", "", "accuracy", "95 % interval")
    shown.add_row("top-1", *_columns(found.top1))
    if found.top5 is not None:
        shown.add_row("top-5", *_columns(found.top5))
    say(shown, f"results: {output}")


def _classifier(model_arch: str, weights: Path | None, mean: str, std: str, device: str | None) -> Any:
    from ..classification.classifier import load_classifier

    return load_classifier(model_arch, weights=weights, mean=numbers(mean), std=numbers(std), device=device)


def numbers(text: str) -> list[float]:
    """What `--mean` and `--std` say."""
    try:
        return [float(each) for each in text.split(",")]
    except ValueError:
        raise ValueError(
            f"{text!r} is neither a number nor three with commas between, such as 0.485,0.456,0.406"
        ) from None


def _names(file: Path | None) -> list[str] | None:
    try:
        return None if file is None else file.read_text(encoding="utf-8").split()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} holds no names of classes: {error}") from error


def _columns(accuracy: Any) -> tuple[str, str]:
    return number(accuracy.mean), f"{number(accuracy.low)} to {number(accuracy.high)}"


def _file_name(model_arch: str) -> str:
    return model_arch.replace(":", "-")
