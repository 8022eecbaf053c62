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
    """The tasks that a network can do, started with `start_task` and done by `look_at`.

    Parameters
    ----------
    identifier : str
    extractor : ActivationsExtractor
        Labels are read from the network's logits.
    readout_layer : str
        What probabilities and odd-one-out are read from.
    """
    return BehaviorArbiter(
        {
            BrainModel.Task.label: LabelBehavior(identifier, extractor),
            BrainModel.Task.probabilities: ProbabilitiesMapping(identifier, extractor, readout_layer),
            BrainModel.Task.odd_one_out: OddOneOut(identifier, extractor, readout_layer),
        }
    )
