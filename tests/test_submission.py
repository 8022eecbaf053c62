"""Packaging a model: what is refused before any work, and what the plugin folder holds."""

import hashlib
import json
import zipfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from submission_models import TinyResNet, tiny_checkpoint, tiny_front_end
from torchvision_here import needs_timm

from vonenet_brainscore.brainscore import registrations
from vonenet_brainscore.models import checkpoints, downloads
from vonenet_brainscore.models.back_ends import BACK_ENDS
from vonenet_brainscore.recordings.loading import load_subject
from vonenet_brainscore.submission import check as check_module
from vonenet_brainscore.submission import local_model as local_model_module
from vonenet_brainscore.submission import packaging
from vonenet_brainscore.submission.carried import PACKAGE, carried_modules
from vonenet_brainscore.submission.packaging import package_submission
from vonenet_brainscore.submission.plugin import submitted_subject


@pytest.fixture(autouse=True)
def small_world(monkeypatch, tmp_path):
    """A folder to work in, no weights on the machine, and a ResNet-50 that is small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VONENET_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(checkpoints, "RELEASE", (tmp_path / "release").as_uri())
    monkeypatch.setitem(BACK_ENDS, "resnet50", TinyResNet)


@pytest.fixture
def images(tmp_path):
    random = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for path in paths:
        Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    return paths


def packaged(model, **options):
    return package_submission(model, "plugin", template=True, check=False, **options)


def responses(subject, region, images):
    subject.start_recording(region)
    return subject.look_at(images, number_of_trials=2).values


def test_a_front_end_without_weights(images):
    network = tiny_front_end()
    made = packaged(network, identifier="my_front_end")
    assert made.weights is None and made.region_layer_map == {"V1": "vone_block"} and made.check is None
    assert made.notes == ("V1 alone: the leaderboard's V2, V4, IT and behavioural benchmarks stay without a score",)
    subject = submitted_subject(made.path)
    local = load_subject(network, progress=False)
    np.testing.assert_array_equal(responses(subject, "V1", images), responses(local, "V1", images))
    assert subject.extractor.is_noisy and subject.identifier == "my_front_end" and subject.visual_degrees() == 8
    with pytest.raises(ValueError, match="my_front_end is a V1 front end without a back end"):
        subject.start_recording("IT")
    with pytest.raises(ValueError, match="it can do no tasks"):
        subject.start_task(subject.Task.label, "imagenet")


def test_a_front_end_with_surrounds(images):
    network = tiny_front_end(surround="li2022", surround_octaves=2)
    made = packaged(network, identifier="my_front_end")
    subject = submitted_subject(made.path)
    assert subject.extractor.block.settings == network.vone_block.settings
    local = load_subject(network, progress=False)
    np.testing.assert_array_equal(responses(subject, "V1", images), responses(local, "V1", images))
    front_end = made.path / "front_end.json"
    recorded = json.loads(front_end.read_text())
    front_end.write_text(json.dumps(recorded | {"settings": recorded["settings"] | {"surround": "li2022_input"}}))
    assert not np.array_equal(responses(submitted_subject(made.path), "V1", images), responses(local, "V1", images))


def test_a_named_front_end_alone_is_packaged_under_its_own_name():
    made = packaged("voneblock_li2022")
    assert made.identifier == "voneblock_li2022" and made.region_layer_map == {"V1": "vone_block"}
    assert len(made.notes) == 1 and made.notes[0].startswith("V1 alone")
    assert submitted_subject(made.path).extractor.block.surround == "li2022"


@pytest.mark.parametrize("model", ["voneresnet50", "voneresnet50_ns"])
def test_named_front_ends_are_those_published(model):
    made = packaged(model, front_end=True)
    assert made.identifier == f"{model}_front_end"
    block = submitted_subject(made.path).extractor.block
    published = load_subject(model, progress=False).extractor.block
    for name, value in published.state_dict().items():
        assert torch.equal(block.state_dict()[name], value)
    assert (block.noise_mode is None) == (model == "voneresnet50_ns")


def test_weights_by_address(monkeypatch, tmp_path, images):
    file = tiny_checkpoint(tmp_path / "trained.pth", TinyResNet())
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    made = packaged("voneresnet50", identifier="mine", weights_url=file.as_uri(), weights_sha256=sha256.upper())
    assert made.weights == {"sha256": sha256, "address": file.as_uri()}
    assert made.notes == (f"{file.as_uri()} can be fetched only on this machine; put the file on a server before "
                          "the upload",)  # fmt: skip
    assert not (made.path / "weights.pth").exists()
    subject = submitted_subject(made.path)
    local = load_subject(local_network(file), progress=False)
    for region in ("V1", "V2", "V4", "IT"):
        np.testing.assert_array_equal(responses(subject, region, images), responses(local, region, images))
    subject.start_task(subject.Task.label, "imagenet")
    assert subject.look_at(images).size == 2
    tiny_checkpoint(file, TinyResNet(), noise_level=0.5)
    monkeypatch.setenv("VONENET_HOME", str(tmp_path / "another-machine"))
    with pytest.raises(ValueError, match="is not the file expected, and was not kept"):
        submitted_subject(made.path)


@needs_timm
def test_a_back_end_by_name_is_pinned_and_made_again(tmp_path, images):
    from vonenet_brainscore import get_model

    name = "timm:mobilenetv3_small_050"
    network = get_model(back_end=name, n_classes=3, simple_channels=4, complex_channels=4, image_size=64).eval()
    flags = {**network.settings, **network.vone_block.settings}
    torch.save({"flags": flags, "state_dict": network.state_dict()}, tmp_path / "trained.pth")
    made = packaged(name, identifier="mine", weights=tmp_path / "trained.pth")
    assert made.region_layer_map == {"V1": "vone_block", **network.regions_by_depth}
    pins = dict(line.split("==") for line in (made.path / "requirements.txt").read_text().split())
    assert pins["timm"] == version("timm")
    subject, local = submitted_subject(made.path), load_subject(network, progress=False)
    for region in made.region_layer_map:
        np.testing.assert_array_equal(responses(subject, region, images), responses(local, region, images))
    with pytest.raises(ValueError, match="no VOneNet with timm:resnet18 was released; give your own weights"):
        packaged("timm:resnet18", identifier="mine")


def local_network(file, arch="resnet50", **noise):
    from vonenet_brainscore import get_model

    return get_model(arch, weights=file, **noise)


def test_weights_in_the_zip(tmp_path, images):
    file = tiny_checkpoint(tmp_path / "trained.pth", TinyResNet(), gabor_seed=3)
    made = packaged("voneresnet50", identifier="mine", weights=file)
    kept = made.path / "weights.pth"
    assert made.weights == {"sha256": hashlib.sha256(kept.read_bytes()).hexdigest(), "file": "weights.pth"}
    assert "optimizer" not in torch.load(kept, weights_only=True)
    file.unlink()  # the plugin needs it no more
    subject = submitted_subject(made.path)
    assert subject.extractor.block.gabor_parameters is not None  # found by the checkpoint's own seed
    assert np.isfinite(responses(subject, "IT", images)).all()
    with kept.open("ab") as damaged:
        damaged.write(b"0")
    with pytest.raises(ValueError, match="is not the file that was packaged"):
        submitted_subject(made.path)


def test_the_zip_is_compared_with_the_network_of_ones_own_file(monkeypatch, tmp_path):
    """Not with what the zip holds, where a fault of packaging would stand on both sides."""
    file = tiny_checkpoint(tmp_path / "trained.pth", TinyResNet())
    compared = []
    monkeypatch.setattr(packaging, "check_zip", lambda archive, network, regions: compared.append(network))
    package_submission("voneresnet50", "mine.zip", identifier="mine", weights=file)
    assert compared[0].weights_source.path == file
    with zipfile.ZipFile("mine.zip") as opened:
        opened.extractall(tmp_path / "unpacked")
    subject = submitted_subject(tmp_path / "unpacked" / "mine" / "models" / "mine")
    for name, value in compared[0].state_dict().items():
        assert torch.equal(subject.extractor.network.state_dict()[name], value)


def test_a_front_end_with_weights_keeps_filters_that_no_parameters_make(tmp_path, images):
    file = tiny_checkpoint(tmp_path / "trained.pth", TinyResNet())
    content = torch.load(file, weights_only=True)
    content["state_dict"]["vone_block.simple_conv_q0.weight"][0] *= 2
    torch.save(content, file)
    made = packaged("voneresnet50", identifier="mine", front_end=True, weights=file)
    assert json.loads((made.path / "front_end.json").read_text())["gabor_parameters"] is None
    local = load_subject(local_network(file, None), progress=False)
    np.testing.assert_array_equal(responses(submitted_subject(made.path), "V1", images), responses(local, "V1", images))


def test_released_weights_are_recorded_with_their_own_address(tmp_path):
    (tmp_path / "home").mkdir()
    tiny_checkpoint(tmp_path / "home" / "voneresnet50_ns_e70.pth.tar", TinyResNet())
    made = packaged("voneresnet50_ns")
    assert made.identifier == "voneresnet50_ns"
    record = json.loads((made.path / "submission.json").read_text())
    assert record["weights"]["address"] == f"{local_model_module.RELEASE}/voneresnet50_ns_e70.pth.tar"
    assert record["model_arch"] == "resnet50_ns" and record["readout_layer"] == "model.avgpool"
    assert json.loads((made.path / "front_end.json").read_text())["settings"]["noise_mode"] is None


def test_other_filters_than_recorded_are_refused(tmp_path):
    file = tiny_checkpoint(tmp_path / "trained.pth", TinyResNet())
    made = packaged("voneresnet50", identifier="mine", weights=file)
    front_end = made.path / "front_end.json"
    recorded = json.loads(front_end.read_text())
    changed = json.loads(front_end.read_text())
    changed["gabor_parameters"]["theta_deg"][5] += 10
    front_end.write_text(json.dumps(changed))
    with pytest.raises(ValueError, match="1 of 64 filters of simple_conv_q0 are not made of the recorded parameters"):
        submitted_subject(made.path)
    front_end.write_text(json.dumps(recorded | {"colours": [recorded["colours"][1], recorded["colours"][0]]}))
    with pytest.raises(ValueError, match="other colours than the recorded ones"):
        submitted_subject(made.path)
    front_end.write_text(json.dumps(recorded | {"settings": recorded["settings"] | {"stride": 2}}))
    with pytest.raises(ValueError, match="stride=4 but was recorded with 2"):
        submitted_subject(made.path)


def test_layers_of_ones_own(tmp_path):
    file = tiny_checkpoint(tmp_path / "trained.pth", TinyResNet())
    layers = {"IT": "model.layer4"}
    made = packaged("voneresnet50", identifier="mine", weights=file, region_layer_map=layers)
    assert submitted_subject(made.path).region_layer_map["IT"] == "model.layer4"


def test_the_plugin_folder():
    made = packaged(tiny_front_end(), identifier="my_front_end")
    top = {"__init__.py", "model.py", "test.py", "requirements.txt", "submission.json", "front_end.json"}
    assert {path.name for path in made.path.iterdir()} == {*top, "vonenet_brainscore"}
    carried = [path for path in (made.path / "vonenet_brainscore").rglob("*") if path.is_file()]
    assert len(carried) == len(carried_modules("submission.plugin"))
    for path in carried:  # byte for byte: there is one source
        assert path.read_bytes() == (PACKAGE / path.relative_to(made.path / "vonenet_brainscore")).read_bytes()
    assert registrations("model", made.path.parent) == {"my_front_end": ["plugin"]}
    pins = dict(line.split("==") for line in (made.path / "requirements.txt").read_text().split())
    assert {"torch", "numpy", "pillow", "scipy"} <= set(pins)
    assert not {"brainscore_vision", "brainscore_core", "vonenet_brainscore"} & set(pins)
    assert pins["torch"] == torch.__version__.partition("+")[0]


def test_equal_models_give_equal_zips(tmp_path):
    for name in ("one.zip", "two.zip"):
        package_submission(tiny_front_end(), tmp_path / name, identifier="my_front_end", check=False)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_carried_modules_are_closed_under_imports_and_no_more():
    carried = {path.as_posix() for path in carried_modules("submission.plugin")}
    assert {"__init__.py", "models/__init__.py", "models/vonenet.py", "stimuli/images.py"} <= carried
    assert not [path for path in carried if path.startswith(("benchmarks/", "cli/", "plots/")) or "gratings" in path]
    assert "submission/rules.py" not in carried and "scoring.py" not in carried


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"identifier": "voneresnet-50"}, "without hyphens or spaces; for example 'voneresnet_50'"),
        ({"identifier": "my model"}, "without hyphens or spaces; for example 'my_model'"),
        ({"identifier": "vöne"}, "ASCII letters, digits and underscores"),
        ({"identifier": "2nd"}, "a letter first"),
        ({"identifier": ""}, "the identifier '' must be"),
        ({"identifier": "model_registry['x']"}, "ASCII letters"),
        ({"identifier": "alexnet"}, "'alexnet' exists in Brain-Score already; choose another"),
        ({"identifier": "vonealexnet"}, "exists in Brain-Score already"),
        ({"weights": "x.pth", "identifier": None}, "needs its own identifier"),
        ({"weights_url": "ftp://x/y"}, "give an https:// or http:// address"),
        ({"weights_sha256": "0" * 64}, "belongs to your own weights"),
        ({"weights": "x.pth", "weights_sha256": "0" * 63}, "sha256 is '0{63}'; give 64 hexadecimal digits"),
        ({"region_layer_map": {"IT": "model.layer5"}}, r"no layer 'model\.layer5' in VOneNet; nearest: model\.layer"),
        ({"region_layer_map": {"IT": "model.layer4"}, "front_end": True}, "no layer 'model.layer4'"),
        ({"region_layer_map": {"it": "model.layer4"}}, "Brain-Score's region is 'IT'"),
        ({"model": "voneresnet"}, "unknown model 'voneresnet'; did you mean voneresnet50"),
        ({"output": "mine.tar"}, "give a name that ends with .zip"),
    ],
)
def test_bad_input_is_refused_before_any_work(monkeypatch, tmp_path, options, message):
    refused(monkeypatch, tmp_path, ValueError, message, {"identifier": "mine", **options})


def test_an_output_is_never_overwritten_unasked(monkeypatch, tmp_path):
    (tmp_path / "mine.zip").write_text("precious")
    refused(monkeypatch, tmp_path, FileExistsError, "mine.zip exists; choose another name, or overwrite", {})
    assert (tmp_path / "mine.zip").read_text() == "precious"
    (tmp_path / "folder").mkdir()
    options = {"output": "folder", "template": True}
    refused(monkeypatch, tmp_path, FileExistsError, "folder exists; choose another", options)
    refused(monkeypatch, tmp_path, FileExistsError, "was not written by this package", {**options, "force": True})
    refused(monkeypatch, tmp_path, FileNotFoundError, "no folder .*nowhere", {"output": "nowhere/mine.zip"})
    refused(monkeypatch, tmp_path, ValueError, "without hyphens", {"output": "my-plugin", "template": True})


def test_models_that_cannot_be_packaged(monkeypatch, tmp_path):
    refused(monkeypatch, tmp_path, TypeError, "a model is a name or a VOneNet", {"model": torch.nn.ReLU()})
    refused(
        monkeypatch, tmp_path, ValueError, "needs its own identifier", {"model": tiny_front_end(), "identifier": None}
    )
    with pytest.raises(ValueError, match="a network already has weights"):
        package_submission(tiny_front_end(), identifier="mine", weights="x.pth", check=False)
    trained = tiny_front_end(back_end=TinyResNet())
    with pytest.raises(ValueError, match="packaged from its checkpoint"):
        package_submission(trained, identifier="mine", check=False)
    edited = tiny_front_end()
    edited.vone_block.simple_conv_q0.weight[0] *= 2
    with pytest.raises(ValueError, match="give it as weights, with front_end=True"):
        package_submission(edited, identifier="mine", check=False)


def refused(monkeypatch, folder, error, message, options):
    before = sorted(folder.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(packaging, "local_model", lambda *args, **kwargs: pytest.fail("work had begun"))
        arguments = {"model": "voneresnet50", "identifier": "mine", "output": "mine.zip", **options}
        with pytest.raises(error, match=message):
            package_submission(arguments.pop("model"), arguments.pop("output"), check=False, **arguments)
    assert sorted(folder.iterdir()) == before


def test_weights_of_another_architecture_or_content(monkeypatch, tmp_path):
    file = tiny_checkpoint(tmp_path / "trained.pth", TinyResNet())
    monkeypatch.setattr(packaging, "plugin_files", lambda *_: pytest.fail("work had begun"))
    with pytest.raises(ValueError, match="holds a VOneNet of architecture 'resnet50', not alexnet"):
        packaged("vonealexnet", identifier="mine", weights=file)
    with pytest.raises(ValueError, match=f"not {'0' * 64}; it is not the file that you mean"):
        packaged("voneresnet50", identifier="mine", weights=file, weights_sha256="0" * 64)
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        packaged("voneresnet50", identifier="mine", weights=tmp_path / "nowhere.pth")
    assert not Path("plugin").exists()


def test_weights_that_do_not_fit(monkeypatch, tmp_path):
    file = tiny_checkpoint(tmp_path / "trained.pth", TinyResNet())
    monkeypatch.setattr(local_model_module, "MAX_BYTES", 50_000)
    monkeypatch.setattr(torch, "save", lambda *_: pytest.fail("work had begun"))
    with pytest.raises(ValueError, match=r"MB of weights, and a zip may have 0 MB: put the file .*--weights-url"):
        packaged("voneresnet50", identifier="mine", weights=file)


def test_released_weights_that_cannot_be_had_point_to_the_front_end(monkeypatch):
    monkeypatch.setattr(downloads, "WAITS_S", (0.0,))
    with pytest.raises(FileNotFoundError, match=r"could not be downloaded.*submit the V1 front end alone.*--front-end"):
        packaged("voneresnet50")


@pytest.mark.parametrize("front_end", [False, True])
def test_weights_that_are_not_at_ones_own_address(monkeypatch, tmp_path, front_end):
    monkeypatch.setattr(downloads, "WAITS_S", (0.0,))
    address = (tmp_path / "nowhere.pth").as_uri()
    advice = {
        address: f"no weights are available: {address} cannot be reached .*No such file.* After file://, give the",
        "file://nowhere.pth": "no weights are available: file://nowhere.pth cannot be reached .* After file://, give",
        "http://127.0.0.1:9/x.pth": r"refused.* address of the file itself.* \(weights=, --weights\) .*--no-check",
    }
    for wrong, message in advice.items():
        with pytest.raises(FileNotFoundError, match=message) as caught:
            packaged("voneresnet50", identifier="mine", front_end=front_end, weights_url=wrong)
        assert "released" not in str(caught.value) and "save it as" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_the_address_of_a_file_that_is_given_must_serve_it_if_there_is_a_check(monkeypatch, tmp_path):
    file = tiny_checkpoint(tmp_path / "trained.pth", TinyResNet())
    other = tiny_checkpoint(tmp_path / "other.pth", TinyResNet(), noise_level=0.5)
    monkeypatch.setattr(packaging, "check_zip", lambda *_: pytest.fail("work had begun"))
    given = {"identifier": "mine", "weights": file}
    with pytest.raises(ValueError, match=r"other\.pth is not the file expected"):
        package_submission("voneresnet50", **given, weights_url=other.as_uri())
    nowhere = (tmp_path / "nowhere.pth").as_uri()
    with pytest.raises(FileNotFoundError, match=r"no weights are available: .*nowhere.pth cannot be reached"):
        package_submission("voneresnet50", **given, weights_url=nowhere)
    assert packaged("voneresnet50", **given, weights_url=nowhere).weights["address"] == nowhere


def test_force_replaces_what_was_written_here(tmp_path):
    for _ in range(2):
        made = packaged(tiny_front_end(), identifier="my_front_end", force=True)
        (made.path / "left_over.py").write_text("")
    assert packaged(tiny_front_end(), identifier="my_front_end", force=True).path == Path("plugin")
    assert not Path("plugin/left_over.py").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plugin"]


def test_nothing_is_written_if_the_check_fails(monkeypatch, tmp_path):
    def fails(archive, network, regions):
        assert zipfile.is_zipfile(archive)
        raise RuntimeError("the check failed: on purpose")

    monkeypatch.setattr(packaging, "check_zip", fails)
    with pytest.raises(RuntimeError, match="on purpose"):
        package_submission(tiny_front_end(), "mine.zip", identifier="mine")
    assert list(tmp_path.iterdir()) == []


def test_what_appeared_during_the_check_is_not_overwritten(monkeypatch, tmp_path):
    output = tmp_path / "mine.zip"
    monkeypatch.setattr(packaging, "check_zip", lambda *_: output.write_text("precious"))
    with pytest.raises(FileExistsError, match="choose another name"):
        package_submission(tiny_front_end(), output, identifier="mine")
    assert output.read_text() == "precious"


def test_a_check_without_pytest_is_refused_before_any_work(monkeypatch):
    monkeypatch.setattr(check_module, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"needs pytest and pytest_check: pip install .*\[submit\]"):
        package_submission(tiny_front_end(), "mine.zip", identifier="mine")
