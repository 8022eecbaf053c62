"""How often the 95 % intervals of neural scores hold the truth, on simulated recordings. Takes a minute.

    python tests/benchmarks/interval_coverage.py

Twelve neurons are linear in ten features of the images; each recording has images and noise of its own. What r is over
a great many recordings with the same neurons is the truth for the interval over images; over a great many splits of the
same recordings, for the interval over splits. An interval is as wide as it should be where its half is 1.96 standard
deviations of what it is of.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from planted_scores import intervals_by_hand, planted_score

RECORDINGS = 200
TEST = 0.1  # share of the images, as Brain-Score's
SPLITS = 10


def over_images(images: int) -> tuple[float, float]:
    """Share of recordings whose interval holds the mean over recordings, and the width over what it should be."""
    random = np.random.default_rng(images)
    made = [planted_score(random, images=images, splits=SPLITS, test=TEST) for _ in range(RECORDINGS)]
    raws = np.array([raw for raw, _ in made])
    inside, halves = 0, []
    for seed, (raw, kept) in enumerate(made):
        low, high = np.sqrt(intervals_by_hand(raw, kept, images, seed)["intervals"]["images"])
        inside += low <= raws.mean() <= high
        halves.append(high - raw)
    return inside / RECORDINGS, float(np.mean(halves) / (1.96 * raws.std(ddof=1)))


def over_splits(images: int) -> float:
    """Share of draws of splits whose interval holds the mean over 2,000 splits of the same recordings."""
    draws = []
    for draw in range(RECORDINGS):
        recorded = np.random.default_rng(images + 1)  # the same images and noise each time, other splits
        draws.append(planted_score(Splitting(recorded, draw), images=images, splits=SPLITS, test=TEST))
    truth = np.mean([raw for raw, _ in draws])
    inside = 0
    for raw, kept in draws:
        low, high = np.sqrt(intervals_by_hand(raw, kept, images, 0)["intervals"]["splits"])
        inside += low <= truth <= high
    return inside / RECORDINGS


class Splitting:
    """A generator whose normal draws come from one, and whose permutations from another."""

    def __init__(self, recorded: np.random.Generator, seed: int) -> None:
        self.normal = recorded.normal
        self.permutation = np.random.default_rng(seed).permutation


def main() -> None:
    print(f"{RECORDINGS} simulated recordings of 12 neurons, {SPLITS} splits of 90 % and 10 %; an interval of 95 %")
    print("images  over images: holds the truth  its width over the right one  over splits: holds the truth")
    for images in (40, 80, 135, 300):
        coverage, width = over_images(images)
        print(f"{images:6d}  {coverage:28.1%}  {width:28.2f}  {over_splits(images):28.1%}", flush=True)


if __name__ == "__main__":
    main()
