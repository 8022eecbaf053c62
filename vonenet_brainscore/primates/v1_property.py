"""What a row of the table of V1 properties says: how a property is measured, and what macaque V1 has of it."""

from dataclasses import dataclass

import numpy as np

from ..tuning.grating_responses import Analysis

NO_OR_YES = (0.0, 0.5, 1.0)  # edges of the bins of a property that is 0 or 1


@dataclass(frozen=True)
class Experiment:
    """Stimuli that are shown and the analysis of the responses to them.

    Attributes
    ----------
    stimuli
        A set of gratings (`stimuli.gratings.GRATING_SETS`), which are drawn, or a stimulus set of Brain-Score's.
    analysis
        Measures one or more properties of every neuroid.
    """

    stimuli: str
    analysis: Analysis


@dataclass(frozen=True)
class Study:
    """Where measurements of macaque V1 neurons were published.

    Attributes
    ----------
    reference
        Authors, year, journal, volume and first page.
    n_neurons
        That the study's distributions are of.
    data_set
        Brain-Score's name for them.
    counted
        Who counted the neurons in each bin; empty where no counts are part of this package.
    """

    reference: str
    n_neurons: int
    data_set: str
    counted: str = ""


@dataclass(frozen=True)
class V1Property:
    """One tuning property of V1 neurons: a row of `property_table.V1_PROPERTIES`.

    Attributes
    ----------
    name
        The column of the experiment's table, and Brain-Score's name for the property.
    benchmark
        Brain-Score's identifier of the benchmark that compares a model's distribution with the study's.
    label, unit
        For axes and tables.
    experiment
        How it is measured.
    study
        Whose neurons a model is compared with.
    edges
        Of the bins, shape (bin + 1,), those of Brain-Score.
    counts
        Neurons in each bin, where they are part of this package; where they add up to fewer than ``study.n_neurons``,
        the property is undefined for the rest. Empty where the neurons' values are in Brain-Score's storage.
    published_ceiling
        Brain-Score's.
    held_out
        False if VOneBlocks are sampled from these neurons' data.
    """

    name: str
    benchmark: str
    label: str
    experiment: Experiment
    study: Study
    edges: tuple[float, ...]
    published_ceiling: float
    counts: tuple[int, ...] = ()
    unit: str = ""
    held_out: bool = True

    @property
    def data_source(self) -> str:
        """The study, and where its data come from."""
        if not self.counts:
            return f"{self.study.reference}; Brain-Score's data set {self.study.data_set}"
        return f"{self.study.reference}; {self.study.counted}"

    def primate_values(self) -> np.ndarray:
        """The neurons behind the counts, as Brain-Score's data set of them is built.

        Returns
        -------
        array, shape (neuron,)
            First the neurons for which the property is undefined (NaN), then those of each bin, evenly spaced inside
            it, because counts give bins and not values; 0 and 1 for a yes or no.

        Raises
        ------
        ValueError
            If the counts are not part of this package.
        """
        if not self.counts:
            raise ValueError(f"{self.name} has no counts here; its neurons are in Brain-Score's {self.study.data_set}")
        undefined = np.full(self.study.n_neurons - sum(self.counts), np.nan)
        if self.edges == NO_OR_YES:
            return np.concatenate([undefined, np.repeat([0.0, 1.0], self.counts)])
        bins = zip(self.edges[:-1], self.edges[1:], self.counts, strict=True)
        inside = [low + (high - low) * (np.arange(n) + 0.5) / max(n, 1) for low, high, n in bins]
        return np.concatenate([undefined, *inside])
