"""The site: built with warnings as errors, whole by itself, and seen in a real browser."""

import importlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlparse

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from tools.checkout import PACKAGES, ROOT
from tools.chromium import chromium
from tools.once import once

pytestmark = pytest.mark.slow
SEEN = ("index", "tutorial", "theory", "protocol", "constants", "own_model", "reference/theory.numbers.critical_batch")
WIDTHS = (400, 1200)
# What a browser fetches by itself when it shows a page.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as `make docs` builds it, once for all workers."""

    def build(folder):
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return once(tmp_path_factory, "site", build)


class Page(HTMLParser):
    """What a page fetches, links to and can be linked at."""

    def __init__(self, path):
        super().__init__()
        self.fetched, self.links, self.anchors = set(), set(), {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if "id" in found:
            self.anchors.add(found["id"])
        if tag == "link" and found.get("rel") not in {"index", "search", "next", "prev", "canonical"}:
            self.fetched.add(found.get("href"))
        if FETCHED.get(tag) in found:
            self.fetched.add(found[FETCHED[tag]])
        if tag == "a" and found.get("href"):
            self.links.add(found["href"])


@pytest.fixture(scope="module")
def parsed(site):
    return {path.resolve(): Page(path) for path in site.rglob("*.html")}


def test_every_module_has_a_page_of_reference(site):
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if path.name.startswith(("_", "test_")) or path.name == "conftest.py":
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            assert (site / "reference" / f"{name}.html").is_file(), name


def test_the_reference_begins_with_every_public_name(site):
    page = (site / "reference" / "public.html").read_text(encoding="utf-8")
    for package in ("kstar", *PACKAGES):
        names = [name for name in getattr(importlib.import_module(package), "__all__", ()) if not name.startswith("_")]
        assert [name for name in names if f"{package}.{name}<" not in page] == []


def test_every_page_of_docs_is_in_the_site(site):
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} <= {path.stem for path in site.glob("*.html")}


def test_links_lead_somewhere(parsed):
    for path, page in parsed.items():
        for link in page.links:
            parts = urlparse(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / parts.path).resolve() if parts.path else path
            assert target.is_file(), f"{path.name}: {link}"
            if target in parsed and parts.fragment:
                assert parts.fragment in parsed[target].anchors, f"{path.name}: {link}"


def test_nothing_is_asked_of_other_hosts(site, parsed):
    for path, page in parsed.items():
        assert [name for name in page.fetched if name and urlparse(name).netloc] == [], path
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"@import\s|url\(\s*['\"]?(https?:)?//", text), style


def test_formulas_are_part_of_the_page(site):
    theory = (site / "theory.html").read_text(encoding="utf-8")
    assert theory.count("<math") > 300
    assert "$$" not in re.sub(r"<code.*?</code>|<pre.*?</pre>", "", theory, flags=re.DOTALL)
    assert "<math" in (site / "reference" / "theory.numbers.critical_batch.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A Chromium with an empty profile that notes what it asks for."""
    with chromium(tmp_path_factory.mktemp("profile"), ("browser", "performance")) as driver:
        yield driver


def show(browser, site, name, width=1200):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get((site / f"{name}.html").as_uri())


def requests(browser):
    """Return the addresses that were asked for since the last call; the browser's own first page is none of ours."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    return [url for url in asked if not url.startswith("chrome://")]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SEEN)
def test_a_page_fits_its_window_and_asks_for_its_own_files_only(browser, site, name, width):
    requests(browser)
    show(browser, site, name, width)
    script = "return [document.documentElement.scrollWidth, window.innerWidth]"
    content, window = browser.execute_script(script)
    assert content <= window
    asked = requests(browser)
    assert asked
    assert [url for url in asked if not url.startswith((site.as_uri(), "data:"))] == []
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_search_finds_functions_without_a_server(browser, site):
    browser.get((site / "search.html").as_uri() + "?q=batch_size_for_efficiency")
    found = WebDriverWait(browser, 30).until(lambda b: b.find_elements(By.CSS_SELECTOR, "ul.search li a"))
    assert any("theory.numbers.critical_batch" in Path(urlparse(a.get_attribute("href")).path).name for a in found)


def test_the_tutorials_formula_is_drawn(browser, site):
    show(browser, site, "tutorial")
    formula = browser.find_element(By.CSS_SELECTOR, ".formula math")
    fraction = formula.find_element(By.CSS_SELECTOR, "mfrac")
    numerator, denominator = fraction.find_elements(By.XPATH, "./*")
    assert denominator.rect["y"] > numerator.rect["y"] + 5
    assert fraction.rect["height"] > 20


def test_formulas_are_set_in_the_sites_own_font(browser, site):
    show(browser, site, "tutorial")
    loaded = "return document.fonts.ready.then(fonts => [...fonts].map(font => [font.family, font.status]))"
    assert ["STIX Two Math", "loaded"] in [
        [family.strip('"'), status] for family, status in browser.execute_script(loaded)
    ]
    style = "return getComputedStyle(document.querySelector('.formula math')).fontFamily"
    assert browser.execute_script(style).startswith('"STIX Two Math"')
