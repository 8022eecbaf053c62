"""Brain-Score's behavioural tasks, performed on the responses of a network."""

from typing import Any

from brainscore_vision.model_helpers.brain_transformation.behavior import (
    BehaviorArbiter,
    LabelBehavior,
    OddOneOut,
    ProbabilitiesMapping,
)
from brainscore_vision.model_interface import BrainModel


def tasks(identifier: str, extractor: Any, readout_layer: str) -> BehaviorArbiter:
    """The tasks that a network can perform, set by `start_task` and performed by `look_at`.

    Parameters
    ----------
    identifier : str
    extractor : ActivationsExtractor
        Labels are read from the network's logits.
    readout_layer : str
        Layer from which probabilities and odd-one-out choices are read.
    """
    return BehaviorArbiter(
        {
            BrainModel.Task.label: LabelBehavior(identifier, extractor),
            BrainModel.Task.probabilities: ProbabilitiesMapping(identifier, extractor, readout_layer),
            BrainModel.Task.odd_one_out: OddOneOut(identifier, extractor, readout_layer),
        }
    )
