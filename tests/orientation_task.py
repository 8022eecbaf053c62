"""A task small networks can learn in a second: which of four orientations a noisy grating has."""

from functools import cache

import numpy as np
import torch
from PIL import Image
from tiny_networks import SMALL
from torch import nn
from torch.nn import functional as F

from vonenet_brainscore import get_model
from vonenet_brainscore.classification.classifier import Classifier

SIZE = 64
CLASSES = 4


def gratings(n, seed):
    """Images (n, 3, 64, 64) in [0, 1] and their labels: 2 cycles/degree, random phase, contrast and pixel noise."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % CLASSES
    angle = labels * torch.pi / CLASSES
    phase = torch.rand(n, generator=generator) * 2 * torch.pi
    contrast = 0.1 + 0.1 * torch.rand(n, generator=generator)
    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    along = x * angle.cos()[:, None, None] + y * angle.sin()[:, None, None]  # (n, y, x)
    wave = torch.sin(2 * torch.pi * along * 2 * 8 / SIZE + phase[:, None, None])
    images = 0.5 + contrast[:, None, None, None] * wave[:, None] / 2  # (n, 1, y, x)
    images = images.repeat(1, 3, 1, 1) + 0.02 * torch.randn(n, 3, SIZE, SIZE, generator=generator)
    return images.clamp(0, 1), labels


@cache
def trained_classifier(noise_mode="neuronal"):
    """A VOneNet of 64 channels whose last layer has learnt the task, with its noise or without."""
    torch.manual_seed(0)
    back_end = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(64 * 16, CLASSES))
    network = get_model(None, pretrained=False, back_end=back_end, noise_mode=noise_mode, **SMALL)
    classifier = Classifier(network, name="oriented")
    images, labels = gratings(160, seed=100)
    features = []
    with torch.no_grad(), torch.random.fork_rng():
        for draw in range(4):
            torch.manual_seed(draw)
            features.append(back_end[:2](network.bottleneck(network.vone_block(images * 2 - 1))))
    scale = features[0].std()
    head, data, targets = back_end[2], torch.cat(features) / scale, labels.repeat(4)
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(head(data), targets).backward()
        optimizer.step()
    head.weight.data /= scale
    return classifier.requires_grad_(False)


def save_folder(folder, images, labels, names="abcd"):
    """An ImageFolder of PNGs."""
    for index, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
        path = folder / names[label] / f"{index:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)).save(path)
    return folder
