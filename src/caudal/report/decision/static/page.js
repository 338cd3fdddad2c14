"use strict";
// Everything is there without this script; it adds the scrubber, the choice of a neuron, and switching a synapse off.
const all = (query, within = document) => [...within.querySelectorAll(query)];
const make = (name, properties = {}, ...inside) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...inside);
  return made;
};

const unfold = (fold) => { if (fold) fold.open = true; };

function live(box) {
  const data = JSON.parse(box.querySelector("script").textContent);
  const said = (value) => {
    const size = Math.abs(value);
    const text = value === 0 ? "0" : size >= 1e5 || size < 1e-4 ? value.toExponential(2) : String(Number(value.toPrecision(3)));
    return text.replace("-", "−").replace(".", data.decimal);
  };
  const net = box.querySelector(".net"), about = box.querySelector(".about");
  const neurons = net ? all(".neuron", net) : [], paths = net ? all(".synapses path", net) : [];
  const bar = box.querySelector(".bar"), slider = bar.querySelector("input"), output = bar.querySelector("output");
  const most = Math.max(...data.activity.flat().map(Math.abs)) || 1;
  let chosen = -1;
  const ends = (path) => [Number(path.dataset.s), Number(path.dataset.t), Number(path.dataset.w)];
  const at = () => Number(slider.value);

  function go() {
    const t = at();
    neurons.forEach((one, n) => {
      if (n < data.inputs) return;
      const value = data.activity[n - data.inputs][t], shade = one.querySelector(".shade");
      shade.setAttribute("fill-opacity", (Math.abs(value) / most).toFixed(2));
      shade.setAttribute("fill", value < 0 ? "var(--inh)" : "var(--exc)");
    });
    all("svg.lines").forEach((plot) => {
      const first = Number(plot.dataset.first), last = Number(plot.dataset.last);
      const x = 48 + 356 * (last > first ? (data.time[t] - first) / (last - first) : 1);
      ["x1", "x2"].forEach((end) => plot.querySelector(".cursor").setAttribute(end, x.toFixed(1)));
    });
    all(".heat rect[data-t]").forEach((cell) => cell.classList.toggle("now", Number(cell.dataset.t) === t));
    output.textContent = `${t + 1} · ${said(data.time[t])} ${data.unit}`;
    slider.setAttribute("aria-valuetext", output.textContent);
    tell();
  }

  function list(found, end) {
    const order = found.sort((a, b) => Math.abs(b[2]) - Math.abs(a[2])).slice(0, 10);
    return order.map((one) => `${data.labels[one[end]]} (${one[2] > 0 ? "+" : ""}${said(one[2])})`).join(", ") || data.words.nothing;
  }

  function tell() {
    if (!net) return;
    if (chosen < 0) return about.replaceChildren(make("p", { className: "quiet", textContent: data.words.choose }));
    const unit = chosen - data.inputs, links = paths.map(ends);
    const line = (name, text) => make("p", {}, make("b", { textContent: `${name}: ` }), text);
    const parts = unit < 0 ? [] : [`${data.words.state} ${said(data.activity[unit][at()])}`];
    if (unit >= 0 && data.tau.length) parts.push(`${data.words.tau} ${said(data.tau[unit][at()])} ${data.unit}`);
    about.replaceChildren(
      make("p", {}, make("b", { textContent: data.labels[chosen] }), parts.length ? ` · ${parts.join(", ")}` : ""),
      ...(unit < 0 ? [] : [line(data.words.reads, list(links.filter((one) => one[1] === chosen), 0))]),
      line(data.words.acts, list(links.filter((one) => one[0] === chosen), 1)));
  }

  function trace() {
    all(".figures > div", box).forEach((frame) => {
      const plot = frame.querySelector("svg"), line = plot.querySelector(".chosen");
      const row = data[frame.dataset.of][chosen - data.inputs];
      if (!row) return line.setAttribute("points", "");
      const low = Number(plot.dataset.low), high = Number(plot.dataset.high);
      const part = (v) => (plot.dataset.log ? Math.log(v / low) / Math.log(high / low) : (v - low) / (high - low));
      const first = data.time[0], span = data.time.at(-1) - first || 1;
      line.setAttribute("points", row.map((v, k) =>
        `${(48 + 356 * (data.time[k] - first) / span).toFixed(1)},${(168 - 138 * part(v)).toFixed(1)}`).join(" "));
    });
  }

  function light(n) {
    net.classList.toggle("chosen", n >= 0);
    neurons.forEach((one, k) => one.classList.toggle("lit", k === n));
    paths.forEach((path) => {
      const [source, target] = ends(path), lit = source === n || target === n;
      path.classList.toggle("lit", lit);
      if (lit) [source, target].forEach((end) => neurons[end].classList.add("lit"));
    });
  }

  function choose(n) {
    chosen = chosen === n ? -1 : n;
    neurons.forEach((one, k) => one.setAttribute("aria-pressed", k === chosen));
    unfold(box.closest("details"));
    light(chosen); tell(); trace();
  }

  function move(from, key) {
    const x = (one) => Number(one.querySelector("circle").getAttribute("cx"));
    const y = (one) => Number(one.querySelector("circle").getAttribute("cy"));
    const here = neurons[from], across = key === "ArrowLeft" || key === "ArrowRight";
    const sign = key === "ArrowRight" || key === "ArrowDown" ? 1 : -1;
    const there = neurons.filter((one) => across
      ? sign * (x(one) - x(here)) > 1
      : Math.abs(x(one) - x(here)) < 1 && sign * (y(one) - y(here)) > 0);
    const far = (one) => (across ? 1000 : 0) * Math.abs(x(one) - x(here)) + Math.abs(y(one) - y(here));
    const next = there.sort((a, b) => far(a) - far(b))[0];
    if (!next) return;
    neurons.forEach((one) => one.setAttribute("tabindex", one === next ? 0 : -1));
    next.focus();
  }

  neurons.forEach((one, n) => {
    one.addEventListener("click", () => choose(n));
    one.addEventListener("pointerenter", () => { if (chosen < 0) light(n); });
    one.addEventListener("pointerleave", () => { if (chosen < 0) light(-1); });
    one.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") choose(n);
      else if (event.key.startsWith("Arrow")) move(n, event.key);
      else if (event.key === "Escape" && chosen >= 0) choose(chosen);
      else return;
      event.preventDefault();
    });
  });

  const off = box.querySelector(".off");
  if (off) {
    const choice = off.querySelector("select"), told = off.querySelector(".told");
    const labelled = (path) => { const [s, t] = ends(path); return `${data.labels[s]} -> ${data.labels[t]}`; };
    const show = () => {
      paths.forEach((path) => path.classList.toggle("off", choice.value !== "" && labelled(path) === choice.value));
      told.textContent = data.without[choice.value] ?? "";
    };
    choice.addEventListener("change", show);
    paths.forEach((path) => path.addEventListener("click", () => {
      choice.value = choice.value === labelled(path) ? "" : labelled(path);
      show();
    }));
    off.hidden = false;
  }

  const play = bar.querySelector(".play"), name = play.textContent;
  let timer = 0;
  const stop = () => { clearInterval(timer); timer = 0; play.textContent = name; };
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (slider.value === slider.max) slider.value = 0;
    play.textContent = play.dataset.pause;
    // Whoever asks for less motion gets slow steps instead of a film.
    const pace = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1000 : Math.max(60, 6000 / data.time.length);
    timer = setInterval(() => {
      slider.value = at() + 1;
      go();
      if (slider.value === slider.max) stop();
    }, pace);
  });
  slider.addEventListener("input", () => { stop(); go(); });
  bar.hidden = false;
  go();
}

function place() {
  const links = new Map(all("nav a").map((link) => [link.hash.slice(1), link]));
  const watch = new IntersectionObserver((seen) => {
    const now = seen.find((one) => one.isIntersecting);
    if (!now) return;
    links.forEach((link) => link.removeAttribute("aria-current"));
    const link = links.get(now.target.id), list = link.closest("ol");
    link.setAttribute("aria-current", "true");
    list.scrollLeft = link.offsetLeft - list.clientWidth / 2 + link.clientWidth / 2;
  }, { rootMargin: "-20% 0px -70% 0px" });
  all("main > section").forEach((section) => watch.observe(section));
}

all("nav a").forEach((link) => link.addEventListener("click", () => unfold(document.querySelector(`${link.getAttribute("href")} > details`))));
all(".live").forEach(live);
place();
let opened = [];
addEventListener("beforeprint", () => { opened = all("details:not([open])"); opened.forEach((one) => { one.open = true; }); });
addEventListener("afterprint", () => opened.forEach((one) => { one.open = false; }));
