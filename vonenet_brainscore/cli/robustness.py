"""Commands that measure accuracy: `evaluate`, `evaluate-corruptions`, `validate`."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from fractions import Fraction
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from .tables import number, say, table

ImageSize = Annotated[int, typer.Option("--image_size", help="Side of what the network sees, in pixels.")]
Mean = Annotated[str, typer.Option("--mean", help="That the network's images are normalised by: one number or three.")]
Std = Annotated[str, typer.Option("--std", help="Likewise. A network that normalises by itself: --mean 0 --std 1.")]
Draws = Annotated[int, typer.Option("--draws", help="Of the noise, in which each image is scored.")]
Seed = Annotated[int, typer.Option("--seed", help="Of all that is random.")]


@dataclass(frozen=True)
class _Asked:
    """The options that all evaluations share: a classifier, images, and where results go."""

    in_path: Annotated[
        Path, typer.Option("--in_path", help="A folder of images for each class, or what holds one in val/.")
    ]
    model_arch: Annotated[
        str, typer.Option("--model_arch", help="resnet50, cornets, alexnet, ..., or module:function.")
    ] = "resnet50"
    weights: Annotated[Path | None, typer.Option("--weights", help="A checkpoint; default, the released weights.")] = (
        None
    )
    DS_factor: Annotated[int, typer.Option("--DS_factor", help="Keep every n-th image.")] = 1
    mean: Mean = "0.5"
    std: Std = "0.5"
    image_size: ImageSize = 224
    batch_size: Annotated[int, typer.Option("--batch_size", help="Images a batch.")] = 64
    classes: Annotated[
        Path | None, typer.Option("--classes", help="Names of class folders in the order of the outputs, one a line.")
    ] = None
    workers: Annotated[int, typer.Option("--workers", help="Processes that prepare images; 0, none but this one.")] = 0
    device: Annotated[str | None, typer.Option("--device", help="Where to run; default, a GPU if there is one.")] = None
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            help="Results image by image, as JSON Lines; a file that is there is continued. In a folder, one is named "
            "by what makes the results.",
        ),
    ] = Path()

    def classifier(self) -> Any:
        from ..classification.loading import load_classifier

        mean, std = numbers(self.mean), numbers(self.std)
        return load_classifier(self.model_arch, weights=self.weights, mean=mean, std=std, device=self.device)

    def images(self) -> dict[str, Any]:
        names = ("DS_factor", "image_size", "batch_size", "workers", "output")
        return {**{name: getattr(self, name) for name in names}, "classes": _names(self.classes)}


def _asked(**defaults: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator: the command's first argument becomes the options of `_Asked`, with these defaults."""

    def with_options(command: Callable[..., None]) -> Callable[..., None]:
        shared = [field.name for field in fields(_Asked)]

        def run(**given: Any) -> None:
            command(_Asked(**{name: given.pop(name) for name in shared}), **given)

        own = list(signature(command).parameters.values())[1:]
        options = [*signature(_Asked).parameters.values(), *own]
        run.__signature__ = Signature(  # type: ignore[attr-defined]  # typer reads it
            [
                option.replace(kind=Parameter.KEYWORD_ONLY, default=defaults.get(option.name, option.default))
                for option in options
            ]
        )
        run.__annotations__ = {}
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        return run

    return with_options


@_asked(batch_size=16)
def evaluate(
    asked: _Asked,
    norm: Annotated[str, typer.Option("--norm", help="Of the perturbation: inf, 2 or 1.")] = "inf",
    eps: Annotated[
        list[str] | None,
        typer.Option("--eps", help="Its sizes, in pixel values of [0, 1], as 0.001 or 1/1020; default, 1/255."),
    ] = None,
    iterations: Annotated[int, typer.Option("--iterations", help="Steps of projected gradient descent.")] = 64,
    k: Annotated[int, typer.Option("--k", help="Draws of the noise that a step's gradient is averaged over.")] = 10,
    step_size: Annotated[
        float | None, typer.Option("--step_size", help="As a fraction of eps; default 2 / iterations.")
    ] = None,
    restarts: Annotated[int, typer.Option("--restarts", help="Runs, of which an image's strongest counts.")] = 1,
    draws: Draws = 10,
    seed: Seed = 0,
) -> None:
    """Accuracy on images as they are, and under a white-box attack averaged over the model's noise."""
    from ..robustness.attacks import ProjectedGradientDescent
    from ..robustness.evaluate import evaluate as run

    epsilons = [_size(each) for each in eps or ["1/255"]]
    attack = ProjectedGradientDescent(
        norm=norm, eps=epsilons[0], iterations=iterations, k=k, step_size=step_size, restarts=restarts, seed=seed
    )
    found = run(asked.classifier(), asked.in_path, attack, epsilons=epsilons, draws=draws, **asked.images())
    shown = table(f"{asked.model_arch}, {found.clean.images} images", "images", "accuracy", "95 % interval")
    shown.add_row("clean", *_columns(found.clean))
    for each, accuracy in found.attacked.items():
        shown.add_row(f"attacked, L{norm} {each:g}", *_columns(accuracy))
    say(shown, f"{found.attack}; scored in {found.draws} draws", f"results: {found.output}")
    unmoved = sum(any(d == 0 < e for d, e in zip(row["distance"], found.attacked, strict=True)) for row in found.rows)
    if unmoved:
        say(f"{unmoved} images had no gradient to follow and were not changed: no evidence that they withstand attacks")


@_asked()
def evaluate_corruptions(
    asked: _Asked,
    types: Annotated[list[str] | None, typer.Option("--types", help="Corruptions; default, all 15.")] = None,
    draws: Draws = 1,
    seed: Seed = 0,
) -> None:
    """Accuracy on images corrupted in 15 ways at 5 severities, made here or read from a folder of ImageNet-C."""
    from ..robustness.corrupted_evaluation import evaluate_corruptions as run
    from ..robustness.corruptions import SEVERITIES, TYPES

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
    say(f"mCE {number(found.mce, 1)} (AlexNet 100)", f"results: {found.output}")


@_asked()
def validate(asked: _Asked, draws: Draws = 1, seed: Seed = 0) -> None:
    """Top-1 and top-5 accuracy."""
    from ..classification.validation import validate as run

    found = run(asked.classifier(), asked.in_path, draws=draws, seed=seed, **asked.images())
    shown = table(f"{asked.model_arch}, {found.top1.images} images", "", "accuracy", "95 % interval")
    shown.add_row("top-1", *_columns(found.top1))
    if found.top5 is not None:
        shown.add_row("top-5", *_columns(found.top5))
    say(shown, f"results: {found.output}")


def numbers(text: str) -> list[float]:
    """What `--mean` and `--std` say."""
    try:
        return [float(each) for each in text.split(",")]
    except ValueError:
        raise ValueError(
            f"{text!r} is neither a number nor three with commas between, such as 0.485,0.456,0.406"
        ) from None


def _size(text: str) -> float:
    """What `--eps` says, a number or a fraction."""
    try:
        return float(Fraction(text)) if "/" in text else float(text)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError(f"eps is {text!r}; give a number such as 0.0039 or 1/255") from None


def _names(file: Path | None) -> list[str] | None:
    try:
        return None if file is None else file.read_text(encoding="utf-8").split()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} holds no names of classes: {error}") from error


def _columns(accuracy: Any) -> tuple[str, str]:
    return number(accuracy.mean), f"{number(accuracy.low)} to {number(accuracy.high)}"
