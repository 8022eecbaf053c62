"""The leaderboard's rules, each broken in a zip that is otherwise accepted."""

import re
import zipfile

import numpy as np
import pytest
from submission_models import tiny_front_end

from vonenet_brainscore.brainscore import plugin_folder, registrations
from vonenet_brainscore.submission import rules
from vonenet_brainscore.submission.packaging import package_submission
from vonenet_brainscore.submission.rules import broken_rules, check_identifier

PLUGIN = "mine/models/mine"
INIT = f"{PLUGIN}/__init__.py"
SOURCE = "model_registry['mine'] = get_model\n"


@pytest.fixture(scope="module")
def accepted(tmp_path_factory):
    archive = tmp_path_factory.mktemp("accepted") / "mine.zip"
    return package_submission(tiny_front_end(), archive, identifier="mine", check=False).path


def rezipped(archive, path, *, drop=(), add=None, rename=lambda name: name, first=None):
    """The zip again, without some entries, with others, or with other names."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        if first is not None:
            new.writestr(first, b"")
        for name in old.namelist():
            if name not in drop and name not in (add or {}):
                new.writestr(rename(name), old.read(name))
        for name, content in (add or {}).items():
            new.writestr(name, content)
    return path


def test_what_is_packaged_is_accepted(accepted):
    assert broken_rules(accepted) == []


def test_every_folder_has_an_entry_before_what_is_in_it(accepted):
    with zipfile.ZipFile(accepted) as opened:
        names = opened.namelist()
    assert names[0] == "mine/"
    for position, name in enumerate(names):
        parents = {f"{'/'.join(name.split('/')[:depth])}/" for depth in range(1, name.rstrip("/").count("/") + 1)}
        assert parents <= set(names[:position])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"add": {f"{PLUGIN}/my weights.pth": b""}}, "^paths: 'mine/models/mine/my weights.pth': .*without spaces"),
        ({"add": {f"{PLUGIN}/gewichtü.pth": b""}}, "^paths: .*ASCII"),
        ({"add": {f"{PLUGIN}/../../x": b""}}, "^paths: .*relative"),
        ({"drop": ["mine/models/"]}, r"^folders: no entry for mine/models/; write an entry for every folder"),
        ({"drop": ["mine/"]}, "^folders: the first entry is 'mine/models/'"),
        (
            {"drop": ["mine/models/"], "first": "mine/models/"},
            "^folders: the first entry is 'mine/models/'; write the folder mine/ first",
        ),
        ({"add": {"other/file": b""}}, "^folders: the top level is mine, other; put everything into one folder"),
        ({"add": {"mine/notes.txt": b""}}, r"^folders: .*NAME/models/IDENTIFIER/, and nothing else; .*notes\.txt"),
        (
            {"add": {"mine/benchmarks/x/__init__.py": b""}},
            "^folders: .*it holds mine/models/mine, mine/benchmarks/x/__init__",
        ),
        ({"add": {"mine/models/two/__init__.py": b""}}, "^folders: .*it holds mine/models/mine, mine/models/two"),
        ({"drop": [f"{PLUGIN}/test.py"]}, r"^files: mine/models/mine has no test\.py; add it"),
        ({"drop": [f"{PLUGIN}/model.py"]}, r"^files: mine/models/mine has no model\.py"),
        ({"drop": [f"{PLUGIN}/requirements.txt"]}, r"^files: .*no requirements\.txt \(or setup\.py\)"),
        ({"drop": [INIT]}, r"^files: .*no __init__\.py"),
        ({"add": {f"{PLUGIN}/metadata.yml": b""}}, r"^files: .*metadata\.yml is not accepted; leave it out"),
        ({"add": {f"{PLUGIN}/metadata.yaml": b""}}, r"^files: .*metadata\.yaml is not accepted"),
        ({"add": {INIT: SOURCE.replace("'", '"')}}, r"^registration: .*write model_registry\['mine'\]"),
        ({"add": {INIT: SOURCE.replace("'", "")}}, r"^registration: .*has model_registry\[mine\]"),
        ({"add": {INIT: ""}}, "^registration: nothing is registered; register one identifier"),
        ({"add": {INIT: SOURCE + SOURCE.replace("mine", "two")}}, "^registration: mine, two is registered"),
        ({"add": {INIT: SOURCE.replace("mine", "mi-ne")}}, "^identifier: 'mi-ne' must be .*for example 'mi_ne'"),
        ({"add": {INIT: SOURCE.replace("mine", "alexnet")}}, "^identifier: 'alexnet' exists in Brain-Score already"),
    ],
)
def test_each_rule_names_itself_and_the_remedy(accepted, tmp_path, change, message):
    broken = broken_rules(rezipped(accepted, tmp_path / "broken.zip", **change))
    assert any(re.search(message, problem) for problem in broken), broken


def test_size(accepted, tmp_path):
    noise = np.random.default_rng(0).bytes(rules.MAX_BYTES)
    large = rezipped(accepted, tmp_path / "large.zip", add={f"{PLUGIN}/weights.pth": noise})
    (problem,) = broken_rules(large)
    assert (
        problem.startswith("size: the zip has 50.1 MB and may have 50 MB; leave weights out")
        and "--weights-url" in problem
    )


def test_what_is_no_zip(tmp_path):
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(ValueError, match=r"text\.zip is not a zip file"):
        broken_rules(tmp_path / "text.zip")


def test_every_identifier_of_brainscores_is_taken():
    names = [name for name in registrations("model") if name.isidentifier()]
    for name in names[::20]:
        with pytest.raises(ValueError, match="exists in Brain-Score already"):
            check_identifier(name)
    folder = next(
        path.name for path in plugin_folder("model").iterdir() if path.name.isidentifier() and path.name not in names
    )
    with pytest.raises(ValueError, match="exists in Brain-Score already"):
        check_identifier(folder)


def test_a_registration_on_this_machine_is_no_submission(monkeypatch):
    known = registrations("model")
    here = {**known, "voneresnet50": ["vonenet_brainscore"]}
    monkeypatch.setattr(rules, "registrations", lambda kind: here)
    check_identifier("voneresnet50")
    monkeypatch.setattr(rules, "registrations", lambda kind: {**known, "voneresnet50": ["vonenet_brainscore", "other"]})
    with pytest.raises(ValueError, match="exists in Brain-Score already"):
        check_identifier("voneresnet50")
