"""Cutting a network behind its stem, so that a VOneBlock can stand in its place.

The stem is what turns an image into the first maps or tokens: the first convolution with its normalisation,
rectification and pooling, or the patch embedding of a transformer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .fitting import output_shape

Layout = Literal["maps", "tokens", "channels last"]


@dataclass(frozen=True)
class Cut:
    """How the networks of a family are cut.

    Attributes
    ----------
    family : str
    library : {'timm', 'torchvision'}
    network : str
        Name of the class that the networks are of.
    stem : tuple of str
        Modules that are replaced, in the order of their calls; the last one's output is what follows sees.
    layout : {'maps', 'tokens', 'channels last'}
        Of that output: (batch, channel, y, x), (batch, token, channel) or (batch, y, x, channel).
    poolings : int
        If not 0, the stem's only name is a Sequential, and what is replaced in it ends with so many max-poolings.
    stages : str
        Names of stages are this text and a number; empty where the library tells them, as timm does.
    """

    family: str
    library: str
    network: str
    stem: tuple[str, ...]
    layout: Layout = "maps"
    poolings: int = 0
    stages: str = ""


# VGGs pool for the first time after a stage at full resolution, and at a quarter of it, which is the VOneBlock's, after
# the second: their first two stages are the stem.
CUTS = (
    Cut("ResNet", "timm", "ResNet", ("conv1", "bn1", "act1", "maxpool")),  # and ResNeXt, wide and SE-ResNets
    Cut("ConvNeXt", "timm", "ConvNeXt", ("stem",)),
    Cut("EfficientNet", "timm", "EfficientNet", ("conv_stem", "bn1")),  # and MobileNetV2
    Cut("MobileNetV3", "timm", "MobileNetV3", ("conv_stem", "bn1")),
    Cut("RegNet", "timm", "RegNet", ("stem",)),
    Cut("DenseNet", "timm", "DenseNet", ("features.conv0", "features.norm0", "features.pool0")),
    Cut("VGG", "timm", "VGG", ("features",), poolings=2),
    Cut("ViT", "timm", "VisionTransformer", ("patch_embed",), "tokens"),  # and DeiT
    Cut("Swin", "timm", "SwinTransformer", ("patch_embed",), "channels last"),
    Cut("ResNet", "torchvision", "ResNet", ("conv1", "bn1", "relu", "maxpool"), stages="layer"),
    Cut("ConvNeXt", "torchvision", "ConvNeXt", ("features.0",), stages="features."),
    Cut("EfficientNet", "torchvision", "EfficientNet", ("features.0",), stages="features."),
    Cut("MobileNetV2", "torchvision", "MobileNetV2", ("features.0",), stages="features."),
    Cut("MobileNetV3", "torchvision", "MobileNetV3", ("features.0",), stages="features."),
    Cut("RegNet", "torchvision", "RegNet", ("stem",), stages="trunk_output.block"),
    Cut(
        "DenseNet",
        "torchvision",
        "DenseNet",
        ("features.conv0", "features.norm0", "features.relu0", "features.pool0"),
        stages="features.denseblock",
    ),
    Cut("VGG", "torchvision", "VGG", ("features",), poolings=2, stages="features."),
    Cut("Swin", "torchvision", "SwinTransformer", ("features.0",), "channels last", stages="features."),
)


@dataclass(frozen=True)
class BackEnd:
    """A network behind its stem.

    Attributes
    ----------
    network : nn.Module
        Takes the bottleneck: (batch, channel, y, x).
    channels : int
        Of the bottleneck.
    stages : tuple of str
        Its stages, the shallowest first.
    """

    network: nn.Module
    channels: int
    stages: tuple[str, ...]


class Refit(nn.Module):
    """Replaces the stem: brings maps to the grid and layout that the network expects.

    For a coarser grid the maps are averaged, as a patch embedding averages its pixels; for a finer one they are
    interpolated.

    Parameters
    ----------
    grid : tuple of int
        (y, x).
    layout : {'maps', 'tokens', 'channels last'}
    """

    def __init__(self, grid: tuple[int, int], layout: Layout):
        super().__init__()
        self.grid, self.layout = grid, layout

    def forward(self, x: Tensor) -> Tensor:
        if any(side > there for side, there in zip(self.grid, x.shape[2:], strict=True)):
            x = F.interpolate(x, self.grid, mode="bilinear", align_corners=False)  # (batch, channel, *grid)
        elif x.shape[2:] != self.grid:
            x = F.adaptive_avg_pool2d(x, self.grid)  # (batch, channel, *grid)
        if self.layout == "tokens":
            return x.flatten(2).mT  # (batch, token, channel)
        return x.permute(0, 2, 3, 1) if self.layout == "channels last" else x

    def extra_repr(self) -> str:
        """The grid and the layout."""
        return f"grid={self.grid}, layout={self.layout!r}"


def cut_behind_stem(network: nn.Module, name: str, image_size: int) -> BackEnd:
    """The network with its stem replaced by a `Refit`, in place.

    Parameters
    ----------
    network : nn.Module
        From `library_network`.
    name : str
        The network's name in that library.
    image_size : int
        Side of the images for which the network was made, in pixels.

    Raises
    ------
    ValueError
        If no row of `CUTS` tells how, the stem is not as its row has it, or images are too small for the network.
    """
    library = name.partition(":")[0]
    classes = [each.__name__ for each in type(network).__mro__]
    cut = next((each for each in CUTS if each.library == library and each.network in classes), None)
    if cut is None:
        known = ", ".join(each.family for each in CUTS if each.library == library)
        raise ValueError(
            f"{name} is a {type(network).__name__}, and where its stem ends is not known; known of {library}: {known}. "
            "Cut it yourself and give the nn.Module"
        )
    stem = _through_poolings(network, cut) if cut.poolings else cut.stem
    missing = [each for each in stem if not isinstance(_module(network, each), nn.Module)]
    told = getattr(network, "pretrained_cfg", {}).get("first_conv") or ()
    elsewhere = [
        first
        for first in ([told] if isinstance(told, str) else told)
        if not any(first == each or first.startswith(f"{each}.") for each in stem)
    ]
    if missing or elsewhere:
        raise ValueError(
            f"the stem of {name} is not that of a {cut.family}: "
            + (f"it has no module {missing[0]!r}" if missing else f"its first convolution is {elsewhere[0]!r}")
        )
    shape = output_shape(network, stem[-1], image_size, name)
    grid, channels = _grid_of(shape, cut.layout)
    _replace(network, stem[0], Refit(grid, cut.layout))
    for each in stem[1:]:
        _replace(network, each, nn.Identity())
    return BackEnd(network, channels, tuple(_stages(network, cut, stem)))


def _grid_of(shape: torch.Size, layout: Layout) -> tuple[tuple[int, int], int]:
    if layout == "maps":
        return (shape[2], shape[3]), shape[1]
    if layout == "channels last":
        return (shape[1], shape[2]), shape[3]
    side = round(shape[1] ** 0.5)
    return (side, side), shape[2]


def _through_poolings(network: nn.Module, cut: Cut) -> tuple[str, ...]:
    (sequence,) = cut.stem
    children = [*network.get_submodule(sequence).named_children()]
    poolings = [index for index, (_, child) in enumerate(children) if isinstance(child, nn.MaxPool2d)]
    return tuple(f"{sequence}.{child}" for child, _ in children[: poolings[cut.poolings - 1] + 1])


def _stages(network: nn.Module, cut: Cut, stem: tuple[str, ...]) -> list[str]:
    if not cut.stages:
        names = [each["module"] for each in network.feature_info]  # type: ignore[union-attr]  # timm's own
    elif cut.poolings:
        names = [name for name, module in network.named_modules() if isinstance(module, nn.MaxPool2d)]
    else:
        named = [name for name, _ in network.named_modules() if name.startswith(cut.stages)]
        names = [name for name in named if name.removeprefix(cut.stages).isdecimal()]
    return [name for name in names if name not in stem]


def regions_by_depth(stages: Sequence[str]) -> dict[str, str]:
    """V2, V4 and IT as the last stages of each third of a network; data may favour others."""
    ends = [max(1, round(len(stages) * third / 3)) - 1 for third in (1, 2, 3)]
    return dict(zip(("V2", "V4", "IT"), (stages[end] for end in ends), strict=True)) if stages else {}


def _module(network: nn.Module, name: str) -> nn.Module | None:
    try:
        return network.get_submodule(name)
    except AttributeError:
        return None


def _replace(network: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, module)
