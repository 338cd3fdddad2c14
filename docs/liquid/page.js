"use strict";
// What the page computes, without a document; `Cells` holds the equations.
const Liquid = (() => {
  const STEP = 0.25, SECONDS = 48, ON = [8, 24];

  function pulse(spec, strength) {
    const net = Cells.build(spec), x = [], dt = [], times = [];
    for (let t = STEP; t <= SECONDS; t += STEP) {
      x.push([t > ON[0] && t <= ON[1] ? strength : 0]);
      dt.push(STEP);
      times.push(t);
    }
    const { states, taus } = Cells.run(net, x, dt);
    return { times, states: states.map(([v]) => v), taus: taus.map(([tau]) => tau) };
  }

  const signal = (speed) => (t) => Math.sin(0.5 * speed * t) + 0.6 * Math.sin(1.3 * speed * t + 1);

  function sampled(spec, speed, gap) {
    const net = Cells.build(spec), value = signal(speed), times = [];
    for (let t = gap; t <= SECONDS + 1e-9; t += gap) times.push(t);
    const ran = Cells.run(net, times.map((t) => [value(t)]), times.map(() => gap));
    return { times, outputs: ran.outputs.map(([y]) => y), states: ran.states };
  }

  // What the networks were trained to follow, computed exactly from the same measurements.
  function ideal(speed, gap) {
    const value = signal(speed), times = [], outputs = [];
    for (let t = gap, v = 0; t <= SECONDS + 1e-9; t += gap) {
      v += -Math.expm1(-gap / 4) * (value(t) - v);
      times.push(t);
      outputs.push(v);
    }
    return { times, outputs };
  }

  // Root of the mean squared distance between two rates at the times that both know, over the spread of the answers.
  function apart(fine, coarse) {
    const every = Math.round(coarse.times[0] / fine.times[0]);
    let sum = 0, mean = 0, square = 0;
    coarse.outputs.forEach((y, k) => {
      sum += (y - fine.outputs[(k + 1) * every - 1]) ** 2;
      mean += y;
      square += y * y;
    });
    const n = coarse.outputs.length, spread = Math.sqrt(square / n - (mean / n) ** 2);
    return Math.sqrt(sum / n) / spread;
  }

  const READINGS = [0.2, 0.9, 0.8, 0.9, 0.15, 0.2], BEFORE = 4;

  // States at the measurements, and between them, of one net under one pairing.
  function paired(spec, pairing, gap) {
    const dt = READINGS.map((_, k) => (k === BEFORE ? gap : 2));
    const whole = Cells.run(Cells.build({ ...spec, pairing }), READINGS.map((x) => [x]), dt);
    const net = Cells.build({ ...spec, pairing: "hold" }), y = new Float64Array(net.outputs), path = [];
    let state = net.start(), t = 0;
    READINGS.forEach((x, k) => {
      const acts = pairing === "hold" ? x : pairing === "previous" ? (k ? READINGS[k - 1] : 0) : 0, pieces = 24;
      for (let p = 0; p <= pieces; p++) {
        const s = state.slice();
        net.step([acts], (dt[k] * p) / pieces, s, y);
        path.push([t + (dt[k] * p) / pieces, s[0]]);
      }
      net.step([acts], dt[k], state, y);
      if (pairing === "event") net.step([x], 1, state, y);
      t += dt[k];
      path.push([t, state[0]]);
    });
    return { times: dt.map((_, k) => dt.slice(0, k + 1).reduce((a, b) => a + b)), states: whole.states.map(([v]) => v), path };
  }

  const PREVIEW = [0, 1.5, 3.5], SCALES = [4, 4, 4, 1, 2];
  const along = (road, values, place) => {
    const n = values.length, at = (((place / road.length) * n) % n + n) % n, first = Math.floor(at), share = at - first;
    return values[first % n] * (1 - share) + values[(first + 1) % n] * share;
  };

  // A car on the road, steered by a net; the equations are those of `road.py`.
  function car(road, spec) {
    const net = Cells.build(spec), y = new Float64Array(1);
    const at = { net, state: net.start(), along: 0, offset: 0, heading: 0, inputs: new Float64Array(5), steering: 0 };
    at.step = () => {
      const seen = [...PREVIEW.map((d) => along(road, road.curvature, at.along + d)), at.offset, at.heading];
      seen.forEach((value, k) => { at.inputs[k] = value * SCALES[k]; });
      net.step(at.inputs, STEP, at.state, y);
      at.steering = y[0];
      const curvature = along(road, road.curvature, at.along);
      const forward = Math.cos(at.heading) / Math.max(1 - at.offset * curvature, 0.2);
      at.along += STEP * forward;
      at.offset += STEP * Math.sin(at.heading);
      at.heading += STEP * (at.steering - curvature * forward);
    };
    at.place = () => {
      const n = road.x.length, k = Math.floor((at.along / road.length) * n) % n, l = (k + 1) % n;
      const share = ((at.along / road.length) * n) % 1, dx = road.x[l] - road.x[k], dy = road.y[l] - road.y[k];
      const size = Math.hypot(dx, dy), x = road.x[k] + share * dx - (at.offset * dy) / size;
      return { x, y: road.y[k] + share * dy + (at.offset * dx) / size, angle: Math.atan2(dy, dx) + at.heading };
    };
    return at;
  }

  // One lap, or as far as the car stays near the road.
  function lap(road, spec, cuts = []) {
    const driver = car(road, spec), path = [];
    cuts.forEach((k) => { driver.net.cut[k] = 0; });
    driver.net.update();
    let worst = 0, steps = 0;
    while (driver.along < road.length && Math.abs(driver.offset) <= 1 && steps < 2000) {
      driver.step();
      steps += 1;
      worst = Math.max(worst, Math.abs(driver.offset));
      path.push(driver.place());
    }
    return { done: driver.along >= road.length, share: Math.min(driver.along / road.length, 1), worst, steps, path, offset: driver.offset };
  }

  return { pulse, sampled, ideal, apart, paired, car, lap, signal, SECONDS, ON, READINGS, STEP };
})();

function page() {
  const data = JSON.parse(document.querySelector("#numbers").textContent);
  const words = JSON.parse(document.querySelector("#words").textContent);
  const comma = document.documentElement.lang === "es";
  const said = (value, digits = 2) => (comma ? value.toFixed(digits).replace(".", ",") : value.toFixed(digits)).replace("-", "−");
  const fill = (key, values) => words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const find = (query) => document.querySelector(query);
  const NS = "http://www.w3.org/2000/svg";
  const make = (name, attributes, ...inside) => {
    const part = document.createElementNS(NS, name);
    Object.entries(attributes).forEach(([key, value]) => part.setAttribute(key, value));
    part.append(...inside);
    return part;
  };

  // Lines over time in a box: `{rows: [{xy, class}], x: [from, to], y: [from, to], label, bands}`.
  function plot(box, { rows, x, y, label, bands = [], dots = [], height = 190 }) {
    const width = Math.max(box.clientWidth, 240), left = 40, right = 8, top = 22, bottom = 26;
    const px = (t) => left + ((t - x[0]) / (x[1] - x[0])) * (width - left - right);
    const py = (v) => top + ((y[1] - v) / (y[1] - y[0])) * (height - top - bottom);
    const parts = bands.map(([from, to]) => make("rect", { x: px(from), y: top, width: px(to) - px(from), height: height - top - bottom, class: "band" }));
    const nice = (from, to) => {
      const raw = (to - from) / 4, size = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].find((k) => k * size >= raw) * size;
      const marks = [];
      for (let k = Math.ceil(from / step - 1e-9); k * step <= to + 1e-9; k++) marks.push(k * step);
      return { marks, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
    };
    const ticks = nice(...y), seconds = nice(...x);
    ticks.marks.forEach((v) => parts.push(make("line", { x1: left, x2: width - right, y1: py(v), y2: py(v), class: "grid" }), make("text", { x: left - 6, y: py(v) + 4, "text-anchor": "end" }, said(v, ticks.digits))));
    seconds.marks.forEach((t) => parts.push(make("text", { x: px(t), y: height - 8, "text-anchor": "middle" }, said(t, seconds.digits))));
    parts.push(make("text", { x: 0, y: 13, class: "label" }, label), make("text", { x: width - right, y: height - 8, "text-anchor": "end", class: "label" }, words.seconds));
    rows.forEach(({ xy, name }) => {
      const d = xy.map(([t, v], k) => `${k ? "L" : "M"}${px(t).toFixed(1)} ${py(Math.min(Math.max(v, y[0]), y[1])).toFixed(1)}`).join("");
      parts.push(make("path", { d, class: `line ${name}` }));
    });
    dots.forEach(({ t, v, name }) => parts.push(make("circle", { cx: px(t), cy: py(v), r: 4, class: name })));
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label }, ...parts);
    box.replaceChildren(svg);
  }
  const joined = (times, values) => times.map((t, k) => [t, values[k]]);
  const drawings = [];

  const strength = find("#strength");
  drawings.push(() => {
    const u = Number(strength.value), liquid = Liquid.pulse(data.neurons.liquid, u), fixed = Liquid.pulse(data.neurons.fixed, u);
    const last = Liquid.ON[1] / Liquid.STEP - 1;
    find("#strength-now").textContent = said(u);
    plot(find("#pulse"), { rows: [{ xy: joined(fixed.times, fixed.states), name: "fixed" }, { xy: joined(liquid.times, liquid.states), name: "liquid" }], x: [0, Liquid.SECONDS], y: [0, 1], label: words.state, bands: [Liquid.ON] });
    plot(find("#taus"), { rows: [{ xy: joined(fixed.times, fixed.taus), name: "fixed" }, { xy: joined(liquid.times, liquid.taus), name: "liquid" }], x: [0, Liquid.SECONDS], y: [0, 10], label: words.tau, bands: [Liquid.ON], height: 160 });
    find("#neuron-now").textContent = fill("neuron_now", { rest: said(liquid.taus[0], 1), strong: said(liquid.taus[last], 1), fixed: said(fixed.taus[last], 1), liquid: said(liquid.states[Liquid.ON[0] / Liquid.STEP + 7], 2), slow: said(fixed.states[Liquid.ON[0] / Liquid.STEP + 7], 2) });
  });

  const RATES = [0.25, 0.5, 1, 2], speed = find("#speed"), trained = find("#trained"), shown = find("#shown");
  const widest = (ran) => Math.max(Liquid.apart(ran[0], ran[2]), Liquid.apart(ran[1], ran[2]), Liquid.apart(ran[2], ran[3]));
  drawings.push(() => {
    const value = Number(speed.value);
    find("#speed-now").textContent = `× ${said(value, 1)}`;
    Object.entries(data.filters[trained.value]).forEach(([name, spec]) => {
      const ran = RATES.map((gap) => Liquid.sampled(spec, value, gap)), unit = shown.value;
      const rows = ran.map(({ times, outputs, states }, k) => ({ xy: joined(times, unit === "answer" ? outputs : states.map((s) => s[Number(unit)])), name: `rate${k}` }));
      const ends = rows.flatMap(({ xy }) => xy.map(([, v]) => v)), low = Math.min(...ends), high = Math.max(...ends, low + 0.1);
      plot(find(`#filter-${name} .plot`), { rows, x: [0, Liquid.SECONDS], y: [low, high], label: unit === "answer" ? words.answer : words.state, height: 170 });
      find(`#filter-${name} output`).textContent = fill("apart", { far: said(100 * widest(ran), 0) });
    });
    find("#ideal").textContent = fill("ideal", { far: said(100 * widest(RATES.map((gap) => Liquid.ideal(value, gap))), 0) });
  });

  const gap = find("#silence");
  drawings.push(() => {
    const length = Number(gap.value), ends = [];
    find("#silence-now").textContent = said(length, 0);
    const all = ["hold", "previous", "event"].map((name) => ({ name, ran: Liquid.paired(data.gap, name, length) }));
    const { times } = all[0].ran, last = times[times.length - 1];
    plot(find("#pairing"), { rows: all.map(({ name, ran }) => ({ xy: ran.path, name })), x: [0, last + 1], y: [0, 1], label: words.state, dots: times.map((t, k) => ({ t, v: Liquid.READINGS[k], name: "reading" })), height: 230 });
    all.forEach(({ ran }) => ends.push(said(ran.states[4])));
    find("#gap-say").textContent = fill("gap_now", { n: said(length, 0), hold: ends[0], previous: ends[1], event: ends[2] });
  });

  drive(data, words, { find, make, fill, said });
  const draw = () => drawings.forEach((each) => each());
  for (const [input, k] of [[strength, 0], [speed, 1], [trained, 1], [shown, 1], [gap, 2]]) input.addEventListener("input", drawings[k]);
  let width = 0;
  new ResizeObserver(() => {
    if (document.body.clientWidth !== width) draw();
    width = document.body.clientWidth;
  }).observe(document.body);
  draw();

  document.querySelectorAll("fieldset.check").forEach((field) => field.addEventListener("change", (event) => {
    const right = event.target.value === "right";
    field.querySelector("output").textContent = `${right ? words.right : words.wrong} ${field.dataset.why}`;
  }));
}

function drive(data, words, { find, make, fill, said }) {
  const { road, driver: spec } = data, svg = find("#road"), net = find(".net"), play = find("#play"), choice = find("#synapse");
  const cuts = new Set(), points = road.x.map((x, k) => `${x.toFixed(2)} ${(-road.y[k]).toFixed(2)}`);
  const line = (list) => `M${list.join("L")}`;
  const driven = make("path", { class: "driven" }), body = make("path", { class: "car", d: "M.85 0L-.55 .45L-.3 0L-.55 -.45Z" });
  const far = Math.max(...road.x.map(Math.abs), ...road.y.map(Math.abs)) + 1.6;
  svg.setAttribute("viewBox", `${-far} ${-far} ${2 * far} ${2 * far}`);
  svg.append(make("path", { d: `${line(points)}Z`, class: "asphalt" }), make("path", { d: `${line(points)}Z`, class: "middle" }), driven, body);

  const paths = [...net.querySelectorAll(".synapses path")], neurons = [...net.querySelectorAll(".neuron")];
  const order = spec.names.synapses, whole = Liquid.lap(road, spec), place = new Map(order.map((name, k) => [name, k]));
  const parts = new Map(paths.map((path) => [path.dataset.name, path])), width = new Map(paths.map((path) => [path.dataset.name, Number(path.getAttribute("stroke-width"))]));
  let car = null, moving = 0, ran = whole, left = false;

  const show = (at) => {
    const { x, y, angle } = at.place();
    body.setAttribute("transform", `translate(${x.toFixed(2)} ${(-y).toFixed(2)}) rotate(${((-angle * 180) / Math.PI).toFixed(1)})`);
    neurons.forEach((neuron, k) => {
      const value = k < 5 ? at.inputs[k] / 2 : at.state[k - 5] * 1.4, shade = neuron.querySelector(".shade");
      shade.setAttribute("fill", value >= 0 ? "var(--exc)" : "var(--inh)");
      shade.setAttribute("fill-opacity", Math.min(Math.abs(value), 1).toFixed(2));
    });
    parts.forEach((path, name) => {
      if (cuts.has(name)) return;
      const size = Math.min(Math.abs(at.net.current[place.get(name)]) * 1.6, 1);
      path.setAttribute("opacity", (0.18 + 0.8 * size).toFixed(2));
    });
  };

  const begin = () => {
    car = Liquid.car(road, spec);
    cuts.forEach((name) => { car.net.cut[place.get(name)] = 0; });
    car.net.update();
    car.step();
    left = false;
    show(car);
  };

  const restart = () => {
    ran = cuts.size ? Liquid.lap(road, spec, [...cuts].map((name) => place.get(name))) : whole;
    driven.setAttribute("d", line(ran.path.map(({ x, y }) => `${x.toFixed(2)} ${(-y).toFixed(2)}`)));
    parts.forEach((path, name) => {
      path.classList.toggle("cut", cuts.has(name));
      path.setAttribute("stroke-width", cuts.has(name) ? 1 : width.get(name));
      if (cuts.has(name)) path.setAttribute("opacity", 0.5);
    });
    const values = { worst: said(ran.worst), whole: said(whole.worst), n: cuts.size, share: said(100 * ran.share, 0), synapses: order.length };
    const key = cuts.size ? (ran.done ? "lap_done" : "lap_left") : "lap_whole";
    find("#lap").textContent = fill(key, values);
    find("#mend").disabled = cuts.size === 0;
    [...choice.options].forEach((option) => { if (option.value) option.textContent = (cuts.has(option.value) ? "✂ " : "") + option.dataset.name; });
    begin();
  };

  const toggle = (name) => {
    if (!place.has(name)) return;
    if (!cuts.delete(name)) cuts.add(name);
    restart();
  };
  parts.forEach((path, name) => {
    const wide = make("path", { d: path.getAttribute("d"), class: "reach" }, make("title", {}, name));
    wide.addEventListener("click", () => toggle(name));
    wide.addEventListener("pointerenter", () => path.classList.add("near"));
    wide.addEventListener("pointerleave", () => path.classList.remove("near"));
    path.parentNode.append(wide);
  });
  find("#cut").addEventListener("click", () => toggle(choice.value));
  find("#mend").addEventListener("click", () => { cuts.clear(); restart(); });
  const stop = () => {
    cancelAnimationFrame(moving);
    moving = 0;
    play.textContent = words.play;
    play.setAttribute("aria-pressed", "false");
  };
  const run = (now, before = now, debt = 0) => {
    let due = debt + Math.min(now - before, 100);
    for (; due >= 40 && !left; due -= 40) {
      car.step();
      left = Math.abs(car.offset) > 1 || (car.along >= road.length && cuts.size > 0 && !ran.done);
      if (car.along >= road.length) car.along -= road.length;
    }
    show(car);
    if (left) {
      stop();
      return;
    }
    moving = requestAnimationFrame((next) => run(next, now, due));
  };
  play.addEventListener("click", () => {
    if (moving) {
      stop();
      return;
    }
    if (left) begin();
    play.textContent = words.pause;
    play.setAttribute("aria-pressed", "true");
    moving = requestAnimationFrame((now) => run(now));
  });
  restart();
}
if (typeof document !== "undefined") page();
