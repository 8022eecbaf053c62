"""Training on a folder of photographs, as the released VOneNets were trained on ImageNet."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from torch import nn

from ..arguments import check_text
from ..classification.classifier import Classifier
from ..classification.image_folder import LabelledImage, class_folders, read_image_folder
from ..classification.keyed_draws import keyed_draws
from ..models.named_networks import network_of
from ..models.registry import architecture_of
from ..models.settings import DEFAULTS
from ..models.vonenet import get_model
from .fit import Training, fit
from .photographs import MiddleCrops, RandomCrops
from .recipe import Recipe


def train(
    model_arch: str,
    in_path: str | PathLike,
    output_path: str | PathLike,
    *,
    recipe: Recipe | None = None,
    back_end: str | None = None,
    n_classes: int | None = None,
    image_size: int = DEFAULTS["image_size"],
    mean: float | Sequence[float] = 0.5,
    std: float | Sequence[float] = 0.5,
    resume: bool = False,
    keep_every: int = 10,
    workers: int = 0,
    device: str | None = None,
    devices: int = 1,
    num_nodes: int = 1,
    progress: bool = True,
    **vone_block: Any,
) -> Training:
    """Train a network from its first weights, which the recipe's seed draws.

    Parameters
    ----------
    model_arch : str
        A `model_arch` of `get_model` or a name in `MODELS`; or ``module:function``, where the function takes nothing
        and gives an nn.Module.
    in_path : path
        Holds `train/` and `val/`, each a folder of images for each class.
    output_path : path
        As in `fit`.
    recipe : Recipe, optional
    back_end : str, optional
        In place of `model_arch`: ``timm:NAME`` or ``torchvision:NAME`` behind a VOneBlock, as in `get_model`.
    n_classes : int, optional
        Outputs of the network; default 1000, and those of the network that a function gives.
    image_size : int
        Side of what the network sees, in pixels.
    **vone_block
        Options of `get_model`.

    The other parameters are those of `fit`.

    Raises
    ------
    ValueError
        If the classes do not match the network's outputs, an image cannot be read, or an argument is out of its range.
    FileNotFoundError
        If `in_path` does not hold such folders.
    TypeError
        If there is no such option, it is given beside a function, or an argument is not of its kind.
    ModuleNotFoundError
        If torchvision, lightning-fabric or tensorboard does not import.
    FileExistsError, OSError, MemoryError
        As `fit`.
    """
    recipe = Recipe() if recipe is None else recipe
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe is {shortened(recipe)}; give a Recipe")
    check_text(model_arch=model_arch)
    for name, path in (("in_path", in_path), ("output_path", output_path)):
        if not isinstance(path, str | PathLike):
            raise TypeError(f"{name} is {shortened(path)}; give a path")
    with keyed_draws(recipe.seed, "first weights"):
        network = _network(model_arch, back_end, n_classes, image_size, vone_block)
    outputs = Classifier(network, mean=mean, std=std, name=back_end or model_arch).count_classes(image_size)
    if n_classes not in (None, outputs):
        raise ValueError(
            f"{back_end or model_arch} gives a network of {outputs} outputs, not {n_classes}; leave n_classes out"
        )
    training, validation = _images(Path(in_path).expanduser(), outputs)
    return fit(
        network,
        RandomCrops(training, image_size),
        MiddleCrops(validation, image_size),
        recipe=recipe,
        output_path=output_path,
        flags={} if back_end else {"model_arch": architecture_of(model_arch)},  # a network by name says so itself
        mean=mean,
        std=std,
        resume=resume,
        keep_every=keep_every,
        workers=workers,
        device=device,
        devices=devices,
        num_nodes=num_nodes,
        progress=progress,
    )


def _network(
    model_arch: str, back_end: str | None, n_classes: int | None, image_size: int, vone_block: dict[str, Any]
) -> nn.Module:
    if back_end is not None:
        return get_model(back_end=back_end, n_classes=n_classes, image_size=image_size, **vone_block)
    if ":" not in model_arch:
        architecture = architecture_of(model_arch)
        return get_model(architecture, pretrained=False, n_classes=n_classes, image_size=image_size, **vone_block)
    if vone_block:
        raise TypeError(f"{model_arch} makes its own network; {', '.join(vone_block)} cannot be given beside it")
    return network_of(model_arch)


def _images(root: Path, outputs: int) -> tuple[list[LabelledImage], list[LabelledImage]]:
    for name in ("train", "val"):
        if not (root / name).is_dir():
            raise FileNotFoundError(f"no folder {root / name}; give one that holds train/ and val/")
    classes = class_folders(root / "train")
    if len(classes) != outputs:
        raise ValueError(
            f"{root / 'train'} holds {len(classes)} class folders but the model has {outputs} outputs; make it of as "
            f"many with --n_classes {len(classes)}"
        )
    training, validation = (read_image_folder(root / name, outputs, classes=classes) for name in ("train", "val"))
    return training, validation
