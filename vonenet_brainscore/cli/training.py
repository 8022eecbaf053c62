"""The command that trains a network: `train`."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ..arguments import Setting
from ..models.settings import DEFAULTS, FRONT_END
from ..training.recipe import RECIPE, Recipe
from .classifier_options import BackEnd, ImageSize, Mean, Std, numbers
from .tables import number, say, table

# Panels of the help.
_RECIPE, _V1, _MACHINE = "Recipe", "VOneBlock", "Machine"
_FRONT_END = [row for row in FRONT_END if row.name != "image_size"]  # which any network has: an argument of its own


def _option(flag: str, text: str, panel: str, *, show_default: bool = True) -> Any:
    return typer.Option(flag, help=text, rich_help_panel=panel, show_default=show_default)


def _with_settings(command: Callable) -> Callable:
    """Options of a command that takes ``**settings``: one for each row of the recipe and of the front end.

    An option of the front end that is not given is None: beside a network of one's own none may be given.
    """
    signature = inspect.signature(command)
    others = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    rows: list[tuple[Setting, Any, Any, str]] = [(row, row.type, row.default, _RECIPE) for row in RECIPE]
    rows += [(row, row.type | None, None, _V1) for row in _FRONT_END]
    options = [
        inspect.Parameter(
            row.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[kind, _option(f"--{row.name}", row.help, panel, show_default=False)],
        )
        for row, kind, default, panel in rows
    ]
    vars(command)["__signature__"] = signature.replace(parameters=[*others, *options])
    return command


@_with_settings
def train(
    in_path: Annotated[
        Path, typer.Option("--in_path", help="Folder with train/ and val/, each with one folder per class.")
    ],
    output_path: Annotated[Path, typer.Option("--output_path", help="Folder for checkpoints and logs.")],
    model_arch: Annotated[
        str,
        typer.Option(
            "--model_arch",
            help="resnet50, cornets, alexnet, or module:function: a function without arguments that gives a network.",
        ),
    ] = "resnet50",
    back_end: BackEnd = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the run in output_path, if there is one.")] = False,
    n_classes: Annotated[
        int | None,
        typer.Option("--n_classes", help="Number of outputs; default, 1000, or those of the function's network."),
    ] = None,
    image_size: ImageSize = DEFAULTS["image_size"],
    mean: Mean = "0.5",
    std: Std = "0.5",
    keep_every: Annotated[int, typer.Option("--keep_every", help="Epochs between checkpoints that are kept.")] = 10,
    device: Annotated[str | None, _option("--device", "cpu or cuda; default, a GPU if there is one.", _MACHINE)] = None,
    devices: Annotated[int, _option("--devices", "GPUs per node, or processes on its CPU.", _MACHINE)] = 1,
    num_nodes: Annotated[int, _option("--num_nodes", "Machines.", _MACHINE)] = 1,
    workers: Annotated[int, _option("--workers", "Processes that load images, per device.", _MACHINE)] = 0,
    **settings: Any,
) -> None:
    """Train a VOneNet, or a network of your own, on a folder of photographs."""
    from ..training.train import train as run

    recipe = Recipe(**{row.name: settings.pop(row.name) for row in RECIPE})
    vone_block = {row.name: row.read(settings[row.name]) for row in _FRONT_END if settings[row.name] is not None}
    found = run(
        model_arch,
        in_path,
        output_path,
        recipe=recipe,
        back_end=back_end,
        n_classes=n_classes,
        image_size=image_size,
        mean=numbers(mean),
        std=numbers(std),
        resume=resume,
        keep_every=keep_every,
        workers=workers,
        device=device,
        devices=devices,
        num_nodes=num_nodes,
        **vone_block,
    )
    if found.rank == 0:
        last, scores = found.history[-1], ("loss", "top-1", "top-5")
        shown = table(f"After {last['epoch']} epochs", "images", *scores, numbers=scores)
        shown.add_row("training", number(last["train_loss"]), number(last["train_top1"]), "")
        shown.add_row("validation", *(number(last[f"validation_{each}"]) for each in ("loss", "top1", "top5")))
        say(shown, f"checkpoints and logs: {output_path}")
