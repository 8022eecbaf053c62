"""The rows of the table of V1 properties: how a property is measured, and its distribution in macaque V1."""

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
        A set of gratings to draw (`stimuli.gratings.GRATING_SETS`), or a stimulus set of Brain-Score's.
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
        Number of neurons in the study's distributions.
    data_set
        Brain-Score's name of the data.
    counted
        Who counted the neurons in each bin; empty if no counts are part of this package.
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
        The study with whose neurons a model is compared.
    edges
        Of Brain-Score's bins, shape (bin + 1,).
    counts
        Neurons in each bin. If they add up to fewer than ``study.n_neurons``, the property is undefined for the rest.
        Empty if the neurons' values are in Brain-Score's storage and not part of this package.
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
        """The study and the source of its data."""
        if not self.counts:
            return f"{self.study.reference}; Brain-Score's data set {self.study.data_set}"
        return f"{self.study.reference}; {self.study.counted}"

    def primate_values(self) -> np.ndarray:
        """The neurons behind the counts, as Brain-Score's data set of them is built.

        Returns
        -------
        array, shape (neuron,)
            First the neurons for which the property is undefined (NaN), then those of each bin, evenly spaced within
            the bin because counts do not give values; 0 and 1 for a property that is no or yes.

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
