"""Resolve names and benchmark objects to Brain-Score benchmarks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..brainscore import without_pip
from ..primates.property_table import V1_BENCHMARKS
from .names import benchmark_identifiers
from .storage import data_on_demand, require_data

if TYPE_CHECKING:
    from brainscore_core.benchmarks import Benchmark


@dataclass(frozen=True)
class LoadedBenchmark:
    """A benchmark as it is scored.

    Attributes
    ----------
    identifier : str
        What it was asked for by; Brain-Score's own object may call itself otherwise.
    benchmark : Benchmark
    is_known : bool
        Whether it was made from its name, so that the name and the hashes of its data say all that it is. Of an object
        that a user brings this holds for a V1 property alone.
    """

    identifier: str
    benchmark: Any
    is_known: bool


def load_benchmarks(benchmark: Any, *, seed: int = 0) -> dict[str, LoadedBenchmark]:
    """The benchmarks that names stand for, by identifier, each once; their data are on this machine afterwards.

    Parameters
    ----------
    benchmark : str, Benchmark, or a list of them
        Names as in `names.benchmark_identifiers`.
    seed : int
        Of the V1 property benchmarks' bootstraps.

    Raises
    ------
    TypeError
        For anything else.
    ValueError
        For an empty list, an unknown name or a private benchmark.
    MissingDataError
        If data are missing and cannot be fetched.
    """
    from .v1_properties import V1PropertyBenchmark

    wanted = list(benchmark) if isinstance(benchmark, list | tuple) else [benchmark]
    if not wanted:
        raise ValueError("no benchmark named; 'V1-properties' needs no data but the package's own")
    loaded: dict[str, LoadedBenchmark] = {}
    for each in wanted:
        if not isinstance(each, str) and hasattr(each, "identifier") and callable(each):
            if each.identifier in loaded:
                raise ValueError(f"two benchmarks are called {each.identifier!r}; give one another identifier")
            loaded[each.identifier] = LoadedBenchmark(each.identifier, each, type(each) is V1PropertyBenchmark)
            continue
        for identifier in benchmark_identifiers(each):
            if identifier in V1_BENCHMARKS:
                loaded[identifier] = LoadedBenchmark(identifier, V1PropertyBenchmark(identifier, seed=seed), True)
            elif identifier not in loaded:
                require_data(identifier, each)
                loaded[identifier] = LoadedBenchmark(identifier, load_benchmark(identifier, each), True)
    return loaded


def load_benchmark(identifier: str, name: str | None = None) -> "Benchmark":
    """Brain-Score's own benchmark; its plugin's packages are not installed unless BS_INSTALL_DEPENDENCIES says so.

    Raises
    ------
    MissingDataError
        If it wants a file that is neither on this machine nor available.
    ModuleNotFoundError
        If its plugin needs a package that is not installed.
    """
    import brainscore_vision

    with without_pip(), data_on_demand(name or identifier):
        try:
            return brainscore_vision.load_benchmark(identifier)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"benchmark {identifier!r} needs the package {error.name!r}: install it, "
                "or set BS_INSTALL_DEPENDENCIES=yes and Brain-Score installs what the benchmark lists",
                name=error.name,
            ) from error
