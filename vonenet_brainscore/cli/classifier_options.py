"""Options shared by all commands that evaluate a classifier on a folder of images."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from .tables import number

BackEnd = Annotated[
    str | None,
    typer.Option(
        "--back_end", help="In place of model_arch: timm:NAME or torchvision:NAME, a network behind a VOneBlock."
    ),
]
ImageSize = Annotated[int, typer.Option("--image_size", help="Side of the network's images, in pixels.")]
Mean = Annotated[str, typer.Option("--mean", help="Mean that normalises the network's images: one number or three.")]
Std = Annotated[
    str, typer.Option("--std", help="Standard deviation; for a network that normalises itself: --mean 0 --std 1.")
]
Draws = Annotated[int, typer.Option("--draws", help="Noise draws per image in the evaluation.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of all random draws.")]


@dataclass(frozen=True)
class Asked:
    """The options that all evaluations share: a classifier, images, and where results go."""

    in_path: Annotated[
        Path, typer.Option("--in_path", help="Folder with one folder of images per class, or with these in val/.")
    ]
    model_arch: Annotated[
        str, typer.Option("--model_arch", help="resnet50, cornets, alexnet, ..., or module:function.")
    ] = "resnet50"
    back_end: BackEnd = None
    weights: Annotated[Path | None, typer.Option("--weights", help="A checkpoint; default, the released weights.")] = (
        None
    )
    DS_factor: Annotated[int, typer.Option("--DS_factor", help="Use every n-th image.")] = 1
    mean: Mean = "0.5"
    std: Std = "0.5"
    image_size: ImageSize = 224
    batch_size: Annotated[int, typer.Option("--batch_size", help="Images per batch.")] = 64
    classes: Annotated[
        Path | None,
        typer.Option("--classes", help="File with the class folders in the order of the outputs, one per line."),
    ] = None
    workers: Annotated[int, typer.Option("--workers", help="Processes that load images; 0 for this process only.")] = 0
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
        return load_classifier(
            self.model_arch, back_end=self.back_end, weights=self.weights, mean=mean, std=std, device=self.device
        )

    def images(self) -> dict[str, Any]:
        names = ("DS_factor", "image_size", "batch_size", "workers", "output")
        return {**{name: getattr(self, name) for name in names}, "classes": _names(self.classes)}


def asked_about(**defaults: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator: the command's first argument becomes the options of `Asked`, with these defaults."""

    def with_options(command: Callable[..., None]) -> Callable[..., None]:
        shared = [field.name for field in fields(Asked)]

        def run(**given: Any) -> None:
            command(Asked(**{name: given.pop(name) for name in shared}), **given)

        own = list(signature(command).parameters.values())[1:]
        options = [*signature(Asked).parameters.values(), *own]
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


def numbers(text: str) -> list[float]:
    """The values of `--mean` and `--std`."""
    try:
        return [float(each) for each in text.split(",")]
    except ValueError:
        raise ValueError(
            f"{text!r} is neither a number nor three with commas between, such as 0.485,0.456,0.406"
        ) from None


def columns(accuracy: Any) -> tuple[str, str]:
    """An accuracy and its interval as two columns of a table."""
    return number(accuracy.mean), f"{number(accuracy.low)} to {number(accuracy.high)}"


def _names(file: Path | None) -> list[str] | None:
    try:
        return None if file is None else file.read_text(encoding="utf-8").split()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} holds no names of classes: {error}") from error
