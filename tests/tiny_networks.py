"""Small networks for the tests: a VOneNet of 16 pixels a side, a plain one, a recurrent one."""

import torch
from torch import nn

from vonenet_brainscore import get_model

# 64 pixels over 8 degrees; the same field as the real models with an eighth of the filters.
SMALL = {"image_size": 64, "ksize": 9, "simple_channels": 32, "complex_channels": 32, "sf_max": 4}


def tiny_vonenet(**changes):
    """A VOneBlock of 64 channels over 16 x 16 places, and a back end of one convolution and 10 classes."""
    torch.manual_seed(0)
    back_end = nn.Sequential(
        nn.Conv2d(64, 8, 3, padding=1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 10)
    )
    return get_model(None, pretrained=False, back_end=back_end, **{**SMALL, **changes}).eval()


class PlainNetwork(nn.Module):
    """Convolution, rectification in place, classes; no VOneBlock."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.conv = nn.Conv2d(3, 6, 5, stride=4)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.LazyLinear(10)
        self.head(torch.zeros(1, 6 * 15 * 15))
        self.never = nn.Identity()

    def forward(self, x):
        return self.head(self.relu(self.conv(x)).flatten(1))


class RecurrentNetwork(nn.Module):
    """Calls `step` three times, then `last` once."""

    def __init__(self):
        super().__init__()
        self.step = nn.Identity()
        self.last = nn.Identity()
        self.after = nn.Identity()
        self.calls_of_after = 0

    def forward(self, x):
        for _ in range(3):
            x = self.step(x + 1)
        x = self.last(x)
        self.calls_of_after += 1
        return self.after(x)
