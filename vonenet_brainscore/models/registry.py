"""The named models: published VOneNets and a front end with surrounds. A model is added as a row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ModelRow:
    """A published VOneNet, or a front end that represents V1 alone and has nothing to train.

    Attributes
    ----------
    model_arch
        What `get_model` calls it; empty for a front end alone, which is None there.
    back_end
        Key of its network in `back_ends.BACK_ENDS`; empty for a front end alone.
    checkpoint
        File name of its released weights; empty for a front end alone, which is rebuilt from its parameters.
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
    front_end
        Settings of its front end where they differ from those of the published models.
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
    front_end: Mapping[str, Any] = field(default_factory=dict)

    @property
    def published(self) -> dict[str, Any]:
        """Arguments of `get_model` that make its front end, where they differ from those of a new model.

        The colours of the released models are the checkpoint's alone: they were drawn from an unrecorded seed.
        """
        return {
            "visual_degrees": self.visual_degrees,
            "quadrature": "paper",
            "noise_mode": "neuronal" if self.noise else None,
            **self.front_end,
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
    "voneblock_li2022": ModelRow(
        model_arch="",
        back_end="",
        checkpoint="",
        region_layer_map={"V1": "vone_block"},
        readout_layer="vone_block",  # which nothing asks for: a front end alone does no task
        brainscore_identifier="voneblock_li2022",
        front_end={"surround": "li2022", "quadrature": "matched"},
    ),
}


def architecture_of(name: str) -> str:
    """What `get_model` calls the architecture of a named model; a name that is not in `MODELS`, as it is.

    Raises
    ------
    ValueError
        If the model is a front end alone.
    """
    row = MODELS.get(name)
    if row is None:
        return name
    if not row.model_arch:
        settings = ", ".join(f"{each}={value!r}" for each, value in row.front_end.items())
        raise ValueError(
            f"{name} is a front end without a back end, which classifies nothing; name an architecture, such as "
            f"resnet50, and give its front end the settings {settings}"
        )
    return row.model_arch
