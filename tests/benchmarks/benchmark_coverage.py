"""Which of Brain-Score's neural benchmarks are scored from inner products of stimuli, and why the others are not.

    python tests/benchmarks/benchmark_coverage.py [--markdown]

Every benchmark that the installed Brain-Score registers is made by its own code, with small recordings of the real
formats in place of its data, and asked of `recognition.compressible`. Those whose region is V1, V2, V4 or IT and which
compare responses are the neural ones. Prints a row for each, then the counts by metric; with --markdown README's table.
"""

import argparse
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

warnings.simplefilter("ignore")  # of Brain-Score's imports

import numpy as np  # noqa: E402
from brainscore_core.supported_data_standards.brainio.assemblies import (  # noqa: E402
    DataAssembly,
    NeuronRecordingAssembly,
)
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet  # noqa: E402
from PIL import Image  # noqa: E402

from vonenet_brainscore.benchmarks.recognition import compressible  # noqa: E402
from vonenet_brainscore.brainscore import registrations, replaced, without_pip, without_result_caching  # noqa: E402

REGIONS = ("V1", "V2", "V4", "IT")
FAMILIES = ("PLS", "ridge", "RSA", "CKA")  # whose comparisons see features through inner products
STIMULI, REPETITIONS = 40, 2
# Registered neural benchmarks are named STUDY.REGION-METRIC; these are not.
ELSEWHERE = {"Cadena2017-pls": "V1", "Cadena2017-mask": "V1", "Kar2019-ost": "IT", "Igustibagus2024-ridge": "IT"}
ELSEWHERE["Bracci2019.anteriorVTC-rdm"] = "IT"


# Data set, as its name begins -> time bins (start, end) of its recordings, where they are not one of 70 to 170 ms.
TIME_BINS = {
    "FreemanZiemba2013": [(start, start + 1) for start in range(300)],
    "Gifford2022": [(index / 100, (index + 1) / 100) for index in range(60)],
    "MajajHong2015.temporal": [(start, start + 10) for start in range(0, 250, 10)],
}
NUMBERED_BINS = ("Sanghavi", "Igustibagus2024")  # whose time bin has a number besides
REPETITIONS_OF = {"Rajalingham2020": 33, "Sanghavi2020": 28, "SanghaviJozwik2020": 37, "SanghaviMurty2020": 50}
ONE_REGION = {"Cadena2017": ("V1",), "Igustibagus2024": ("IT",)}
DEGREES_OF = {"Sanghavi2020": 8, "SanghaviJozwik2020": 8, "SanghaviMurty2020": 5}


def stand_in(identifier: str, folder: Path) -> NeuronRecordingAssembly:
    """A small recording with every coordinate that Brain-Score's neural benchmarks select by."""
    if identifier == "Coggan2024_fMRI":  # similarities of subjects
        dims = ("presentation", "presentation_", "subject", "region")
        return DataAssembly(np.zeros((24, 24, 2, 4)), coords={"subject": [0, 1], "region": list(REGIONS)}, dims=dims)
    ids = [f"image{index:02d}" for index in range(STIMULI)]
    columns: dict[str, list[Any]] = {
        "stimulus_id": ids,
        "object_name": [f"object{index % 4}" for index in range(STIMULI)],
        "object_label": [f"object{index % 4}" for index in range(STIMULI)],
        "texture_type": [("texture", "noise")[index % 2] for index in range(STIMULI)],
        "stimulus_source": ["Silhouette"] * STIMULI,
        "object_style": ["silhouette"] * STIMULI,
        "background_id": [0] * STIMULI,
        "stimulus_name": ids,
        "exemplar_number": [index % 4 for index in range(STIMULI)],
        "image_label": [index % 4 for index in range(STIMULI)],
        "image_group": [index % 2 for index in range(STIMULI)],
    }
    stimuli = StimulusSet(columns)
    stimuli.identifier = identifier
    stimuli.stimulus_paths = {each: folder / "image.png" for each in ids}
    repetitions = REPETITIONS_OF.get(identifier, REPETITIONS)
    regions = [region for region in ONE_REGION.get(identifier, REGIONS) for _ in range(4)]
    neuroids: dict[str, list[Any]] = {
        "neuroid_id": [f"n{index}" for index in range(len(regions))],
        "region": regions,
        "animal": [("A", "B")[index % 2] for index in range(len(regions))],
        "roi": [2] * len(regions),
        "voxels": [index // 2 for index in range(len(regions))],
        **dict.fromkeys(("nc_testset", "nc_12rep"), [90.0] * len(regions)),
        **dict.fromkeys(("reliability", "reliability_window"), [0.9] * len(regions)),
    }
    if not identifier.startswith("Li2026"):  # which has animals alone
        neuroids["subject"] = [("sub-01", "sub-03")[index % 2] for index in range(len(regions))]
    if identifier.startswith(("FreemanZiemba2013", "Cowley2026")):  # whose benchmarks stack neuroids by their names
        neuroids = {name: neuroids[name] for name in ("neuroid_id", "region")}
    if identifier.startswith("Gifford2022"):  # of electrodes
        del neuroids["region"]
    bins = next((each for name, each in TIME_BINS.items() if identifier.startswith(name)), [(70, 170)])
    time = {"time_bin_start": [start for start, _ in bins], "time_bin_end": [end for _, end in bins]}
    if identifier.startswith(NUMBERED_BINS):
        time["time_bin_id"] = [0]
    rng = np.random.default_rng(0)
    shape = (STIMULI * repetitions, len(regions), len(bins))
    assembly = NeuronRecordingAssembly(
        np.tile(rng.gamma(4, size=(STIMULI, *shape[1:])), (repetitions, 1, 1)) + 0.1 * rng.standard_normal(shape),
        coords={
            **{name: ("presentation", np.tile(column, repetitions)) for name, column in columns.items()},
            **dict.fromkeys(("repetition", "repetition_id"), ("presentation", np.repeat(range(repetitions), STIMULI))),
            "subject_id_pres": ("presentation", ["sub-01"] * STIMULI * repetitions),
            **{name: ("neuroid", column) for name, column in neuroids.items()},
            **{name: ("time_bin", column) for name, column in time.items()},
        },
        dims=("presentation", "neuroid", "time_bin"),
    )
    assembly.attrs |= {"stimulus_set": stimuli, "stimulus_set_identifier": identifier, "identifier": identifier}
    assembly.attrs["image_size_degree"] = DEGREES_OF.get(identifier, 8)
    assembly.name = identifier
    return assembly


def every_other(trials: Any, *args: Any, **kwargs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Masks of training and test trials, as a package that a benchmark needs gives them: by stimulus."""
    even = trials["label"].str[-1].astype(int).to_numpy() % 2 == 0
    return even, ~even


class StandIns(dict):
    """A registry of data that has every identifier."""

    def __init__(self, make: Any) -> None:
        super().__init__()
        self._make = make

    def __contains__(self, identifier: object) -> bool:
        return True

    def __getitem__(self, identifier: str) -> Any:
        return lambda: self._make(identifier)


def neural_benchmarks() -> dict[str, str]:
    """Registered identifier -> region, of the benchmarks that compare recordings of V1, V2, V4 or IT."""
    found = {}
    for identifier in registrations("benchmark"):
        named = re.search(r"\.(V1|V2|V4|IT)(?=[-.])", identifier)
        region = named[1] if named else ELSEWHERE.get(identifier)
        if region:
            found[identifier] = region
    return found


def family(identifier: str) -> str:
    """The kind of comparison that a benchmark's name ends with."""
    metric = identifier.removesuffix("-pearson").rpartition("-")[2].lower()
    if metric in ("pls", "ridge", "ridgecv"):
        return "PLS" if metric == "pls" else "ridge"
    if "rdm" in metric or "rsa" in metric:
        return "RSA"
    return "CKA" if "cka" in metric else "other"


def coverage() -> Iterator[tuple[str, str, bool, str]]:
    """Identifier, family, whether it is compressed, and why or why not, of each neural benchmark."""
    import brainscore_vision

    import_plugin = brainscore_vision.import_plugin

    def import_unless_data(library: str, kind: str, *args: Any, **kwargs: Any) -> None:
        if kind != "data":
            import_plugin(library, kind, *args, **kwargs)

    with TemporaryDirectory() as temporary, without_pip(), without_result_caching():
        folder = Path(temporary)
        sys.modules |= {name: ModuleType(name) for name in ("laion_fmri", "laion_fmri.splits")}
        sys.modules["laion_fmri.splits"].get_split_masks = every_other  # type: ignore[attr-defined]
        Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(folder / "image.png")
        made = StandIns(lambda identifier: stand_in(identifier, folder))
        stimuli = StandIns(lambda identifier: stand_in(identifier, folder).stimulus_set)
        for identifier in sorted(neural_benchmarks()):
            try:
                import_plugin("brainscore_vision", "benchmarks", identifier)
                with replaced(
                    brainscore_vision,
                    import_plugin=import_unless_data,
                    data_registry=made,
                    stimulus_set_registry=stimuli,
                ):
                    found = compressible(brainscore_vision.benchmark_registry[identifier]())
                yield identifier, family(identifier), bool(found), found.reason
            except Exception as error:  # whatever the benchmark's own code raises on the small recording
                yield (
                    identifier,
                    family(identifier),
                    False,
                    f"could not be built on small recordings: {type(error).__name__}",
                )


def table(rows: Sequence[tuple[str, str, bool, str]]) -> list[str]:
    """README's table of `coverage`'s rows, line by line."""
    lines = ["| comparison | benchmarks | from inner products | all features, and why |", "| --- | --- | --- | --- |"]
    for kind in (*FAMILIES, "other"):
        some = [row for row in rows if row[1] == kind]
        others: dict[str, list[str]] = {}
        for identifier, _, covered, reason in some:
            if not covered:
                others.setdefault(reason, []).append(identifier)
        told = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in others.items())
        lines.append(f"| {kind} | {len(some)} | {sum(row[2] for row in some)} | {told} |")
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    rows = list(coverage())
    if not options.markdown:
        for identifier, kind, covered, reason in rows:
            print(f"{identifier:48} {kind:6} {'yes' if covered else 'no':4} {reason}"[:200])
    print("\n".join(table(rows)))
    counted = [row for row in rows if row[1] in FAMILIES]
    print(f"\n{sum(row[2] for row in counted)} of {len(counted)} of PLS, ridge, RSA and CKA")


if __name__ == "__main__":
    main()
