"""The report, and the Gabor table from the shell: every number is there, names are text, and the page loads nothing.

The page is opened in headless Chromium, at desktop and phone width, light and dark.
"""

import base64
import html
import io
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from PIL import Image
from tiny_networks import tiny_vonenet
from torchvision_here import needs_timm

from vonenet_brainscore import score_model, scoring
from vonenet_brainscore.benchmarks import storage
from vonenet_brainscore.cli.gabors import gabors
from vonenet_brainscore.cli.report import report
from vonenet_brainscore.gabors import gabor_comparison
from vonenet_brainscore.primates.property_table import V1_BENCHMARKS
from vonenet_brainscore.recordings.loading import load_subject
from vonenet_brainscore.report.page import write_report
from vonenet_brainscore.results import results_table

ORIENTATION, FREQUENCY = "Marques2020_DeValois1982-pref_or", "Marques2020_DeValois1982-peak_sf"
NAME = "tiny <script>alert('&')</script>"  # text, whatever it looks like
CHROMIUM = shutil.which("chromium")


PICTURED = ("gabor_pictures", "large_pictures", "filter_pictures")
JOINTLY = ("grating_summation_field", "surround_diameter")


def fail(words):
    raise OSError(words)


class Page(HTMLParser):
    """A page's tags with their attributes, and its text."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def download(self, name, **options):
        (link,) = [attrs for tag, attrs in self.tags if tag == "a" and attrs["download"] == name]
        return pd.read_csv(io.BytesIO(base64.b64decode(link["href"].removeprefix("data:text/csv;base64,"))), **options)


@pytest.fixture(scope="module")
def vonenet():
    return tiny_vonenet(noise_mode=None)


@pytest.fixture(scope="module")
def comparison(vonenet):
    return gabor_comparison.compare_gabors(vonenet)


@pytest.fixture(scope="module")
def scores(vonenet):
    return score_model(vonenet, [ORIENTATION, FREQUENCY], cache=False, progress=False)


@pytest.fixture(scope="module")
def written(vonenet, comparison, tmp_path_factory):
    """The page of a VOneNet and a ready-made subject, with a benchmark whose data are not to be had."""
    folder = tmp_path_factory.mktemp("report")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BRAINIO_HOME", str(folder / "brainio"))
        patch.setattr(storage.urllib.request, "urlopen", lambda *_, **__: fail("no network in this test"))
        compare = gabor_comparison.compare_gabors
        patch.setattr(
            gabor_comparison,
            "compare_gabors",
            lambda model, seed=0: comparison if model is vonenet else compare(model, seed=seed),
        )
        with pytest.warns(UserWarning, match=r"FreemanZiemba2013public\.V1-pls could not be scored"):
            return write_report(
                {NAME: vonenet, "subject": load_subject(vonenet, progress=False)},
                folder / "report.html",
                [ORIENTATION, FREQUENCY, "movshon.FreemanZiemba2013-v1"],
                cache=False,
                progress=False,
            )


@pytest.fixture(scope="module")
def page(written):
    return Page(written)


def test_scores_are_those_of_score_model(page, scores):
    table = page.download("scores.csv", index_col=["model", "benchmark"])
    assert len(table) == 6
    ours = table.loc[NAME].loc[[ORIENTATION, FREQUENCY]]
    expected = results_table(scores)
    for column in ("score", "raw", "ceiling", "error", "n_units"):
        # Written in full; read to the last bit but one.
        assert ours[column].tolist() == pytest.approx(expected[column].tolist(), rel=1e-14)
    assert json.loads(ours["versions"].iloc[0]) == expected["versions"].iloc[0]
    for score in scores.values():
        low, high = score.attrs["score_low"], score.attrs["score_high"]
        assert f"{float(score):.3f} [{low:.3f}, {high:.3f}]" in page.text
        assert f"ceiling {float(score.attrs['ceiling']):.3f}" in page.text


def test_yardsticks_and_joint_distributions_are_told():
    from brainscore_core.metrics import Score

    from vonenet_brainscore.benchmarks.joint_comparison import joint_comparisons
    from vonenet_brainscore.primates.property_table import V1_PROPERTIES
    from vonenet_brainscore.report.page import _rendered
    from vonenet_brainscore.report.pictures import joint_pictures
    from vonenet_brainscore.report.tables import downloads, score_rows, yardsticks_of

    of_model = {V1_PROPERTIES[name].benchmark: Score(0.5) for name in ("circular_variance", *JOINTLY)}
    for score in of_model.values():
        score.attrs |= {"model_values": np.array([0.5, 1, 2]), "model_identifier": "made", "seed": 0}
    of_model[V1_PROPERTIES["circular_variance"].benchmark].attrs["another_laboratory"] = 0.925
    scores, jointly = {"made": of_model}, {"made": joint_comparisons(of_model), "other": []}
    empty: dict = {name: {} for name in (*PICTURED, "problems", "without_gabors", "gabor_rows", "versions")}
    page = _rendered(
        {
            **empty,
            "models": ["made"],
            "seed": 0,
            "score_rows": score_rows(scores),
            "yardsticks": yardsticks_of(scores),
            "property_pictures": {"a": []},
            "joint_pictures": joint_pictures(jointly),
            "sampling": pd.DataFrame(),
            "recorded": pd.DataFrame(),
            "downloads": downloads(scores, {}, jointly),
        }
    )
    assert "another laboratory 0.925" in page and "Ecker et al. 2010" in page
    assert "3 of 3 responsive neuroids have both" in page and "v1-joint-similarities.csv" in page


def test_values_and_gabor_tables_are_whole(page, scores, comparison):
    values = page.download("v1-property-values.csv").query("model == @NAME and benchmark == @FREQUENCY")
    assert values["value"].tolist() == pytest.approx(scores[FREQUENCY].attrs["model_values"].tolist(), nan_ok=True)
    similarities = page.download("gabor-similarities.csv")
    assert similarities["similarity"].tolist() == pytest.approx(comparison.to_frame()["similarity"], nan_ok=True)
    histograms = page.download("gabor-histograms.csv").query("parameter == 'nx-ny'")
    assert histograms["n_neurons"].sum() == 79 and histograms["n_model"].sum() == 32
    assert len(page.download("gabor-filters.csv")) == 64
    assert page.download("gabor-sampling.csv")["either"].tolist() == comparison.sampling["either"].tolist()


def test_what_could_not_be_done_says_why(page):
    assert f"FreemanZiemba2013public.V1-pls, {NAME}, subject:" in page.text  # said once for both
    assert "no network in this test" in page.text and "vonenet-brainscore data fetch" in page.text
    assert page.text.count("not scored") >= 2
    assert "subject: a model is a name or a network, not Subject" in page.text
    assert set(page.download("gabor-similarities.csv")["model"]) == {NAME}


def test_provenance_is_on_the_page(page):
    from importlib.metadata import version

    for words in (
        "vone_block",
        "as the network was given",
        f"torch {version('torch')}",
        "seed 0",
        V1_BENCHMARKS[ORIENTATION].data_source,
    ):
        assert words in page.text


def test_names_are_text_and_nothing_is_elsewhere(written, page):
    assert NAME in page.text and "<script" not in written.read_text()
    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "object", "embed", "base", "form"}
    for _, attrs in page.tags:
        for name in ("src", "href", "srcset", "poster", "action"):
            assert attrs.get(name, "data:").startswith("data:")
    assert "url(" not in written.read_text() and "@import" not in written.read_text()
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    pictures = [attrs for tag, attrs in page.tags if tag == "img"]
    # The VOneNet's two properties, two histograms of orientation, five of frequency, nx, ny, four unscored parameters,
    # nx and ny jointly, and its filters.
    assert sum(attrs["alt"].startswith(NAME) for attrs in pictures) == 2 + 2 + 5 + 2 + 4 + 1 + 1


def test_cards_are_titled_in_words_and_tell_the_origin(written, page):
    source = written.read_text(encoding="utf-8")
    titles = re.findall(r"<h3>(.*?)</h3>", source, re.DOTALL)
    assert titles[0].startswith("Preferred orientation<br>") and titles[1].startswith("Peak spatial frequency<br>")
    assert ORIENTATION in html.unescape(titles[0].replace("<wbr>", ""))
    assert "Orientation: all" in titles and "Every filter" in titles  # names in words are not told twice
    rows = re.findall(r'<th scope="row">(.*?)</th>', source, re.DOTALL)
    assert [row.split("\n")[0].strip() for row in rows[:2]] == ["Preferred orientation", "Peak spatial frequency"]
    origins = ["built" if 'class="origin built"' in row else "held" if "origin held" in row else "" for row in rows]
    assert origins[:3] == ["built", "built", ""] and origins[3:] == ["built"] * 4 + ["held"] * 3 + ["built"] * 3
    # A section's cards are as wide as its models beside each other; the filters take the page's width.
    assert re.findall(r'class="flow (.*?)" style="--columns: (\d)"', source) == [
        ("", "2"),
        ("", "1"),
        ("large", "1"),
        ("large whole", "1"),
    ]


MEASURE = """
<script>addEventListener("load", () => {
  document.title = JSON.stringify([...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument;
    return {
      viewport: page.documentElement.clientWidth,
      content: page.documentElement.scrollWidth,
      ground: frame.contentWindow.getComputedStyle(page.body).backgroundColor,
      pictures: page.images.length,
      broken: [...page.images].filter(image => !(image.complete && image.naturalWidth > 0)).length,
      requested: frame.contentWindow.performance.getEntriesByType("resource").map(each => each.name)
        .filter(name => !name.startsWith("data:")),
    };
  }));
})</script>
"""


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian's package chromium)")
def test_it_reads_in_a_browser(written, page, tmp_path):
    """Frames have the width of a screen, which a window cannot go down to, and hand their colour scheme on."""
    source = html.escape(written.read_text(encoding="utf-8"))
    frames = "".join(
        f'<iframe style="width: {width}px; border: 0; color-scheme: {scheme}" srcdoc="{source}"></iframe>'
        for width in (1280, 390)
        for scheme in ("light", "dark")
    )
    (tmp_path / "frames.html").write_text(f"<!DOCTYPE html><title></title>{frames}{MEASURE}", encoding="utf-8")
    quiet = ("gpu", "quic", "background-networking", "component-update", "sync")
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--no-first-run",
        "--hide-scrollbars",
        *(f"--disable-{name}" for name in quiet),
    ]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", (tmp_path / "frames.html").as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    measured = json.loads(html.unescape(re.search("<title>(.*?)</title>", shown).group(1)))
    assert [frame["viewport"] for frame in measured] == [1280, 1280, 390, 390]
    for frame in measured:
        assert frame["content"] <= frame["viewport"]  # only tables and large pictures slide, within themselves
        assert frame["broken"] == 0 and frame["requested"] == []
        assert frame["pictures"] == sum(tag == "img" for tag, _ in page.tags)
    light, dark = "rgb(255, 255, 255)", "rgb(20, 24, 29)"
    assert [frame["ground"] for frame in measured] == [light, dark, light, dark]


@pytest.mark.parametrize(
    ("models", "output", "benchmarks", "error", "said"),
    [
        (
            "voneresnet50",
            "report.pdf",
            [ORIENTATION],
            ValueError,
            r"report\.pdf has not one of the suffixes .* \.html, \.htm",
        ),
        ("voneresnet50", "absent/report.html", [ORIENTATION], FileNotFoundError, "no folder .*absent to write report"),
        ("voneresnet50", "folder.html", [ORIENTATION], IsADirectoryError, "folder.html is a folder; name a file"),
        ([], "report.html", [ORIENTATION], ValueError, "no model named"),
        ("voneresnet50", "report.html", [], ValueError, "no benchmark named"),
        ("voneresnet51", "report.html", [ORIENTATION], ValueError, "unknown model 'voneresnet51'; nearest"),
        ("voneresnet50", "report.html", ["Marques"], ValueError, "unknown benchmark 'Marques'"),
        (["vonealexnet"] * 2, "report.html", [ORIENTATION], ValueError, "two models are called vonealexnet; tell them"),
    ],
)
def test_refusals_come_before_the_work(models, output, benchmarks, error, said, tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "score_model", lambda *_, **__: pytest.fail("scored before it refused"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(error, match=said):
        write_report(models, output, benchmarks)


@pytest.fixture
def shell(monkeypatch, tmp_path, comparison, capsys):
    """Run a command in a folder of its own, where every model's filters are those of the tiny VOneNet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(gabor_comparison, "compare_gabors", lambda model, seed=0: comparison)

    def run(command, *words):
        app = typer.Typer()
        app.command()(command)
        monkeypatch.setattr(sys, "argv", ["vonenet-brainscore", *words])
        app(standalone_mode=False)
        return capsys.readouterr().out

    return run


def test_the_command_writes_over_a_page_whole_or_not_at_all(shell, scores, tmp_path, monkeypatch):
    asked = {}

    def score_model(subject, benchmarks, **settings):
        asked.update(settings, model=subject.identifier, noise=subject.extractor.is_noisy, benchmarks=benchmarks)
        return scores

    def no_filters(model, seed):
        raise ValueError(f"{model} has no filters in this test")  # whose pictures would take seconds

    monkeypatch.setattr(scoring, "score_model", score_model)
    monkeypatch.setattr(gabor_comparison, "compare_gabors", no_filters)
    words = (
        "voneresnet50",
        "--benchmark",
        ORIENTATION,
        "--noise",
        "none",
        "--no-cache",
        "--memory",
        "2",
        "--seed",
        "3",
    )
    target = tmp_path / "report.html"
    target.write_text("an older one")
    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
        patch.setattr(Path, "write_text", lambda path, *_, **__: path.touch() or fail("disk full"))
        shell(report, *words)
    assert target.read_text() == "an older one" and list(tmp_path.iterdir()) == [target]
    assert "report: report.html (" in shell(report, *words)
    assert asked.pop("benchmarks") == [ORIENTATION]
    assert asked == {"model": "voneresnet50", "noise": False, "seed": 3, "memory": 2e9, "cache": False}
    assert "voneresnet50 has no filters in this test" in Page(target).text
    first = target.read_bytes()
    shell(report, *words)
    assert target.read_bytes() == first  # the same scores make the same page
    assert list(tmp_path.iterdir()) == [target]


@needs_timm
def test_the_command_takes_a_voneblock_before_a_network(shell, scores, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(scoring, "score_model", lambda subject, *_, **__: asked.append(subject) or scores)
    shell(report, "--back_end", "timm:resnet18", "--benchmark", ORIENTATION)
    (subject,) = asked
    assert subject.identifier == "vonenet:timm:resnet18" and subject.identifier in Page(tmp_path / "report.html").text
    with pytest.raises(ValueError, match="has no trained weights; give weights=FILE"):
        subject.start_recording("V4")
    with pytest.raises(typer.BadParameter, match="no model named"):
        shell(report)


def test_gabors_prints_its_tables_and_writes_files(shell, tmp_path, comparison):
    shown = shell(gabors, "voneresnet50", "--output", "gabors.csv", "--figure", "gabors.png")
    row = comparison.of("nx", "ny").row()
    for name, after in (("similarity", f" {row['ceiling']:.3f}"), ("distance", " decades")):
        low, high = row[f"{name}_low"], row[f"{name}_high"]
        assert f"{row[name]:.3f} [{low:.3f}, {high:.3f}]{after}" in " ".join(shown.split())
    for word in ("neurons", "built from", "either"):  # the last of each table: none is cut at 80 columns
        assert word in shown
    table = pd.read_csv(tmp_path / "gabors.csv", index_col=["parameter", "population"])
    assert table.loc[("nx-ny", "simple"), "similarity"] == pytest.approx(row["similarity"])
    for name in ("gabors", "gabors-spatial-frequency", "gabors-nx-ny", "gabors-filters"):
        assert f"figure:  {name}.png" in shown
        with Image.open(tmp_path / f"{name}.png") as figure:
            assert figure.width > 800
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("--output", "gabors.json"), ValueError, r"gabors\.json has not one of the suffixes .* \.csv"),
        (("--figure", "absent/gabors.png"), FileNotFoundError, "no folder .*absent to write gabors.png to"),
    ],
)
def test_gabors_refuses(shell, words, error, said):
    with pytest.raises(error, match=said):
        shell(gabors, "voneresnet50", *words)
