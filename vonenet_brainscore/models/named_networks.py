"""Networks by name: `timm:NAME`, `torchvision:NAME`, or a function of the user's, `module:function`.

`vonenet:timm:NAME` and `vonenet:torchvision:NAME` are the VOneNets with these networks behind the VOneBlock.
"""

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from .checkpoints import load_weights, read_checkpoint
from .libraries import library_input, library_network, names_library
from .vonenet import VOneNet, get_model

VONENET_PREFIX = "vonenet:"
_SEED = 0  # of random weights, so that a name stands for the same network everywhere


@dataclass(frozen=True)
class NamedNetwork:
    """A network and what it is fed.

    Attributes
    ----------
    network : nn.Module
    mean, std : tuple of float
        That its images are normalised by, one number for each colour.
    weights : str
        Which weights it has, in words.
    """

    network: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]
    weights: str


def named_network(reference: str, weights: str | Path | None = None) -> NamedNetwork:
    """The network that a reference stands for.

    Parameters
    ----------
    reference : str
        ``timm:NAME``, ``torchvision:NAME``, or ``module:function`` (`network_of`), whose images are normalised with
        mean and standard deviation 0.5. All are made for images of 224 pixels.
    weights : path or 'random', optional
        A checkpoint, or weights drawn at random, always the same. By default those that the library was pretrained
        with, which it fetches, or those that the function's network comes with.

    Raises
    ------
    ValueError
        For a checkpoint of another network, and as `library_network` and `network_of`.
    FileNotFoundError
        If there is no such checkpoint, or pretrained weights are unavailable.
    ModuleNotFoundError
        If the library is not installed.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        if names_library(reference):
            network = library_network(reference, pretrained=weights is None)
            mean, std = library_input(network, reference)
            words = f"{reference.partition(':')[0]}'s"
        else:
            network, mean, std, words = network_of(reference), (0.5,) * 3, (0.5,) * 3, "as the function made them"
    if str(weights) == "random":
        words = f"random, seed {_SEED}"
    elif weights is not None:
        words = load_network_weights(weights, network, reference)
    return NamedNetwork(network, mean, std, words)


def vonenet_behind(reference: str, weights: str | Path | None = None, **settings: Any) -> tuple[VOneNet, str]:
    """The VOneNet that ``vonenet:timm:NAME`` or ``vonenet:torchvision:NAME`` stands for, and its weights in words.

    Parameters
    ----------
    reference : str
    weights : path or 'random', optional
        A checkpoint, or weights drawn at random, always the same. Without them, and without `weights` among the
        settings, the VOneBlock alone is returned: the network behind it was made, and so can be, but is untrained.
    **settings
        Of the VOneBlock, as for `get_model`.

    Raises
    ------
    ValueError, TypeError, FileNotFoundError, ModuleNotFoundError
        As `get_model`.
    """
    back_end = reference.removeprefix(VONENET_PREFIX)
    if weights not in (None, "random"):
        settings["weights"] = weights
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        network = get_model(back_end=back_end, **settings)
    if network.weights_source is not None:
        return network, f"{network.weights_source.path.name}, sha256 {network.weights_source.sha256}"
    if weights is None:
        return get_model(None, **settings), "front end made from its Gabor parameters; no weights of the back end"
    return network, f"random behind the front end, seed {_SEED}"


def network_of(reference: str) -> nn.Module:
    """The network that the function named by ``module:function`` returns.

    Modules are found as Python finds them, and in the current folder.

    Raises
    ------
    ValueError
        If there is no such module or function, it fails, or another module of that name has been imported from
        elsewhere.
    TypeError
        If the function returns something else than an nn.Module.
    """
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


def load_network_weights(weights: str | Path, network: nn.Module, model: str) -> str:
    """Load a checkpoint into a network; its name and sha256, for the record. ValueError if it is another network's."""
    checkpoint = read_checkpoint(weights)
    try:
        load_weights(network, checkpoint.state_dict)
    except ValueError as error:
        raise ValueError(f"{weights} holds another network than {model} gives: {error}") from error
    return f"{checkpoint.path.name}, sha256 {checkpoint.sha256}"
