"""Public functions and classes have examples, and these run as printed."""

import doctest
import importlib

import pytest
from torchvision_here import needs_timm

import vonenet_brainscore

# What needs data, weights or minutes: their docstrings refer to README or a notebook instead.
WITHOUT = {
    *("neural_benchmark", "tuning_curves", "noise_correlations", "compare_joint", "load_classifier", "validate"),
    *("evaluate", "attack_checklist", "certify", "certificate", "evaluate_corruptions", "train", "write_report"),
    *("package_submission", "register", "unregister"),
}
NAMED = {name: getattr(vonenet_brainscore, name) for name in vonenet_brainscore._PUBLIC}
CALLABLE = {name: each for name, each in NAMED.items() if callable(each)}


WITH_TIMM = {"base_network"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=needs_timm if name in WITH_TIMM else ()) for name in sorted(CALLABLE.keys() - WITHOUT)],
)
def test_examples_run(name):
    defined = importlib.import_module(f"vonenet_brainscore.{vonenet_brainscore._PUBLIC[name]}")
    examples = doctest.DocTestFinder(recurse=False).find(CALLABLE[name], name, module=defined)
    assert sum(len(each.examples) for each in examples) > 0
    for each in examples:
        result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(each)
        assert result.failed == 0


def test_exceptions_have_no_examples():
    for name in WITHOUT:
        assert ">>>" not in (CALLABLE[name].__doc__ or ""), f"{name} has an example now; have it run"
