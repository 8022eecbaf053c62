"""Benchmarks from names or objects, with their data."""

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
    """A benchmark that is ready to be scored.

    Attributes
    ----------
    identifier : str
        The identifier that was requested; Brain-Score's own object may have another.
    benchmark : Benchmark
    is_known : bool
        Whether the benchmark was made from its name, so that the name and the hashes of its data define it completely.
        Among objects passed by a user, this is true of V1 property benchmarks only.
    """

    identifier: str
    benchmark: Any
    is_known: bool


def load_benchmarks(benchmark: Any, *, seed: int = 0) -> dict[str, LoadedBenchmark]:
    """The benchmarks that names stand for, by identifier, each once; missing data are fetched.

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
        raise ValueError("no benchmark named; 'V1-properties' needs only the package's own data")
    loaded: dict[str, LoadedBenchmark] = {}
    for each in wanted:
        if not isinstance(each, str) and hasattr(each, "identifier") and callable(each):
            if each.identifier in loaded:
                raise ValueError(f"two benchmarks are called {each.identifier!r}; give one of them another identifier")
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
        If the benchmark needs a file that is neither on this machine nor available.
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
                "or set BS_INSTALL_DEPENDENCIES=yes, and Brain-Score installs the benchmark's requirements",
                name=error.name,
            ) from error
