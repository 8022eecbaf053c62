"""V1 properties without a Brain-Score benchmark, one row each, with published values of macaque V1."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from ..models.suppression_counts import SUPPRESSION
from ..tuning.contextual_modulation import cross_orientation_suppression, surround_orientation
from ..tuning.contrast_response import contrast_response
from ..tuning.grating_experiments import GratingExperiments
from ..tuning.spatial_extent import receptive_field_size, summation_by_contrast
from ..tuning.variability import fano_factors, spike_scale
from .other_laboratories import ECKER_2010


@dataclass(frozen=True)
class Published:
    """A published summary of a property.

    Attributes
    ----------
    study
        Authors, year, journal, volume and first page.
    sample
        How many cells or sites, and who read the values.
    statistic
        The statistic that `values` give.
    values
        In the property's unit.
    """

    study: str
    sample: str
    statistic: str
    values: tuple[float, ...]

    def __str__(self) -> str:
        values = ", ".join(f"{value:.3g}" for value in self.values)
        return f"{self.statistic} {values} ({self.study}; {self.sample})"


@dataclass(frozen=True)
class ExtraProperty:
    """One property that a physiologist would measure in addition to those of Brain-Score's benchmarks.

    Attributes
    ----------
    name
        The column of the experiment's table.
    label, unit
        For axes and tables.
    experiment
        How it is measured: from the grating experiments on a model to one row per neuroid, with `responsive`.
    published
        Values of macaque V1; None if no published values are part of this package.
    log_axis
        Whether the bins of its histogram are octaves.
    requirement
        Called before any grating is shown; raises a ValueError if the recorded layer cannot have the property.
        None if every layer can.
    """

    name: str
    label: str
    experiment: Callable[[GratingExperiments], pd.DataFrame]
    unit: str = ""
    published: Published | None = None
    log_axis: bool = False
    requirement: Callable[[GratingExperiments], object] | None = None

    @property
    def benchmark(self) -> str:
        """Empty, because Brain-Score has no benchmark of the property."""
        return ""

    @property
    def data_source(self) -> str:
        """The published values in words; empty if none are part of this package."""
        return "" if self.published is None else str(self.published)


_CAVANAUGH_B = "Cavanaugh, Bair & Movshon 2002, J Neurophysiol 88:2547"
_ONE_CELL = "one cell's rates at six contrasts, digitised by others; the fit is this package's"
_SURROUNDS = "34 cells, digitised by others; opposite drift directions averaged"
_LI = Published(
    SUPPRESSION["li2022"].study,
    "331 sites, counted from the study's public data; sites, not single cells",
    "10, 25, 50, 75 and 90 %",
    (0.243, 0.300, 0.387, 0.541, 0.742),
)
_ECKER = Published(
    ECKER_2010,
    "224 units of awake macaques, counted from the study's public data",
    "quartiles",
    (0.764, 0.937, 1.167),
)

EXTRA_PROPERTIES = {
    row.name: row
    for row in (
        ExtraProperty(
            "c50",
            "Semi-saturation contrast",
            contrast_response,
            # The fit of `naka_rushton` to the cell's rates; a test repeats it.
            published=Published(_CAVANAUGH_B, _ONE_CELL, "one cell", (0.097,)),
            log_axis=True,
        ),
        ExtraProperty(
            "contrast_exponent",
            "Contrast exponent",
            contrast_response,
            published=Published(_CAVANAUGH_B, _ONE_CELL, "one cell", (3.41,)),
        ),
        ExtraProperty("contrast_fit", "Variance explained by the Naka-Rushton fit", contrast_response),
        ExtraProperty("cross_orientation_suppression", "Cross-orientation suppression", cross_orientation_suppression),
        ExtraProperty(
            "same_surround_response",
            "Rate with a surround of the same orientation, of its maximum",
            surround_orientation,
            # (0.553 + 0.711) / 2: surrounds drifting in the centre's preferred direction and against it.
            published=Published(_CAVANAUGH_B, _SURROUNDS, "mean", (0.632,)),
        ),
        ExtraProperty(
            "orthogonal_surround_response",
            "Rate with an orthogonal surround, of its maximum",
            surround_orientation,
            published=Published(_CAVANAUGH_B, _SURROUNDS, "mean", (0.874,)),  # (0.885 + 0.863) / 2
        ),
        ExtraProperty(
            "surround_orientation_selectivity",
            "Orthogonal less same surround, of the centre's rate",
            surround_orientation,
        ),
        ExtraProperty(
            "summation_diameter",
            "Summation field at full contrast",
            summation_by_contrast,
            "degrees",
            published=_LI,
            log_axis=True,
        ),
        ExtraProperty(
            "summation_diameter_low_contrast",
            "Summation field at a contrast of 0.25",
            summation_by_contrast,
            "degrees",
            log_axis=True,
        ),
        ExtraProperty(
            "summation_contrast_ratio", "Summation field, low over full contrast", summation_by_contrast, log_axis=True
        ),
        ExtraProperty(
            "receptive_field_diameter", "Receptive-field diameter", receptive_field_size, "degrees", log_axis=True
        ),
        ExtraProperty(
            "receptive_field_gabor_ratio", "Receptive-field over Gabor diameter", receptive_field_size, log_axis=True
        ),
        ExtraProperty(
            "fano_factor", "Fano factor", fano_factors, published=_ECKER, log_axis=True, requirement=spike_scale
        ),
    )
}
