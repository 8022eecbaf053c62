"""What a V1 score of many images costs on a cluster: an estimate from CPU times measured here on one thread.

    python tests/benchmarks/cluster_estimate.py [IMAGES ...]

VOneResNet-50's `vone_block`, 1,605,632 units. Measured: recording 16 images with noise off and with two trials of
noise, of which each of 20 is taken to cost the same; a block's product and its addition at 8,000 stimuli, with as many
columns as a block of so many images has, which grow with the square of the stimuli; centring; and the
eigendecomposition at 1,500, which grows with their cube. Not counted: moving data, and the metric's own fits.
"""

import argparse
import functools
import math
import sys
import time
import warnings

import numpy as np

warnings.simplefilter("ignore")

import torch  # noqa: E402

from vonenet_brainscore import get_model  # noqa: E402
from vonenet_brainscore.benchmarks import distributed_gram, gram  # noqa: E402
from vonenet_brainscore.recordings.activations import ActivationsExtractor  # noqa: E402

UNITS, TRIALS, MEASURED_AT, DECOMPOSED_AT = 512 * 56 * 56, 20, 8_000, 1_500
CORES = 64


def cpu_s(run) -> float:
    """Least CPU seconds of two runs."""

    def once() -> float:
        start = time.process_time()
        run()
        return time.process_time() - start

    return min(once(), once())


def recording() -> tuple[float, float]:
    """CPU seconds an image, with noise off and with 20 trials."""
    images = list(np.random.default_rng(0).integers(0, 256, (16, 224, 224), dtype=np.uint8))
    network = get_model("resnet50", pretrained=False).eval()

    def spent(noise: str, trials: int) -> float:
        extractor = ActivationsExtractor(network, image_size=224, noise=noise, progress=False)
        return cpu_s(lambda: [None for _ in extractor.stream(images, ["vone_block"], trials=trials)]) / len(images)

    quiet = spent("none", 1)
    return quiet, quiet + TRIALS * (spent("model", 2) - quiet) / 2


@functools.cache
def block_s(width: int) -> float:
    """CPU seconds of a block of so many columns at `MEASURED_AT` stimuli: its product, added onto the sum."""
    block = np.random.default_rng(0).normal(size=(MEASURED_AT, width))
    products = np.zeros((MEASURED_AT, MEASURED_AT))
    return cpu_s(lambda: gram._add_products(products, [block], 1))


@functools.cache
def centring_s() -> float:
    """CPU seconds for a response: cut into a slab, put into a block, made double precision and centred."""
    features = np.random.default_rng(0).normal(size=(MEASURED_AT, 2_000)).astype(np.float32)

    def run() -> None:
        part = gram._Recording(MEASURED_AT, features.copy(), "", "stimuli")
        part.keep_in_memory()
        part.write(np.arange(MEASURED_AT), features)
        for _ in part._centred_blocks(1):
            pass

    return cpu_s(run) / features.size


@functools.cache
def decomposition_s() -> float:
    """CPU seconds of the row space at `DECOMPOSED_AT` stimuli."""
    rows = np.random.default_rng(0).normal(size=(DECOMPOSED_AT, DECOMPOSED_AT))
    return cpu_s(lambda: np.linalg.eigh(rows @ rows.T))


def estimate(images: int) -> dict[str, str]:
    """The row of a table."""
    width = gram.block_width(images, UNITS)
    blocks, groups = math.ceil(UNITS / width), len(distributed_gram.slabs(images, UNITS))
    quiet, noisy = (each * images / 3600 for each in recording_s())
    products = blocks * block_s(width) * (images / MEASURED_AT) ** 2 + centring_s() * images * UNITS
    products /= 3600
    row_space = decomposition_s() * (images / DECOMPOSED_AT) ** 3 / 3600
    matrix = 8 * images**2 / 1e9
    on_cores = [each / CORES + products / min(CORES, groups) + row_space for each in (quiet, noisy)]
    return {
        "images": f"{images:,}",
        "recording, noise off": f"{quiet:.2g} h",
        "recording, 20 trials": f"{noisy:.2g} h",
        "products": f"{products:.2g} h in {groups} groups",
        "row space, one core": f"{row_space:.2g} h",
        f"{CORES} cores, noise off": f"{on_cores[0]:.2g} h",
        f"{CORES} cores, 20 trials": f"{on_cores[1]:.2g} h",
        "responses, on all workers' disks": f"{4 * images * UNITS / 1e9:,.0f} GB",
        "memory of a worker": f"{3 * matrix + 3:.0f} GB",
        "memory of the command": f"{4 * matrix + 2:.0f} GB",
    }


recording_s = functools.cache(recording)


def main() -> None:
    """Print the table in Markdown."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("images", type=int, nargs="*", default=[10_000, 73_000])
    torch.set_num_threads(1)
    rows = [estimate(images) for images in options.parse_args().images]
    print("| |", *(f"{row['images']} images |" for row in rows))
    print("| --- |", *("---: |" for _ in rows))
    for name in [name for name in rows[0] if name != "images"]:
        print(f"| {name} |", *(f"{row[name]} |" for row in rows))
    print(
        f"recording {recording_s()[0]:.3f} and {recording_s()[1]:.2f} s of CPU an image; eigendecomposition of "
        f"{DECOMPOSED_AT:,} stimuli {decomposition_s():.1f} s",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
