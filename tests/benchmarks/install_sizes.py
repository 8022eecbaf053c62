"""What an installation of this package takes on disk, by direct dependency.

usage: python tests/benchmarks/install_sizes.py, in the environment to be measured. Sizes are those of the files that
pip recorded for each distribution, compiled modules (.pyc) included.
"""

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution, requires

from packaging.requirements import Requirement

# Names of what a CPU-only torch does without begin so.
CUDA = ("nvidia-", "cuda-", "triton")


def direct_requirements() -> list[Requirement]:
    """What setup.py asks for without an extra."""
    found = map(Requirement, requires("vonenet_brainscore") or [])
    return [each for each in found if each.marker is None or each.marker.evaluate({"extra": ""})]


def needed_by(requirements: Iterable[Requirement]) -> set[str]:
    """Installed distributions that the requirements bring, themselves included, by normalised name."""
    waiting, seen, names = list(requirements), set(), set()
    while waiting:
        each = waiting.pop()
        name = re.sub(r"[-_.]+", "-", each.name).lower()
        for extra in ("", *sorted(each.extras)):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            try:
                further = map(Requirement, requires(name) or [])
            except PackageNotFoundError:  # for another system, or another Python
                continue
            names.add(name)
            waiting += [more for more in further if more.marker is None or more.marker.evaluate({"extra": extra})]
    return names


def megabytes(names: Iterable[str]) -> float:
    """Size of the files of distributions, in MB (10^6 bytes)."""
    files = {str(file.locate()): file.locate() for name in names for file in distribution(name).files or []}
    return sum(file.stat().st_size for file in files.values() if file.is_file()) / 1e6


def rows() -> list[tuple[str, float, float, float]]:
    """Name, MB by itself, MB with all that it needs, MB with what no other needs; the largest of the last first."""
    direct = direct_requirements()
    everything, found = needed_by(direct), []
    for each in direct:
        alone = everything - needed_by(other for other in direct if other is not each)
        found.append((each.name, megabytes([each.name]), megabytes(needed_by([each])), megabytes(alone)))
    return sorted(found, key=lambda row: (-row[3], -row[2]))


def main() -> None:
    """Print the table, and its total."""
    everything = needed_by(direct_requirements())
    cuda = [name for name in everything if name.startswith(CUDA)]
    print("| dependency | itself, MB | with all that it needs, MB | with what no other needs, MB |")
    print("| --- | --- | --- | --- |")
    for name, itself, whole, alone in rows():
        print(f"| {name} | {itself:.1f} | {whole:.1f} | {alone:.1f} |")
    print(f"all: {len(everything)} distributions, {megabytes(everything):.0f} MB; of CUDA {megabytes(cuda):.0f} MB")


if __name__ == "__main__":
    main()
