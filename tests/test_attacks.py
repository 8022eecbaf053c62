"""The attack is real: it equals closed forms, is stronger with what should make it so, and stays in its ball."""

import math
import sys

import numpy as np
import pytest
import torch
from orientation_task import gratings, trained_classifier
from tiny_networks import SMALL
from torch import nn
from torch.nn import functional as F

from vonenet_brainscore import get_model
from vonenet_brainscore.classification.accuracy import label_ranks
from vonenet_brainscore.classification.classifier import Classifier, contents_of
from vonenet_brainscore.robustness.attacks import NORMS, ProjectedGradientDescent

pytest.importorskip("art", reason="adversarial-robustness-toolbox, of the extra `robustness`, is not installed")

IMAGES, LABELS = gratings(16, seed=1)
STRONG = {"inf": 0.06, "2": 6.0, "1": 400.0}  # enough to fool the trained network on every image


def correct(classifier, images, draws=10):
    """Share of images and draws answered correctly, in draws that no attack used."""
    logits = classifier.logits(images, contents_of(IMAGES), draws=draws, seed=0)
    return (label_ranks(logits, LABELS) == 0).double().mean().item()


def distances(adversarial, norm, images=IMAGES):
    return torch.linalg.vector_norm((adversarial - images).flatten(1), ord=NORMS[norm], dim=1)


def linear_classifier(weight):
    """Logits ``images @ weight.T``, without normalisation."""
    linear = nn.Linear(weight.shape[1], len(weight), bias=False)
    linear.weight = nn.Parameter(weight)
    return Classifier(nn.Sequential(nn.Flatten(), linear), mean=0, std=1)


@pytest.mark.parametrize("norm", NORMS)
def test_accuracy_falls_with_eps_to_nothing_inside_ball_and_range(norm):
    classifier = trained_classifier()
    found = [correct(classifier, IMAGES)]
    for fraction in (0.25, 1):
        eps = fraction * STRONG[norm]
        adversarial = ProjectedGradientDescent(norm, eps, iterations=6, k=2)(classifier, IMAGES, LABELS)
        assert adversarial.min() >= 0 and adversarial.max() <= 1
        assert distances(adversarial, norm).max() <= eps * (1 + 1e-5)  # float32 rounding of images and projection
        found.append(correct(classifier, adversarial))
    assert found[0] == 1
    assert found[0] > found[1] > found[2]
    assert found[2] < 0.05  # chance is 0.25, and an attacker does better than chance


def test_linear_model_equals_the_closed_form():
    # The lowest margin within an L-infinity ball is the margin less eps times the L1 norm of the weights' difference.
    generator = torch.Generator().manual_seed(0)
    images = 0.3 + 0.4 * torch.rand(40, 3, 8, 8, generator=generator)  # no bound of [0, 1] within reach
    weight = torch.randn(2, 192, generator=generator)
    classifier = linear_classifier(weight)
    with torch.no_grad():
        logits = classifier(images)
    labels = logits.argmax(dim=1)
    margin = (logits[:, 0] - logits[:, 1]).abs()
    gain = (weight[0] - weight[1]).abs().sum()
    eps = (margin / gain).median().item() * 1.001  # between two images, so that rounding decides nothing
    adversarial = ProjectedGradientDescent("inf", eps, iterations=10, k=1)(classifier, images, labels)
    still = classifier(adversarial).argmax(dim=1) == labels
    np.testing.assert_array_equal(still.numpy(), (margin > eps * gain).numpy())
    assert 0 < still.double().mean() < 1
    reached = (classifier(adversarial) * F.one_hot(1 - labels, 2)).sum(1) - (
        classifier(adversarial) * F.one_hot(labels, 2)
    ).sum(1)
    # rtol: float32 sums of 192 products; atol likewise near a margin of zero
    np.testing.assert_allclose(reached.detach(), (eps * gain - margin).detach(), rtol=1e-3, atol=1e-4)


def test_l1_and_l2_follow_the_steepest_direction_of_a_linear_model():
    weight = torch.zeros(2, 300)
    weight[0, :3] = torch.tensor([3.0, -2.0, 1.0])  # L1_SHARE moves three entries of 300
    classifier, images = linear_classifier(weight), torch.full((1, 3, 10, 10), 0.5)
    label = torch.tensor([0])
    in_l2 = ProjectedGradientDescent("2", 0.1, iterations=5, k=1)(classifier, images, label) - images
    np.testing.assert_allclose(in_l2.flatten(), -0.1 * weight[0] / weight[0].norm(), atol=1e-6)  # float32
    in_l1 = ProjectedGradientDescent("1", 0.3, iterations=5, k=1)(classifier, images, label) - images
    np.testing.assert_allclose(in_l1.flatten()[:3], [-0.1, 0.1, -0.1], atol=1e-6)
    assert not in_l1.flatten()[3:].any()
    # Past the bounds of [0, 1] a step goes on with entries that can still move.
    weight[0, 3:6] = 0.5
    further = ProjectedGradientDescent("1", 3.0, iterations=20, k=1)(classifier, images, label) - images
    assert further.abs().sum() > 1.5 + 0.5


@pytest.mark.parametrize("noise_mode", ["neuronal", None])
def test_more_iterations_never_help_the_defence(noise_mode):
    classifier = trained_classifier(noise_mode)
    found = []
    for iterations in (1, 4, 12):
        attack = ProjectedGradientDescent("inf", 0.02, iterations=iterations, k=2)
        found.append(correct(classifier, attack(classifier, IMAGES, LABELS)))
    # 16 images of 10 draws each: two standard errors of a share are below 0.08
    assert found[1] <= found[0] + 0.08 and found[2] <= found[1] + 0.08
    assert found[2] < found[0]


def test_transferred_attack_is_no_stronger_than_the_direct_one():
    noisy, noise_free = trained_classifier(), trained_classifier(None)
    attack = ProjectedGradientDescent("inf", 0.025, iterations=6, k=3)
    direct = correct(noisy, attack(noisy, IMAGES, LABELS))
    transferred = correct(noisy, attack(noise_free, IMAGES, LABELS))
    assert 0 < direct <= transferred + 0.08  # two standard errors, as above


def test_a_second_run_never_helps_the_defence():
    classifier = trained_classifier(None)
    one, two = (
        ProjectedGradientDescent("inf", 0.012, iterations=3, k=1, restarts=restarts)(classifier, IMAGES, LABELS)
        for restarts in (1, 2)
    )
    assert correct(classifier, two, draws=1) <= correct(classifier, one, draws=1)
    assert not torch.equal(one, two)
    assert distances(two, "inf").max() <= 0.012 * (1 + 1e-5)
    # Where neither run fools the network, the higher loss counts: here the first run's, whose one step leads half way.
    one, two = (
        ProjectedGradientDescent("inf", 0.002, iterations=1, k=1, step_size=0.5, restarts=restarts)
        for restarts in (1, 2)
    )
    assert torch.equal(one(classifier, IMAGES, LABELS), two(classifier, IMAGES, LABELS))


@pytest.mark.parametrize("noise_mode", ["neuronal", None])
def test_gradient_through_the_vone_block_agrees_with_finite_differences(noise_mode):
    network = get_model(None, pretrained=False, noise_mode=noise_mode, **SMALL).double()
    network.vone_block.fix_noise(1, seed=0)
    generator = torch.Generator().manual_seed(1)
    images = gratings(1, seed=2)[0].double() * 2 - 1
    readout = torch.randn(network(images).shape, generator=generator, dtype=torch.float64)
    direction = torch.randn(images.shape, generator=generator, dtype=torch.float64)
    images.requires_grad_()
    (gradient,) = torch.autograd.grad((network(images) * readout).sum(), images)
    step = 1e-6
    with torch.no_grad():
        difference = ((network(images + step * direction) - network(images - step * direction)) * readout).sum()
    # Float64; what differs is units that are rectified on one side of the step only.
    assert (gradient * direction).sum().item() == pytest.approx(difference.item() / (2 * step), rel=1e-4)


def test_gradient_is_the_mean_over_draws():
    from vonenet_brainscore.robustness.steepest_descent import MeanGradientClassifier  # imports ART

    classifier, contents = trained_classifier(), contents_of(IMAGES)
    estimator = MeanGradientClassifier(classifier, contents, key=(0,), k=3, shape=(3, 64, 64), classes=4)
    one_hot = F.one_hot(LABELS, 4).float()
    found = [estimator.loss_gradient(IMAGES, one_hot) for _ in range(2)]
    assert not torch.equal(*found)  # every step has draws of its own
    expected = torch.zeros_like(IMAGES)
    for draw in range(3):
        for index in range(len(IMAGES)):
            image = IMAGES[index : index + 1].clone().requires_grad_()
            with classifier.drawn_noise(image, contents[index : index + 1], 0, 0, draw):
                F.cross_entropy(classifier(image), LABELS[index : index + 1]).backward()
            expected[index] += image.grad[0] / 3
    # A convolution of one image and of sixteen sum in different orders in float32.
    torch.testing.assert_close(found[0], expected, rtol=1e-3, atol=1e-3 * expected.abs().max().item())


def test_attack_is_reproducible_and_leaves_everything_as_it_was():
    classifier = trained_classifier()
    attack = ProjectedGradientDescent("inf", 0.02, iterations=2, k=2, restarts=2)
    images, torch_state, numpy_state = IMAGES.clone(), torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = attack(classifier, images, LABELS)
    assert torch.equal(images, IMAGES)
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert classifier.network.vone_block.fixed_noise is None
    torch.rand(3)
    assert torch.equal(attack(classifier, IMAGES, LABELS), first)
    other_seed = ProjectedGradientDescent("inf", 0.02, iterations=2, k=2, restarts=2, seed=1)
    assert not torch.equal(other_seed(classifier, IMAGES, LABELS), first)


def test_order_of_images_does_not_matter():
    classifier, backwards = trained_classifier(), torch.arange(15, -1, -1)
    attack = ProjectedGradientDescent("2", 2.0, iterations=2, k=2)
    there = attack(classifier, IMAGES, LABELS)
    back = attack(classifier, IMAGES[backwards], LABELS[backwards])[backwards]
    torch.testing.assert_close(there, back, rtol=0, atol=1e-5)  # convolutions of float32 in another order


def test_eps_zero_changes_nothing():
    found = ProjectedGradientDescent(eps=0)(trained_classifier(), IMAGES, LABELS)
    assert torch.equal(found, IMAGES)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"norm": "3"}, "unknown norm '3'; have inf, 2, 1"),
        ({"eps": -0.1}, "eps is -0.1; it is a distance"),
        ({"eps": math.nan}, "eps is nan"),
        ({"k": 0}, "k is 0; it must be at least 1"),
        ({"iterations": 0}, "iterations is 0"),
        ({"restarts": 0}, "restarts is 0"),
        ({"step_size": 0.0}, "step_size is 0.0; it is a fraction of eps"),
        ({"step_size": 1.5}, "step_size is 1.5"),
    ],
)
def test_settings_that_cannot_be(arguments, told):
    with pytest.raises(ValueError, match=told):
        ProjectedGradientDescent(**arguments)


def test_images_labels_and_gradients_that_cannot_be():
    classifier, attack = trained_classifier(), ProjectedGradientDescent(iterations=1, k=1)
    with pytest.raises(ValueError, match=r"reach from .*must be in \[0, 1\]"):
        attack(classifier, IMAGES * 255, LABELS)
    with pytest.raises(ValueError, match="labels reach from 0 to 7, but there are 4 classes"):
        attack(classifier, IMAGES, LABELS + 4 * (LABELS == 3))

    class Rooted(nn.Module):
        def forward(self, x):
            return (x[:, :, 0, :2].sum(dim=1) * 0).abs().sqrt()  # finite, with an infinite slope times zero

    with pytest.raises(ValueError, match="gradient of rooted is not finite"):
        attack(Classifier(Rooted(), mean=0, std=1, name="rooted"), IMAGES, LABELS % 2)


def test_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "art.attacks.evasion", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'vonenet_brainscore\[robustness\]'"):
        ProjectedGradientDescent()(trained_classifier(), IMAGES, LABELS)
