"""The attack is real: it equals closed forms, is stronger with what should make it so, and stays in its ball."""

import math
from dataclasses import replace

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
from vonenet_brainscore.robustness.attacks import ATTACKS, AutoPGD, ProjectedGradientDescent, SquareAttack
from vonenet_brainscore.robustness.balls import BALLS
from vonenet_brainscore.robustness.losses import LOSSES, mean_gradient, mean_loss

IMAGES, LABELS = gratings(16, seed=1)
STRONG = {"inf": 0.06, "2": 6.0, "1": 400.0}  # enough to fool the trained network on every image


def correct(classifier, images, draws=10):
    """Share of images and draws answered correctly, in draws that no attack used."""
    logits = classifier.logits(images, contents_of(IMAGES), draws=draws, seed=0)
    return (label_ranks(logits, LABELS) == 0).double().mean().item()


def distances(adversarial, norm, images=IMAGES):
    return torch.linalg.vector_norm((adversarial - images).flatten(1), ord=float(norm), dim=1)


def linear_classifier(weight):
    """Logits ``images @ weight.T``, without normalisation."""
    linear = nn.Linear(weight.shape[1], len(weight), bias=False)
    linear.weight = nn.Parameter(weight)
    return Classifier(nn.Sequential(nn.Flatten(), linear), mean=0, std=1)


@pytest.mark.parametrize("norm", BALLS)
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
        ProjectedGradientDescent("inf", 0.012, iterations=2, k=1, restarts=restarts)(classifier, IMAGES, LABELS)
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
    classifier, contents = trained_classifier(), contents_of(IMAGES)
    loss = LOSSES["cross-entropy"]
    found, losses = mean_gradient(classifier, loss, IMAGES, LABELS, contents, key=(0, 0), k=3)
    other_step, _ = mean_gradient(classifier, loss, IMAGES, LABELS, contents, key=(0, 1), k=3)
    assert not torch.equal(found, other_step)  # every step has draws of its own
    expected, expected_losses = torch.zeros_like(IMAGES), torch.zeros(len(IMAGES))
    for draw in range(3):
        for index in range(len(IMAGES)):
            image = IMAGES[index : index + 1].clone().requires_grad_()
            with classifier.drawn_noise(image, contents[index : index + 1], 0, 0, draw):
                of_image = F.cross_entropy(classifier(image), LABELS[index : index + 1])
            of_image.backward()
            expected[index] += image.grad[0] / 3
            expected_losses[index] += of_image.item() / 3
    # A convolution of one image and of sixteen sum in different orders in float32.
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * expected.abs().max().item())
    torch.testing.assert_close(losses, expected_losses, rtol=1e-3, atol=1e-4)
    alone = mean_loss(classifier, loss, IMAGES, LABELS, contents, key=(0, 0), k=3)
    torch.testing.assert_close(alone, losses, rtol=1e-5, atol=1e-6)


def test_losses_are_those_of_a_plain_loop():
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(0)) * 3
    labels = torch.tensor([0, 4, 2, 2, 1, 3])
    for row, label, margin, ratio in zip(
        logits.tolist(), labels.tolist(), LOSSES["margin"](logits, labels), LOSSES["dlr"](logits, labels), strict=True
    ):
        best_other = max(value for index, value in enumerate(row) if index != label)
        assert margin.item() == pytest.approx(best_other - row[label], rel=1e-6)
        assert (margin.item() > 0) == (row.index(max(row)) != label)
        first, _, third = sorted(row, reverse=True)[:3]
        assert ratio.item() == pytest.approx((best_other - row[label]) / (first - third), rel=1e-5)
        assert ratio.item() >= -1 or row[label] < first
    scaled = LOSSES["dlr"](logits * 100 + 7, labels)
    torch.testing.assert_close(scaled, LOSSES["dlr"](logits, labels))  # whatever the logits' scale and origin


@pytest.mark.parametrize("norm", BALLS)
def test_projections_are_nearest_and_draws_uniform(norm):
    ball, generator = BALLS[norm], torch.Generator().manual_seed(0)
    points = torch.randn(30, 3, 2, 2, generator=generator) * torch.linspace(0.01, 2, 30)[:, None, None, None]
    found = ball.projected(points, 1.5)
    assert ball.norm(found).max() <= 1.5 * (1 + 1e-6)
    inside = ball.norm(points) <= 1.5
    assert inside.any() and not inside.all() and torch.equal(found[inside], points[inside])
    # No other point of the ball is nearer: the angle from the projection to any of them is not acute.
    others = torch.stack([1.5 * ball.drawn((3, 2, 2), generator) for _ in range(200)])
    outward = (points - found).flatten(1)
    assert (torch.einsum("pd,pod->po", outward, (others[None] - found[:, None]).flatten(2)) <= 1e-5).all()
    radii = ball.norm(torch.stack([ball.drawn((3, 2, 2), generator) for _ in range(2000)]))
    # A uniform point of a ball in 12 dimensions lies within radius r with probability r**12.
    shares = [(radii <= radius).double().mean().item() for radius in (0.8, 0.9, 1)]
    assert shares == pytest.approx([0.8**12, 0.9**12, 1], abs=4 * 0.5 / 2000**0.5)  # four standard errors at most


@pytest.mark.parametrize(("norm", "eps"), [("inf", 0.02), ("2", 2.0)])
@pytest.mark.parametrize("momentum", [0, 1])
def test_descent_equals_the_librarys_on_a_network_without_noise(norm, eps, momentum):
    art = pytest.importorskip("art.attacks.evasion", reason="adversarial-robustness-toolbox is not installed")
    from art.estimators.classification import PyTorchClassifier

    classifier = trained_classifier(None)
    estimator = PyTorchClassifier(
        classifier, nn.CrossEntropyLoss(reduction="sum"), (3, 64, 64), 4, clip_values=(0, 1), device_type="cpu"
    )
    theirs = art.ProjectedGradientDescent(
        estimator, norm=float(norm), eps=eps, eps_step=eps / 4, max_iter=8, decay=momentum or None, verbose=False
    ).generate(IMAGES.numpy(), LABELS.numpy())
    ours = ProjectedGradientDescent(norm, eps, 8, k=1, step_size=0.25, momentum=momentum)(classifier, IMAGES, LABELS)
    # Float32 through eight steps; in L-infinity the sign of a gradient near zero may turn.
    differs = (ours - torch.from_numpy(theirs)).abs() > 1e-4
    assert differs.double().mean() < 0.002


@pytest.mark.parametrize("noise_mode", ["neuronal", None])
@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_follows_the_same_laws(name, noise_mode):
    """In its ball and in [0, 1], the same again, stronger with eps, and the generators as they were."""
    classifier, state = trained_classifier(noise_mode), torch.get_rng_state()
    images, labels = IMAGES[:4], LABELS[:4]
    found = []
    for eps in (0.01, 0.06):
        attack = replace(ATTACKS[name], eps=eps, iterations=12, k=2 if noise_mode else 1)
        adversarial = attack(classifier, images, labels)
        assert adversarial.min() >= 0 and adversarial.max() <= 1
        assert distances(adversarial, "inf", images).max() <= eps * (1 + 1e-5)
        logits = classifier.logits(adversarial, contents_of(images), draws=5, seed=1)
        found.append((label_ranks(logits, labels) == 0).double().mean().item())
    assert torch.equal(attack(classifier, images, labels), adversarial)
    assert torch.equal(torch.get_rng_state(), state)
    assert found[1] < found[0] or found[0] == 0
    assert found[1] < (0.8 if name == "square" else 0.1)  # twelve squares are few
    assert not torch.equal(replace(attack, seed=1)(classifier, images, labels), adversarial) or noise_mode is None


def test_adaptive_steps_reach_a_higher_loss_than_fixed_ones():
    classifier, contents = trained_classifier(None), contents_of(IMAGES)
    reached = {}
    for loss in ("cross-entropy", "dlr"):
        for name, attack in {
            "fixed": ProjectedGradientDescent(eps=0.01, iterations=10, k=1),
            "adaptive": AutoPGD(eps=0.01, iterations=10, k=1, loss=loss),
        }.items():
            found = attack(classifier, IMAGES, LABELS)
            losses = mean_loss(classifier, LOSSES[loss], found, LABELS, contents, key=(), k=1)
            reached[loss, name] = losses
    assert reached["cross-entropy", "adaptive"].mean() > 0.97 * reached["cross-entropy", "fixed"].mean()
    assert reached["dlr", "adaptive"].mean() > reached["dlr", "fixed"].mean()


def test_adaptive_descent_keeps_the_best_point_and_halves_its_steps():
    """A quadratic whose peak lies inside the ball: steps of 2 eps overshoot it, halved ones reach it."""

    class Peak(nn.Module):
        def forward(self, x):
            height = -((x - 0.53) ** 2).sum(dim=(1, 2, 3))
            return torch.stack([-height, height, height - 5], dim=1)

    classifier = Classifier(Peak(), mean=0, std=1)
    image = torch.full((1, 3, 8, 8), 0.5)
    found = AutoPGD(eps=0.1, iterations=60, k=1)(classifier, image, torch.tensor([0]))
    assert (found - 0.53).abs().max() < 1e-3
    fixed = ProjectedGradientDescent(eps=0.1, iterations=60, k=1, step_size=1)(classifier, image, torch.tensor([0]))
    assert (fixed - 0.53).abs().max() > 1e-2
    with pytest.raises(ValueError, match=r"loss='dlr'\) needs 3 classes, but network tells 2 apart"):
        two = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(192, 2)))
        AutoPGD(loss="dlr", k=1)(two, image, torch.tensor([0]))
    with pytest.raises(ValueError, match="unknown loss 'hinge'; have cross-entropy, dlr"):
        AutoPGD(loss="hinge")


def test_random_search_sees_no_gradient_and_lowers_the_margin():
    """A network that hides its gradient, as rounding does, withstands descent but not scores."""

    class Rounded(nn.Module):
        def forward(self, x):
            return (x * 255).round() / 255  # whose gradient is zero

    masked = Classifier(nn.Sequential(Rounded(), trained_classifier(None)), mean=0, std=1)
    images, labels = IMAGES[:8], LABELS[:8]
    descent = ProjectedGradientDescent(eps=0.06, iterations=5, k=1)(masked, images, labels)
    assert torch.equal(descent, images)
    found = SquareAttack(eps=0.06, iterations=60, k=1)(masked, images, labels)
    assert (masked(found).argmax(dim=1) == labels).double().mean() < 0.6
    changed = (found - images).abs()
    assert (changed > 0.059).double().mean() > 0.8  # nearly everywhere at the border of the ball
    with pytest.raises(ValueError, match="unknown norm '2'; have inf"):
        SquareAttack("2")
    with pytest.raises(ValueError, match="share is 0; it is a share of the image"):
        SquareAttack(share=0)


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


@pytest.mark.parametrize("norm", BALLS)
def test_order_of_images_does_not_matter(norm):
    classifier, backwards = trained_classifier(), torch.arange(15, -1, -1)
    attack = ProjectedGradientDescent("2", 2.0, iterations=2, k=2)
    begun = replace(attack, norm=norm)._drawn(IMAGES, contents_of(IMAGES), 1)
    assert torch.equal(replace(attack, norm=norm)._drawn(IMAGES[8:], contents_of(IMAGES[8:]), 1), begun[8:])
    assert not torch.equal(begun[0], begun[1])
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
        ({"momentum": 2}, "momentum is 2; it is a share"),
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


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"images": IMAGES[0]}, ValueError, r"images have shape \(3, 64, 64\), labels .*; they are \(image, 3, y, x\)"),
        ({"labels": LABELS[:-1]}, ValueError, "they are .* of at least one image"),
        ({"images": (IMAGES * 255).to(torch.uint8)}, ValueError, "images are torch.uint8 and labels torch.int64; they"),
        ({"labels": LABELS.float()}, ValueError, "labels torch.float32; they are floats and whole numbers"),
        ({"contents": [b"one"]}, ValueError, "contents are .* keys, one an image, as contents_of gives them"),
        ({"contents": ["text"] * len(IMAGES)}, TypeError, "contents are keys of images as bytes"),
    ],
)
def test_what_an_attack_is_not_given(given, error, told):
    arguments = {"images": IMAGES, "labels": LABELS, **given}
    with pytest.raises(error, match=told):
        ProjectedGradientDescent(iterations=1, k=1)(trained_classifier(), **arguments)
