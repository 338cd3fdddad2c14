// A circuit that moves: a scrubber through time, and for a chosen neuron its connections and its trace.
function circuit(box) {
  const store = box.querySelector("script");
  const net = box.querySelector(".net");
  if (!net) return;
  const neurons = all(".neuron[data-n]", net);
  const paths = all(".synapses path", net);
  const data = store ? JSON.parse(store.textContent) : null;
  const said = (value) => {
    const size = Math.abs(value);
    if (value !== 0 && (size >= 1e6 || size < 1e-4)) return value.toExponential(2).replace("-", "−");
    const maximumFractionDigits = size ? Math.max(0, 2 - Math.floor(Math.log10(size))) : 0;
    return value.toLocaleString(document.documentElement.lang, { maximumFractionDigits }).replace("-", "−");
  };
  const about = box.querySelector(".about");
  const slider = box.querySelector("input[type=range]");
  const traces = all(".trace", box);
  const most = data ? Math.max(...data.activity.flat().map(Math.abs)) || 1 : 1;
  let chosen = -1;

  const ends = (path) => [Number(path.dataset.s), Number(path.dataset.t), Number(path.dataset.w)];
  const list = (found, at) => found
    .sort((a, b) => Math.abs(b[2]) - Math.abs(a[2])).slice(0, 12)
    .map((one) => `${data.labels[one[at]]} (${one[2] > 0 ? "+" : ""}${said(one[2])})`).join(", ") || data.words.nothing;

  function tell() {
    if (!about) return;
    if (chosen < 0) return about.replaceChildren(make("p", { className: "quiet", textContent: data.words.choose }));
    const all_ends = paths.map(ends);
    const line = (name, text) => make("p", {}, make("b", { textContent: `${name}: ` }), text);
    about.replaceChildren(
      make("p", {}, make("b", { textContent: data.labels[chosen] }), ` ${values()}`),
      ...(chosen < data.inputs ? [] : [line(data.words.reads, list(all_ends.filter((one) => one[1] === chosen), 0))]),
      line(data.words.acts, list(all_ends.filter((one) => one[0] === chosen), 1)));
  }

  function values() {
    const unit = chosen - data.inputs, at = Number(slider.value);
    if (unit < 0) return "";
    const tau = data.tau.length ? `, ${data.words.tau.toLowerCase()} ${said(data.tau[unit][at])} ${data.unit}` : "";
    return `· ${data.words.state.toLowerCase()} ${said(data.activity[unit][at])}${tau}`;
  }

  function trace() {
    traces.forEach((plot, number) => {
      const line = plot.querySelector(".chosen");
      const unit = chosen - data.inputs;
      if (unit < 0) return line.setAttribute("points", "");
      const [low, high, log, height] = data.frames[number];
      const rows = (number ? data.tau : data.activity)[unit];
      const part = (v) => (log ? Math.log(v / low) / Math.log(high / low) : (v - low) / (high - low));
      const first = data.time[0], span = data.time.at(-1) - first || 1;
      line.setAttribute("points", rows.map((v, k) =>
        `${(100 * (data.time[k] - first) / span).toFixed(2)},${(height * (1 - part(v))).toFixed(1)}`).join(" "));
    });
  }

  function choose(at) {
    chosen = chosen === at ? -1 : at;
    net.classList.toggle("chosen", chosen >= 0);
    neurons.forEach((one, k) => {
      one.setAttribute("aria-pressed", k === chosen);
      one.classList.toggle("lit", k === chosen);
    });
    light(chosen);
    if (data) { tell(); trace(); }
  }

  function light(at) {
    paths.forEach((path) => {
      const [source, target] = ends(path);
      const lit = at >= 0 && (source === at || target === at);
      path.classList.toggle("lit", lit);
      if (lit) [source, target].forEach((end) => neurons[end].classList.add("lit"));
    });
  }

  function move(from, key) {
    const x = (one) => Number(one.querySelector("circle").getAttribute("cx"));
    const y = (one) => Number(one.querySelector("circle").getAttribute("cy"));
    const here = neurons[from];
    const across = key === "ArrowLeft" || key === "ArrowRight";
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

  neurons.forEach((one, at) => {
    one.addEventListener("click", () => choose(at));
    one.addEventListener("pointerenter", () => { if (chosen < 0) { net.classList.add("chosen"); one.classList.add("lit"); light(at); } });
    one.addEventListener("pointerleave", () => { if (chosen < 0) { net.classList.remove("chosen"); neurons.forEach((n) => n.classList.remove("lit")); light(-1); } });
    one.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") choose(at);
      else if (event.key.startsWith("Arrow")) move(at, event.key);
      else if (event.key === "Escape" && chosen >= 0) choose(chosen);
      else return;
      event.preventDefault();
    });
  });
  if (data) live();

  function live() {
    const bar = box.querySelector(".bar"), output = bar.querySelector("output"), play = bar.querySelector(".play");
    bar.hidden = false;
    const go = () => {
      const at = Number(slider.value), part = (data.time[at] - data.time[0]) / (data.time.at(-1) - data.time[0] || 1);
      neurons.slice(data.inputs).forEach((one, unit) => {
        const value = data.activity[unit][at] / most;
        one.style.setProperty("--a", `${Math.round(100 * Math.abs(value))}%`);
        one.classList.toggle("below", value < 0);
      });
      all(".cursor", box).forEach((line) => ["x1", "x2"].forEach((end) => line.setAttribute(end, `${100 * part}%`)));
      output.textContent = `${said(data.time[at])} ${data.unit}`;
      slider.setAttribute("aria-valuetext", output.textContent);
      if (chosen >= 0) tell();
    };
    let timer = 0;
    const name = play.textContent;
    const stop = () => { clearInterval(timer); timer = 0; play.textContent = name; };
    play.addEventListener("click", () => {
      if (timer) return stop();
      if (slider.value === slider.max) slider.value = 0;
      play.textContent = play.dataset.pause;
      // Whoever asks for less motion gets slow steps instead of a film.
      const pace = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1000 : Math.max(40, 6000 / data.time.length);
      timer = setInterval(() => {
        slider.value = Number(slider.value) + 1;
        go();
        if (slider.value === slider.max) stop();
      }, pace);
    });
    slider.addEventListener("input", () => { stop(); go(); });
    go();
    tell();
  }
}
all(".circuit").forEach(circuit);
