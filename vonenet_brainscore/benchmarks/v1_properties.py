"""Brain-Score's twenty-two V1 property benchmarks on our own recordings.

Brain-Score's own benchmarks of these identifiers fetch gratings and data from its storage. These draw the gratings and
measure the same properties of the same neuroids; the primate data come with the package where they are histograms in
print, else from Brain-Score's storage through its loaders. The metric is Brain-Score's, seeded.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from brainscore_core.metrics import Score
from brainscore_vision.benchmarks import BenchmarkBase, ceil_score

from ..brainscore import without_pip
from ..primates.binned_similarity import binned_similarity
from ..primates.primate_v1 import PrimateHistogram, primate_assembly
from ..primates.stored_primate_v1 import TEXTURE_STIMULI, V1_PROPERTY_ROWS
from ..tuning.grating_experiments import TRIALS, GratingExperiments
from ..tuning.grating_responses import RESPONSE_THRESHOLD
from ..tuning.texture_tuning import TEXTURE_TUNING, texture_tuning
from .storage import data_on_demand, fetch_data, require_data

if TYPE_CHECKING:
    from brainscore_core.supported_data_standards.brainio.assemblies import PropertyAssembly
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
    from brainscore_vision.model_interface import BrainModel

REGION = "V1"


class V1PropertyBenchmark(BenchmarkBase):
    """How like the primate's a model's distribution of one V1 property is.

    Parameters
    ----------
    identifier : str
        A key of `V1_PROPERTY_ROWS`.
    seed : int
        Of the bootstraps over model units and over neurons.
    """

    def __init__(self, identifier: str, *, seed: int = 0) -> None:
        self.row = V1_PROPERTY_ROWS[identifier]
        self.region = REGION
        self.seed = seed
        self.loaded_by_name = identifier  # its content is known
        self._number_of_trials = TRIALS  # where Brain-Score's benchmarks keep it
        super().__init__(
            identifier=identifier,
            ceiling_func=None,
            version=1,
            parent=REGION,
            bibtex=self.row.study,
        )

    @cached_property
    def primate(self) -> "PropertyAssembly":
        """The neurons behind the benchmark: (neuroid, neuronal_property), with the bins in ``attrs``.

        Raises
        ------
        MissingDataError
            If they are in Brain-Score's storage, and neither on this machine nor to be had.
        """
        if isinstance(self.row, PrimateHistogram):
            return primate_assembly(self.identifier)
        import brainscore_vision

        require_data(self.identifier)
        with without_pip(), data_on_demand(self.identifier):
            return brainscore_vision.load_dataset(self.row.data_set)

    @cached_property
    def ceiling(self) -> Score:
        """The similarity of the primate data to samples of themselves.

        Brain-Score's own property would keep it on disk by the benchmark's name alone, whatever the seed.
        """
        return self._similarity(self._primate_values)

    @property
    def _primate_values(self) -> np.ndarray:
        return self.primate.loc[:, self.row.property].values

    def _similarity(self, values: np.ndarray) -> Score:
        name = self.row.property
        edges = self.primate.attrs[f"{name}_bins"]
        return binned_similarity(values, self._primate_values, edges, name=name, seed=self.seed)

    def __call__(self, candidate: "BrainModel") -> Score:
        """Probe the candidate with gratings and compare.

        Returns
        -------
        Score
            As `compare`.
        """
        return self.compare(GratingExperiments(candidate, REGION))

    def measure(self, experiments: GratingExperiments) -> dict[str, Any]:
        """The model's side alone, which needs no primate data.

        Returns
        -------
        dict
            `n_probed` model units at the probed place, `n_units` of them responsive, `n_undefined` of these without a
            value, `model_values` (neuroid,) of the responsive ones, `held_out`, `data_source`.

        Raises
        ------
        ValueError
            If no unit is at the probed place or none responds.
        MissingDataError
            If texture stimuli are wanted, and neither on this machine nor to be had.
        """
        row = self.row
        experiments.start()
        properties = measured(experiments, row.property)
        values = properties.loc[properties["responsive"], row.property].to_numpy(float)
        if not len(values):
            raise ValueError(
                f"{row.property}: none of {len(properties)} neuroids at the probed place exceeds the "
                f"{RESPONSE_THRESHOLD:g} spikes/s above the blank from which on a neuron counts as responsive"
            )
        if isinstance(row, PrimateHistogram):
            source = "published histogram, part of this package"
        else:
            source = f"Brain-Score's data set {row.data_set}"
        return {
            "n_probed": len(properties),
            "n_units": len(values),
            "n_undefined": int(np.isnan(values).sum()),
            "model_values": values,
            "held_out": row.held_out,
            "data_source": f"{row.study}; {source}",
        }

    def compare(self, experiments: GratingExperiments) -> Score:
        """The score of a subject that is being probed already, so that several benchmarks share its recordings.

        Returns
        -------
        Score
            Similarity divided by its ceiling. Attributes `raw`, `ceiling`, `error` (standard deviation over the
            bootstrap), `n_neurons` measured in primates and their `primate_values` (neuron,), and those of `measure`.

        Raises
        ------
        ValueError
            If no unit is at the probed place, none responds, or none has a value of the property.
        MissingDataError
            If the primate data, or texture stimuli, are neither on this machine nor to be had; before the work starts.
        """
        primate_values = self._primate_values
        model = self.measure(experiments)
        raw = self._similarity(model["model_values"])
        score = ceil_score(raw, self.ceiling)
        score.attrs |= {
            "error": raw.attrs["error"],
            "n_neurons": len(primate_values),
            "primate_values": np.array(primate_values, float),
            **model,
        }
        return score


def measured(experiments: GratingExperiments, name: str) -> pd.DataFrame:
    """The tuning properties that go with one of the twenty-two, for every probed neuroid, with `responsive`.

    Parameters
    ----------
    experiments : GratingExperiments
    name : str
        A property of `V1_PROPERTY_ROWS`.

    Raises
    ------
    MissingDataError
        If texture stimuli are wanted, and neither on this machine nor to be had.
    """
    if name not in TEXTURE_TUNING:
        return experiments.properties(name)
    stimuli = texture_stimuli()
    return texture_tuning(experiments.rates_to_images(stimuli), experiments.rates("blank")[:, 0], stimuli)


def texture_stimuli() -> "StimulusSet":
    """The textures and noises of Freeman et al. 2013 at the probed place, from Brain-Score's storage.

    Raises
    ------
    MissingDataError
        If they are neither on this machine nor to be had.
    """
    import brainscore_vision

    fetch_data(TEXTURE_STIMULI)
    with without_pip(), data_on_demand(TEXTURE_STIMULI):
        return brainscore_vision.load_stimulus_set(TEXTURE_STIMULI)
