"""The V1 property benchmarks whose primate data ship with the package, as Brain-Score `Benchmark`s.

Brain-Score's own benchmarks of these identifiers fetch data and gratings from its storage. These measure the same
properties on the same gratings, compare them with the same published histograms by the same metric, without network.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from brainscore_core.metrics import Score
from brainscore_vision.benchmarks import BenchmarkBase, ceil_score

from ..recordings.grating_experiments import TRIALS, GratingExperiments
from .primate_v1 import PRIMATE_V1, ceiling, distribution_similarity

if TYPE_CHECKING:
    from brainscore_vision.model_interface import BrainModel

REGION = "V1"


class V1PropertyBenchmark(BenchmarkBase):
    """How like the primate's a model's distribution of one V1 property is.

    Parameters
    ----------
    identifier : str
        A key of `PRIMATE_V1`.
    seed : int
        Of the bootstraps over model units and over neurons.
    """

    def __init__(self, identifier: str, *, seed: int = 0) -> None:
        self.primate = PRIMATE_V1[identifier]
        self.region = REGION
        self.seed = seed
        self._number_of_trials = TRIALS  # where Brain-Score's benchmarks keep it
        super().__init__(
            identifier=identifier,
            ceiling_func=None,
            version=1,
            parent=REGION,
            bibtex=self.primate.study,
        )

    @cached_property
    def ceiling(self) -> Score:
        """The similarity of the primate data to samples of themselves.

        Brain-Score's own property would keep it on disk by the benchmark's name alone, whatever the seed.
        """
        return ceiling(self.identifier, seed=self.seed)

    def __call__(self, candidate: "BrainModel") -> Score:
        """Probe the candidate with gratings and compare.

        Returns
        -------
        Score
            As `compare`.
        """
        return self.compare(GratingExperiments(candidate, REGION))

    def compare(self, experiments: GratingExperiments) -> Score:
        """The score of a subject that is being probed already, so that several benchmarks share its recordings.

        Returns
        -------
        Score
            Similarity divided by its ceiling. Attributes `raw`, `ceiling`, `error` (standard deviation over the
            bootstrap), `n_neurons` measured in primates, `n_probed` model units at the probed place, `n_units` of them
            responsive, `n_undefined` of these without a value, `model_values` (neuroid,), `held_out`, `data_source`.

        Raises
        ------
        ValueError
            If no unit is at the probed place, none responds, or none has a value of the property.
        """
        row = self.primate
        properties = experiments.properties(row.property)
        values = properties.loc[properties["responsive"], row.property].to_numpy()
        raw = distribution_similarity(values, self.identifier, seed=self.seed)
        score = ceil_score(raw, self.ceiling)
        score.attrs |= {
            "error": raw.attrs["error"],
            "n_neurons": row.n_neurons,
            "n_probed": len(properties),
            "n_units": len(values),
            "n_undefined": raw.attrs["n_undefined"],
            "held_out": row.held_out,
            "data_source": f"{row.study}; published histogram, part of this package",
            "model_values": values,
        }
        return score
