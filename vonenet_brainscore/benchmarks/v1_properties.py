"""Brain-Score's twenty-two V1 property benchmarks on our own recordings.

Brain-Score's own benchmarks of these identifiers fetch gratings and data from its storage. Ours draw the gratings and
measure the same properties of the same neuroids. Primate data that were published as counts are part of the package;
the others come from Brain-Score's storage through its loaders. The metric is Brain-Score's, seeded.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from brainscore_core.metrics import Score
from brainscore_vision.benchmarks import BenchmarkBase, ceil_score

from ..brainscore import without_pip
from ..primates.binned_similarity import binned_similarity, property_assembly
from ..primates.other_laboratories import other_laboratories
from ..primates.property_table import V1_BENCHMARKS
from ..primates.v1_property import Experiment, V1Property
from ..recordings.subject import Subject
from ..stimuli.gratings import GRATING_SETS
from ..tuning.grating_experiments import TRIALS, GratingExperiments
from ..tuning.grating_responses import RESPONSE_THRESHOLD
from .storage import data_on_demand, fetch_data, require_data

if TYPE_CHECKING:
    from brainscore_core.supported_data_standards.brainio.assemblies import PropertyAssembly
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
    from brainscore_vision.model_interface import BrainModel

REGION = "V1"


class V1PropertyBenchmark(BenchmarkBase):
    """Similarity of a model's distribution of one V1 property to that of primates.

    Parameters
    ----------
    identifier : str
        A key of `V1_BENCHMARKS`.
    seed : int
        Of the bootstraps over model units and over neurons.
    """

    def __init__(self, identifier: str, *, seed: int = 0) -> None:
        self.row = V1_BENCHMARKS[identifier]
        self.region = REGION
        self.seed = seed
        self._number_of_trials = TRIALS  # where Brain-Score's benchmarks keep it
        super().__init__(
            identifier=identifier,
            ceiling_func=None,
            version=1,
            parent=REGION,
            bibtex=self.row.study.reference,
        )

    @cached_property
    def primate(self) -> "PropertyAssembly":
        """The neurons behind the benchmark: (neuroid, neuronal_property), with the bins in ``attrs``.

        Raises
        ------
        MissingDataError
            If they must come from Brain-Score's storage and are neither on this machine nor available.
        """
        if self.row.counts:
            return property_assembly(self.row.primate_values(), self.row.name, self.row.edges)
        import brainscore_vision

        require_data(self.identifier)
        with without_pip(), data_on_demand(self.identifier):
            return brainscore_vision.load_dataset(self.row.study.data_set)

    @cached_property
    def ceiling(self) -> Score:
        """The similarity of the primate data to samples of themselves.

        Brain-Score's own property would cache it on disk by the benchmark's name alone, regardless of the seed.
        """
        return self._similarity(self._primate_values)

    @property
    def _primate_values(self) -> np.ndarray:
        return self.primate.loc[:, self.row.name].values

    def _similarity(self, values: np.ndarray) -> Score:
        name = self.row.name
        edges = self.primate.attrs[f"{name}_bins"]
        return binned_similarity(values, self._primate_values, edges, name=name, seed=self.seed)

    def __call__(self, candidate: "BrainModel") -> Score:
        """The score of a candidate, from its responses to gratings.

        Returns
        -------
        Score
            As `compare`.
        """
        return self.compare(GratingExperiments(candidate, REGION))

    def measure(self, experiments: GratingExperiments) -> dict[str, Any]:
        """The measurements of the model alone, which need no primate data.

        Returns
        -------
        dict
            `n_probed`, the number of model units at the probed place; `n_units`, of the responsive ones among them;
            `n_undefined`, of these without a value; `model_values` (neuroid,) of the responsive units; `held_out`;
            `data_source`.

        Raises
        ------
        ValueError
            If no unit is at the probed place or none responds.
        MissingDataError
            If texture stimuli are needed and neither on this machine nor available.
        """
        row = self.row
        experiments.start()
        properties = measured(experiments, row.experiment)
        values = properties.loc[properties["responsive"], row.name].to_numpy(float)
        if not len(values):
            raise ValueError(
                f"{row.name}: none of {len(properties)} neuroids at the probed place is responsive "
                f"(more than {RESPONSE_THRESHOLD:g} spikes/s above the response to the blank)"
            )
        return {
            "n_probed": len(properties),
            "n_units": len(values),
            "n_undefined": int(np.isnan(values).sum()),
            "model_values": values,
            "held_out": row.held_out and not _sampled_from(row, experiments.subject),
            "data_source": row.data_source,
        }

    def compare(self, experiments: GratingExperiments) -> Score:
        """The score of the subject of some experiments, whose recordings several benchmarks can share.

        Returns
        -------
        Score
            Similarity divided by its ceiling. Attributes: `raw`; `ceiling`; `error`, the standard deviation of `raw`
            over samples as large as the study; `raw_low` and `raw_high`, which enclose 95 % of these samples;
            `score_low` and `score_high`, both divided by the ceiling; `n_neurons` measured in primates; their
            `primate_values` (neuron,); and the results of `measure`.

        Raises
        ------
        ValueError
            If no unit is at the probed place, none responds, or none has a value of the property.
        MissingDataError
            If the primate data, or texture stimuli, are neither on this machine nor available; raised before the work.
        """
        primate_values = self._primate_values
        model = self.measure(experiments)
        raw = self._similarity(model["model_values"])
        score = ceil_score(raw, self.ceiling)
        low, high = np.nanquantile(raw.attrs["raw"], (0.025, 0.975))
        score.attrs |= {
            "error": raw.attrs["error"],
            "error_of": "raw, its standard deviation over samples as large as the study",
            "raw_low": float(low),
            "raw_high": float(high),
            "score_low": float(low / self.ceiling),
            "score_high": float(high / self.ceiling),
            "n_neurons": len(primate_values),
            "primate_values": np.array(primate_values, float),
            **model,
        }
        others = other_laboratories(self.row)
        if others:
            score.attrs["another_laboratory"] = others[0].similarity_to(self.row)
        return score


def measured(experiments: GratingExperiments, experiment: Experiment) -> pd.DataFrame:
    """The tuning properties that an experiment measures, one row per probed neuroid, with `responsive`.

    Parameters
    ----------
    experiments : GratingExperiments
    experiment : Experiment
        Of a row of `V1_PROPERTIES`.

    Raises
    ------
    MissingDataError
        If Brain-Score's stimuli are needed and neither on this machine nor available.
    """
    if experiment.stimuli in GRATING_SETS:
        return experiments.properties(experiment.stimuli, experiment.analysis)
    stimuli = stored_stimuli(experiment.stimuli)
    return experiment.analysis(experiments.rates_to_images(stimuli), experiments.rates("blank")[:, 0], stimuli)


def stored_stimuli(identifier: str) -> "StimulusSet":
    """A stimulus set from Brain-Score's storage, such as the textures and noises of Freeman et al. 2013.

    Raises
    ------
    MissingDataError
        If it is neither on this machine nor available.
    """
    import brainscore_vision

    fetch_data(identifier)
    with without_pip(), data_on_demand(identifier):
        return brainscore_vision.load_stimulus_set(identifier)


def _sampled_from(row: V1Property, subject: Any) -> bool:
    """Whether a subject's surround strengths were sampled from the neurons with which it is compared."""
    block = subject.extractor.block if isinstance(subject, Subject) else None
    return row.name == "surround_suppression_index" and block is not None and block.surround == "cavanaugh2002"
