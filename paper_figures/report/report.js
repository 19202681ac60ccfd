"use strict";
// Without this file the page is a picture with tables; with it, curves can be switched and points tell their values.
for (const figure of document.querySelectorAll("figure.curves")) {
  prepare(figure);
}
for (const table of document.querySelectorAll("table")) {
  if (table.caption) offerCopy(table);
}

function offerCopy(table) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy as CSV";
  button.addEventListener("click", async () => {
    const text = csvOf(table);
    button.dataset.csv = text;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "The browser forbids copying";
    }
  });
  table.caption.append(button);
}

// A cell with several values, one a replicate, holds them on lines of its own.
function csvOf(table) {
  const cell = (one) => {
    const parts = [...one.querySelectorAll(".one")];
    const text = (parts.length ? parts.map((part) => part.textContent) : [one.textContent])
      .map((part) => part.replace(/\s+/g, " ").trim())
      .join("\n");
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [...table.rows].map((row) => `${[...row.cells].map(cell).join(",")}\r\n`).join("");
}

function prepare(figure) {
  const chart = figure.querySelector("svg.chart");
  const readout = figure.querySelector("output");
  const marks = [...chart.querySelectorAll(".mark")];
  const hint = "Point at, tap or focus a point for its values; arrow keys go along a curve and between curves.";
  let current = null;

  chart.setAttribute("role", "group");
  readout.hidden = false;
  readout.textContent = hint;
  for (const hidden of figure.querySelectorAll("fieldset, input")) hidden.hidden = false;
  for (const mark of marks) {
    // The name moves from the title, which would open a tooltip of its own, to an attribute.
    const title = mark.querySelector("title");
    mark.setAttribute("aria-label", title.textContent);
    mark.setAttribute("role", "img");
    title.remove();
    mark.addEventListener("focus", () => tell(mark));
  }

  function shown(mark) {
    return !mark.parentNode.classList.contains("off");
  }

  // One point of a chart is in the tab order, the one last told or the first; arrow keys reach the others.
  function enter(mark) {
    for (const other of marks) other.setAttribute("tabindex", other === mark ? "0" : "-1");
  }

  function tell(mark) {
    if (current) current.classList.remove("on");
    current = mark;
    if (mark) mark.classList.add("on");
    readout.textContent = mark ? mark.getAttribute("aria-label") : hint;
    enter(mark || marks.find(shown));
  }

  function switchLine(input) {
    for (const line of chart.querySelectorAll(`.${input.value}`)) line.classList.toggle("off", !input.checked);
  }

  function switchCurve(input) {
    for (const part of figure.querySelectorAll(`[data-curve="${input.value}"]`)) {
      part.classList.toggle("off", !input.checked);
    }
    tell(current && shown(current) ? current : null);
  }

  for (const input of figure.querySelectorAll("input")) {
    const change = input.closest(".lines") ? switchLine : switchCurve;
    input.addEventListener("change", () => change(input));
    change(input);
  }

  function nearest(event) {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse());
    const reach = 32 / chart.getScreenCTM().a;
    let best = null;
    let least = reach;
    for (const mark of marks.filter(shown)) {
      const distance = Math.hypot(mark.dataset.x - at.x, mark.dataset.y - at.y);
      if (distance < least) [best, least] = [mark, distance];
    }
    return best;
  }

  for (const kind of ["pointermove", "pointerdown"]) {
    chart.addEventListener(kind, (event) => {
      const mark = nearest(event);
      if (mark && mark !== current) tell(mark);
    });
  }

  function neighbour(mark, key) {
    const along = [...mark.parentNode.querySelectorAll(".mark")];
    const place = along.indexOf(mark);
    if (key === "ArrowRight") return along[place + 1];
    if (key === "ArrowLeft") return along[place - 1];
    if (key === "Home") return along[0];
    if (key === "End") return along[along.length - 1];
    const curves = [...chart.querySelectorAll(".curve:not(.off)")];
    const other = curves[curves.indexOf(mark.parentNode) + (key === "ArrowUp" ? 1 : -1)];
    if (!other) return null;
    const distance = (candidate) => Math.abs(candidate.dataset.x - mark.dataset.x);
    return [...other.querySelectorAll(".mark")].reduce((best, one) => (distance(one) < distance(best) ? one : best));
  }

  chart.addEventListener("keydown", (event) => {
    const mark = event.target.closest(".mark");
    if (!mark || !["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) return;
    event.preventDefault();
    const next = neighbour(mark, event.key);
    if (next) next.focus();
  });
}
