"""Small models to be submitted: a front end, and a checkpoint whose layers are called like a ResNet-50's."""

import torch
from tiny_networks import SMALL
from torch import nn

from vonenet_brainscore import get_model


def tiny_front_end(**changes):
    return get_model(None, pretrained=False, **{**SMALL, **changes})


class TinyResNet(nn.Module):
    """Layers with the names that voneresnet50's regions have."""

    def __init__(self, classes=1000):
        super().__init__()
        self.layer2 = nn.Sequential(nn.Conv2d(64, 8, 3, stride=4), nn.ReLU())
        self.layer3 = nn.Sequential(nn.Conv2d(8, 8, 3), nn.ReLU())
        self.layer4 = nn.Sequential(nn.ReLU())
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, classes)

    def forward(self, x):
        return self.fc(self.avgpool(self.layer4(self.layer3(self.layer2(x)))).flatten(1))


def tiny_checkpoint(path, back_end, **changes):
    """A checkpoint of a small VOneNet, with an optimizer's state as training scripts leave it."""
    torch.manual_seed(0)
    network = get_model(None, pretrained=False, back_end=back_end, **{**SMALL, "quadrature": "paper", **changes})
    flags = {"arch": "resnet50", **SMALL, **changes}
    torch.save({"flags": flags, "state_dict": network.state_dict(), "optimizer": {"lr": 0.1}, "epoch": 3}, path)
    return path
