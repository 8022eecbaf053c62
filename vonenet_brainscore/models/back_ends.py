"""Back ends of the VOneNets: ResNet-50, CORnet-S and AlexNet from their second stage on.

Each takes the bottleneck, (batch, 64, 56, 56) for images of 224 pixels, and gives logits (batch, classes). Modules are
named so that the released checkpoints load.
"""

from torch import Tensor, nn

BOTTLENECK_CHANNELS = 64


class ResNet50(nn.Module):
    """ResNet-50 without its first convolution and pooling (He et al. 2016, CVPR, Table 1).

    A block's stride is in its 3 x 3 convolution, as in later practice.
    """

    def __init__(self, classes: int = 1000):
        super().__init__()
        self.layer1 = _residual_stage(BOTTLENECK_CHANNELS, 64, blocks=3, stride=1)
        self.layer2 = _residual_stage(256, 128, blocks=4, stride=2)
        self.layer3 = _residual_stage(512, 256, blocks=6, stride=2)
        self.layer4 = _residual_stage(1024, 512, blocks=3, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(2048, classes)
        initialise_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


class ResidualBlock(nn.Module):
    """Bottleneck block of a ResNet: 1 x 1, 3 x 3 and 1 x 1 convolutions beside a shortcut."""

    EXPANSION = 4

    def __init__(self, in_channels: int, width: int, stride: int):
        super().__init__()
        out_channels = self.EXPANSION * width
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU()
        self.downsample = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)) + shortcut)


class CORnetS(nn.Module):
    """CORnet-S without its V1 (Kubilius, Schrimpf et al. 2019, NeurIPS 32, Figure 1).

    The areas are recurrent: ``V2.output``, ``V4.output`` and ``IT.output`` are called once a time step.
    """

    def __init__(self, classes: int = 1000):
        super().__init__()
        self.V2 = CORnetSArea(BOTTLENECK_CHANNELS, 128, times=2)
        self.V4 = CORnetSArea(128, 256, times=4)
        self.IT = CORnetSArea(256, 512, times=2)
        self.decoder = CORnetSDecoder(512, classes)
        initialise_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.IT(self.V4(self.V2(x))))


class CORnetSArea(nn.Module):
    """An area of CORnet-S: one bottleneck block that is applied to its own output.

    Convolutions are shared between time steps, normalisations are not. The first step halves the resolution.

    Parameters
    ----------
    in_channels, out_channels : int
    times : int
        Time steps.
    """

    EXPANSION = 4

    def __init__(self, in_channels: int, out_channels: int, *, times: int):
        super().__init__()
        self.times = times
        width = self.EXPANSION * out_channels
        self.conv_input = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.skip = nn.Conv2d(out_channels, out_channels, 1, stride=2, bias=False)
        self.norm_skip = nn.BatchNorm2d(out_channels)
        self.conv1 = nn.Conv2d(out_channels, width, 1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, stride=2, padding=1, bias=False)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.relu = nn.ReLU()
        self.output = nn.Identity()
        for time in range(times):
            self.add_module(f"norm1_{time}", nn.BatchNorm2d(width))
            self.add_module(f"norm2_{time}", nn.BatchNorm2d(width))
            self.add_module(f"norm3_{time}", nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_input(x)
        for time in range(self.times):
            norm1, norm2, norm3 = (self.get_submodule(f"norm{i}_{time}") for i in (1, 2, 3))
            first = time == 0
            shortcut = self.norm_skip(self.skip(x)) if first else x
            x = self.relu(norm1(self.conv1(x)))
            stride = self.conv2.stride if first else 1  # later steps keep the resolution with the same kernel
            x = nn.functional.conv2d(x, self.conv2.weight, stride=stride, padding=1)
            x = self.relu(norm2(x))
            x = self.output(self.relu(norm3(self.conv3(x)) + shortcut))
        return x


class CORnetSDecoder(nn.Module):
    """Linear read-out of CORnet-S from the average over space."""

    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(channels, classes)
        self.output = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.linear(self.flatten(self.avgpool(x))))


class AlexNet(nn.Module):
    """AlexNet without its first convolution and pooling (Krizhevsky 2014, arXiv:1404.5997).

    The first convolution here has stride 2 and the poolings padding 1, which the VOneNet's finer bottleneck asks for.
    """

    def __init__(self, classes: int = 1000):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(BOTTLENECK_CHANNELS, 192, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Dropout(),
            nn.Linear(256 * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


BACK_ENDS: dict[str, type[nn.Module]] = {"resnet50": ResNet50, "cornets": CORnetS, "alexnet": AlexNet}


def _residual_stage(in_channels: int, width: int, *, blocks: int, stride: int) -> nn.Sequential:
    first = ResidualBlock(in_channels, width, stride)
    out_channels = ResidualBlock.EXPANSION * width
    return nn.Sequential(first, *(ResidualBlock(out_channels, width, stride=1) for _ in range(blocks - 1)))


def initialise_convolutions(network: nn.Module) -> None:
    """Weights of variance 2 / fan-out (He et al. 2015, ICCV, section 2.2), as ReLU networks are trained from.

    On torch's meta device, where layers have no weights, nothing is drawn: torch would load its compiler for it, which
    takes two seconds.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and not module.weight.is_meta:
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
