"""The report in a real browser: a headless Chromium, driven without any download."""

import base64
import csv
import io
import re

import pytest
from samples.report_runs import write_hostile, write_judged
from samples.verification_runs import DIGITS_TRUTHS
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from tools.chromium import chromium

from paper_figures.report.__main__ import main

pytestmark = pytest.mark.slow
COLOURS = "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor, s.colorScheme]"
INJECT = """
const image = document.createElement('img'); image.setAttribute('onerror', 'window.attacked = 1');
image.src = 'http://127.0.0.1:9/x'; document.body.append(image);
const script = document.createElement('script'); script.textContent = 'window.attacked = 1';
document.body.append(script);
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A Chromium with an empty profile."""
    with chromium(tmp_path_factory.mktemp("profile"), ("browser",)) as driver:
        yield driver


@pytest.fixture(scope="module")
def pages(digits_run, tmp_path_factory):
    """The files of an ordinary page, a hostile one and one of two runs."""
    parent = tmp_path_factory.mktemp("pages")
    other = write_judged(parent / "other", truths=DIGITS_TRUTHS[:2], replicates=2)
    runs = {"ordinary": [digits_run], "hostile": [write_hostile(parent)], "several": [digits_run, other]}
    for name, folders in runs.items():
        assert main([*map(str, folders), "--to", str(parent / f"{name}.html")]) == 0
    return parent


@pytest.fixture
def show(browser, pages):
    """Open a page at a width, as for the first time."""

    def opened(name="ordinary", width=1200, media="", scheme="light"):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        # What is clicked must not move away meanwhile.
        features = {"prefers-reduced-motion": "reduce", "prefers-color-scheme": scheme}
        listed = [{"name": name, "value": value} for name, value in features.items()]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": listed})
        browser.get_log("browser")
        browser.get((pages / f"{name}.html").as_uri())
        return browser

    yield opened
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {})


def several(driver, selector):
    return driver.find_elements(By.CSS_SELECTOR, selector)


def scroll_width(driver):
    return driver.execute_script("return document.scrollingElement.scrollWidth")


@pytest.mark.parametrize("name", ["ordinary", "hostile", "several"])
def test_it_opens_silently_and_loads_nothing(show, name):
    driver = show(name)
    assert driver.get_log("browser") == []
    loaded = driver.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert all(url.startswith("data:") for url in loaded)
    images = several(driver, "figure img")
    assert images
    assert all(driver.execute_script("return arguments[0].naturalWidth", image) == 900 for image in images)
    driver.execute_script(INJECT)
    refused = [entry for entry in driver.get_log("browser") if "Content Security Policy" in entry["message"]]
    assert len(refused) >= 3
    assert driver.execute_script("return window.attacked === undefined")


def test_the_chart_answers_to_pointer_keys_and_switches(show):
    driver = show()
    marks = several(driver, "g.curve[data-curve='run1-chart0-0'] .mark")
    (readout,) = several(driver, "output")
    ActionChains(driver).move_to_element(marks[4]).perform()
    assert readout.text.startswith("sparsity 0%, B = 16: K* = ")
    driver.execute_script("arguments[0].focus()", marks[0])
    ActionChains(driver).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_UP).perform()
    assert readout.text.startswith("sparsity 50%, B = 2:")
    assert driver.switch_to.active_element.get_attribute("aria-label") == readout.text
    several(driver, "input[value='run1-chart0-1']")[0].click()
    assert not any(part.is_displayed() for part in several(driver, "[data-curve='run1-chart0-1']"))
    assert readout.text.startswith("Point at, tap or focus a point")
    for line, shown in (("law", False), ("scaling", True)):
        several(driver, f"input[value='{line}']")[0].click()
        assert [p.value_of_css_property("display") != "none" for p in several(driver, f"path.{line}")] == [shown] * 4


@pytest.mark.parametrize("name", ["ordinary", "hostile", "several"])
def test_a_phone_shows_it_without_scrolling_sideways(show, name):
    assert scroll_width(show(name, 400)) <= 400


def test_on_paper_everything_is_there_and_nothing_is_for_clicking(show):
    """A4 less its margins is 680 pixels wide."""
    driver = show(width=680, media="print")
    assert not any(element.is_displayed() for element in several(driver, "nav, .skip, .readout, .lines, input, .copy"))
    assert all(element.is_displayed() for element in several(driver, "table, svg.chart, figure img"))
    assert scroll_width(driver) <= 680


def test_a_run_is_printed_on_eight_pages_at_most(show):
    driver = show()
    printed = driver.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})["data"]
    pages = len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(printed)))
    assert 2 <= pages <= 8


def test_a_dark_scheme_is_dark_on_a_screen_and_not_on_paper_nor_under_pictures(show):
    light, on_paper = show().execute_script(COLOURS), show(scheme="dark", media="print").execute_script(COLOURS)
    driver = show(scheme="dark")
    ink, paper, scheme = driver.execute_script(COLOURS)
    assert scheme == "dark"
    assert max(numbers(paper)) < 40
    assert min(numbers(ink)) > 200
    assert on_paper == light
    for chart in several(driver, "svg.chart, .picture img"):
        assert numbers(chart.value_of_css_property("background-color"))[:3] == [255, 255, 255]
    assert max(numbers(several(driver, ".chart text")[0].value_of_css_property("fill"))) < 50


def test_the_numbers_of_a_table_are_copied_as_csv(show):
    driver = show()
    table = several(driver, "table.points")[0]
    button = table.find_element(By.CSS_SELECTOR, "caption button")
    button.click()
    rows = list(csv.reader(io.StringIO(button.get_attribute("data-csv"))))
    shown = [
        [cell.text for cell in row.find_elements(By.CSS_SELECTOR, "th, td")]
        for row in table.find_elements(By.CSS_SELECTOR, "tr")
    ]
    assert [row[0] for row in rows] == [row[0] for row in shown]
    assert [len(row) for row in rows] == [len(row) for row in shown]
    assert rows[1][1] == shown[1][1]


def numbers(colour):
    """Return the channels of a colour as a browser computes it."""
    return [int(value) for value in re.findall(r"\d+", colour)][:3]
