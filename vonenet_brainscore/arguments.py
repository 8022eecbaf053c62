"""Kinds of arguments, checked at the public doors in one wording: which argument, what came, what is allowed."""

import math
from numbers import Integral, Real
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def check_whole(**arguments: Any) -> None:
    """Raise TypeError unless each is a whole number, which True and False are not; ValueError beyond 64 bits."""
    _check_kind(arguments, Integral, "a whole number")
    for name, value in arguments.items():
        if abs(value) >= 2**63:
            raise ValueError(f"{name} is {shortened(value)}, too large a number")


def check_real(**arguments: Any) -> None:
    """Raise TypeError unless each argument is a real number; ValueError if it is NaN or beyond what a float holds."""
    _check_kind(arguments, Real, "a number")
    for name, value in arguments.items():
        try:
            if math.isnan(value):
                raise ValueError(f"{name} is {value}; it must be a number")
        except OverflowError as error:
            raise ValueError(f"{name} is {shortened(value)}, too large a number") from error


def check_text(**arguments: Any) -> None:
    """Raise TypeError unless each argument is text."""
    _check_kind(arguments, str, "text")


def check_seed(seed: Any, name: str = "seed") -> None:
    """Raise unless a seed is a whole number that NumPy's generators take, [0, 2**32)."""
    if isinstance(seed, bool) or not isinstance(seed, Integral):
        raise TypeError(f"{name} is {shortened(seed)}; it must be a whole number, so that the result can be had again")
    if not 0 <= int(seed) < 2**32:
        raise ValueError(f"{name} is {shortened(seed)}; it must lie in [0, 2**32)")


def _check_kind(arguments: dict[str, Any], kind: type, words: str) -> None:
    for name, value in arguments.items():
        if not isinstance(value, kind) or (kind is not str and isinstance(value, bool)):
            raise TypeError(f"{name} is {shortened(value)}; it must be {words}")


def usable_device(device: Any) -> "torch.device":
    """The device that a user means.

    Raises
    ------
    ValueError
        If there is no such device on this machine, or nothing can be computed on it.
    TypeError
        For what is neither text nor a torch.device.
    """
    import torch

    if not isinstance(device, str | torch.device):
        raise TypeError(
            f"device is {shortened(device)}; give text such as 'cpu', 'cuda' or 'cuda:1', or a torch.device"
        )
    try:
        torch.ones(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:  # torch asserts that it was built for the device
        reason = str(error).partition("\n")[0].partition(". ")[0]
        named = shortened(str(device))
        raise ValueError(
            f"nothing can be computed on the device {named} here ({reason}); give 'cpu', 'cuda' or 'cuda:1'"
        ) from error
    return torch.device(device)
