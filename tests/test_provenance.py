"""What made a score: nothing that changes one is left out of its record, or of the content that it is kept under."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_networks import PlainNetwork, tiny_vonenet
from torch import nn

from vonenet_brainscore import neural_benchmark, provenance, version
from vonenet_brainscore.benchmarks.loading import LoadedBenchmark, load_benchmarks
from vonenet_brainscore.benchmarks.v1_properties import V1PropertyBenchmark
from vonenet_brainscore.kept_scores import content_digest
from vonenet_brainscore.recordings.activations import ActivationsExtractor
from vonenet_brainscore.recordings.loading import load_subject
from vonenet_brainscore.recordings.subject import Subject

BANDWIDTH = "Marques2020_Schiller1976-sf_bandwidth"
TEXTURES = "Marques2020_FreemanZiemba2013-max_noise"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of a few modules, in place of this one where its code is digested."""
    for module in ("provenance.py", "scoring.py", "models/gabors.py", "models/deep/deeper.py"):
        (tmp_path / module).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / module).write_text(f"name = {module!r}\n")
    monkeypatch.setattr(version, "__file__", str(tmp_path / "version.py"))
    version.code_digest.cache_clear()
    yield tmp_path
    version.code_digest.cache_clear()


def code_digest():
    version.code_digest.cache_clear()
    return version.code_digest()


@pytest.mark.parametrize("module", ["provenance.py", "scoring.py", "models/gabors.py", "models/deep/deeper.py"])
def test_the_digest_of_the_code_is_of_every_module(package, module):
    before = code_digest()
    assert code_digest() == before
    (package / module).write_text("name = None\n")
    assert code_digest() != before


def test_the_digest_of_the_code_tells_modules_apart(package):
    before = code_digest()
    text = (package / "scoring.py").read_text()
    (package / "scoring.py").write_text("")
    (package / "models" / "gabors.py").write_text((package / "models" / "gabors.py").read_text() + text)
    moved = code_digest()
    (package / "models" / "gabors.py").rename(package / "models" / "other.py")
    assert len({before, moved, code_digest()}) == 3


def changed_weight(network):
    with torch.no_grad():
        network.model[0].weight[0, 0, 0, 0] += 1e-6


@pytest.mark.parametrize(
    "change",
    [
        changed_weight,
        lambda network: network.model[0].bias.data.neg_(),
        lambda network: network.vone_block.simple_conv_q0.weight.mul_(2),
        lambda network: setattr(network.vone_block, "k_exc", 10),
        lambda network: setattr(network.vone_block, "noise_level", 0.5),
        lambda network: setattr(network.model, "1", nn.Identity()),
        lambda network: network.model.double(),
    ],
)
def test_another_network_has_another_digest(change):
    network = tiny_vonenet()
    before = provenance.network_digest(network)
    assert before == provenance.network_digest(tiny_vonenet())
    change(network)
    assert provenance.network_digest(network) not in (before, None)


@pytest.mark.parametrize(
    "change",
    [
        lambda network: setattr(network, "forward", lambda x: x),
        lambda network: setattr(network.model[0], "forward", lambda x: x),
        lambda network: setattr(network.vone_block, "rates", lambda x, padding=None: x),
        lambda network: network.vone_block.register_forward_hook(lambda *_: None),
        lambda network: network.model[1].register_forward_pre_hook(lambda *_: None),
        lambda network: setattr(network.model, "1", PlainNetwork()),
    ],
)
def test_a_network_with_code_of_its_own_is_not_known(change):
    network = tiny_vonenet()
    change(network)
    assert provenance.network_digest(network) is None
    subject = load_subject(network, noise="none", progress=False)
    assert content(subject) is None


def subject(network=None, identifier="tiny", **settings):
    """A subject with every setting that a score depends on."""
    of_extractor = {"image_size": 64, "seed": 0, "trials": None, "noise": "model", "batch_size": 8}
    extractor_settings = {name: settings.pop(name, value) for name, value in of_extractor.items()}
    extractor = ActivationsExtractor(network or tiny_vonenet(), identifier, progress=False, **extractor_settings)
    settings = {"region_layer_map": {"V1": "vone_block"}, "visual_degrees": 8, "weights": "given", **settings}
    return Subject(identifier, extractor, **settings)


CHANGES = {
    "the model's name": {"identifier": "other"},
    "the layer": {"region_layer_map": {"V1": "model.0"}},
    "words for the weights": {"weights": "others"},
    "visual degrees": {"visual_degrees": 4},
    "image size": {"image_size": 32},
    "time steps": {"time_steps": {"V1": (100, 100, 2)}},
    "the noise's seed": {"seed": 1},
    "trials": {"trials": 3},
    "noise off": {"noise": "none"},
    "the size of batches": {"batch_size": 4},
}


def loaded(benchmark, identifier=None):
    """A benchmark as it is scored; V1 properties are known by their names."""
    return LoadedBenchmark(identifier or benchmark.identifier, benchmark, type(benchmark) is V1PropertyBenchmark)


def content(of=None, benchmark=None, identifier=BANDWIDTH, seed=0):
    benchmark = loaded(benchmark or V1PropertyBenchmark(BANDWIDTH), identifier)
    return provenance.content_of_score(of or subject(), benchmark, seed=seed)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_changes_a_subject_changes_the_content(change):
    one, other = content(), content(subject(**change))
    assert content_digest(one) == content_digest(content()) != content_digest(other)


def test_seed_benchmark_data_input_code_and_versions_are_content(monkeypatch):
    contents = [content(), content(seed=1), content(benchmark=V1PropertyBenchmark(BANDWIDTH, seed=1))]
    contents += [content(identifier=TEXTURES)]
    twice = V1PropertyBenchmark(BANDWIDTH)
    twice._number_of_trials *= 2
    contents += [content(benchmark=twice)]
    normalised = subject()
    normalised.extractor.normalisation = (0.4, 0.5)
    contents += [content(normalised)]
    with monkeypatch.context() as patch:
        patch.setattr(provenance, "code_digest", lambda: "other code")
        contents += [content()]
    for package in provenance._PACKAGES:
        with monkeypatch.context() as patch:
            patch.setattr(provenance, "version", lambda name, package=package: str(name == package))
            contents += [content()]
    assert len({content_digest(each) for each in contents}) == len(contents)
    assert content()["data"] == [] and len(content(identifier=TEXTURES)["data"]) >= 2


def test_the_released_checkpoint_is_content_of_a_named_model(tmp_path, monkeypatch):
    """A front end that meets colour loads it."""
    monkeypatch.setenv("VONENET_HOME", str(tmp_path))
    digests = []
    for weights in (None, b"one", b"another"):
        if weights is not None:
            (tmp_path / "voneresnet50_e70.pth.tar").write_bytes(weights)
        found = content(subject(identifier="voneresnet50"))
        assert (found["checkpoint"] is None) == (weights is None)
        digests.append(content_digest(found))
        assert content()["checkpoint"] is None  # of a network, there is none
    assert len(set(digests)) == 3


def test_what_is_not_known_has_no_content():
    class Changed(V1PropertyBenchmark):
        pass

    nameless = V1PropertyBenchmark(BANDWIDTH)
    nameless.region = None
    (unknown,) = load_benchmarks(Changed(BANDWIDTH)).values()
    assert provenance.content_of_score(subject(), unknown, seed=0) is None and content(benchmark=nameless) is None
    assert content(of=object()) is None


def test_the_record_of_a_score():
    benchmark = V1PropertyBenchmark(BANDWIDTH, seed=3)
    record = provenance.provenance(subject(trials=3, seed=2), loaded(benchmark), seed=1)
    expected = {"model_identifier": "tiny", "benchmark_identifier": BANDWIDTH, "region": "V1", "seed": 1}
    expected |= {"noise_seed": 2, "trials": 3, "batch_size": 8, "layer": "vone_block", "weights": "given"}
    assert {name: record[name] for name in expected} == expected
    assert record["threads"] == torch.get_num_threads() and record["device"] == "cpu"
    assert record["noise"] == "neuronal, scale 0.35, level 0.07" and set(provenance._PACKAGES) < set(record["versions"])
    assert provenance.provenance(subject(noise="none"), loaded(benchmark), seed=1)["noise"] == "none"
    failed = provenance.no_score(subject(), loaded(benchmark), KeyError("neuroid"), seed=1)
    assert np.isnan(float(failed)) and failed.attrs["problem"] == "KeyError: 'neuroid'" and failed.attrs["seed"] == 1


def test_a_record_says_where_a_score_was_made(monkeypatch):
    made, (benchmark,) = subject(), load_benchmarks(BANDWIDTH).values()
    monkeypatch.setattr(ActivationsExtractor, "device", torch.device("cuda:1"))
    assert provenance.provenance(made, benchmark, seed=0)["device"] == "cuda:1"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("no such layer"), "no such layer"),
        (FileNotFoundError("no data"), "no data"),
        (MemoryError(), "MemoryError"),
        (KeyError("a"), "KeyError: 'a'"),
        (RuntimeError(""), "RuntimeError"),
    ],
)
def test_errors_in_words(error, words):
    assert provenance.in_words(error) == words


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stimuli")
    random = np.random.default_rng(0)
    for index in range(40):
        Image.fromarray(random.integers(0, 256, (16, 16), np.uint8)).save(folder / f"{index:02d}.png")
    return folder


RANDOM = np.random.default_rng(1)
RESPONSES = RANDOM.poisson(RANDOM.gamma(2, 3, (40, 6, 1)), (40, 6, 4)).astype(float)
FEWER = RESPONSES.copy()
FEWER[3, 2, 1] = np.nan
OWN = {"identifier": "mine", "region": "V1", "visual_degrees": 8, "metric": "pls", "splits": 10}
OWN_CHANGES = {
    "degrees": {"visual_degrees": 4},
    "metric": {"metric": "ridge"},
    "splits": {"splits": 3},
    "the seed of the splits": {"split_seed": 2},
    "window": {"time_bin": (0, 100)},
    "neurons": {"responses": RESPONSES[:, :3]},
    "repetitions": {"responses": RESPONSES[:, :, :3]},
    "a missing response": {"responses": FEWER},
    "one response": {"responses": RESPONSES + np.eye(40)[:, :1, None]},
    "region": {"region": "V2"},
    "identifier": {"identifier": "yours"},
    "trials": {"number_of_trials": 7},
}


def own_record(stimuli, **changes):
    settings = {**OWN, "responses": RESPONSES, **changes}
    benchmark = neural_benchmark(settings.pop("identifier"), stimuli, settings.pop("responses"), **settings)
    regions = {"V1": "vone_block", "V2": "model.0"}
    return provenance.provenance(subject(region_layer_map=regions), loaded(benchmark), seed=0)


@pytest.mark.parametrize("change", OWN_CHANGES.values(), ids=OWN_CHANGES)
def test_a_record_tells_scores_on_own_recordings_apart(stimuli, change):
    assert own_record(stimuli) == own_record(stimuli) != own_record(stimuli, **change)


def test_a_record_tells_the_stimuli_of_own_recordings_apart(stimuli, tmp_path):
    for path in Path(stimuli).iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert own_record(tmp_path) == own_record(stimuli)
    pixels = np.array(Image.open(tmp_path / "07.png"))
    pixels[0, 0] ^= 1
    Image.fromarray(pixels).save(tmp_path / "07.png")
    assert own_record(tmp_path) != own_record(stimuli)


def test_what_a_record_says_of_own_recordings(stimuli):
    record = own_record(stimuli)
    expected = {"visual_degrees": 8, "metric": "pls", "splits": 10, "n_stimuli": 40, "n_neurons": 6}
    expected |= {"n_repetitions": 4, "n_responses": 40 * 6 * 4}
    assert {name: record[name] for name in expected} == expected
    assert len(record["responses_sha256"]) == 64 and record["stimuli"].startswith("own-stimuli-")
