"""`python -m paper_figures.report`: one file that needs nothing else, in which no text of the data is markup."""

import hashlib
import re
import shutil
import subprocess
import sys
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import pytest
from samples.report_runs import SVG, attack, write_hostile
from samples.verification_runs import DIGITS_TRUTHS, write_run
from tools.contrast import contrast

import paper_figures
from paper_figures.report.__main__ import main

ROOT = Path(paper_figures.__file__).parents[1]
SOURCES = Path(paper_figures.__file__).parent / "report"
VOID = {"meta", "link", "img", "input", "br"}


@dataclass
class Element:
    """A start tag with what stands inside it."""

    tag: str
    attributes: dict[str, str | None]
    text: str = ""
    inside: list["Element"] = field(default_factory=list)

    def all(self, tag):
        found = [self] if self.tag == tag else []
        return found + [one for child in self.inside for one in child.all(tag)]

    def words(self):
        return " ".join(self.text.split())


class Reader(HTMLParser):
    """Builds a tree; refuses a document whose tags do not match."""

    def __init__(self):
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs))
        assert len(element.attributes) == len(attrs), f"an attribute twice: {attrs}"
        self.open[-1].inside.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.open[-1].inside.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag

    def handle_data(self, data):
        for element in self.open:
            element.text += data


def read(path):
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    assert reader.open == [reader.root]
    return reader.root


@pytest.fixture(scope="module")
def page(digits_run, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "report.html"
    assert main([str(digits_run), "--to", str(file)]) == 0
    return read(file)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    parent = tmp_path_factory.mktemp("hostile")
    run = write_hostile(parent)
    assert main([str(run), "--to", str(parent / "report.html")]) == 0
    return read(parent / "report.html")


def test_the_answer_comes_first_then_the_verdicts(page):
    tables = page.all("table")
    assert [row.all("th")[0].words() for row in tables[0].all("tr")] == ["sparsity", "0%", "50%", "70%", "90%"]
    assert tables[1].attributes["class"] == "claims"
    assert len(tables[1].all("tr")) == 19
    headings = [heading.words() for heading in page.all("h3")]
    assert headings == [
        "Which batch size should I use?",
        "Verdicts",
        "Curves",
        "Constants and ratios",
        "Figures",
        "How it was measured",
        "How to reproduce it",
    ]


def test_every_table_has_a_caption_and_every_heading_a_scope(page):
    for table in page.all("table"):
        assert len([caption for caption in table.all("caption") if caption.words()]) == 1
        assert {heading.attributes["scope"] for heading in table.all("th")} == {"col", "row"}


def test_links_and_labels_lead_to_something_in_the_page(page):
    everything = [one for tag in ("section", "article", "main", "caption", "h2", "h3", "figcaption", "figure")
                  for one in page.all(tag)]  # fmt: skip
    names = [one.attributes["id"] for one in everything if "id" in one.attributes]
    assert len(names) == len(set(names))
    wanted = {link.attributes["href"].removeprefix("#") for link in page.all("a")}
    wanted |= {one.attributes["aria-labelledby"] for one in page.all("div") if "aria-labelledby" in one.attributes}
    assert wanted <= set(names)


def test_without_script_it_is_a_picture_with_tables(page):
    chart = next(svg for svg in page.all("svg") if svg.attributes["class"] == "chart")
    assert chart.attributes["role"] == "img"
    titles = [title.words() for title in chart.all("title")]
    assert len(titles) == 4 * 9
    assert all(title.startswith("sparsity ") for title in titles)
    assert all("hidden" in output.attributes for output in page.all("output"))
    switches = [switch for fieldset in page.all("fieldset") if "hidden" not in fieldset.attributes
                for switch in fieldset.all("input")]  # fmt: skip
    assert len(switches) == 4
    assert all("hidden" in switch.attributes for switch in switches)
    points = next(table for table in page.all("table") if table.attributes.get("class") == "points")
    assert len(points.all("tr")) == 10


def everything(page):
    listed, waiting = [], [page]
    while waiting:
        listed += waiting[0].inside
        waiting = [*waiting[0].inside, *waiting[1:]]
    return listed


@pytest.mark.parametrize("which", ["page", "hostile"])
def test_nothing_is_loaded_and_nothing_but_its_own_script_can_run(which, request):
    document = request.getfixturevalue(which)
    for element in everything(document):
        assert element.tag not in {"iframe", "object", "embed", "base", "form", "audio", "video", "b"}
        for name, value in element.attributes.items():
            assert not name.startswith("on"), (element.tag, name)
            assert name != "style", "an inline style, which the policy forbids"
            if name in {"src", "href", "srcset", "action", "xlink:href"}:
                assert value.startswith(("#", "data:image/svg+xml;base64,")) or value == "data:,"
    ((style,), (script,)) = document.all("style"), document.all("script")
    assert style.text == f"\n{(SOURCES / 'report.css').read_text(encoding='utf-8')}"
    assert script.text == f"\n{(SOURCES / 'report.js').read_text(encoding='utf-8')}"
    assert not script.attributes
    assert not re.search(
        r"\beval\b|new Function|innerHTML|insertAdjacentHTML|document\.write|url\(|@import", script.text
    )
    assert not re.search(r"url\(|@import|expression", style.text)


@pytest.mark.parametrize("which", ["page", "hostile"])
def test_the_policy_allows_nothing_but_the_page_itself(which, request):
    document = request.getfixturevalue(which)
    policies = [meta.attributes["content"] for meta in document.all("meta") if "http-equiv" in meta.attributes]
    digests = [
        b64encode(hashlib.sha256(document.all(tag)[0].text.encode()).digest()).decode() for tag in ("style", "script")
    ]
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    ]
    order = [element.tag for element in everything(document) if element.tag in {"meta", "style", "script"}]
    assert order.index("style") == order.count("meta")


def test_hostile_strings_are_shown_as_they_are(hostile):
    places = ("workload", "goal", "metaparameter", "quantity", "statement", "subject", "detail", "key",
              "value", "identity", "session", "list", "notice")  # fmt: skip
    for place in places:
        assert " ".join(attack(place).split()) in hostile.words(), place
    assert "a\ufffdb\ufffd" in hostile.words()
    assert len(hostile.all("img")) == 4
    assert b64decode(hostile.all("img")[1].attributes["src"].partition(",")[2]).decode() == SVG


def test_what_is_missing_names_the_command_that_makes_it(tmp_path):
    run = write_run(tmp_path / "run", truths=DIGITS_TRUTHS[:1], constants=False)
    (run / "provenance.json").unlink()
    assert main([str(run), "--to", str(tmp_path / "report.html")]) == 0
    words = read(tmp_path / "report.html").words()
    assert f"verdicts.json is missing: computed here; python -m verification.report {run} --save keeps it" in words
    assert "L, Delta and beta were not measured" in words
    assert f"python -m paper_figures {run} draws them" in words
    assert "provenance.json is missing: nothing here says how the run was measured" in words


def test_several_runs_share_a_page_and_no_names(digits_run, dense_run, tmp_path):
    assert main([str(digits_run), str(dense_run), "--to", str(tmp_path / "both.html")]) == 0
    both = read(tmp_path / "both.html")
    assert both.all("table")[0].all("caption")[0].words() == "Verdicts of all runs"
    names = [element.attributes["id"] for element in everything(both) if "id" in element.attributes]
    assert len(names) == len(set(names))


@pytest.mark.slow
def test_equal_records_give_equal_bytes(digits_run, tmp_path):
    """In two processes, so that nothing hangs on a hash seed; without verdicts, so that they are computed."""
    run = write_run(tmp_path / "run", truths=DIGITS_TRUTHS[:1])
    for out in ("one", "two"):
        command = [sys.executable, "-m", "paper_figures.report", digits_run, run, "--to", tmp_path / out]
        done = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
        assert (done.stdout, done.stderr) == (f"{tmp_path / out}\n", "")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.fixture(scope="module")
def broken(dense_run, tmp_path_factory):
    """A folder with a run, one whose verdicts and one whose provenance cannot be read."""
    parent = tmp_path_factory.mktemp("broken")
    for name in ("run", "broken", "unknown"):
        shutil.copytree(dense_run, parent / name)
    (parent / "broken" / "verdicts.json").write_text('{"inputs": 3, "curves": ')
    (parent / "unknown" / "provenance.json").write_text("[]")
    return parent


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{}/nowhere"], "nowhere: no such run folder"),
        (["{}"], "is no run folder: it has neither study.sqlite nor curves.csv"),
        (["{}/run", "--to", "{}"], "is a folder; name a file"),
        (["{}/run", "--to", "{}/no/report.html"], "there is no folder"),
        (
            ["{}/run", "--to", "{}/report.html"],
            "exists and holds no page of this command; name another file, or remove",
        ),
        (["{}/run", "{}/broken"], "verdicts.json is no verdicts file"),
        (["{}/unknown"], "provenance.json is no provenance file"),
        ([], "the following arguments are required: DIR"),
    ],
)
def test_errors_take_one_line_exit_code_2_and_leave_the_old_page(broken, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(broken)
    old = "old" if arguments[-1:] == ["{}/report.html"] else "<title>kstar report: old</title>"
    (broken / "report.html").write_text(old)
    capsys.readouterr()
    with pytest.raises(SystemExit, match="2"):
        main([argument.format(broken) for argument in arguments])
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert (broken / "report.html").read_text() == old
    assert not list(broken.glob(".report*"))


def channels(colour):
    """Return red, green and blue of #rrggbb."""
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def test_text_stands_out_from_what_it_stands_on():
    """4.5:1, what WCAG 2.2 asks of text; the browser tests look at what is really on what."""
    style = (SOURCES / "report.css").read_text(encoding="utf-8")
    light, dark = (
        style.split("@media screen and (prefers-color-scheme: dark)")[0],
        style.split("color-scheme: dark;")[1],
    )
    for scheme in (light, dark.split("}")[0]):
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", scheme))
        pairs = list(product(("ink", "muted", "link"), ("paper", "soft")))
        pairs += [(name, name.replace("-ink", "-tint")) for name in colours if name.endswith("-ink")]
        assert len(pairs) == 10
        for text, surface in pairs:
            assert contrast(channels(colours[text]), channels(colours[surface])) >= 4.5, (text, surface)
    used = set(re.findall(r"[;{ ]color: (?:var\(--)?([\w-]+)", style))
    assert used <= {text for text, _ in pairs} | {"inherit"}
