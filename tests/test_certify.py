"""Certificates: exact bounds, no attack within the radius, and coverage where the true radius is known."""

import json
from statistics import NormalDist

import pytest
import torch
from orientation_task import gratings, save_folder, trained_classifier
from scipy.stats import binom
from torch import nn

from vonenet_brainscore.classification.classifier import Classifier
from vonenet_brainscore.robustness.attacks import ProjectedGradientDescent
from vonenet_brainscore.robustness.certify import certificate, certify, most_frequent


class Halfspaces(nn.Module):
    """Class 1 on one side of a plane, class 0 on the other; Gaussian noise leaves the plane where it is."""

    def __init__(self, jitter=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(48, generator=torch.Generator().manual_seed(0)), requires_grad=False)
        self.jitter = jitter

    def height(self, x):
        return (x.flatten(1) - 0.5) @ self.weight / self.weight.norm()

    def forward(self, x):
        height = self.height(x) + self.jitter * torch.randn(len(x))
        return torch.stack([-height, height], dim=1)


def at(height, network):
    """An image so far from the plane."""
    return (0.5 + height * network.weight / network.weight.norm()).reshape(3, 4, 4)


@pytest.mark.parametrize("jitter", [0, 0.05])
def test_radii_cover_the_true_one_and_no_perturbation_within_them_succeeds(jitter):
    """Noise of the network's own adds to the image's: the smoothed answer's slope is that of both."""
    network = Halfspaces(jitter)
    classifier, sigma, true = Classifier(network, mean=0, std=1), 0.25, 0.2
    alpha = 0.1
    settings = {"sigma": sigma, "n0": 50, "n": 100, "alpha": alpha}
    found = [certificate(classifier, at(true, network), seed=seed, **settings) for seed in range(60)]
    assert all(each.prediction == 1 for each in found)
    # sigma Phi^-1(P(answer is 1)), of which the plane's distance is the limit without jitter
    reachable = true * sigma / (sigma**2 + jitter**2) ** 0.5
    wrong = sum(each.radius > reachable for each in found)
    assert wrong <= binom.ppf(0.999, 60, alpha)  # as many as alpha allows
    assert 0.5 * reachable < sum(each.radius for each in found) / 60 < reachable
    votes = sum(each.votes for each in found) / 6000
    assert votes == pytest.approx(NormalDist().cdf(reachable / sigma), abs=4 * 0.5 / 6000**0.5)  # four standard errors
    surest = max(found, key=lambda each: each.radius)
    inside = min(each.radius for each in found)
    moved = at(true - inside, network)  # the worst perturbation there is
    assert certificate(classifier, moved, sigma=sigma, n0=200, n=10).prediction == 1
    beyond = at(true - surest.radius - 0.3, network)
    assert certificate(classifier, beyond, sigma=sigma, n0=200, n=10).prediction == 0


def test_the_bound_is_the_exact_binomial_one():
    network = Halfspaces()
    found = certificate(Classifier(network, mean=0, std=1), at(0.1, network), sigma=0.25, n0=20, n=200, alpha=0.01)
    least = NormalDist().cdf(found.radius / 0.25)
    assert binom.sf(found.votes - 1, 200, least) == pytest.approx(0.01, rel=1e-6)
    everyone = certificate(Classifier(network, mean=0, std=1), at(5, network), sigma=0.25, n0=1, n=50, alpha=0.01)
    assert everyone.votes == 50
    assert everyone.radius == pytest.approx(0.25 * NormalDist().inv_cdf(0.01 ** (1 / 50)), rel=1e-9)
    undecided = certificate(Classifier(network, mean=0, std=1), at(0, network), sigma=0.25, n0=10, n=100)
    assert undecided.abstained and undecided.radius == 0
    assert most_frequent([2, 1, 1, 2, 0]) == 1


def test_batches_do_not_matter_and_seeds_do():
    network = Halfspaces(0.1)
    classifier, image = Classifier(network, mean=0, std=1), at(0.05, network)
    settings = {"sigma": 0.25, "n0": 10, "n": 90}
    noiseless = Classifier(Halfspaces(), mean=0, std=1)
    votes = [certificate(noiseless, image, batch_size=size, **settings).votes for size in (1, 7, 100)]
    assert votes[0] == votes[1] == votes[2]
    of_seeds = [certificate(classifier, image, seed=seed, **settings).votes for seed in (0, 0, 1, 2)]
    assert of_seeds[0] == of_seeds[1] and len(set(of_seeds)) > 1


def test_a_vonenet_is_certified_with_its_noise_and_withstands_attacks_within_the_radius(tmp_path):
    images, labels = gratings(4, seed=7)
    folder = save_folder(tmp_path / "images", images, labels)
    classifier = trained_classifier()
    settings = {"sigma": 0.02, "n0": 10, "n": 40, "alpha": 0.05, "image_size": 64, "progress": False}
    found = certify(classifier, folder, output=tmp_path, batch_size=25, **settings)
    assert (found.noise, found.training_noise) == ("model", "unknown")
    assert found.accuracy().mean == 1 - found.abstained == 1
    largest = max(row["radius"] for row in found.rows)
    assert found.accuracy(largest).mean == 0 and largest > 0
    first, *rows = [json.loads(line) for line in found.output.read_text().splitlines()]
    assert rows == found.rows and first["settings"]["sigma"] == 0.02
    assert certify(classifier, folder, output=tmp_path, batch_size=25, **settings) == found
    silent = certify(classifier.with_noise("none"), folder, output=tmp_path, batch_size=25, **settings)
    assert silent.noise == "none" and silent.output != found.output
    radius = min(row["radius"] for row in found.rows)
    pixels = (images * 255).round() / 255
    attacked = ProjectedGradientDescent("2", radius, iterations=5, k=2)(classifier, pixels, labels)
    for image, label in zip(attacked, labels.tolist(), strict=True):
        assert certificate(classifier, image, sigma=0.02, n0=40, n=1).prediction == label


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"sigma": 0}, "sigma is 0; it is a standard deviation"),
        ({"alpha": 0.5}, r"alpha is 0\.5; it is the probability of a wrong certificate"),
        ({"n": 0}, "n0 is 100, n 0; they are numbers of draws"),
    ],
)
def test_what_cannot_be(settings, told, tmp_path):
    with pytest.raises(ValueError, match=r"an image is a Tensor \(3, y, x\) of floats, not \(2, 3, 4, 4\)"):
        certificate(trained_classifier(), torch.zeros(2, 3, 4, 4), sigma=0.25)
    with pytest.raises(ValueError, match=told):
        certify(trained_classifier(), tmp_path, **{"sigma": 0.25, **settings})


def test_what_is_no_image_or_batch():
    with pytest.raises(TypeError, match=r"an image is a Tensor \(3, y, x\), not list"):
        certificate(trained_classifier(), [[0.5]], sigma=0.25)
    with pytest.raises(ValueError, match="batch_size is 0; it must be at least 1"):
        certificate(trained_classifier(), torch.zeros(3, 64, 64), sigma=0.25, batch_size=0)
