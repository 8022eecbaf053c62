"""The files that Brain-Score's own loaders need, found by running the loaders without letting them download."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from ..brainscore import plugin_folder, registrations, replaced, without_pip, without_result_caching

FileState = Literal["missing", "damaged", "verified"]

# The V1 property benchmarks also show these stimuli, which they request only while they run.
_V1_PROBES = ("Marques2020_blank", "Marques2020_receptive_field")


@dataclass(frozen=True)
class DataFile:
    """One file of a Brain-Score data set or stimulus set.

    Attributes
    ----------
    data_set : str
        Brain-Score's identifier of the data set or stimulus set that needs the file.
    name : str
    sha1 : str
        Of the content, as Brain-Score registers it.
    url : str
        Its address in Brain-Score's storage.
    version_id : str or None
        Its version in that storage.
    """

    data_set: str
    name: str
    sha1: str
    url: str
    version_id: str | None = None

    @property
    def path(self) -> Path:
        """Where Brain-Score looks for the file: ``$BRAINIO_HOME/<sha1>/<name>`` (``~/.brainio`` if that is unset)."""
        from brainscore_core.supported_data_standards.brainio.fetch import get_local_data_path

        return Path(get_local_data_path()) / self.sha1 / self.name

    @property
    def size(self) -> int | None:
        """Size in bytes; None if the file is missing on this machine (Brain-Score registers no sizes)."""
        return self.path.stat().st_size if self.path.is_file() else None

    def state(self) -> FileState:
        """Missing, damaged (present with another sha1, for instance truncated) or verified. Reads the whole file."""
        if not self.path.is_file():
            return "missing"
        return "verified" if sha1_of(self.path) == self.sha1 else "damaged"


def sha1_of(path: Path) -> str:
    """The sha1 of a file's content, in hexadecimal."""
    stat = path.stat()
    return _sha1_of(path, stat.st_mtime_ns, stat.st_size)


@lru_cache  # recordings take gigabytes and are checked before every benchmark
def _sha1_of(path: Path, _modified: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest()


def data_set_files(identifier: str) -> tuple[DataFile, ...]:
    """The files of one Brain-Score data set or stimulus set, including its stimuli; none is opened or fetched.

    Empty for the few data sets that are not in Brain-Score's storage but fetched by code of their plugin.

    Raises
    ------
    ValueError
        If Brain-Score has neither a data set nor a stimulus set of that name.
    """
    import brainscore_vision
    from brainscore_core.supported_data_standards.brainio import s3

    loads = [
        (load, plugins[0])
        for load, plugins in (
            (brainscore_vision.load_dataset, registrations("data").get(identifier)),
            (brainscore_vision.load_stimulus_set, registrations("stimulus_set").get(identifier)),
        )
        if plugins
    ]
    if not loads:
        raise ValueError(f"Brain-Score has no data set {identifier!r}")
    files: list[DataFile] = []

    def record(location_type: str, location: str, sha1: str, version_id: str | None = None) -> str:
        files.append(data_file(identifier, location, sha1, version_id))
        return location

    for load, plugin in loads:
        if "_from_s3" not in (plugin_folder("data") / plugin / "__init__.py").read_text(encoding="utf-8"):
            continue  # the plugin's own code fetches the files, and cannot be run without fetching
        # A loader requests the recordings, then the table and the archive of the stimuli, before it opens any of them.
        with without_pip(), replaced(s3, fetch_file=record, unzip=_stop, AssemblyLoader=_stop), suppress(_Stop):
            load(identifier)
        if any(file.name.endswith(".zip") for file in files):
            break  # the recordings' own stimuli, which may differ from the stimulus set of the same name
    return tuple(files)


def benchmark_data_sets(identifier: str) -> tuple[str, ...]:
    """Names of the data sets that a Brain-Score benchmark needs; nothing is fetched and no cached result is read.

    Construction of the benchmark stops at its first request for a data set. Later requests are known for training
    recordings, whose test recordings have the corresponding name, and for the V1 properties; any others are found only
    when the benchmark runs.
    """
    import brainscore_vision
    from brainscore_vision.utils import LazyLoad

    import_plugin = brainscore_vision.import_plugin

    def import_unless_data(library: str, plugin_type: str, plugin: str, registry_prefix: str | None = None) -> None:
        if plugin_type == "data":
            raise _Stop(plugin)
        import_plugin(library, plugin_type, plugin, registry_prefix)

    # A cached recording would hide the data set that it came from.
    with without_pip(), without_result_caching():
        import_plugin("brainscore_vision", "benchmarks", identifier)
        with replaced(brainscore_vision, import_plugin=import_unless_data):
            try:
                benchmark = brainscore_vision.benchmark_registry[identifier]()
                for attribute in vars(benchmark).values():
                    if isinstance(attribute, LazyLoad):
                        attribute.reload()
            except _Stop as stop:
                first = str(stop)
            else:
                return ()
    held_out = first.replace("_train", "_test")
    later = _V1_PROBES if identifier.startswith("Marques2020_") else ()
    return tuple(dict.fromkeys((first, *([held_out] if held_out in registrations("data") else []), *later)))


def data_file(data_set: str, url: str, sha1: str, version_id: str | None) -> DataFile:
    """The `DataFile` for one request to Brain-Score's storage; the file's name is the last part of its address."""
    return DataFile(data_set=data_set, name=url.rpartition("/")[2], sha1=sha1, url=url, version_id=version_id)


class _Stop(Exception):
    """Stops Brain-Score's loaders once they have requested their files."""


def _stop(*args: Any, **kwargs: Any) -> None:
    raise _Stop
