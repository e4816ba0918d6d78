// Lists the records that the filters leave, a page at a time. The address keeps the filters, so that a view can be
// linked to. Everything that comes from the data is set as text, never as HTML.
"use strict";
const PAGE = 50; // records shown at a time
const PAUSE_MS = 150; // between the last key and the search
const { figures, records } = JSON.parse(document.getElementById("data").textContent);
const form = document.querySelector("#records form");
const list = document.querySelector("#records .records");
const pages = document.querySelector("#records .pages");
const [previous, position, next] = pages.children;
const texts = []; // of each record in small letters, made at the first search
let found = [];
let start = 0;

// An element with attributes and children; a string among the children becomes text.
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function text(value) {
  if (!value || !value.trim()) return element("div", { class: "text empty" }, "(empty)");
  return element("div", { class: "text", dir: "auto" }, value);
}

function shown(value) {
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toFixed(2);
  return String(value);
}

const isObject = (value) => value !== null && typeof value === "object";

// Any value of the data: objects as names and values, lists of objects as a table, all else as text.
function explained(value) {
  if (Array.isArray(value)) {
    if (!value.length) return element("span", { class: "empty" }, "(none)");
    return value.every((item) => isObject(item) && !Array.isArray(item)) ? grid(value) : bullets(value);
  }
  if (isObject(value)) return names(value);
  if (value === null || value === undefined) return element("span", { class: "empty" }, "-");
  return element("span", { dir: "auto", class: "value " + (STANDINGS.has(value) ? value : "") }, shown(value));
}
const STANDINGS = new Set(["supported", "contradicted", "absent", "correct", "abstain", "wrong"]);
const POSITIONS = new Set(["start", "end"]); // where a fact stands in its text, which is there to be read

function grid(rows) {
  const columns = [...new Set(rows.flatMap(Object.keys))].filter((name) => !POSITIONS.has(name));
  const head = element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name.replaceAll("_", " "))));
  const body = rows.map((row) =>
    element("tr", {}, ...columns.map((name) => element("td", { "data-label": name.replaceAll("_", " ") }, explained(row[name])))));
  return element("table", { class: "grid" }, element("thead", {}, head), element("tbody", {}, ...body));
}

const bullets = (items) => element("ul", {}, ...items.map((item) => element("li", {}, explained(item))));

const names = (object) => element("dl", {}, ...Object.entries(object).flatMap(([name, value]) =>
  [element("dt", {}, name.replaceAll("_", " ")), element("dd", {}, explained(value))]));

function details(name, value) {
  const count = Array.isArray(value) ? ` (${value.length})` : "";
  return element("details", {}, element("summary", {}, name + count), explained(value));
}

const cell = (label, ...children) => element("td", { "data-label": label }, ...children);

function rendered(record) {
  const small = (words) => element("small", {}, words);
  const verdict = element("span", { class: "verdict " + record.verdict }, record.verdict);
  const numbers = figures.flatMap((name, i) =>
    typeof record.figures?.[i] === "number" ? [small(`${name} ${record.figures[i].toFixed(2)}`)] : []);
  if ("label" in record) {
    numbers.push(element("small", { class: "label" }, `label ${shown(record.label)}` + (["agree", "no label"].includes(record.agreement) ? "" : ", disagrees")));
  }
  const row = element("tr", {},
    cell("Question", text(record.question), small(record.id)),
    cell("Reference", element("div", { class: "several" }, ...(record.references ?? [""]).map(text))),
    cell("Answer", text(record.answer)),
    cell("Verdict", verdict, ...numbers));
  const more = Object.entries(record.explained ?? {}).map(([name, value]) => details(name.replaceAll("_", " "), value));
  if (record.others) more.push(details("other columns", record.others));
  if (!more.length) return element("tbody", {}, row);
  return element("tbody", {}, row, element("tr", { class: "more" }, element("td", { colspan: "4" }, element("div", { class: "details" }, ...more))));
}

function draw() {
  const part = found.slice(start, start + PAGE);
  const head = element("tr", {}, ...["Question", "Reference", "Answer", "Verdict"].map((name) =>
    element("th", { scope: "col", class: name === "Verdict" ? "judged" : "" }, name)));
  const table = element("table", { class: "answers" }, element("thead", {}, head), ...part.map(rendered));
  list.replaceChildren(...(part.length ? [table] : [element("p", { class: "note" }, "No record is left by these filters.")]));
  for (const block of list.querySelectorAll(".text")) {
    if (block.scrollHeight > block.clientHeight) block.tabIndex = 0; // a keyboard can scroll it
  }
  pages.hidden = found.length <= PAGE;
  previous.disabled = start === 0;
  next.disabled = start + PAGE >= found.length;
  position.value = `${(start + 1).toLocaleString("en")} to ${(start + part.length).toLocaleString("en")}`;
}

// Everything in a record that can be read on the page.
function words(value) {
  return isObject(value) ? Object.values(value).map(words).join("\n") : String(value ?? "");
}

function matches(wanted) {
  const sought = wanted.text?.toLowerCase();
  return (record, i) => {
    if (wanted.verdict && record.verdict !== wanted.verdict) return false;
    if (wanted.agreement && record.agreement !== wanted.agreement) return false;
    if (!sought) return true;
    texts[i] ??= words(record).toLowerCase();
    return texts[i].includes(sought);
  };
}

function ordered(chosen, order) {
  if (!order) return chosen;
  const name = order.replace(/^-/, "");
  const column = figures.indexOf(name);
  const value = (record) => (name === "gap" ? record.gap === undefined ? null : -Math.abs(record.gap) : record.figures?.[column] ?? null);
  const sign = order.startsWith("-") ? -1 : 1;
  const keyed = chosen.map((record) => [value(record), record]);
  // What has no value comes last, whatever the order.
  keyed.sort(([a], [b]) => (a === null) - (b === null) || sign * (a - b));
  return keyed.map(([, record]) => record);
}

function filter() {
  const wanted = Object.fromEntries([...new FormData(form)].filter(([, value]) => value));
  found = ordered(records.filter(matches(wanted)), wanted.sort);
  start = 0;
  form.querySelector("output").value = `${found.length.toLocaleString("en")} of ${records.length.toLocaleString("en")}`;
  history.replaceState(null, "", "#" + new URLSearchParams(wanted));
  draw();
}

// Sets the filters to what the address says.
function restore() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  for (const field of form.elements) if (field.name) field.value = wanted.get(field.name) ?? "";
  filter();
}

function turn(by) {
  start += by * PAGE;
  draw();
  document.getElementById("records").scrollIntoView();
}

let waiting;
form.addEventListener("input", (event) => {
  clearTimeout(waiting);
  waiting = setTimeout(filter, event.target.type === "search" ? PAUSE_MS : 0);
});
form.addEventListener("submit", (event) => event.preventDefault());
previous.addEventListener("click", () => turn(-1));
next.addEventListener("click", () => turn(1));
addEventListener("hashchange", () => {
  restore();
  document.getElementById("records").scrollIntoView();
});
restore();
