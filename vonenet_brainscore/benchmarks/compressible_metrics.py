"""Which of Brain-Score's metrics give the same score for exactly compressed recordings, and why the others do not."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MetricRow:
    """One metric that Brain-Score registers.

    Attributes
    ----------
    compressible : bool
        Whether a neural benchmark with this metric, as registered, has the same score from row-space scores. Other
        settings may change this: `recognition.compressible` inspects the object itself.
    why : str
        How the metric depends on a model's recording.
    """

    compressible: bool
    why: str


_PLS = MetricRow(True, "PLS without scaling depends on features only through inner products of stimuli")
_RIDGE = MetricRow(True, "ridge with an intercept depends on features only through inner products of stimuli")
_CKA = MetricRow(True, "kernel alignment is computed from inner products of stimuli")
_RDM = MetricRow(True, "dissimilarities are correlations of stimuli")
_LEAST_SQUARES = MetricRow(False, "least squares with more features than stimuli is determined by rounding errors")
_SINGLE_FEATURES = MetricRow(False, "it selects or weights single features")
_REVERSE = MetricRow(False, "it predicts each feature from the neurons")
_SPANTIME = MetricRow(True, "one regression of all time bins depends only on inner products of their responses")
_NO_RECORDING = MetricRow(False, "it compares choices or numbers, not recordings")
_PRIMATE = MetricRow(False, "it compares primate measurements with each other, without a model")
_PROPERTIES = MetricRow(False, "it compares distributions of a property of single neuroids")

# Name in Brain-Score's registry -> row.
METRICS = {
    "pls": _PLS,
    "pls_cv": _PLS,
    "pls_split": _PLS,
    "ridge": _RIDGE,
    "ridge_cv": _RIDGE,
    "ridge_split": _RIDGE,
    "ridgecv_split": _RIDGE,
    "dual_ridge_split": _RIDGE,
    "dual_ridgecv_split": _RIDGE,
    "cka": _CKA,
    "cka_biased": _CKA,
    "cka_cv": _CKA,
    "rdm": _RDM,
    "rdm_cv": _RDM,
    "linear_predictivity": _LEAST_SQUARES,
    "linear_predictivity_cv": _LEAST_SQUARES,
    "linear_predictivity_split": _LEAST_SQUARES,
    "neuron_to_neuron": _SINGLE_FEATURES,
    "neuron_to_neuron_cv": _SINGLE_FEATURES,
    "neuron_to_neuron_split": _SINGLE_FEATURES,
    "mask_regression": _SINGLE_FEATURES,
    "reverse_pls": _REVERSE,
    "reverse_pls_cv": _REVERSE,
    "reverse_pls_split": _REVERSE,
    "spantime_pls": _SPANTIME,
    "spantime_ridge": _SPANTIME,
    "ost": MetricRow(False, "it fits a classifier to the features of every time bin"),
    "factor_dimensionality": MetricRow(False, "it takes the covariance of each feature over a factor"),
    "ks_similarity": _PROPERTIES,
    "property_ceiling": _PROPERTIES,
    "rsa_ceiling": _PRIMATE,
    "internal_consistency": _PRIMATE,
    "internal_consistency_temporal": _PRIMATE,
    "predictor_consistency": _PRIMATE,
    "accuracy": _NO_RECORDING,
    "accuracy_distance": _NO_RECORDING,
    "baker_accuracy_delta": _NO_RECORDING,
    "confusion_similarity": _NO_RECORDING,
    "error_consistency": _NO_RECORDING,
    "i1": _NO_RECORDING,
    "i2n": _NO_RECORDING,
    "kato_accuracy_distance": _NO_RECORDING,
    "kato_error_consistency": _NO_RECORDING,
    "tasks_consistency": _NO_RECORDING,
    "threshold": _NO_RECORDING,
    "threshold_elevation": _NO_RECORDING,
    "value_delta": _NO_RECORDING,
}
