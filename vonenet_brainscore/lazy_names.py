"""Public names that are imported from the modules defining them when they are first used."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from .arguments import nearest_names


def lazy_names(package: str, modules: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package whose public names are defined in its modules.

    Parameters
    ----------
    package : str
        Its `__name__`.
    modules : mapping from public name to module
        Module paths are relative to the package. A name that is itself a subpackage stands for that subpackage.

    Returns
    -------
    __getattr__, __dir__ : callables
        The first raises AttributeError for an unknown name, with the nearest public ones.
    """

    def get(name: str) -> Any:
        if name not in modules:
            near = nearest_names(name, modules)
            meant = f"; nearest: {', '.join(near)}" if near else ""
            raise AttributeError(f"module {package!r} has no attribute {name!r}{meant}")
        module = import_module(f"{package}.{modules[name]}")
        return module if name == modules[name] else getattr(module, name)

    def listed() -> list[str]:
        return sorted(modules)

    return get, listed
