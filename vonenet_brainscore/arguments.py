"""Checks of the arguments of public functions; every message gives the argument, its value and the allowed values."""

import difflib
import math
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from numbers import Integral, Real
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import torch

Kind = Literal["whole", "odd", "real", "seed", "flag", "choice", "choice or real"]
_TYPES: dict[Kind, type] = {
    "whole": int,
    "odd": int,
    "real": float,
    "seed": int,
    "flag": bool,
    "choice": str,
    "choice or real": str,
}


@dataclass(frozen=True)
class Setting:
    """A setting: a value that a user may give by name.

    Attributes
    ----------
    name : str
        As an argument; with ``--`` in front, on the command line.
    default : object
    kind : {'whole', 'odd', 'real', 'seed', 'flag', 'choice', 'choice or real'}
        Whole numbers, odd ones, real numbers, seeds of NumPy's generators, True or False, one of `choices`, or one of
        them or a real number.
    text : str
        What it is, in a few words for the help.
    within : str
        Interval of allowed numbers, such as ``"(0, inf)"``; infinity is allowed where the bracket beside it is square.
    choices : tuple
        What is allowed where `kind` is a choice; None among them is 'none' on the command line.
    unit : str
    source : str
        Where the default comes from.
    stage : str
        Of a front end, to which it belongs; a key of `models.settings.STAGES`.
    """

    name: str
    default: Any
    kind: Kind
    text: str
    within: str = ""
    choices: tuple[str | None, ...] = ()
    unit: str = ""
    source: str = ""
    stage: str = ""

    def checked(self, value: Any) -> Any:
        """`value` as a plain number, text, True, False or None.

        Raises
        ------
        TypeError
            If the value is not of the setting's kind.
        ValueError
            If the value is outside the setting's range.
        """
        if self.kind == "choice or real" and isinstance(value, Real) and not isinstance(value, bool):
            return self._checked_number(value)
        if self.kind in ("choice", "choice or real"):
            if value is not None or None not in self.choices:
                check_text(**{self.name: value})
            if value not in self.choices:
                have = ", ".join(map(repr, self.choices)) + (f", or a number in {self.within}" if self.within else "")
                raise ValueError(f"unknown {self.name.replace('_', ' ')} {shortened(value)}; have {have}")
            return value
        if self.kind == "flag":
            import numpy as np  # here, since the command line's help needs the rows and loads nothing heavy

            if not isinstance(value, bool | np.bool_):
                raise TypeError(f"{self.name} is {shortened(value)}; it must be True or False")
            return bool(value)
        if self.kind == "seed":
            check_seed(value, self.name)
            return int(value)
        return self._checked_number(value)

    def _checked_number(self, value: Any) -> Any:
        real = self.kind in ("real", "choice or real")
        (check_real if real else check_whole)(**{self.name: value})
        if not _contains(self.within, value) or (self.kind == "odd" and value % 2 == 0):
            raise ValueError(f"{self.name} is {shortened(value)}; it must be {self.allowed}")
        return value if isinstance(value, int | float) else (float if real else int)(value)

    def read(self, word: Any) -> Any:
        """The value of a word of the command line."""
        if self.kind == "choice or real" and word not in self.choices:
            with suppress(ValueError):
                return float(word)
        return None if word == "none" and None in self.choices else word

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""
        if self.choices:
            numbers = [f"a number in {self.within}"] if self.within else []
            return " or ".join(["none" if each is None else each for each in self.choices] + numbers)
        if self.kind == "flag":
            return "True or False"
        if self.kind == "seed":
            return "in [0, 2**32)"
        low, high = _ends(self.within)
        words = ["odd"] if self.kind == "odd" else []
        if high != "inf":
            words.append(f"in {self.within}")
        elif low != "-inf":
            words.append(f"{'more than' if self.within[0] == '(' else 'at least'} {low}")
        if self.kind == "real" and high == "inf" and self.within[-1] == ")":
            words.append("finite")
        return " and ".join(words)

    @property
    def type(self) -> type:
        """The type of its values other than None."""
        return _TYPES[self.kind]

    @property
    def help(self) -> str:
        """Text, unit, allowed values and default, for the command line and for docstrings."""
        unit = f", in {self.unit}" if self.unit else ""
        default = "none" if self.default is None else self.default
        return f"{self.text}{unit}: {self.allowed}; default {default}."


def check_whole(**arguments: Any) -> None:
    """Raise TypeError unless each is a whole number (True and False are not); ValueError beyond 64 bits."""
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


def check_scheduler(scheduler: Any) -> None:
    """Raise unless it is a Dask scheduler's address, such as tcp://10.0.0.1:8786."""
    check_text(scheduler=scheduler)
    address = urlsplit(scheduler)
    if not (address.scheme and address.netloc):
        raise ValueError(f"scheduler is {scheduler!r}; give an address such as tcp://10.0.0.1:8786")


def check_seed(seed: Any, name: str = "seed") -> None:
    """Raise unless a seed is a whole number in [0, 2**32), the range of NumPy's generators."""
    if isinstance(seed, bool) or not isinstance(seed, Integral):
        raise TypeError(f"{name} is {shortened(seed)}; it must be a whole number, so that the result is reproducible")
    if not 0 <= int(seed) < 2**32:
        raise ValueError(f"{name} is {shortened(seed)}; it must lie in [0, 2**32)")


def nearest_names(name: str, known: Iterable[str]) -> list[str]:
    """At most three known names that contain a mistyped one, or else have a similar spelling."""
    names = list(known)
    containing = [each for each in names if name and name.lower() in each.lower()]
    at_start = re.compile(rf"\b{re.escape(name)}", re.IGNORECASE)  # of a word of the known name
    containing.sort(key=lambda each: at_start.search(each) is None)
    return containing[:3] or difflib.get_close_matches(name, names, n=3, cutoff=0.4)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error message about an unknown name: the nearest name, if any, and all allowed names."""
    names = list(known)
    near = nearest_names(name, names)
    return f"did you mean {near[0]!r}? It takes {', '.join(names)}" if near else f"it takes {', '.join(names)}"


def _check_kind(arguments: dict[str, Any], kind: type, words: str) -> None:
    for name, value in arguments.items():
        if not isinstance(value, kind) or (kind is not str and isinstance(value, bool)):
            raise TypeError(f"{name} is {shortened(value)}; it must be {words}")


def usable_device(device: Any) -> "torch.device":
    """The device with a given name.

    Raises
    ------
    ValueError
        If this machine has no such device, or cannot compute on it.
    TypeError
        If the argument is neither text nor a torch.device.
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


def _ends(interval: str) -> tuple[str, str]:
    matched = re.fullmatch(r"[\[(](\S+), (\S+)[\])]", interval)
    if matched is None:
        raise ValueError(f"{interval!r} is no interval such as '(0, inf)'")
    return matched[1], matched[2]


def _contains(interval: str, value: Any) -> bool:
    low, high = (float(end) for end in _ends(interval))
    above = value >= low if interval[0] == "[" else value > low
    below = value <= high if interval[-1] == "]" else value < high
    return bool(above and below)
