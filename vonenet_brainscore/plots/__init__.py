"""Figures. Each function draws into the given axes or returns a new figure; none is shown or saved.

from vonenet_brainscore import plots, score_model
plots.property_distributions(score_model('voneresnet50', 'V1-properties'))
"""

from typing import TYPE_CHECKING

from ..lazy_names import lazy_names

if TYPE_CHECKING:  # the same names, for type checkers and editors
    from .filters import filter_gallery as filter_gallery
    from .gabors import gabor_distributions as gabor_distributions
    from .gabors import nx_ny_joint as nx_ny_joint
    from .gabors import spatial_frequency_histograms as spatial_frequency_histograms
    from .maps import feature_maps as feature_maps
    from .measured import measured_properties as measured_properties
    from .partition import explained_variance as explained_variance
    from .properties import joint_distribution as joint_distribution
    from .properties import property_distributions as property_distributions
    from .robustness import accuracy_against_epsilon as accuracy_against_epsilon
    from .styles import model_styles as model_styles
    from .sweep import sweep_figure as sweep_figure
    from .tuning import tuning_curve as tuning_curve
    from .tuning import tuning_curves as tuning_curves

_PUBLIC = {
    "filter_gallery": "filters",
    "gabor_distributions": "gabors",
    "spatial_frequency_histograms": "gabors",
    "nx_ny_joint": "gabors",
    "feature_maps": "maps",
    "tuning_curve": "tuning",
    "tuning_curves": "tuning",
    "property_distributions": "properties",
    "measured_properties": "measured",
    "accuracy_against_epsilon": "robustness",
    "joint_distribution": "properties",
    "sweep_figure": "sweep",
    "model_styles": "styles",
    "explained_variance": "partition",
}
__all__ = list(_PUBLIC)
__getattr__, __dir__ = lazy_names(__name__, _PUBLIC)
