"""The contents of a plugin: modules of this package that it needs, and the distributions that these require."""

import ast
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# Brain-Score runs the plugin and must not be replaced by a version that pip would install.
_HOST = ("brainscore_core", "brainscore_vision")
# Libraries that make networks by name; `requirements` lists them only if needed.
_LIBRARIES = ("timm", "torchvision")
_DISTRIBUTIONS = {"PIL": "pillow"}  # module -> distribution, if the names differ


def carried_modules(module: str) -> list[Path]:
    """Files of a module and of all modules that it imports from this package, with the `__init__.py` files above them.

    Imports inside functions count; imports for type checkers alone do not.

    Parameters
    ----------
    module : str
        Relative to this package, such as 'submission.plugin'.

    Returns
    -------
    list of Path
        Relative to the package's folder, sorted.
    """
    found: set[Path] = set()
    waiting = [_file(module.split("."))]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.add(file)
        waiting += [folder / "__init__.py" for folder in file.parents]
        waiting += [_file(parts) for parts in _own_imports(file)]
    return sorted(found)


def requirements(files: list[Path], back_end: str | None = None) -> list[str]:
    """Lines of a requirements file: the distributions that modules import, in the versions installed here.

    timm is included if `back_end` is one of its networks. torchvision is included if it is installed, because it works
    with one version of torch only.
    """
    names = {name.split(".")[0] for file in files for name in _imported(file) if name}
    names -= {*sys.stdlib_module_names, *_HOST, *_LIBRARIES}
    names |= {"timm"} if back_end is not None and back_end.startswith("timm:") else set()
    lines = {name: version(name) for name in (_DISTRIBUTIONS.get(name, name) for name in names)}
    with suppress(PackageNotFoundError):
        lines["torchvision"] = version("torchvision")
    # The part after a '+' names a build, such as 2.6.0+cpu, which package indexes may not have.
    return [f"{name}=={number.partition('+')[0]}" for name, number in sorted(lines.items())]


def _file(parts: list[str]) -> Path:
    path = Path(*parts)
    return path / "__init__.py" if (PACKAGE / path).is_dir() else path.with_suffix(".py")


def _nodes(file: Path) -> Iterator[ast.AST]:
    """All syntax nodes of a module except those under ``if TYPE_CHECKING``."""
    waiting: list[ast.AST] = [ast.parse((PACKAGE / file).read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def _own_imports(file: Path) -> Iterator[list[str]]:
    for node in _nodes(file):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        folder = list(file.parts[: -node.level])
        source = [*folder, *(node.module.split(".") if node.module else [])]
        yield source
        for name in node.names:  # `from . import module` names modules; other imports mostly name their contents
            if (PACKAGE / _file([*source, name.name])).is_file():
                yield [*source, name.name]


def _imported(file: Path) -> Iterator[str]:
    for node in _nodes(file):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""
