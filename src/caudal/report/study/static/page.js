"use strict";
// Everything is there without this script; it adds sorting, tabs, choice of models, tips and the place in the contents.
const all = (query, within = document) => [...within.querySelectorAll(query)];
const make = (name, properties = {}, ...inside) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...inside);
  return made;
};

function sortable(table) {
  const heads = all("thead th", table);
  heads.forEach((head, column) => {
    const button = make("button", { type: "button" }, ...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const rising = head.getAttribute("aria-sort") === "ascending" ? false : head.hasAttribute("aria-sort") || column === 0;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      sortRows(table, column, rising);
    });
  });
}

function sortRows(table, column, rising) {
  const body = table.tBodies[0];
  const key = (row) => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent.trim() : Number(cell.dataset.v);
  };
  const order = new Intl.Collator(document.documentElement.lang, { numeric: true }).compare;
  const empty = (value) => value === "–" || value === "";
  const rows = [...body.rows].map((row) => [key(row), row]);
  rows.sort(([a], [b]) => {
    // What has no value stands last, whichever way the others go.
    if (empty(a) || empty(b)) return empty(a) - empty(b);
    const turn = typeof a === "number" && typeof b === "number" ? a - b : order(String(a), String(b));
    return rising ? turn : -turn;
  });
  body.append(...rows.map(([, row]) => row));
}

function tabs(box, number) {
  const panels = all(":scope > .panel", box);
  if (panels.length < 2) return;
  const list = make("div");
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", box.dataset.label);
  const buttons = panels.map((panel, at) => {
    const button = make("button", { type: "button", id: `tab-${number}-${at}`, textContent: panel.dataset.title });
    button.setAttribute("role", "tab");
    panel.id = `panel-${number}-${at}`;
    button.setAttribute("aria-controls", panel.id);
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", button.id);
    button.addEventListener("click", () => show(at));
    return button;
  });
  const show = (chosen) => {
    panels.forEach((panel, at) => { panel.hidden = at !== chosen; });
    buttons.forEach((button, at) => {
      button.setAttribute("aria-selected", at === chosen);
      button.tabIndex = at === chosen ? 0 : -1;
    });
  };
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
    show(next);
    buttons[next].focus();
  });
  list.append(...buttons);
  box.prepend(list);
  box.classList.add("live");
  show(0);
}

function curves() {
  const of = (input) => all(`#curves [data-model="${input.dataset.model}"]`);
  const draw = (input) => of(input).forEach((curve) => curve.classList.toggle("on", input.checked));
  all(".chips input").forEach((input) => {
    draw(input);
    input.addEventListener("change", () => draw(input));
    const hot = (is) => () => of(input).forEach((curve) => curve.classList.toggle("hot", is));
    input.parentElement.addEventListener("pointerenter", hot(true));
    input.parentElement.addEventListener("pointerleave", hot(false));
  });
}

function tips() {
  const tip = document.querySelector(".tip");
  const hide = () => { tip.hidden = true; };
  document.addEventListener("pointerover", (event) => {
    const told = event.target.closest?.("[data-tip]");
    if (!told) return hide();
    tip.textContent = told.dataset.tip;
    tip.hidden = false;
    const place = told.getBoundingClientRect();
    const left = place.left + place.width / 2 - tip.offsetWidth / 2;
    tip.style.left = `${Math.max(4, Math.min(left, innerWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${place.top > 44 ? place.top - tip.offsetHeight - 6 : place.bottom + 6}px`;
  });
  addEventListener("scroll", hide, { passive: true });
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
}

function place() {
  const links = new Map(all("nav a").map((link) => [link.hash.slice(1), link]));
  const watch = new IntersectionObserver((seen) => {
    const now = seen.find((one) => one.isIntersecting);
    if (!now) return;
    links.forEach((link) => link.removeAttribute("aria-current"));
    const link = links.get(now.target.id);
    link.setAttribute("aria-current", "true");
    const list = link.closest("ol");
    list.scrollLeft = link.offsetLeft - list.clientWidth / 2 + link.clientWidth / 2;
  }, { rootMargin: "-20% 0px -70% 0px" });
  all("main > section").forEach((section) => watch.observe(section));
}

// What is wider than the page scrolls by itself, and the keyboard must reach it.
function scrollers() {
  all(".scroll").forEach((box) => {
    const wide = box.scrollWidth > box.clientWidth;
    box.toggleAttribute("tabindex", wide);
    if (!wide) return ["role", "aria-label"].forEach((name) => box.removeAttribute(name));
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", box.dataset.label ?? box.querySelector("caption").textContent);
  });
}

function copies() {
  if (!navigator.clipboard) return;
  all(".copy").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
      button.textContent = button.dataset.done;
    });
  });
}

all("table.sortable").forEach(sortable);
all(".tabs").forEach(tabs);
curves();
tips();
place();
copies();
scrollers();
addEventListener("resize", scrollers);
document.addEventListener("toggle", scrollers, true);
document.addEventListener("click", scrollers);
