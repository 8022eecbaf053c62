"""Trial runs of a network on one image before it is used: the shapes of its outputs, and where it fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

_Running = list[tuple[str, nn.Module, tuple[Any, ...]]]


class _Reached(Exception):
    pass


def check_fit(back_end: nn.Module, name: str, shape: tuple[int, int, int]) -> None:
    """Raise ValueError, with the module that fails, unless a network takes a bottleneck of shape (channel, y, x)."""
    running: _Running = []  # modules that were called and have not returned, outermost first
    hooks = []
    for where, module in back_end.named_modules():
        enter, leave = _tracked(running, where)
        hooks += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
    tensors = (tensor for tensor in back_end.state_dict().values() if tensor.is_floating_point())
    like = next(tensors, torch.empty(0))
    try:
        with evaluating(back_end), torch.random.fork_rng():
            back_end(like.new_zeros(1, *shape))
    except (RuntimeError, ValueError, AssertionError, IndexError, TypeError) as error:
        where, module, inputs = running[-1] if running else ("", back_end, ())
        shapes = [tuple(each.shape) for each in inputs if isinstance(each, Tensor)]
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{name} does not fit behind the VOneBlock, whose bottleneck gives (batch, {', '.join(map(str, shape))}): "
            f"its module {where or type(back_end).__name__!r} ({type(module).__name__}) gets "
            f"{' and '.join(map(str, shapes)) or 'no tensor'}: {reason}"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()


def output_shape(network: nn.Module, module: str, image_size: int, name: str) -> torch.Size:
    """Shape of the output of a module for one square image.

    Raises
    ------
    ValueError
        If the network, whose name is for the words, does not take such images.
    """
    shapes: list[torch.Size] = []

    def stop(_: nn.Module, inputs: Any, output: Tensor) -> None:
        shapes.append(output.shape)
        raise _Reached

    hook = network.get_submodule(module).register_forward_hook(stop)
    try:
        with evaluating(network):
            network(torch.zeros(1, 3, image_size, image_size))
    except _Reached:
        pass
    except (RuntimeError, ValueError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{name} cannot take images of {image_size} pixels: {reason}") from error
    finally:
        hook.remove()
    return shapes[0]


def _tracked(running: _Running, where: str) -> tuple[Callable[..., None], Callable[..., None]]:
    """Hooks that keep the modules that were called and have not returned."""

    def enter(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        running.append((where, module, inputs))

    def leave(*_: Any) -> None:
        running.pop()

    return enter, leave


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Context without gradients, with the network in evaluation mode and its modules as they were afterwards."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True
