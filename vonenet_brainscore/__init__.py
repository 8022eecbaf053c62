"""VOneNets, CNNs with a model of primate V1 at the front, as experimental subjects of Brain-Score.

from vonenet_brainscore import score_model
score_model('voneresnet50', 'Marques2020_Schiller1976-sf_bandwidth')
"""

from typing import TYPE_CHECKING

from .lazy_names import lazy_names
from .version import __version__ as __version__

if TYPE_CHECKING:  # the same names, for type checkers and editors
    from . import plots as plots
    from .benchmarks.joint_comparison import compare_joint as compare_joint
    from .benchmarks.simulated_v1 import simulated_benchmark as simulated_benchmark
    from .classification.classifier import Classifier as Classifier
    from .classification.classifier import contents_of as contents_of
    from .classification.loading import load_classifier as load_classifier
    from .classification.validation import validate as validate
    from .comparison import compare_models as compare_models
    from .comparison import score_difference as score_difference
    from .correlations import noise_correlations as noise_correlations
    from .gabors.gabor_comparison import compare_gabors as compare_gabors
    from .gabors.gabor_filters import gabor_table as gabor_table
    from .gabors.sampling_grid import sampling_table as sampling_table
    from .layer_choice import choose_layers as choose_layers
    from .models.base_network import base_network as base_network
    from .models.matched_gain import gain_of_the_same_median as gain_of_the_same_median
    from .models.registry import MODELS as MODELS
    from .models.small_images import small_image_settings as small_image_settings
    from .models.suppression_counts import SUPPRESSION as SUPPRESSION
    from .models.vonenet import get_model as get_model
    from .own_recordings.neural_benchmark import neural_benchmark as neural_benchmark
    from .own_recordings.response_files import read_responses as read_responses
    from .physiology import tuning_curves as tuning_curves
    from .physiology import v1_properties as v1_properties
    from .primates.joint_distributions import JOINT_DISTRIBUTIONS as JOINT_DISTRIBUTIONS
    from .recordings.record import record as record
    from .registration import register as register
    from .registration import unregister as unregister
    from .report.page import write_report as write_report
    from .results import results_table as results_table
    from .results import save_results as save_results
    from .robustness.attacks import ATTACKS as ATTACKS
    from .robustness.attacks import AutoPGD as AutoPGD
    from .robustness.attacks import ProjectedGradientDescent as ProjectedGradientDescent
    from .robustness.attacks import SquareAttack as SquareAttack
    from .robustness.certify import certificate as certificate
    from .robustness.certify import certify as certify
    from .robustness.checklist import attack_checklist as attack_checklist
    from .robustness.corrupted_evaluation import evaluate_corruptions as evaluate_corruptions
    from .robustness.corruptions import CORRUPTIONS as CORRUPTIONS
    from .robustness.corruptions import corrupt as corrupt
    from .robustness.evaluate import evaluate as evaluate
    from .robustness.protocols import PROTOCOLS as PROTOCOLS
    from .scoring import score_model as score_model
    from .submission.packaging import package_submission as package_submission
    from .sweep.score_models import score_models as score_models
    from .training.fit import fit as fit
    from .training.recipe import Recipe as Recipe
    from .training.train import train as train
    from .variance_partition import partition_variance as partition_variance

# Public name -> module that defines it. Names load on first use, so that importing the package costs nothing.
_PUBLIC = {
    # Models
    "MODELS": "models.registry",
    "get_model": "models.vonenet",
    "base_network": "models.base_network",
    "small_image_settings": "models.small_images",
    "SUPPRESSION": "models.suppression_counts",
    "gain_of_the_same_median": "models.matched_gain",
    # Recording from a model and scoring it
    "score_model": "scoring",
    "score_models": "sweep.score_models",
    "compare_models": "comparison",
    "score_difference": "comparison",
    "partition_variance": "variance_partition",
    "results_table": "results",
    "save_results": "results",
    "choose_layers": "layer_choice",
    "simulated_benchmark": "benchmarks.simulated_v1",
    "neural_benchmark": "own_recordings.neural_benchmark",
    "read_responses": "own_recordings.response_files",
    "record": "recordings.record",
    # V1 physiology
    "v1_properties": "physiology",
    "tuning_curves": "physiology",
    "noise_correlations": "correlations",
    "compare_joint": "benchmarks.joint_comparison",
    "JOINT_DISTRIBUTIONS": "primates.joint_distributions",
    "compare_gabors": "gabors.gabor_comparison",
    "gabor_table": "gabors.gabor_filters",
    "sampling_table": "gabors.sampling_grid",
    # Classification, attacks and corruptions
    "Classifier": "classification.classifier",
    "load_classifier": "classification.loading",
    "contents_of": "classification.classifier",
    "validate": "classification.validation",
    "evaluate": "robustness.evaluate",
    "ATTACKS": "robustness.attacks",
    "ProjectedGradientDescent": "robustness.attacks",
    "AutoPGD": "robustness.attacks",
    "SquareAttack": "robustness.attacks",
    "PROTOCOLS": "robustness.protocols",
    "attack_checklist": "robustness.checklist",
    "certify": "robustness.certify",
    "certificate": "robustness.certify",
    "evaluate_corruptions": "robustness.corrupted_evaluation",
    "CORRUPTIONS": "robustness.corruptions",
    "corrupt": "robustness.corruptions",
    # Training
    "train": "training.train",
    "fit": "training.fit",
    "Recipe": "training.recipe",
    # What leaves the machine
    "write_report": "report.page",
    "package_submission": "submission.packaging",
    "register": "registration",
    "unregister": "registration",
    "plots": "plots",
}
__all__ = list(_PUBLIC)
__getattr__, __dir__ = lazy_names(__name__, _PUBLIC)
