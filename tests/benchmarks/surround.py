"""V1 properties of front ends with and without surrounds, over Gabor seeds: the default, and what it was chosen among.

    python tests/benchmarks/surround.py [--seeds 0 1 2 3 4] [--settings default|all] [--ksize 25] [--only WORD]

Noise off. Front ends of one seed differ in their surround alone, so that the rates of their cells are computed once for
all of them. Prints a row for each property and front end: the mean score (similarity over ceiling) with the 95 %
interval of a t distribution over the seeds, the score of each seed, and what was asked of the default.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

warnings.simplefilter("ignore")  # of Brain-Score's imports

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from scipy.stats import t as student  # noqa: E402

from vonenet_brainscore import get_model  # noqa: E402
from vonenet_brainscore.benchmarks.names import benchmark_identifiers  # noqa: E402
from vonenet_brainscore.benchmarks.v1_properties import V1PropertyBenchmark  # noqa: E402
from vonenet_brainscore.models.matched_gain import gain_of_the_same_median  # noqa: E402
from vonenet_brainscore.primates.property_table import V1_BENCHMARKS  # noqa: E402
from vonenet_brainscore.recordings.loading import load_subject  # noqa: E402
from vonenet_brainscore.stimuli.gratings import grating_parameters  # noqa: E402
from vonenet_brainscore.stimuli.images import normalise, resize  # noqa: E402
from vonenet_brainscore.tuning.grating_experiments import GratingExperiments  # noqa: E402
from vonenet_brainscore.tuning.window import VOneWindow  # noqa: E402
from vonenet_brainscore.tuning.window_recorder import WindowRecorder  # noqa: E402

DEFAULT = "Li 2022"
SETTINGS = {
    "off": {"surround": None},
    DEFAULT: {},
    "Li 2022, input layers": {"surround": "li2022_input"},
    "Li 2022, output layers": {"surround": "li2022_output"},
    "Cavanaugh 2002": {"surround": "cavanaugh2002"},
    "index .5 for all": {"surround": 0.5},
    "2 envelopes": {"surround_extent": 2},
    "4 envelopes": {"surround_extent": 4},
    "1.7 cycles": {"surround_extent": 1.7, "surround_unit": "cycle"},
    "30 degrees": {"surround_orientation": 30},
    "all orientations": {"surround_orientation": np.inf},
    "2 octaves": {"surround_octaves": 2},
}
# What was asked of the default at each seed: a score, or a difference from the front end without surrounds.
ASKED = {
    "DeValois1982-pref_or": ("off", -0.01),
    "DeValois1982-peak_sf": ("score", 0.96),
    "Schiller1976-sf_selective": ("score", 0.97),
    "Schiller1976-sf_bandwidth": ("score", 0.93),
    "Cavanaugh2002-grating_summation_field": ("score", 0.73),
    "Cavanaugh2002-surround_diameter": ("score", 0.83),
    "Cavanaugh2002-surround_suppression_index": ("score", 0.87),
    "Ringach2002-or_bandwidth": ("off", 0),
    "Ringach2002-max_dc": ("off", 0),
    "Ringach2002-circular_variance": ("off", -0.02),
    "Ringach2002-orth_pref_ratio": ("off", -0.02),
    "Ringach2002-modulation_ratio": ("off", -0.02),
}


def shared_rates(windows: list[VOneWindow], parameters: pd.DataFrame) -> Iterator[tuple[slice, list[torch.Tensor]]]:
    """What ``window.rates(parameters)`` gives for each of several windows, whose blocks differ in their surround."""
    with_surround = next(window for window in windows if window.block.normalisation is not None)
    rows, columns = (
        range(min(each[0] for each in ranges), max(each[-1] for each in ranges) + 1)
        for ranges in ([window.rows for window in windows], [window.columns for window in windows])
    )
    whole = VOneWindow(with_surround.block, with_surround.visual_degrees, rows, columns)
    for some, rows, columns in whole._pooled_at_a_time(parameters):
        cells = whole._cells(whole._resized(parameters.iloc[some], rows, columns)[..., None], rows, columns)
        yield some, [window._normalised(cells, rows, columns) for window in windows]


def probe(subjects: dict[str, GratingExperiments], sets: Iterable[str]) -> None:
    """Map receptive fields and record what sets of gratings ask for, for all subjects together."""
    recorders: list[WindowRecorder] = [each._recorder for each in subjects.values()]
    mapped: list[np.ndarray] = []

    def rates_of(index: int) -> Callable[[pd.DataFrame, str], np.ndarray]:
        def rates(parameters: pd.DataFrame, _doing: str) -> np.ndarray:
            if not mapped:
                everyone = np.arange(recorders[0]._window.size)
                mapped.extend(responses(recorders, parameters, [everyone] * len(recorders)))
            return mapped[index].T

        return rates

    for index, recorder in enumerate(recorders):
        recorder._rates = rates_of(index)
    for subject in subjects.values():
        len(subject.neuroids)
    kept = [np.flatnonzero(recorder._kept) for recorder in recorders]
    for name in sets:
        for subject, recorded in zip(
            subjects.values(), responses(recorders, grating_parameters(name), kept), strict=True
        ):
            subject._responses[name] = recorded


def responses(recorders: list[WindowRecorder], parameters: pd.DataFrame, kept: list[np.ndarray]) -> list[np.ndarray]:
    """(neuroid, grating) of the kept neuroids of each recorder."""
    recorded = [np.empty((len(each), len(parameters)), np.float32) for each in kept]
    for some, parts in shared_rates([each._window for each in recorders], parameters):
        for to, chosen, part in zip(recorded, kept, parts, strict=True):
            to[:, some] = part[:, chosen].T.numpy()
    return recorded


def scores(settings: dict[str, dict], benchmarks: list[str], *, seed: int, **common: float) -> dict[str, dict]:
    """Score of each front end on each benchmark, for one seed of the Gabor parameters."""
    subjects = {}
    for name, own in settings.items():
        network = get_model(None, noise_mode=None, gabor_seed=seed, **{"surround": "li2022", **common, **own})
        subjects[name] = GratingExperiments(load_subject(network, noise="none", progress=False))
    stimuli = {V1_BENCHMARKS[each].experiment.stimuli for each in benchmarks}
    probe(subjects, {"blank", "orientation", *stimuli})  # orientation also sets the scale of rates
    return {
        name: {
            each.removeprefix("Marques2020_"): float(V1PropertyBenchmark(each).compare(subject)) for each in benchmarks
        }
        for name, subject in subjects.items()
    }


def interval(values: list[float]) -> str:
    """Mean with the half width of its 95 % interval."""
    if len(values) < 2:
        return f"{values[0]:.3f}"
    half = student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{np.mean(values):.3f} ± {half:.3f}"


def rates_to_photographs(seeds: Iterable[int]) -> None:
    """Print medians and signal to noise of cells without and with surrounds, and with the gain of the same median.

    The photographs are scikit-learn's two. Signal to noise is that of neuronal noise, ``m / sqrt(m + level)`` for a
    mean count of m spikes, averaged over cells, positions and photographs.
    """
    from sklearn.datasets import load_sample_images

    pixels = [resize(image, (224, 224)) for image in load_sample_images().images]
    images = torch.from_numpy(normalise(np.stack(pixels)))
    print("\nTwo photographs, gain 25: median rate without surrounds, with, and the gain of the same median;")
    print("signal to noise of cells without surrounds, with, and with that gain")
    for seed in seeds:
        block = get_model(None, surround="li2022", gabor_seed=seed).vone_block
        with torch.no_grad():
            before, after = block.cell_rates(images), block.rates(images)
        gain = gain_of_the_same_median(block, images)
        medians = f"{before.median():.3f}  {after.median():.3f}  {gain:.1f}"
        ratios = []
        for rates in (before, after, after * gain / block.k_exc):
            spikes = block.noise_scale * rates
            ratios.append(f"{(spikes / (spikes + block.noise_level).sqrt()).mean():.3f}")
        print(f"  seed {seed}: {medians}    {'  '.join(ratios)}")


def time_of_the_block() -> None:
    """Print how long 16 images take with and without surrounds."""
    images = torch.rand(16, 3, 224, 224) * 2 - 1
    blocks = [get_model(None, surround=surround, noise_mode=None).vone_block for surround in (None, "li2022")]
    least = [np.inf, np.inf]
    with torch.no_grad():
        for _ in range(5):
            for which, block in enumerate(blocks):
                start = time.process_time()
                block(images)
                least[which] = min(least[which], time.process_time() - start)
    without, with_surround = least
    ratio = with_surround / without
    print(f"\n16 images: {without:.2f} s CPU without, {with_surround:.2f} s with, {ratio:.2f} times (wanted: 1.5)")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int, default=range(5))
    parser.add_argument("--settings", choices=("default", "all"), default="default")
    parser.add_argument("--only", default="", help="benchmarks whose identifier holds this word")
    parser.add_argument("--ksize", type=int, default=25)
    parser.add_argument("--json", type=Path, help="also write the scores of each seed there")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rates_to_photographs(options.seeds)
    time_of_the_block()
    settings = SETTINGS if options.settings == "all" else {name: SETTINGS[name] for name in ("off", DEFAULT)}
    benchmarks = [each for each in benchmark_identifiers("V1-properties") if options.only in each]
    found = {}
    for seed in options.seeds:
        start = time.process_time()
        found[seed] = scores(settings, benchmarks, seed=seed, ksize=options.ksize)
        print(f"seed {seed}: {time.process_time() - start:.0f} s of CPU time", flush=True)
        if options.json:
            options.json.write_text(json.dumps(found, indent=1))
    for benchmark in next(iter(found.values()))[DEFAULT]:
        print(f"\n{benchmark}")
        for name in settings:
            of_seeds = [each[name][benchmark] for each in found.values()]
            print(f"  {name:24} {interval(of_seeds):16} {'  '.join(f'{value:.3f}' for value in of_seeds)}", end="")
            if name == DEFAULT and benchmark in ASKED:
                relative_to, least = ASKED[benchmark]
                before = [each["off"][benchmark] if relative_to == "off" else 0 for each in found.values()]
                met = sum(value >= least + other for value, other in zip(of_seeds, before, strict=True))
                word = f"off {least:+g}" if relative_to == "off" else f"{least:g}"
                print(f"  asked for at least {word}: {met} of {len(of_seeds)} seeds", end="")
            print()


if __name__ == "__main__":
    main()
