"""Commands that measure accuracy: `evaluate`, `evaluate-corruptions`, `validate`."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from fractions import Fraction
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from ..files import check_writable, written_whole
from .gabors import FIGURE_SUFFIXES
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
    attack: Annotated[
        str | None, typer.Option("--attack", help="pgd, momentum-pgd, apgd-ce, apgd-dlr or square; default, pgd.")
    ] = None,
    norm: Annotated[str | None, typer.Option("--norm", help="Of the perturbation: inf, 2 or 1; default, inf.")] = None,
    eps: Annotated[
        list[str] | None,
        typer.Option("--eps", help="Its sizes, in pixel values of [0, 1], as 0.001 or 1/1020; default, 1/255."),
    ] = None,
    iterations: Annotated[int | None, typer.Option("--iterations", help="Steps; default 64, and 5000 squares.")] = None,
    k: Annotated[int | None, typer.Option("--k", help="Draws of the noise that a step goes by; default 10.")] = None,
    step_size: Annotated[
        float | None, typer.Option("--step_size", help="Of pgd, as a fraction of eps; default 2 / iterations.")
    ] = None,
    restarts: Annotated[
        int | None, typer.Option("--restarts", help="Runs, of which an image's strongest counts; default 1.")
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option("--protocol", help="A published one in place of these settings: dapello2020 or descendants."),
    ] = None,
    noise: Annotated[
        list[str] | None,
        typer.Option("--noise", help="In attack and evaluation; default, model/model none/model none/none."),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option("--figure", help="Accuracy against epsilon, as a PNG, PDF or SVG.")
    ] = None,
    draws: Draws = 10,
    seed: Seed = 0,
) -> None:
    """Accuracy on images as they are, and attacked by one who knows the network, with the model's noise and without."""
    from ..robustness.evaluate import evaluate as run

    settings = {"norm": norm, "iterations": iterations, "k": k, "step_size": step_size, "restarts": restarts}
    given = {name: value for name, value in settings.items() if value is not None}
    attacks = _of_protocol(protocol, attack, eps, given, seed) if protocol else [_attack(attack, eps, given, seed)]
    pairs = [_pair(each) for each in noise] if noise else None
    if figure is not None:
        check_writable(figure, FIGURE_SUFFIXES)
    if len(attacks) > 1 and not asked.output.is_dir():
        raise ValueError(f"{asked.output} is one file, the protocol has {len(attacks)} norms; give a folder, or --norm")
    classifier = asked.classifier()
    evaluations = []
    for each, epsilons in attacks:
        found = run(classifier, asked.in_path, each, epsilons=epsilons, noise=pairs, draws=draws, **asked.images())
        _show(found, asked.model_arch)
        evaluations.append(found)
    if figure is not None:
        from ..plots.robustness import accuracy_against_epsilon

        with written_whole(figure) as partial:
            accuracy_against_epsilon(evaluations).savefig(partial, dpi=150)
        say(f"figure: {figure}")


def _attack(name: str | None, eps: list[str] | None, given: dict[str, Any], seed: int) -> tuple[Any, list[float]]:
    from dataclasses import replace

    from ..robustness.attacks import ATTACKS

    if name is not None and name not in ATTACKS:
        raise ValueError(f"unknown attack {name!r}; have {', '.join(ATTACKS)}")
    attack, epsilons = ATTACKS[name or "pgd"], [_size(each) for each in eps or ["1/255"]]
    if "step_size" in given and not hasattr(attack, "step_size"):
        raise ValueError(f"{name} has no --step_size; it sets its own")
    return replace(attack, eps=epsilons[0], seed=seed, **given), epsilons


def _of_protocol(
    name: str, attack: str | None, eps: list[str] | None, given: dict[str, Any], seed: int
) -> list[tuple[Any, list[float]]]:
    from ..robustness.protocols import PROTOCOLS

    if name not in PROTOCOLS:
        raise ValueError(f"unknown protocol {name!r}; have {', '.join(PROTOCOLS)}")
    fixed = [*(["attack"] if attack else []), *(["eps"] if eps else []), *(each for each in given if each != "norm")]
    if fixed:
        raise ValueError(f"--protocol {name} says what --{' and --'.join(fixed)} is; leave out one or the other")
    protocol = PROTOCOLS[name]
    say(f"{name}: {protocol.source}", f"not said there, and set here: {protocol.unknown}")
    attacks = protocol.attacks(seed)
    norms = [given["norm"]] if "norm" in given else list(attacks)
    if norms[0] not in attacks:
        raise ValueError(f"unknown norm {norms[0]!r}; have {', '.join(attacks)}")
    return [(attacks[norm], list(protocol.epsilons[norm])) for norm in norms]


def _show(found: Any, model_arch: str) -> None:
    attack = found.attack
    shown = table(
        f"{model_arch}, noise in training: {found.training_noise}; {found.clean.images} images",
        *("noise in attack", "in evaluation", f"L{attack.norm} eps", "accuracy", "95 % interval", "by majority"),
        *("95 % interval", "undecided"),
        numbers=("accuracy", "by majority", "undecided"),
    )
    for each in found.conditions:
        shown.add_row("no attack", each.evaluation_noise, "0", *_columns(each.clean), "", "", "")
        for eps, mean in each.attacked.items():
            columns = *_columns(mean), *_columns(each.robust[eps]), str(each.undecided[eps])
            shown.add_row(each.attack_noise, each.evaluation_noise, f"{eps:.6g}", *columns)
    say(shown, f"{attack}; scored in {found.draws} draws", f"results: {found.output}")
    unmoved = found.unmoved()
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


def _pair(text: str) -> tuple[str, str]:
    """What `--noise` says."""
    attacked, _, evaluated = text.partition("/")
    return attacked, evaluated


def _names(file: Path | None) -> list[str] | None:
    try:
        return None if file is None else file.read_text(encoding="utf-8").split()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} holds no names of classes: {error}") from error


def _columns(accuracy: Any) -> tuple[str, str]:
    return number(accuracy.mean), f"{number(accuracy.low)} to {number(accuracy.high)}"
