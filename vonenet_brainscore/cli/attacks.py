"""Commands that attack classifiers: `evaluate`, `attack-checklist`."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from ..files import check_writable, written_whole
from .classifier_options import Asked, Draws, Seed, asked_about, columns
from .gabors import FIGURE_SUFFIXES
from .tables import say, table


@asked_about(batch_size=16)
def evaluate(
    asked: Asked,
    attack: Annotated[
        str | None, typer.Option("--attack", help="pgd, momentum-pgd, apgd-ce, apgd-dlr or square; default, pgd.")
    ] = None,
    norm: Annotated[
        str | None, typer.Option("--norm", help="Norm of the perturbation: inf, 2 or 1; default, inf.")
    ] = None,
    eps: Annotated[
        list[str] | None,
        typer.Option(
            "--eps", help="Sizes of the perturbation in pixel values of [0, 1], as 0.001 or 1/1020; default, 1/255."
        ),
    ] = None,
    iterations: Annotated[
        int | None, typer.Option("--iterations", help="Steps; default, 64, or 5000 for square.")
    ] = None,
    k: Annotated[int | None, typer.Option("--k", help="Noise draws averaged in each step; default, 10.")] = None,
    step_size: Annotated[
        float | None, typer.Option("--step_size", help="Step of pgd, as a fraction of eps; default, 2 / iterations.")
    ] = None,
    restarts: Annotated[
        int | None,
        typer.Option("--restarts", help="Restarts, of which the strongest counts for each image; default, 1."),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option("--protocol", help="Settings of a published protocol: dapello2020 or descendants."),
    ] = None,
    noise: Annotated[
        list[str] | None,
        typer.Option("--noise", help="Noise in attack and evaluation; default, model/model none/model none/none."),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option("--figure", help="Draw accuracy against epsilon to a PNG, PDF or SVG file.")
    ] = None,
    draws: Draws = 10,
    seed: Seed = 0,
) -> None:
    """Accuracy on clean images and under white-box or black-box attack, with and without the model's noise."""
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


@asked_about(batch_size=16)
def attack_checklist(
    asked: Asked,
    norm: Annotated[str, typer.Option("--norm", help="Norm of the perturbation: inf, 2 or 1.")] = "inf",
    eps: Annotated[str, typer.Option("--eps", help="Size of the perturbation, in pixel values of [0, 1].")] = "1/255",
    iterations: Annotated[int, typer.Option("--iterations", help="Steps of the attack that is checked.")] = 64,
    k: Annotated[int, typer.Option("--k", help="Noise draws averaged in each step.")] = 10,
    momentum: Annotated[float, typer.Option("--momentum", help="Momentum of the steps.")] = 0,
    squares: Annotated[int, typer.Option("--squares", help="Iterations of the black-box attack.")] = 1000,
    doublings: Annotated[
        int, typer.Option("--doublings", help="Most doublings of steps and draws, until accuracy falls no further.")
    ] = 3,
    draws: Draws = 10,
    seed: Seed = 0,
) -> None:
    """Test whether an accuracy under attack can be trusted: the checklist of Carlini et al. 2019, line by line."""
    from ..robustness.attacks import ProjectedGradientDescent
    from ..robustness.checklist import attack_checklist as run

    attack = ProjectedGradientDescent(norm, _size(eps), iterations, k, seed=seed, momentum=momentum)
    found = run(
        asked.classifier(), asked.in_path, attack, squares=squares, doublings=doublings, draws=draws, **asked.images()
    )
    shown = table(
        f"{asked.model_arch}, noise in training: {found.training_noise}", "question", "verdict", names=("verdict",)
    )
    for each in found.checks:
        accuracies = ", ".join(f"{name} {accuracy.mean:.3f}" for name, accuracy in each.found.items())
        shown.add_row(each.question, each.verdict)
        for line in (each.reason, f"accuracy: {accuracies}" if accuracies else ""):
            if line:
                shown.add_row(f"    {line}", "")
    say(
        shown,
        f"under the strongest attack on each image, by majority: {found.strongest}",
        f"attack: {described(attack)}",
    )


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
    for noise, clean in {each.evaluation_noise: each.clean for each in found.conditions}.items():
        shown.add_row("no attack", noise, "0", *columns(clean), "", "", "")
    for each in found.conditions:
        for eps, mean in each.attacked.items():
            numbers = *columns(mean), *columns(each.robust[eps]), str(each.undecided[eps])
            shown.add_row(each.attack_noise, each.evaluation_noise, f"{eps:.6g}", *numbers)
    say(shown, f"{described(attack)}; scored in {found.draws} draws", f"results: {found.output}")
    unmoved = found.unmoved()
    if unmoved:
        say(f"{unmoved} images had no gradient to follow and were not changed: no evidence that they withstand attacks")


def described(attack: Any) -> str:
    """An attack's settings as they are used, a default of none in words."""
    from dataclasses import fields

    values = {each.name: getattr(attack, each.name) for each in fields(attack)}
    if "step_size" in values and values["step_size"] is None:
        values["step_size"] = f"{min(1, 2 / attack.iterations):.4g} (2 / iterations)"
    return f"{type(attack).__name__}: {', '.join(f'{name} {value}' for name, value in values.items())}"


def _size(text: str) -> float:
    """The value of `--eps`, a number or a fraction."""
    try:
        return float(Fraction(text)) if "/" in text else float(text)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError(f"eps is {text!r}; give a number such as 0.0039 or 1/255") from None


def _pair(text: str) -> tuple[str, str]:
    """The value of `--noise`."""
    attacked, _, evaluated = text.partition("/")
    return attacked, evaluated
