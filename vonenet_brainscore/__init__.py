"""VOneNets, CNNs with a model of primate V1 at the front, as experimental subjects of Brain-Score.

from vonenet_brainscore import score_model
score_model('voneresnet50', 'Marques2020_Schiller1976-sf_bandwidth')
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__ as __version__

if TYPE_CHECKING:
    from .gabors.gabor_comparison import compare_gabors as compare_gabors
    from .layer_choice import choose_layers as choose_layers
    from .models.registry import MODELS as MODELS
    from .models.small_images import small_image_settings as small_image_settings
    from .models.vonenet import get_model as get_model
    from .own_recordings.neural_benchmark import neural_benchmark as neural_benchmark
    from .physiology import tuning_curves as tuning_curves
    from .physiology import v1_properties as v1_properties
    from .plots.properties import property_distributions as property_distributions
    from .recordings.record import record as record
    from .scoring import score_model as score_model
    from .submission.packaging import package_submission as package_submission
    from .sweep.score_models import score_models as score_models

# Public name -> module that defines it. Names load on first use, so that importing the package costs nothing.
_PUBLIC = {
    "MODELS": "models.registry",
    "choose_layers": "layer_choice",
    "compare_gabors": "gabors.gabor_comparison",
    "get_model": "models.vonenet",
    "property_distributions": "plots.properties",
    "neural_benchmark": "own_recordings.neural_benchmark",
    "package_submission": "submission.packaging",
    "record": "recordings.record",
    "score_model": "scoring",
    "score_models": "sweep.score_models",
    "small_image_settings": "models.small_images",
    "tuning_curves": "physiology",
    "v1_properties": "physiology",
}

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; have {', '.join(_PUBLIC)}")
    return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
