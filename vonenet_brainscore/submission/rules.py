"""The leaderboard's rules for identifiers and for the contents of a zip."""

import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..arguments import check_text
from ..brainscore import plugin_folder, registrations
from ..registration import PLUGIN as REGISTERED_HERE

MAX_BYTES = 50_000_000
_IDENTIFIER = re.compile("[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_FILES = ("__init__.py", "model.py", "test.py")
_REGISTRATION = re.compile(r"""model_registry\[\s*(['"]?)(.*?)\1\s*\]""")


def check_identifier(identifier: str) -> None:
    """Raise unless a model may be submitted under an identifier.

    Raises
    ------
    ValueError
        If it has characters other than ASCII letters, digits and underscores, or exists in Brain-Score already.
    """
    check_text(identifier=identifier)
    for problem in _identifier_problems(identifier):
        raise ValueError(f"the identifier {identifier!r} {problem}")


def broken_rules(archive: str | Path) -> list[str]:
    """The leaderboard's rules that a zip breaks, each with its remedy; empty if the zip would be accepted.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not a zip, is damaged or locked, or holds more bytes of code than a zip may have.
    """
    archive = Path(archive)  # a number would be a file descriptor, which reading closes
    if not archive.is_file():
        raise FileNotFoundError(f"no zip at {archive}")
    if not zipfile.is_zipfile(archive):
        raise ValueError(f"{archive} is not a zip file")
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
            modules = [entry for entry in entries if entry.filename.endswith(".py")]
            if sum(module.file_size for module in modules) > MAX_BYTES:
                raise ValueError("its modules unpack to more bytes than a zip may have")
            sources = {module.filename: opened.read(module).decode("utf-8", "replace") for module in modules}
    except Exception as error:  # a damaged zip raises almost anything
        raise ValueError(f"{archive} cannot be read: {error}") from error
    links = [entry.filename for entry in entries if stat.S_ISLNK(entry.external_attr >> 16)]
    submitted = _Zip(archive.stat().st_size, [entry.filename for entry in entries], sources, links)
    return [f"{rule.name}: {problem}" for rule in RULES for problem in rule.problems(submitted)]


@dataclass(frozen=True)
class _Zip:
    size: int
    names: list[str]  # folders end with a slash
    sources: dict[str, str]  # the modules among them
    links: list[str]  # the links among them

    @property
    def files(self) -> list[PurePosixPath]:
        return [PurePosixPath(name) for name in self.names if not name.endswith("/")]

    @property
    def plugins(self) -> set[PurePosixPath]:
        """Folders NAME/models/PLUGIN."""
        return {PurePosixPath(*file.parts[:3]) for file in self.files if _is_in_plugin(file)}


@dataclass(frozen=True)
class Rule:
    """A rule of the leaderboard: its name, and a function from a zip to the problems and their remedies."""

    name: str
    problems: Callable[[_Zip], Iterator[str]]


def _size(submitted: _Zip) -> Iterator[str]:
    if submitted.size > MAX_BYTES:
        yield (
            f"the zip has {submitted.size / 1e6:.1f} MB and may have {MAX_BYTES / 1e6:.0f} MB; leave weights out, and "
            "let the plugin fetch them from an address (--weights-url)"
        )


def _paths(submitted: _Zip) -> Iterator[str]:
    for name in submitted.names:
        if " " in name or not name.isascii() or "\\" in name or name.startswith("/") or ".." in name.split("/"):
            yield f"{name!r}: use relative paths of ASCII characters without spaces; rename it"
    for name in submitted.links:
        yield f"{name!r} is a link, which does not work on another machine; include the file that it points to"


def _folders(submitted: _Zip) -> Iterator[str]:
    roots = sorted({file.parts[0] for file in submitted.files})
    if len(roots) != 1:
        yield f"the top level is {', '.join(roots) or 'empty'}; put everything into one folder"
    elif submitted.names[0] != f"{roots[0]}/":
        yield f"the first entry is {submitted.names[0]!r}; write the folder {roots[0]}/ first (zip -r does)"
    needed = {f"{folder}/" for file in submitted.files for folder in list(file.parents)[:-1]}
    missing = sorted(needed - set(submitted.names))
    if missing:
        yield f"no entry for {', '.join(missing[:3])}; write an entry for every folder (zip -r does)"
    strangers = [file for file in submitted.files if not _is_in_plugin(file)]
    if strangers or len(submitted.plugins) != 1:
        found = ", ".join(map(str, [*sorted(submitted.plugins), *strangers][:4])) or "nothing"
        yield f"the zip must hold one plugin, NAME/models/IDENTIFIER/, and nothing else; it holds {found}"


def _is_in_plugin(file: PurePosixPath) -> bool:
    return len(file.parts) > 3 and file.parts[1] == "models"


def _plugin_files(submitted: _Zip) -> Iterator[str]:
    for plugin in sorted(submitted.plugins):
        missing = [name for name in _FILES if plugin / name not in submitted.files]
        if not {plugin / "requirements.txt", plugin / "setup.py"} & set(submitted.files):
            missing.append("requirements.txt (or setup.py)")
        if missing:
            yield f"{plugin} has no {', '.join(missing)}; add it"
    for file in submitted.files:
        if file.name in ("metadata.yml", "metadata.yaml"):
            yield f"{file} is not accepted; leave it out, because Brain-Score writes it"


def _registration(submitted: _Zip) -> Iterator[str]:
    found = [
        (name, quote, identifier)
        for name, source in submitted.sources.items()
        if name.endswith("__init__.py")
        for quote, identifier in _REGISTRATION.findall(source)
    ]
    identifiers = sorted({identifier for _, _, identifier in found})
    if len(identifiers) != 1:
        yield f"{', '.join(identifiers) or 'nothing'} is registered; register one identifier per zip"
    for name, quote, identifier in found:
        if quote != "'":
            yield f"{name} has model_registry[{quote}{identifier}{quote}]; write model_registry['{identifier}']"


def _identifier(submitted: _Zip) -> Iterator[str]:
    for source in submitted.sources.values():
        for _, identifier in _REGISTRATION.findall(source):
            yield from (f"{identifier!r} {problem}" for problem in _identifier_problems(identifier))


RULES = (
    Rule("size", _size),
    Rule("paths", _paths),
    Rule("folders", _folders),
    Rule("files", _plugin_files),
    Rule("registration", _registration),
    Rule("identifier", _identifier),
)


def _identifier_problems(identifier: str) -> Iterator[str]:
    if not _IDENTIFIER.fullmatch(identifier):
        proposal = (
            re.sub("[^A-Za-z0-9_]+", "_", identifier, flags=re.ASCII).lstrip("_0123456789").rstrip("_")
            or "my_voneresnet50"
        )
        yield (
            "must be ASCII letters, digits and underscores, a letter first, without hyphens or spaces; "
            f"for example {proposal!r}"
        )
        return
    # The plugin that `vonenet-brainscore register` added to this installation is not a submission.
    plugins = {name: folders for name, folders in registrations("model").items() if folders != [REGISTERED_HERE]}
    folders = {folder.name for folder in plugin_folder("model").iterdir()}
    if identifier in plugins or identifier in folders:
        yield f"exists in Brain-Score already; choose another, for example {identifier + '_2'!r}"
