"""The report in a real browser: a headless Chromium, driven without any download."""

import re

import pytest
from samples.report_runs import write_hostile, write_judged
from samples.verification_runs import DIGITS_TRUTHS
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from tools.chromium import chromium
from tools.contrast import contrast

from paper_figures.report.__main__ import main
from verification.records.records import read_records

pytestmark = pytest.mark.slow
# The colour of a text and of what it stands on, for every element with text of its own that can be seen.
TEXT_COLOURS = """
const seen = [];
for (const element of document.body.querySelectorAll("*")) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || !element.checkVisibility({visibilityProperty: true}) || element.closest("svg, script")) continue;
  let under = element;
  while (under && getComputedStyle(under).backgroundColor === "rgba(0, 0, 0, 0)") under = under.parentElement;
  const below = under ? getComputedStyle(under).backgroundColor : "rgb(255, 255, 255)";
  seen.push([getComputedStyle(element).color, below, element.textContent.trim().slice(0, 40)]);
}
for (const text of document.querySelectorAll("svg.chart text")) {
  seen.push([getComputedStyle(text).fill, getComputedStyle(document.body).backgroundColor, text.textContent]);
}
return seen;
"""
# What is clicked must not move away meanwhile.
STILL = [{"name": "prefers-reduced-motion", "value": "reduce"}]
FOCUSABLE = "a[href], input:not([hidden]), [tabindex='0']"


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

    def opened(name="ordinary", width=1200, media="", features=STILL):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
        browser.get_log("browser")
        browser.get((pages / f"{name}.html").as_uri())
        return browser

    yield opened
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {})


def one(driver, selector):
    return driver.find_element(By.CSS_SELECTOR, selector)


def several(driver, selector):
    return driver.find_elements(By.CSS_SELECTOR, selector)


def point(driver, curve, place):
    return several(driver, f"g.curve[data-curve='run1-chart0-{curve}'] .mark")[place]


def readout(driver):
    return one(driver, "output").text


@pytest.mark.parametrize("name", ["ordinary", "hostile", "several"])
def test_it_loads_without_a_message_on_the_console_or_a_request(show, name):
    driver = show(name)
    assert driver.get_log("browser") == []
    loaded = driver.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert all(url.startswith("data:") for url in loaded)
    assert driver.execute_script("return window.attacked === undefined")
    images = several(driver, "figure img")
    assert images
    assert all(driver.execute_script("return arguments[0].naturalWidth", image) == 900 for image in images)


def test_the_policy_stops_what_markup_could_not(show):
    driver = show("hostile")
    driver.execute_script(
        "const image = document.createElement('img'); image.setAttribute('onerror', 'window.attacked = 1');"
        "image.src = 'http://127.0.0.1:9/x'; document.body.append(image);"
        "const script = document.createElement('script'); script.textContent = 'window.attacked = 1';"
        "document.body.append(script);"
    )
    messages = [entry["message"] for entry in driver.get_log("browser")]
    assert len([message for message in messages if "Content Security Policy" in message]) >= 3
    assert driver.execute_script("return window.attacked === undefined")


def test_a_sparsity_can_be_switched_off_and_on(show):
    driver = show()
    switch = one(driver, "input[value='run1-chart0-1']")
    parts = several(driver, "[data-curve='run1-chart0-1']")
    others = several(driver, "[data-curve='run1-chart0-2']")
    assert len(parts) == 1 + 1 + 9
    assert all(part.is_displayed() for part in parts)
    switch.click()
    assert not any(part.is_displayed() for part in parts)
    assert all(part.is_displayed() for part in others)
    switch.click()
    assert all(part.is_displayed() for part in parts)


@pytest.mark.parametrize(("line", "at_first"), [("law", True), ("critical", True), ("scaling", False)])
def test_lines_can_be_switched(show, line, at_first):
    driver = show()
    paths = several(driver, f"svg.chart path.{line}")
    assert len(paths) == 4
    switch = one(driver, f"input[value='{line}']")
    for shown in (at_first, not at_first, at_first):
        assert switch.is_selected() == shown
        assert {path.value_of_css_property("display") != "none" for path in paths} == {shown}
        switch.click()


def test_a_point_tells_its_values_when_pointed_at(show, digits_run):
    driver = show()
    measured = read_records(digits_run).curves[3].points
    for place in (4, 8):
        ActionChains(driver).move_to_element(point(driver, 3, place)).perform()
        known = measured[place]
        wanted = f"sparsity 90%, B = {known.batch_size}: K* = {known.upper:g} steps, in ({known.lower:g}, "
        assert readout(driver).startswith(wanted)
        assert readout(driver).endswith("; learning_rate 0.21")
    assert len(several(driver, ".mark.on")) == 1


def test_a_point_near_the_pointer_is_enough(show):
    driver = show()
    ActionChains(driver).move_to_element_with_offset(point(driver, 3, 8), 14, -14).perform()
    assert readout(driver).startswith("sparsity 90%, B = 256:")
    before = readout(driver)
    ActionChains(driver).move_to_element_with_offset(point(driver, 3, 8), 0, -120).perform()
    assert readout(driver) == before


def test_a_point_tells_its_values_when_focused_and_arrows_go_on(show):
    driver = show()
    driver.execute_script("arguments[0].focus()", point(driver, 0, 0))
    assert readout(driver).startswith("sparsity 0%, B = 1:")
    steps = [
        (Keys.ARROW_RIGHT, "sparsity 0%, B = 2:"),
        (Keys.ARROW_UP, "sparsity 50%, B = 2:"),
        (Keys.END, "sparsity 50%, B = 256:"),
        (Keys.ARROW_LEFT, "sparsity 50%, B = 128:"),
        (Keys.ARROW_DOWN, "sparsity 0%, B = 128:"),
        (Keys.HOME, "sparsity 0%, B = 1:"),
        (Keys.ARROW_LEFT, "sparsity 0%, B = 1:"),
    ]
    for key, start in steps:
        ActionChains(driver).send_keys(key).perform()
        assert readout(driver).startswith(start)
        assert driver.switch_to.active_element.get_attribute("aria-label") == readout(driver)


def test_arrows_pass_over_what_is_switched_off(show):
    driver = show()
    one(driver, "input[value='run1-chart0-1']").click()
    driver.execute_script("arguments[0].focus()", point(driver, 0, 2))
    ActionChains(driver).send_keys(Keys.ARROW_UP).perform()
    assert readout(driver).startswith("sparsity 70%, B = 4:")
    one(driver, "input[value='run1-chart0-2']").click()
    assert readout(driver).startswith("Point at, tap or focus a point")


def test_the_readout_is_announced_and_points_have_names(show):
    driver = show()
    assert one(driver, "output").get_attribute("aria-live") == "polite"
    assert one(driver, "svg.chart").get_attribute("role") == "group"
    names = [mark.get_attribute("aria-label") for mark in several(driver, ".mark")]
    assert len(set(names)) == 36
    assert not several(driver, "svg.chart title")


@pytest.mark.parametrize("name", ["ordinary", "hostile", "several"])
def test_every_control_is_reached_by_the_tab_key(show, name):
    """Once round the page and back to its start: every control, and one point of each chart."""
    driver = show(name)
    wanted = driver.execute_script(f"return [...document.querySelectorAll(`{FOCUSABLE}`)]")
    reached = []
    for _ in wanted:
        ActionChains(driver).send_keys(Keys.TAB).perform()
        focused = driver.switch_to.active_element
        reached.append(focused)
        if "mark" not in (focused.get_attribute("class") or ""):
            assert focused.value_of_css_property("outline-style") == "solid"
    assert reached == wanted
    marks = [element for element in reached if element.get_attribute("class") in {"mark", "mark on"}]
    assert len(marks) == len(several(driver, "svg.chart"))
    controls = [element for element in reached if element.tag_name == "input"]
    assert len(controls) == len(several(driver, "input"))


@pytest.mark.parametrize("width", [400, 320])
@pytest.mark.parametrize("name", ["ordinary", "hostile", "several"])
def test_the_page_does_not_scroll_sideways_on_a_phone(show, name, width):
    driver = show(name, width)
    assert driver.execute_script("return document.scrollingElement.scrollWidth") <= width
    wide = several(driver, ".scroll")
    assert any(driver.execute_script("return arguments[0].scrollWidth > arguments[0].clientWidth", w) for w in wide)
    assert all(element.get_attribute("tabindex") == "0" for element in wide)


def test_on_a_phone_claims_are_cards_that_remain_a_table(show):
    driver = show(width=400)
    row = several(driver, ".claims tbody tr")[0]
    heading, verdict = row.find_element(By.TAG_NAME, "th"), row.find_element(By.TAG_NAME, "td")
    assert verdict.location["y"] >= heading.location["y"] + heading.size["height"]
    assert (row.aria_role, heading.aria_role, verdict.aria_role) == ("row", "rowheader", "cell")
    assert one(driver, "svg.chart text").size["height"] >= 10


def channels(colour):
    numbers = [float(part) for part in re.findall(r"[\d.]+", colour)]
    assert len(numbers) == 3 or numbers[3] == 1.0, f"{colour} lets what is below show through"
    return numbers[:3]


@pytest.mark.parametrize("name", ["ordinary", "hostile"])
def test_every_text_stands_out_from_what_is_really_behind_it(show, name):
    found = show(name).execute_script(TEXT_COLOURS)
    assert len(found) > 100
    for text, below, words in found:
        assert contrast(channels(text), channels(below)) >= 4.5, (text, below, words)


def test_on_paper_everything_is_there_and_nothing_is_for_clicking(show):
    """A4 less its margins is 680 pixels wide."""
    driver = show(width=680, media="print")
    assert not any(element.is_displayed() for element in several(driver, "nav, .skip, .readout, .lines, input"))
    assert driver.execute_script("return document.scrollingElement.scrollWidth") <= 680
    cells = several(driver, "th, td")
    assert not [
        c.text for c in cells if driver.execute_script("return arguments[0].scrollWidth", c) > c.size["width"] + 1
    ]
    assert all(table.is_displayed() for table in several(driver, "table, svg.chart, figure img"))
    assert one(driver, ".claims thead").value_of_css_property("display") == "table-header-group"


def test_whoever_asks_for_less_motion_gets_none(show):
    behaviour = "return getComputedStyle(document.documentElement).scrollBehavior"
    anyone = [{"name": "prefers-reduced-motion", "value": "no-preference"}]
    assert show(features=anyone).execute_script(behaviour) == "smooth"
    assert show(features=STILL).execute_script(behaviour) == "auto"
