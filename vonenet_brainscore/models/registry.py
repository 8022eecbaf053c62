"""The VOneNets that were published: adding a model is adding a row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ModelRow:
    """A published VOneNet.

    Attributes
    ----------
    model_arch
        What `get_model` calls it.
    back_end
        Key of its network in `back_ends.BACK_ENDS`.
    checkpoint
        File name of its released weights.
    region_layer_map
        Visual area to layer: V1 as the paper means it, the others as Brain-Score's own VOneNets commit them.
    readout_layer
        Features that behaviour is read from.
    brainscore_identifier
        Name to register and submit under.
    noise
        Whether it answers with neuronal noise unless told otherwise.
    time_steps
        Visual area to (start in ms after stimulus onset, length in ms, number) of a recurrent network's time steps.
    visual_degrees
        Visual angle of its images.
    """

    model_arch: str
    back_end: str
    checkpoint: str
    region_layer_map: Mapping[str, str]
    readout_layer: str
    brainscore_identifier: str
    noise: bool = True
    time_steps: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    visual_degrees: float = 8

    @property
    def published(self) -> dict[str, Any]:
        """Arguments of `get_model` that make the published front end, where they differ from those of a new model.

        Its colours are the checkpoint's alone: they were drawn from an unrecorded seed.
        """
        return {
            "visual_degrees": self.visual_degrees,
            "quadrature": "paper",
            "noise_mode": "neuronal" if self.noise else None,
        }


_RESNET50_REGIONS = {"V1": "vone_block", "V2": "model.layer3.1", "V4": "model.layer2.1", "IT": "model.layer4.0"}

MODELS: dict[str, ModelRow] = {
    "voneresnet50": ModelRow(
        model_arch="resnet50",
        back_end="resnet50",
        checkpoint="voneresnet50_e70.pth.tar",
        region_layer_map=_RESNET50_REGIONS,
        readout_layer="model.avgpool",
        brainscore_identifier="voneresnet50",
    ),
    "vonecornets": ModelRow(
        model_arch="cornets",
        back_end="cornets",
        checkpoint="vonecornets_e70.pth.tar",
        region_layer_map={
            "V1": "vone_block",
            "V2": "model.V2.output",
            "V4": "model.V4.output",
            "IT": "model.IT.output",
        },
        readout_layer="model.decoder.avgpool",
        brainscore_identifier="vonecornets",
        time_steps={"V2": (70, 100, 2), "V4": (90, 50, 4), "IT": (100, 100, 2)},
    ),
    "vonealexnet": ModelRow(
        model_arch="alexnet",
        back_end="alexnet",
        checkpoint="vonealexnet_e70.pth.tar",
        region_layer_map={
            "V1": "vone_block",
            "V2": "model.features.2",
            "V4": "model.features.2",
            "IT": "model.avgpool",
        },
        readout_layer="model.classifier.5",
        brainscore_identifier="vonealexnet_vone_block",  # Brain-Score has a vonealexnet of its own
    ),
    "voneresnet50_at": ModelRow(
        model_arch="resnet50_at",
        back_end="resnet50",
        checkpoint="voneresnet50_at_e96.pth.tar",
        region_layer_map=_RESNET50_REGIONS,
        readout_layer="model.avgpool",
        brainscore_identifier="voneresnet50_at",
    ),
    "voneresnet50_ns": ModelRow(
        model_arch="resnet50_ns",
        back_end="resnet50",
        checkpoint="voneresnet50_ns_e70.pth.tar",
        region_layer_map=_RESNET50_REGIONS,
        readout_layer="model.avgpool",
        brainscore_identifier="voneresnet50_ns",
        noise=False,
    ),
}
