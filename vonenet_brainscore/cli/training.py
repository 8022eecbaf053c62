"""The command that trains a network: `train`."""

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from ..training.recipe import PRECISIONS, Recipe
from .robustness import ImageSize, Mean, Std, numbers
from .tables import number, say, table

# Panels of the help.
_RECIPE, _V1, _MACHINE = "Recipe", "VOneBlock", "Machine"


def _option(flag: str, text: str, panel: str) -> Any:
    return typer.Option(flag, help=text, rich_help_panel=panel)


def train(
    in_path: Annotated[Path, typer.Option("--in_path", help="Holds train/ and val/, each a folder a class.")],
    output_path: Annotated[Path, typer.Option("--output_path", help="Folder for checkpoints and logs.")],
    model_arch: Annotated[
        str, typer.Option("--model_arch", help="resnet50, cornets, alexnet, or module:function.")
    ] = "resnet50",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in output_path, if there is one.")
    ] = False,
    n_classes: Annotated[
        int | None, typer.Option("--n_classes", help="Outputs; default 1000, or what the function gives.")
    ] = None,
    image_size: ImageSize = 224,
    mean: Mean = "0.5",
    std: Std = "0.5",
    keep_every: Annotated[int, typer.Option("--keep_every", help="Epochs between checkpoints that are kept.")] = 10,
    batch_size: Annotated[int, _option("--batch_size", "Images a step, on all devices together.", _RECIPE)] = (
        Recipe.batch_size
    ),
    epochs: Annotated[int, _option("--epochs", "How often each image is seen.", _RECIPE)] = Recipe.epochs,
    lr: Annotated[float, _option("--lr", "Learning rate of the first epochs.", _RECIPE)] = Recipe.lr,
    momentum: Annotated[float, _option("--momentum", "Of the descent.", _RECIPE)] = Recipe.momentum,
    weight_decay: Annotated[float, _option("--weight_decay", "Of all weights.", _RECIPE)] = Recipe.weight_decay,
    step_size: Annotated[int, _option("--step_size", "Epochs to each fall of the learning rate.", _RECIPE)] = (
        Recipe.step_size
    ),
    step_factor: Annotated[float, _option("--step_factor", "By which it falls.", _RECIPE)] = Recipe.step_factor,
    seed: Annotated[int, _option("--seed", "Of all that is random.", _RECIPE)] = Recipe.seed,
    precision: Annotated[str, _option("--precision", ", ".join(PRECISIONS), _RECIPE)] = Recipe.precision,
    noise_mode: Annotated[
        str | None, _option("--noise_mode", "neuronal, gaussian or none; default neuronal.", _V1)
    ] = None,
    noise_scale: Annotated[float | None, _option("--noise_scale", "Default 0.35.", _V1)] = None,
    noise_level: Annotated[float | None, _option("--noise_level", "Default 0.07.", _V1)] = None,
    simple_channels: Annotated[int | None, _option("--simple_channels", "Default 256.", _V1)] = None,
    complex_channels: Annotated[int | None, _option("--complex_channels", "Default 256.", _V1)] = None,
    ksize: Annotated[int | None, _option("--ksize", "Pixels a side of a filter; default 25.", _V1)] = None,
    stride: Annotated[int | None, _option("--stride", "Pixels between cells; default 4.", _V1)] = None,
    visual_degrees: Annotated[
        float | None, _option("--visual_degrees", "Angle an image spans; default 8.", _V1)
    ] = None,
    k_exc: Annotated[float | None, _option("--k_exc", "Gain; default 25.", _V1)] = None,
    sf_corr: Annotated[
        float | None, _option("--sf_corr", "Correlation of filter size with frequency; default 0.75.", _V1)
    ] = None,
    sf_max: Annotated[float | None, _option("--sf_max", "Cycles a degree; default 9.", _V1)] = None,
    sf_min: Annotated[float | None, _option("--sf_min", "Cycles a degree; default 0.", _V1)] = None,
    rand_param: Annotated[bool | None, _option("--rand_param", "Filters of uniform parameters.", _V1)] = None,
    gabor_seed: Annotated[int | None, _option("--gabor_seed", "Default 0.", _V1)] = None,
    quadrature: Annotated[
        str | None, _option("--quadrature", "Colours of a pair, matched or paper; default matched.", _V1)
    ] = None,
    colour_seed: Annotated[int | None, _option("--colour_seed", "Default 0.", _V1)] = None,
    device: Annotated[str | None, _option("--device", "cpu or cuda; default, a GPU if there is one.", _MACHINE)] = None,
    devices: Annotated[int, _option("--devices", "GPUs a node, or processes on its CPU.", _MACHINE)] = 1,
    num_nodes: Annotated[int, _option("--num_nodes", "Machines.", _MACHINE)] = 1,
    workers: Annotated[int, _option("--workers", "Processes that prepare images, a device.", _MACHINE)] = 0,
) -> None:
    """Train a VOneNet, or a network of your own, on a folder of photographs."""
    given = dict(locals())
    recipe = Recipe(**{field.name: given[field.name] for field in fields(Recipe)})
    from ..models.vonenet import FRONT_END_ARGUMENTS
    from ..training.train import train as run

    # image_size, which any network has, is apart.
    options = [name for name in FRONT_END_ARGUMENTS if name != "image_size" and given.get(name) is not None]
    vone_block = {name: given[name] for name in options}
    if noise_mode == "none":
        vone_block["noise_mode"] = None
    found = run(
        model_arch,
        in_path,
        output_path,
        recipe=recipe,
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
