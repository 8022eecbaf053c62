"""VOneNets: a VOneBlock, a bottleneck and a back end; and `get_model`, which makes them."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..arguments import check_text, check_whole, did_you_mean, usable_device
from .agreement import contents, fixed_by, refuse_other_back_end, refuse_other_filters, refuse_other_surround
from .back_ends import BACK_ENDS, BOTTLENECK_CHANNELS, initialise_convolutions
from .checkpoints import Checkpoint, fetch_checkpoint, load_weights, read_checkpoint
from .filter_bank import draw_colours
from .fitting import check_fit
from .gabors import sample_gabor_parameters
from .libraries import library_network
from .registry import MODELS, ModelRow
from .settings import (
    BLOCK,
    DEFAULTS,
    SETTINGS,
    checked_settings,
    described_settings,
    settings_of,
)
from .stems import BackEnd, cut_behind_stem, regions_by_depth
from .vone_block import VOneBlock

_N_CLASSES = 1000


@dataclass(frozen=True)
class WeightsSource:
    """The checkpoint file that made a model."""

    path: Path
    sha256: str


class VOneNet(nn.Module):
    """A VOneBlock and its back end: (batch, colour, y, x) to logits (batch, classes).

    Without a back end it returns the output of its ``vone_block``, so that one layer name serves every model.

    Parameters
    ----------
    vone_block : VOneBlock
    back_end : nn.Module, optional
        Takes the bottleneck, (batch, channel, 56, 56) for the default geometry.
    channels : int
        Of the bottleneck.

    Attributes
    ----------
    vone_block, bottleneck, model : nn.Module
        The stages; `bottleneck` and `model` are None without a back end.
    weights_source : WeightsSource or None
        The checkpoint that the weights come from.
    settings : dict
        Arguments of `get_model` that make its front end, as far as a checkpoint that it was made of tells them, and the
        name of its back end where a library made that.
    regions_by_depth : dict
        Of a back end that a library made: V2, V4 and IT to stages at a third, two thirds and the end of its depth.
    """

    def __init__(self, vone_block: VOneBlock, back_end: nn.Module | None = None, channels: int = BOTTLENECK_CHANNELS):
        super().__init__()
        self.vone_block = vone_block
        self.bottleneck: nn.Conv2d | None = None
        if back_end is not None:
            cells = vone_block.simple_channels + vone_block.complex_channels
            self.bottleneck = nn.Conv2d(cells, channels, 1, bias=False)
            initialise_convolutions(self.bottleneck)
        self.model = back_end
        self.weights_source: WeightsSource | None = None
        self.settings: dict[str, Any] = {}
        self.regions_by_depth: dict[str, str] = {}

    def forward(self, x: Tensor) -> Tensor:
        x = self.vone_block(x)
        if self.bottleneck is None or self.model is None:
            return x
        return self.model(self.bottleneck(x))

    @property
    def module(self) -> "VOneNet":
        """The model itself, for code that expects the ``DataParallel`` around the released models."""
        return self


def get_model(
    model_arch: str | None = "resnet50",
    pretrained: bool = True,
    map_location: str | torch.device | None = "cpu",
    weights: str | Path | None = None,
    *,
    n_classes: int | None = None,
    back_end: nn.Module | str | None = None,
    back_end_pretrained: bool = False,
    **kwargs: Any,
) -> VOneNet:
    """A VOneNet, in training mode, as torch creates modules.

    Parameters
    ----------
    model_arch : {'resnet50', 'cornets', 'alexnet', 'resnet50_at', 'resnet50_ns', None}
        Back end. ``_at`` was trained adversarially, ``_ns`` has its noise off unless asked for. None is the VOneBlock
        alone, which has nothing to train: `pretrained` does not concern it.
    pretrained : bool
        With the released weights of `model_arch`, downloaded if need be. Where `weights` or `back_end` is given it does
        not matter.
    map_location : str or torch.device, optional
        Device of the model.
    weights : path, optional
        Your own checkpoint. Without a back end, its VOneBlock is used.
    n_classes : int, optional
        Outputs of the network that `model_arch` or `back_end` names; default, those of the checkpoint, and 1000 without
        one.
    back_end : nn.Module or str, optional
        In place of `model_arch`: your own network, which takes the bottleneck, (batch, 64, 56, 56); or
        ``timm:NAME`` or ``torchvision:NAME``, a network of these libraries whose stem is replaced (`stems.CUTS`).
    back_end_pretrained : bool
        With the library's weights behind the stem. They were trained with another stem, so that the network needs
        training.
    {settings}

    A checkpoint brings its filters, channels, stride, gain and noise. Noise arguments apply nevertheless; the others
    may be given if they agree with it.

    Returns
    -------
    VOneNet

    Raises
    ------
    TypeError
        If an argument is unknown, with the nearest one, or is not of its kind.
    ValueError
        If `model_arch` is unknown, an argument is out of its range, the checkpoint is for another architecture or
        contradicts an argument, `n_classes` is given where no architecture is named, or there is no device
        `map_location` here.
    FileNotFoundError, OSError
        If the checkpoint is unavailable, as `fetch_checkpoint` and `read_checkpoint` say.

    Examples
    --------
    >>> from vonenet_brainscore import get_model
    >>> model = get_model("resnet50", pretrained=False, gabor_seed=1)
    >>> type(model.vone_block).__name__, model.vone_block.simple_channels
    ('VOneBlock', 256)
    >>> get_model(None, simple_channels=8, complex_channels=8).model is None  # the front end alone
    True
    """
    if not isinstance(back_end, nn.Module | str | None):
        raise TypeError(f"back_end is a {type(back_end).__name__}; give timm:NAME, torchvision:NAME or an nn.Module")
    for name in kwargs:
        if name not in SETTINGS:
            known = [*SETTINGS, "back_end", "n_classes"]
            raise TypeError(f"get_model has no argument {name!r}; {did_you_mean(name, known)}")
    kwargs = checked_settings(kwargs)
    if n_classes is not None:
        check_whole(n_classes=n_classes)
    device = None if map_location is None else usable_device(map_location)
    row = None if model_arch is None or back_end is not None else _row(model_arch)
    named = back_end if isinstance(back_end, str) else None
    if n_classes is not None and ((row is None and named is None) or n_classes < 1):
        raise ValueError(
            f"n_classes is {n_classes}; give 1 or more, and only where model_arch or back_end names the back end"
        )
    if back_end_pretrained and named is None:
        raise ValueError(
            "back_end_pretrained is for a back end by name: give back_end='timm:NAME' or 'torchvision:NAME'"
        )
    if weights is None and pretrained and row is not None:
        weights = fetch_checkpoint(row.checkpoint)
    checkpoint = None if weights is None else read_checkpoint(weights)

    told = fixed_by(checkpoint, kwargs) if checkpoint else dict(DEFAULTS)
    if row is not None and not row.noise:
        told["noise_mode"] = None
    told |= kwargs
    vone_block = _vone_block(DEFAULTS | told)
    if checkpoint is not None:
        refuse_other_back_end(checkpoint, named, row.model_arch if row else None)
        if row or named:
            n_classes = _classes_of(checkpoint, row, named, n_classes)
    behind = _behind(vone_block, row, back_end, n_classes or _N_CLASSES, back_end_pretrained, drawn=checkpoint is None)
    model = VOneNet(vone_block, behind.network, behind.channels) if behind else VOneNet(vone_block)
    if checkpoint is not None:
        asked = row.model_arch if row else named or ("the given back end" if back_end is not None else "a VOneBlock")
        _load(checkpoint, model, asked)
        refuse_other_filters(vone_block, kwargs, checkpoint)
    elif back_end_pretrained:
        warnings.warn(
            f"the weights of {named} were trained behind another stem: the VOneNet needs training",
            stacklevel=2,
        )
    model.settings = told if named is None else {**told, "back_end": named}
    model.regions_by_depth = regions_by_depth([f"model.{stage}" for stage in behind.stages]) if behind else {}
    return model.to(device)


get_model.__doc__ = (get_model.__doc__ or "").replace("{settings}", described_settings())


def _row(model_arch: str) -> ModelRow:
    check_text(model_arch=model_arch)
    rows = {row.model_arch: row for row in MODELS.values() if row.model_arch}
    if model_arch not in rows:
        raise ValueError(f"unknown model_arch {model_arch!r}; {did_you_mean(model_arch, rows)}, or None")
    return rows[model_arch]


def _vone_block(settings: Mapping[str, Any]) -> VOneBlock:
    channels = settings["simple_channels"] + settings["complex_channels"]
    sampling = settings_of(settings, "parameters")
    parameters = sample_gabor_parameters(channels, seed=sampling.pop("gabor_seed"), **sampling)
    colours = draw_colours(channels, seed=settings["colour_seed"], quadrature=settings["quadrature"])
    return VOneBlock(parameters, *colours, **{name: settings[name] for name in BLOCK})


def _behind(
    block: VOneBlock,
    row: ModelRow | None,
    back_end: nn.Module | str | None,
    n_classes: int,
    pretrained: bool,
    *,
    drawn: bool,
) -> BackEnd | None:
    """What stands behind the bottleneck; with `drawn` False, weights of a named architecture are left unset."""
    if row is not None:
        with torch.device("cpu" if drawn else "meta"):  # drawing weights that a file will replace would take seconds
            network = BACK_ENDS[row.back_end](n_classes)
        return BackEnd(network if drawn else network.to_empty(device="cpu"), BOTTLENECK_CHANNELS, ())
    if back_end is None:
        return None
    if isinstance(back_end, nn.Module):
        found, name = BackEnd(back_end, BOTTLENECK_CHANNELS, ()), type(back_end).__name__
    else:
        size, name = block.image_size, back_end
        network = library_network(name, n_classes=n_classes, image_size=size, pretrained=pretrained)
        found = cut_behind_stem(network, name, size)
    _, rows, columns = block.units(block.image_size, block.image_size)
    check_fit(found.network, name, (found.channels, rows, columns))
    return found


def _load(checkpoint: Checkpoint, model: VOneNet, asked: str) -> None:
    refuse_other_surround(model.vone_block, checkpoint)
    state_dict = checkpoint.state_dict
    if model.model is None:
        state_dict = {name: value for name, value in state_dict.items() if name.startswith("vone_block.")}
    try:
        load_weights(model, state_dict)
    except ValueError as error:
        raise ValueError(f"{checkpoint.path} {contents(state_dict)}, not {asked}: {error}") from error
    model.weights_source = WeightsSource(checkpoint.path, checkpoint.sha256)


def _classes_of(checkpoint: Checkpoint, row: ModelRow | None, named: str | None, n_classes: int | None) -> int:
    """Outputs of the last layer; `_N_CLASSES` where the checkpoint has none of that name, and will be refused."""
    with torch.device("meta"):
        *_, bias = (library_network(named) if named else BACK_ENDS[row.back_end]() if row else nn.Module()).state_dict()
    trained = len(checkpoint.state_dict.get(f"model.{bias}", range(_N_CLASSES)))
    if n_classes not in (None, trained):
        raise ValueError(f"{checkpoint.path} has {trained} classes, not {n_classes}; leave n_classes out")
    return trained
