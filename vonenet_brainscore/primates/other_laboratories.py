"""Agreement between studies of macaque V1, a reference in addition to the ceilings. No model is scored on it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..models.suppression_counts import COUNTED, SUPPRESSION
from .v1_property import V1Property


@dataclass(frozen=True)
class OtherLaboratory:
    """Another laboratory's measurement of a V1 property, in the bins of the property's row in the table.

    Attributes
    ----------
    property
        Name of the row.
    reference
        Authors, year, journal, volume and first page.
    population
        Which recordings, and how many.
    counts
        Number of recordings in each bin.
    counted
        Who counted.
    differs
        Differences from the study on which models are scored.
    """

    property: str
    reference: str
    population: str
    counts: tuple[int, ...]
    counted: str
    differs: str

    def similarity_to(self, row: V1Property) -> float:
        """Brain-Score's similarity of the other laboratory's distribution to the study's, without a bootstrap.

        Raises
        ------
        ValueError
            If the row is of another property, or its counts are not part of this package.
        """
        from brainscore_vision.metrics.distribution_similarity.metric import ks_similarity

        if row.name != self.property or len(row.counts) != len(self.counts):
            raise ValueError(f"{self.reference} measured {self.property} and cannot be compared on {row.name}")
        other, study = (np.array(counts) / sum(counts) for counts in (self.counts, row.counts))
        return float(ks_similarity(other, study))


ECKER_2010 = "Ecker et al. 2010, Science 327:584"
_SITES = (
    "monkeys awake, not anaesthetised; sites, not single cells; the index is 1 minus the response to the largest "
    "grating over the peak"
)

# Tables show the first study of a property; the footnote mentions the others.
OTHER_LABORATORIES = (
    OtherLaboratory(
        "circular_variance",
        ECKER_2010,
        "224 reliable units of 577",
        (0, 5, 16, 30, 16, 12, 20, 18, 29, 12, 23, 28, 15),
        COUNTED,
        "monkeys awake, not anaesthetised; reliable units alone",
    ),
    *(
        OtherLaboratory(
            "surround_suppression_index", row.study, f"{row.n} {row.population}", row.counts, row.counted, _SITES
        )
        for row in (SUPPRESSION["li2022"], SUPPRESSION["li2022_input"], SUPPRESSION["li2022_output"])
    ),
)


def other_laboratories(row: V1Property) -> list[OtherLaboratory]:
    """The other measurements of a property; the first is the reference shown in tables."""
    return [other for other in OTHER_LABORATORIES if other.property == row.name]


def footnotes(rows: Iterable[V1Property]) -> list[str]:
    """Descriptions of the reference measurements of these properties; none for a property without one."""
    notes = []
    for row in rows:
        others = other_laboratories(row)
        if others:
            each = "; ".join(f"{other.similarity_to(row):.3f} for {other.population}" for other in others)
            notes.append(
                f"{row.label}: {others[0].reference}, against {row.study.reference}: similarity {each}. "
                f"What differs: {others[0].differs}. No model is scored on it."
            )
    return notes
