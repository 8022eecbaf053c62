"""Checks that a checkpoint agrees with the arguments given with it."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .back_ends import BACK_ENDS
from .checkpoints import Checkpoint
from .filter_bank import draw_colours
from .settings import DEFAULTS, FRONT_END, SETTINGS, checked_settings, names_beside
from .vone_block import VOneBlock


def fixed_by(checkpoint: Checkpoint, given: Mapping[str, Any]) -> dict[str, Any]:
    """The front-end settings of a checkpoint; ValueError if arguments contradict them."""
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


def refuse_other_back_end(checkpoint: Checkpoint, back_end: str | None, model_arch: str | None) -> None:
    """ValueError if the checkpoint says that it has another named back end than `back_end` or `model_arch`."""
    held = checkpoint.flags.get("back_end")
    if back_end is not None and held != back_end:
        says = f"has back_end={held!r}" if held else "does not say that it has a back end of a library"
        raise ValueError(f"{checkpoint.path} {says}, not {back_end!r}")
    if held is not None and model_arch is not None:
        raise ValueError(f"{checkpoint.path} has back_end={held!r}, not {model_arch}; give back_end={held!r}")


def contents(state_dict: Mapping[str, Tensor]) -> str:
    """Description of the network in a state dict."""
    names = {name.removeprefix("model.") for name in state_dict if name.startswith("model.")}
    for architecture, network in BACK_ENDS.items():
        with torch.device("meta"):
            if names == network().state_dict().keys():
                return f"holds a VOneNet of architecture {architecture!r}"
    return "holds a network of none of the named architectures"


def refuse_other_surround(block: VOneBlock, checkpoint: Checkpoint) -> None:
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


def refuse_other_filters(block: VOneBlock, given: Mapping[str, Any], checkpoint: Checkpoint) -> None:
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
