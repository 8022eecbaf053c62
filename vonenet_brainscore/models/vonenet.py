"""VOneNets: a VOneBlock, a bottleneck and a back end; and `get_model`, which makes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..arguments import check_text, check_whole, did_you_mean, usable_device
from .back_ends import BACK_ENDS, BOTTLENECK_CHANNELS
from .checkpoints import Checkpoint, fetch_checkpoint, load_weights, read_checkpoint
from .filter_bank import draw_colours
from .gabors import sample_gabor_parameters
from .registry import MODELS, ModelRow
from .settings import (
    BLOCK,
    DEFAULTS,
    FRONT_END,
    SETTINGS,
    checked_settings,
    described_settings,
    names_beside,
    settings_of,
)
from .vone_block import VOneBlock

_N_CLASSES = 1000


@dataclass(frozen=True)
class WeightsSource:
    """The checkpoint file that made a model."""

    path: Path
    sha256: str


class VOneNet(nn.Module):
    """A VOneBlock and what reads it: (batch, colour, y, x) to logits (batch, classes).

    Without a back end it is the front end alone, and gives what its ``vone_block`` gives, so that one layer name serves
    every model.

    Parameters
    ----------
    vone_block : VOneBlock
    back_end : nn.Module, optional
        Takes the bottleneck, (batch, 64, 56, 56) for the default geometry.

    Attributes
    ----------
    vone_block, bottleneck, model : nn.Module
        The stages; `bottleneck` and `model` are None without a back end.
    weights_source : WeightsSource or None
        The checkpoint that the weights come from.
    settings : dict
        Arguments of `get_model` that make its front end, as far as a checkpoint that it was made of tells them.
    """

    def __init__(self, vone_block: VOneBlock, back_end: nn.Module | None = None):
        super().__init__()
        self.vone_block = vone_block
        self.bottleneck: nn.Conv2d | None = None
        if back_end is not None:
            channels = vone_block.simple_channels + vone_block.complex_channels
            self.bottleneck = nn.Conv2d(channels, BOTTLENECK_CHANNELS, 1, bias=False)
            nn.init.kaiming_normal_(self.bottleneck.weight, mode="fan_out", nonlinearity="relu")
        self.model = back_end
        self.weights_source: WeightsSource | None = None
        self.settings: dict[str, Any] = {}

    def forward(self, x: Tensor) -> Tensor:
        x = self.vone_block(x)
        if self.bottleneck is None or self.model is None:
            return x
        return self.model(self.bottleneck(x))

    @property
    def module(self) -> "VOneNet":
        """The model itself, for code written for the ``DataParallel`` that the released models came wrapped in."""
        return self


def get_model(
    model_arch: str | None = "resnet50",
    pretrained: bool = True,
    map_location: str | torch.device | None = "cpu",
    weights: str | Path | None = None,
    *,
    n_classes: int | None = None,
    **kwargs: Any,
) -> VOneNet:
    """A VOneNet, in training mode as torch makes its modules.

    Parameters
    ----------
    model_arch : {'resnet50', 'cornets', 'alexnet', 'resnet50_at', 'resnet50_ns', None}
        Back end. ``_at`` was trained adversarially, ``_ns`` has its noise off unless asked for. None is the VOneBlock
        alone, which has nothing to train: `pretrained` does not concern it.
    pretrained : bool
        With the released weights of `model_arch`, downloaded if need be. Where `weights` or `back_end` is given it does
        not matter.
    map_location : str or torch.device, optional
        Where the model is to be.
    weights : path, optional
        A checkpoint of one's own. Without a back end, its VOneBlock is taken.
    n_classes : int, optional
        Outputs of the network that `model_arch` names; default, those of the checkpoint, and 1000 without one.
    back_end : nn.Module
        A network of one's own in place of `model_arch`; takes the bottleneck, (batch, 64, 56, 56).
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
        If the checkpoint cannot be had, as `fetch_checkpoint` and `read_checkpoint` say.
    """
    back_end = kwargs.pop("back_end", None)
    if back_end is not None and not isinstance(back_end, nn.Module):
        raise TypeError(f"back_end is a {type(back_end).__name__}; give an nn.Module")
    for name in kwargs:
        if name not in SETTINGS:
            known = [*SETTINGS, "back_end", "n_classes"]
            raise TypeError(f"get_model has no argument {name!r}; {did_you_mean(name, known)}")
    kwargs = checked_settings(kwargs)
    if n_classes is not None:
        check_whole(n_classes=n_classes)
    device = None if map_location is None else usable_device(map_location)
    row = None if model_arch is None or back_end is not None else _row(model_arch)
    if n_classes is not None and (row is None or n_classes < 1):
        raise ValueError(f"n_classes is {n_classes}; give 1 or more, and only where model_arch names the back end")
    if weights is None and pretrained and row is not None:
        weights = fetch_checkpoint(row.checkpoint)
    checkpoint = None if weights is None else read_checkpoint(weights)

    told = _fixed_by(checkpoint, kwargs) if checkpoint else dict(DEFAULTS)
    if row is not None and not row.noise:
        told["noise_mode"] = None
    told |= kwargs
    vone_block = _vone_block(DEFAULTS | told)
    if checkpoint is None:
        model = VOneNet(vone_block, BACK_ENDS[row.back_end](n_classes or _N_CLASSES) if row else back_end)
    else:
        model = _loaded(checkpoint, vone_block, row, back_end, n_classes)
        _refuse_other_filters(vone_block, kwargs, checkpoint)
    model.settings = told
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


def _fixed_by(checkpoint: Checkpoint, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the checkpoint says of its front end; ValueError if arguments given contradict it."""
    filters = checkpoint.state_dict.get("vone_block.simple_conv_q0.weight")
    if filters is None:
        raise ValueError(f"{checkpoint.path} holds no VOneNet: it has no vone_block.simple_conv_q0.weight")
    if filters.ndim != 4:
        raise ValueError(f"{checkpoint.path} holds no VOneNet: its filters have shape {tuple(filters.shape)}")
    fixed = checked_settings({name: checkpoint.flags[name] for name in SETTINGS if name in checkpoint.flags})
    fixed["ksize"] = filters.shape[-1]
    for name in ("ksize", *names_beside("flags")):
        if name in given and name in fixed and given[name] != fixed[name]:
            raise ValueError(f"{checkpoint.path} has {name}={fixed[name]}, not {given[name]}; leave {name} out")
    cells = {**DEFAULTS, **fixed, **given}
    if cells["simple_channels"] + cells["complex_channels"] != len(filters):
        raise ValueError(
            f"{checkpoint.path} has {len(filters)} filters, not {cells['simple_channels']} for simple and "
            f"{cells['complex_channels']} for complex cells; give simple_channels and complex_channels that add up"
        )
    return fixed


def _loaded(
    checkpoint: Checkpoint, block: VOneBlock, row: ModelRow | None, back_end: nn.Module | None, n_classes: int | None
) -> VOneNet:
    if row is None:
        model = VOneNet(block, back_end)
    else:
        trained = _classes_of(checkpoint, row)
        if n_classes not in (None, trained):
            raise ValueError(f"{checkpoint.path} has {trained} classes, not {n_classes}; leave n_classes out")
        with torch.device("meta"):  # every weight comes from the file: drawing others first would cost seconds
            untrained = BACK_ENDS[row.back_end](trained)
        model = VOneNet(block, untrained.to_empty(device="cpu"))
    _refuse_other_surround(block, checkpoint)
    state_dict = checkpoint.state_dict
    if model.model is None:
        state_dict = {name: value for name, value in state_dict.items() if name.startswith("vone_block.")}
    try:
        load_weights(model, state_dict)
    except ValueError as error:
        asked = row.model_arch if row else "the given back end" if back_end is not None else "a VOneBlock"
        raise ValueError(f"{checkpoint.path} {_contents(state_dict)}, not {asked}: {error}") from error
    model.weights_source = WeightsSource(checkpoint.path, checkpoint.sha256)
    return model


def _classes_of(checkpoint: Checkpoint, row: ModelRow) -> int:
    """Outputs of the last layer; `_N_CLASSES` where the checkpoint has none of that name, and will be refused."""
    with torch.device("meta"):
        *_, bias = BACK_ENDS[row.back_end]().state_dict()
    return len(checkpoint.state_dict.get(f"model.{bias}", range(_N_CLASSES)))


def _contents(state_dict: Mapping[str, Tensor]) -> str:
    names = {name.removeprefix("model.") for name in state_dict if name.startswith("model.")}
    for architecture, network in BACK_ENDS.items():
        with torch.device("meta"):
            if names == network().state_dict().keys():
                return f"holds a VOneNet of architecture {architecture!r}"
    return "holds a network of none of the named architectures"


def _refuse_other_surround(block: VOneBlock, checkpoint: Checkpoint) -> None:
    """ValueError unless the surround in the checkpoint, or that there is none, is what the settings make."""
    prefix = "vone_block.normalisation."
    held = {name: value for name, value in checkpoint.state_dict.items() if name.startswith(prefix)}
    if block.normalisation is None:
        if held:
            raise ValueError(f"{checkpoint.path} has a surround and does not say which; give surround and its settings")
        return
    described = _listed(block.settings, [row.name for row in FRONT_END if row.stage == "surround"])
    if not held:
        raise ValueError(f"{checkpoint.path} has surround=None, not {block.surround!r}; leave surround out")
    for name, made in block.normalisation.state_dict(prefix=prefix).items():
        value = held.get(name, made[:0]).float()
        tolerance = 1e-3 * made.abs().max()  # for half precision; other settings differ in the first digits
        if value.shape != made.shape or not ((value - made).abs() <= tolerance).all():
            raise ValueError(f"{checkpoint.path} has another surround than its filters have with {described}")


def _refuse_other_filters(block: VOneBlock, given: Mapping[str, Any], checkpoint: Checkpoint) -> None:
    """ValueError if the filters that were loaded are not those that the arguments given describe."""
    described = [name for name in names_beside("filters") if name in given]
    if described and block.gabor_parameters is None:
        raise ValueError(f"{checkpoint.path} has other filters than {_listed(given, described)}; leave them out")
    described = [name for name in names_beside("colours") if name in given]
    if not described:
        return
    q0, q1 = block.colours
    complex_cells = slice(block.simple_channels, None)  # q1 of a simple cell is never used
    quadrature = "matched" if q0[complex_cells] == q1[complex_cells] else "paper"
    drawn_q0, drawn_q1 = draw_colours(len(q0), seed=given.get("colour_seed", 0), quadrature=quadrature)
    other_seed = (*q0, *q1[complex_cells]) != (*drawn_q0.tolist(), *drawn_q1[complex_cells].tolist())
    if given.get("quadrature", quadrature) != quadrature or ("colour_seed" in given and other_seed):
        raise ValueError(f"{checkpoint.path} has other colours than {_listed(given, described)}; leave them out")


def _listed(given: Mapping[str, Any], names: list[str]) -> str:
    return ", ".join(f"{name}={given[name]!r}" for name in names)
