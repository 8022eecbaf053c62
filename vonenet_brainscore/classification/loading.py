"""Classifiers by name: a published VOneNet, an architecture, a checkpoint, or a function of the user."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from ..arguments import check_text, usable_device
from ..models.checkpoints import read_checkpoint
from ..models.named_networks import load_network_weights, network_of
from ..models.registry import MODELS, architecture_of
from ..models.vonenet import get_model
from .classifier import Classifier


def load_classifier(
    model: str = "resnet50",
    *,
    back_end: str | None = None,
    weights: str | Path | None = None,
    mean: float | Sequence[float] = 0.5,
    std: float | Sequence[float] = 0.5,
    device: str | torch.device | None = None,
) -> Classifier:
    """The classifier with a given name.

    Parameters
    ----------
    model : str
        A `model_arch` of `get_model` or a name in `MODELS`, with its released weights; or ``module:function``, where
        the function takes no arguments and returns an nn.Module. Modules are searched for on Python's path and in the
        current folder.
    back_end : str, optional
        In place of `model`: ``timm:NAME`` or ``torchvision:NAME`` behind a VOneBlock, trained here and given as
        `weights`.
    weights : path, optional
        A checkpoint in place of the released weights, or of those that the function's network comes with.
    mean, std : float or sequence of three
        Of the normalisation that the network expects, as in `Classifier`.
    device : str or torch.device, optional
        By default a GPU if there is one.

    Raises
    ------
    ValueError
        If the model is unknown, a back end by name has no weights, the checkpoint is not of that architecture or
        network, there is no such device here, or another module of that name has been imported from elsewhere.
    TypeError
        If the function gives something else than an nn.Module, or an argument is not of its kind.
    FileNotFoundError, OSError
        If weights are unavailable.
    """
    check_text(model=model)
    device = usable_device(("cuda" if torch.cuda.is_available() else "cpu") if device is None else device)
    if back_end is not None:
        if weights is None:
            raise ValueError(f"there are no released weights of a VOneNet with {back_end}; train one and give weights")
        network: nn.Module = get_model(back_end=back_end, weights=weights)
        model = back_end
    elif ":" not in model:
        network = get_model(architecture_of(model), weights=weights)
    else:
        network = network_of(model)
        if weights is not None:
            load_network_weights(weights, network, model)
    noise = _training_noise(model, weights)
    return Classifier(network.to(device), mean=mean, std=std, name=model, training_noise=noise)


def _training_noise(model: str, weights: str | Path | None) -> str:
    """Noise mode during training: the published one, or that stated by a checkpoint."""
    if weights is None:
        rows = [row for name, row in MODELS.items() if model in (name, row.model_arch)]
        return ("neuronal" if rows[0].noise else "none") if rows else "unknown"
    mode = read_checkpoint(weights).flags.get("noise_mode", "unknown")
    return "none" if mode is None else str(mode)
