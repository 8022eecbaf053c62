"""Classifiers by name: a published VOneNet, an architecture, a checkpoint, or a function of the user's."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from ..arguments import check_text, usable_device
from ..models.checkpoints import load_weights, read_checkpoint
from ..models.registry import MODELS, architecture_of
from ..models.vonenet import get_model
from .classifier import Classifier


def load_classifier(
    model: str = "resnet50",
    *,
    weights: str | Path | None = None,
    mean: float | Sequence[float] = 0.5,
    std: float | Sequence[float] = 0.5,
    device: str | torch.device | None = None,
) -> Classifier:
    """The classifier that a name stands for.

    Parameters
    ----------
    model : str
        A `model_arch` of `get_model` or a name in `MODELS`, with its released weights; or ``module:function``, where
        the function takes nothing and gives an nn.Module. Modules are found as Python finds them, and in the current
        folder.
    weights : path, optional
        A checkpoint in place of the released weights, or of those that the function's network comes with.
    mean, std : float or sequence of three
        Of the normalisation that the network expects, as in `Classifier`.
    device : str or torch.device, optional
        By default a GPU if there is one.

    Raises
    ------
    ValueError
        If the model is unknown, the checkpoint is not of that architecture or network, there is no such device here, or
        another module of that name has been imported from elsewhere.
    TypeError
        If the function gives something else than an nn.Module, or an argument is not of its kind.
    FileNotFoundError, OSError
        If weights cannot be had.
    """
    check_text(model=model)
    device = usable_device(("cuda" if torch.cuda.is_available() else "cpu") if device is None else device)
    if ":" not in model:
        network: nn.Module = get_model(architecture_of(model), weights=weights)
    else:
        network = network_of(model)
        if weights is not None:
            _load(weights, network, model)
    noise = _training_noise(model, weights)
    return Classifier(network.to(device), mean=mean, std=std, name=model, training_noise=noise)


def _training_noise(model: str, weights: str | Path | None) -> str:
    """Noise mode that the weights were trained with: the published one, or what a checkpoint says."""
    if weights is None:
        rows = [row for name, row in MODELS.items() if model in (name, row.model_arch)]
        return ("neuronal" if rows[0].noise else "none") if rows else "unknown"
    mode = read_checkpoint(weights).flags.get("noise_mode", "unknown")
    return "none" if mode is None else str(mode)


def network_of(reference: str) -> nn.Module:
    """What the function gives that ``module:function`` names; the errors are those of `load_classifier`."""
    module_name, _, function_name = reference.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)  # the console script, unlike `python -m`, does not look in the current folder
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and module_name.startswith(error.name):
            raise ValueError(f"no module {module_name!r}; looked in {here} and where Python looks") from error
        raise
    except Exception as error:  # the user's own code, or no name of a module
        raise ValueError(f"{module_name!r} cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(here)
    _refuse_namesake(module, Path(here))
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ValueError(f"{module_name} has no function {function_name!r}; give module:function")
    try:
        network = function()
    except Exception as error:  # the user's own code
        raise ValueError(f"{reference} gives no network: {type(error).__name__}: {error}") from error
    if not isinstance(network, nn.Module):
        raise TypeError(f"{reference} gives a {type(network).__name__}; it must give an nn.Module")
    return network


def _refuse_namesake(module: ModuleType, here: Path) -> None:
    """ValueError if Python gave a module that it had from elsewhere, and another of that name is here."""
    taken, meant = Path(module.__file__ or here), here.joinpath(*module.__name__.split("."))
    for local in (meant.with_suffix(".py"), meant / "__init__.py"):
        if local.is_file() and taken.is_file() and local.read_bytes() != taken.read_bytes():
            raise ValueError(
                f"{here} has a module {module.__name__!r}, but another one from {taken} is imported already; rename one"
            )


def _load(weights: str | Path, network: nn.Module, model: str) -> None:
    state_dict = read_checkpoint(weights).state_dict
    try:
        load_weights(network, state_dict)
    except ValueError as error:
        raise ValueError(f"{weights} holds another network than {model} gives: {error}") from error
