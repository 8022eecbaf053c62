"""Benchmark names: the names that users type, and the Brain-Score identifiers that they represent."""

import re
from collections.abc import Iterable

from ..arguments import nearest_names
from ..brainscore import registrations
from ..primates.property_table import V1_BENCHMARKS

V1_PROPERTIES_NAME = "V1-properties"
_WITH_COUNTS = tuple(name for name, row in V1_BENCHMARKS.items() if row.counts)
# Names that stand for several benchmarks: all V1 properties whose primate data are part of this package, and the seven
# whose data are printed histograms (the complete set before the counts of Ringach et al. 2002 were added).
BENCHMARK_SETS = {
    V1_PROPERTIES_NAME: _WITH_COUNTS,
    f"{V1_PROPERTIES_NAME}-7": tuple(name for name in _WITH_COUNTS if "Ringach2002" not in name),
}

# The dataset-style names of Brain-Score's first version, for the parts whose data are public.
DATASET_NAMES = {
    "movshon.FreemanZiemba2013-v1": "FreemanZiemba2013public.V1-pls",
    "movshon.FreemanZiemba2013-v2": "FreemanZiemba2013public.V2-pls",
    "dicarlo.MajajHong2015-v4": "MajajHong2015public.V4-pls",
    "dicarlo.MajajHong2015-it": "MajajHong2015public.IT-pls",
}

LEADERBOARD = "https://www.brain-score.org/vision"


def known_benchmarks() -> tuple[str, ...]:
    """Every benchmark name that `benchmark_identifiers` accepts: ours first, then Brain-Score's public identifiers."""
    brainscore = registrations("benchmark")
    public = sorted(identifier for identifier in brainscore if _public_part(identifier, brainscore) is None)
    return (*BENCHMARK_SETS, *DATASET_NAMES, *public)


def benchmark_identifiers(name: str) -> tuple[str, ...]:
    """Brain-Score identifiers that a benchmark name stands for.

    Parameters
    ----------
    name : str
        ``'V1-properties'`` (the fifteen whose primate data are part of this package), ``'V1-properties-7'`` (the seven
        whose data are printed histograms), a dataset-style name of `DATASET_NAMES`, or any benchmark
        identifier of the installed Brain-Score.

    Returns
    -------
    tuple of str

    Raises
    ------
    TypeError
        If `name` is not a string.
    ValueError
        If the benchmark does not exist (the message gives the nearest names), or if its data are private (the message
        gives the benchmark that Brain-Score registers for the public part of the data).
    """
    if not isinstance(name, str):
        raise TypeError(f"a benchmark name is a string, not {type(name).__name__} ({name!r})")
    if name in BENCHMARK_SETS:
        return BENCHMARK_SETS[name]
    if name in BENCHMARK_SETS[V1_PROPERTIES_NAME]:
        return (name,)
    if name in DATASET_NAMES:
        return (DATASET_NAMES[name],)
    brainscore = registrations("benchmark")
    if name not in brainscore:
        raise ValueError(f"unknown benchmark {name!r}; {nearest(name, known_benchmarks())}")
    public = _public_part(name, brainscore)
    if public is not None:
        raise ValueError(private_refusal(name, public))
    return (name,)


def nearest(name: str, names: Iterable[str]) -> str:
    """The part of an error message that gives the names nearest to a mistyped one."""
    close = nearest_names(name, names)
    return f"did you mean {' or '.join(close)}?" if close else "`vonenet-brainscore list` shows them all"


def private_refusal(name: str, public: str) -> str:
    """The error message for a private benchmark or data set whose public part is `public`."""
    return (
        f"{name!r} uses private data, which only the leaderboard can score ({LEADERBOARD}; see "
        f"`vonenet-brainscore submit`); its public part is {public!r}"
    )


def _public_part(identifier: str, registered: Iterable[str]) -> str | None:
    """The public counterpart of a private benchmark, such as ``Studypublic.V1-pls`` of ``Study.V1-pls``, or None."""
    twin = re.sub(r"^[^.-]+", r"\g<0>public", identifier)
    return twin if twin in registered else None
