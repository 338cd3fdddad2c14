"use strict";
// Runs the models of the page on a series of the page, shows where it stands, and lets values, gaps and neurons be moved.
const Studio = (() => {
  const isNumber = (value) => value !== null && Number.isFinite(value);

  // The encoder of a model, as `caudal.data.Encoder`: raw values with null for holes, and gaps, to rows and elapsed times.
  function encode(encoder, values, gaps, statics) {
    const last = encoder.mean.map(() => 0), since = encoder.mean.map(() => 0), x = [], dt = [];
    values.forEach((row, t) => {
      const gap = gaps[t] / encoder.gap, known = row.map(isNumber), scaled = [];
      row.forEach((value, k) => {
        if (known[k]) last[k] = (value - encoder.mean[k]) / encoder.std[k];
        scaled.push(known[k] || encoder.fill === "forward" ? last[k] : 0);
        if (t) since[k] = gap + (isNumber(values[t - 1][k]) ? 0 : since[k]);
      });
      const marks = known.filter((_, k) => encoder.marked[k]).map(Number);
      const late = encoder.elapsed === "none" ? [] : since.map((s) => (encoder.elapsed === "log" ? Math.log1p(s) : s));
      x.push([...scaled, ...marks, ...late, ...statics]);
      dt.push(encoder.clock === "log" ? Math.log1p(gap) : gap);
    });
    return { x, dt };
  }

  // What outputs mean: probabilities of classes, or numbers in the unit of the target.
  function answer(model, outputs) {
    if (!model.classes.length) return outputs.map((y, k) => y * model.scale[k % model.scale.length] + model.shift[k % model.shift.length]);
    const most = Math.max(...outputs), parts = outputs.map((y) => Math.exp(y - most)), sum = parts.reduce((a, b) => a + b);
    return parts.map((part) => part / sum);
  }

  // Ranges of the answers from ranges of the outputs.
  function reach(model, { low, high }) {
    if (!model.classes.length) return { low: answer(model, low), high: answer(model, high) };
    const share = (mine, others) => 1 / (1 + others.reduce((sum, y) => sum + Math.exp(y - mine), 0));
    const rest = (ends, k) => ends.filter((_, j) => j !== k);
    return { low: low.map((y, k) => share(y, rest(high, k))), high: high.map((y, k) => share(y, rest(low, k))) };
  }

  // One model on one series. States of all steps are kept, so that a change is computed anew from its step on only, a
  // slice at a time: the page stays quick while a long series is on its way.
  function runner(model) {
    const net = model.net && Cells.build(model.net), recorded = model.recorded;
    const at = { model, net, steps: 0, done: 0, y: new Float64Array(model.outputs) };
    at.load = (series, index, values, gaps) => {
      at.series = index;
      at.steps = values.length;
      if (!net) {
        const kept = recorded[index];
        Object.assign(at, { done: at.steps, outputs: Float64Array.from(kept.outputs.flat()), states: Float64Array.from(kept.states.flat()), width: kept.states[0].length, taus: kept.taus && Float64Array.from(kept.taus.flat()) });
        return;
      }
      const size = net.neurons;
      Object.assign(at, { width: size, whole: new Float64Array(at.steps * net.states), outputs: new Float64Array(at.steps * model.outputs), states: new Float64Array(at.steps * size), taus: new Float64Array(at.steps * size) });
      at.change(series, values, gaps, 0);
    };
    at.change = (series, values, gaps, from) => {
      if (!net) return;
      Object.assign(at, encode(model.encoder, values, gaps, series.statics[model.place]));
      at.done = Math.min(at.done, from);
    };
    at.restart = () => {
      if (net) at.done = 0;
    };
    const load = (t) => (t ? at.whole.slice((t - 1) * net.states, t * net.states) : net.start());
    at.advance = (milliseconds) => {
      if (at.done >= at.steps) return false;
      const end = performance.now() + milliseconds, state = load(at.done), places = net.shown;
      do {
        const t = at.done;
        net.step(at.x[t], at.dt[t], state, at.y);
        at.whole.set(state, t * net.states);
        at.outputs.set(at.y, t * model.outputs);
        for (let k = 0; k < at.width; k++) {
          at.states[t * at.width + k] = state[places[k]];
          at.taus[t * at.width + k] = net.tau[k] * (model.encoder.clock === "log" ? NaN : model.encoder.gap);
        }
        at.done += 1;
      } while (at.done < at.steps && performance.now() < end);
      return true;
    };
    // Currents and shares at a step, by taking it again from the state before it.
    at.show = (t) => {
      if (net && t < at.done) net.step(at.x[t], at.dt[t], load(t), at.y);
    };
    at.answer = (t) => answer(model, [...at.outputs.subarray(t * model.outputs, (t + 1) * model.outputs)]);
    // What the answer would be with one input at its training mean throughout.
    at.without = (channels) => {
      const state = net.start();
      at.x.forEach((row, t) => net.step(row.map((value, k) => (channels.includes(k) ? 0 : value)), at.dt[t], state, at.y));
      return answer(model, [...at.y]);
    };
    at.proof = (radius) => {
      const ranges = Intervals.run(model.net, net, at.x.slice(0, at.done), at.dt, model.moves.map((moves) => (moves ? radius : 0)));
      return ranges && reach(model, ranges);
    };
    return at;
  }

  return { encode, answer, reach, runner, isNumber };
})();

function studio() {
  const data = JSON.parse(document.querySelector("#data").textContent), { words } = data;
  const find = (query, within = document) => within.querySelector(query);
  const all = (query, within = document) => [...within.querySelectorAll(query)];
  const spell = (text) => (data.lang === "es" ? text.replace(".", ",") : text).replace("-", "−");
  const said = (value) => {
    if (!Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    return spell(value === 0 ? "0" : size >= 1e5 || size < 1e-4 ? value.toExponential(2) : String(Number(value.toPrecision(4))));
  };
  const fill = (key, values) => words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const inkOf = () => Object.fromEntries(["ink", "quiet", "rule", "liquid", "traditional", "exc", "inh", "paper", "focus"].map((name) => [name, color(`--${name}`)]));
  let ink = inkOf();
  const PALETTE = ["liquid", "inh", "exc", "ink", "quiet", "traditional"];

  const at = { series: 0, step: 0, input: 0, values: [], gaps: [], edited: new Map(), neuron: 0, playing: false, dirty: true, late: 0 };
  const runs = data.models.map(Studio.runner), panels = all(".model");
  const shown = (k) => find(k, document);

  const outputName = (model, k) => model.classes[k] ?? model.answers[k] ?? String(k + 1);

  function load(index) {
    at.series = index;
    const series = data.series[index];
    at.values = series.values.map((row) => row.slice());
    at.gaps = series.dt.slice();
    at.edited.clear();
    at.step = Math.min(at.step, at.values.length - 1);
    runs.forEach((run) => run.load(series, index, at.values, at.gaps));
    find("#step").max = at.values.length - 1;
    changed();
  }

  function changed() {
    at.dirty = true;
    at.late = performance.now();
    find("#reset").disabled = at.edited.size === 0;
    wake();
  }

  function edit(kind, step, input, value) {
    const key = kind === "gap" ? `g${step}` : `${input}:${step}`, original = data.series[at.series];
    if (kind === "gap") at.gaps[step] = value;
    else at.values[step][input] = value;
    const before = kind === "gap" ? original.dt[step] : original.values[step][input];
    if (value === before) at.edited.delete(key);
    else at.edited.set(key, [kind, step, input, value]);
    runs.forEach((run) => run.change(original, at.values, at.gaps, step));
    changed();
  }

  // --- pictures over time -------------------------------------------------------------------------------------------
  const layers = new Map();
  function prepared(canvas, height) {
    const scale = window.devicePixelRatio || 1, width = Math.max(canvas.parentNode.clientWidth, 200);
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
      canvas.style.height = `${height}px`;
      at.dirty = true;
    }
    let layer = layers.get(canvas);
    if (!layer) layers.set(canvas, (layer = document.createElement("canvas")));
    return { layer, width, height, scale };
  }

  const LEFT = 46;
  function lines(canvas, height, rows, range) {
    const { layer, width, scale } = prepared(canvas, height);
    if (at.dirty) {
      layer.width = canvas.width;
      layer.height = canvas.height;
      const pen = layer.getContext("2d"), [low, high] = range[1] > range[0] ? range : [range[0] - 1, range[0] + 1];
      pen.scale(scale, scale);
      pen.font = "11px sans-serif";
      pen.fillStyle = ink.quiet;
      pen.strokeStyle = ink.rule;
      const py = (v) => 8 + ((high - v) / (high - low)) * (height - 16), last = Math.max(at.values.length - 1, 1);
      [low, (low + high) / 2, high].forEach((v) => {
        pen.fillText(said(Number(v.toPrecision(3))), 0, py(v) + 4, LEFT - 6);
        pen.beginPath();
        pen.moveTo(LEFT, py(v));
        pen.lineTo(width, py(v));
        pen.stroke();
      });
      rows.forEach(({ value, count, name, dash }) => {
        const columns = Math.max(Math.floor(width - LEFT), 1), many = count > 2 * columns;
        pen.strokeStyle = ink[name];
        pen.lineWidth = 1.6;
        pen.setLineDash(dash ? [5, 3] : []);
        pen.beginPath();
        let down = false;
        for (let t = 0; t < count; t += many ? Math.floor(count / columns) : 1) {
          const v = value(t);
          if (!Studio.isNumber(v)) continue;
          const px = LEFT + (t / last) * (width - LEFT - 2);
          if (down) pen.lineTo(px, py(v));
          else pen.moveTo(px, py(v));
          down = true;
        }
        pen.stroke();
        pen.setLineDash([]);
      });
    }
    stamp(canvas, layer, width, height, scale);
  }

  function heat(canvas, height, run) {
    const { layer, width, scale } = prepared(canvas, height);
    if (at.dirty) {
      layer.width = canvas.width;
      layer.height = canvas.height;
      const columns = Math.max(1, Math.min(at.values.length, Math.round(width - LEFT))), rows = run.width, small = document.createElement("canvas");
      small.width = columns;
      small.height = rows;
      const pen = small.getContext("2d"), image = pen.createImageData(columns, rows);
      const rgb = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16)), above = rgb(ink.exc), below = rgb(ink.inh);
      for (let k = 0; k < rows; k++) {
        let most = 1e-9;
        for (let c = 0; c < columns; c++) most = Math.max(most, Math.abs(run.states[Math.floor((c * at.values.length) / columns) * rows + k]));
        for (let c = 0; c < columns; c++) {
          const t = Math.floor((c * at.values.length) / columns), v = run.states[t * rows + k] / most, hue = v >= 0 ? above : below, p = 4 * (k * columns + c);
          image.data[p] = hue[0];
          image.data[p + 1] = hue[1];
          image.data[p + 2] = hue[2];
          image.data[p + 3] = t < run.done ? 255 * Math.min(Math.abs(v), 1) : 0;
        }
      }
      pen.putImageData(image, 0, 0);
      const big = layer.getContext("2d");
      big.imageSmoothingEnabled = false;
      big.drawImage(small, LEFT * scale, 0, layer.width - LEFT * scale, layer.height);
      big.scale(scale, scale);
      big.font = "11px sans-serif";
      big.fillStyle = ink.quiet;
      const each = height / rows, name = data.models[run.model.place].neurons;
      big.fillText(name[0], 0, 10, LEFT - 4);
      big.fillText(name[rows - 1], 0, height - 2, LEFT - 4);
      big.strokeStyle = ink.focus;
      big.strokeRect(LEFT, at.neuron * each, width - LEFT, each);
    }
    stamp(canvas, layer, width, height, scale);
  }

  function stamp(canvas, layer, width, height, scale) {
    const pen = canvas.getContext("2d"), x = LEFT + (at.step / Math.max(at.values.length - 1, 1)) * (width - LEFT - 2);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(layer, 0, 0);
    pen.fillStyle = ink.ink;
    pen.fillRect(x * scale, 0, Math.max(scale, 1), height * scale);
  }

  const ends = (values) => {
    let low = Infinity, high = -Infinity;
    for (const v of values) {
      if (!Studio.isNumber(v)) continue;
      low = Math.min(low, v);
      high = Math.max(high, v);
    }
    return low > high ? [0, 1] : [low, high];
  };

  // --- one frame ----------------------------------------------------------------------------------------------------
  const circuits = panels.map((panel) => ({
    neurons: all(".neuron", panel).map((box) => ({ box, shade: find(".shade", box) })),
    paths: all(".synapses path", panel).map((path) => ({ path, name: path.dataset.name })),
  }));

  function draw() {
    const count = at.values.length, column = (k) => at.values.map((row) => row[k]);
    if (at.dirty) at.ends = ends([...column(at.input), ...data.series[at.series].values.map((row) => row[at.input])]);
    const original = data.series[at.series].values;
    lines(find("#inputs"), 110, [
      ...(at.edited.size ? [{ value: (t) => original[t][at.input], count, name: "quiet", dash: true }] : []),
      { value: (t) => at.values[t][at.input], count, name: "liquid" },
    ], at.ends);
    runs.forEach((run, m) => {
      const panel = panels[m], { model } = run, outputs = model.outputs;
      if (at.dirty) {
        run.cached = [];
        for (let t = 0; t < run.done; t++) run.cached.push(run.answer(t));
        run.between = model.classes.length ? [0, 1] : ends(run.cached.flat());
        run.levels = ends(run.states.filter((_, k) => k % run.width === at.neuron % run.width));
        run.times = run.taus ? ends(run.taus.filter((_, k) => k % run.width === at.neuron % run.width)) : [0, 1];
      }
      const lone = model.classes.length === 2 ? [1] : [...Array(Math.min(outputs, 6)).keys()];
      lines(find(".answer", panel), 110, lone.map((k, place) => ({ value: (t) => run.cached[t][k], count: run.cached.length, name: PALETTE[place] })), run.between);
      heat(find(".states", panel), Math.max(90, Math.min(4 * run.width + 40, 220)), run);
      const k = at.neuron % run.width;
      lines(find(".level", panel), 90, [{ value: (t) => run.states[t * run.width + k], count: run.done, name: "liquid" }], run.levels);
      if (run.taus && Number.isFinite(run.taus[k])) lines(find(".tau", panel), 90, [{ value: (t) => run.taus[t * run.width + k], count: run.done, name: "traditional" }], run.times);
      find(".with-tau", panel).hidden = !(run.taus && Number.isFinite(run.taus[k]));
      live(run, m, k);
    });
    at.dirty = false;
    say();
  }

  function live(run, m, chosen) {
    const t = Math.min(at.step, run.done - 1);
    if (t < 0) return;
    run.show(t);
    const { neurons, paths } = circuits[m], first = neurons.length - run.width;
    let most = 1e-9;
    for (let k = 0; k < run.width; k++) most = Math.max(most, Math.abs(run.states[t * run.width + k]));
    neurons.forEach(({ shade }, n) => {
      const value = n < first ? (run.net ? run.x[t][n] / 3 : 0) : run.states[t * run.width + n - first] / most;
      shade.setAttribute("fill", value >= 0 ? "var(--exc)" : "var(--inh)");
      shade.setAttribute("fill-opacity", Math.min(Math.abs(value), 1).toFixed(2));
    });
    if (!run.net) return;
    let strongest = 1e-12;
    const { current } = run.net, place = run.model.synapse;
    for (let k = 0; k < current.length; k++) strongest = Math.max(strongest, Math.abs(current[k]));
    paths.forEach(({ path, name }) => path.setAttribute("opacity", (0.08 + 0.87 * Math.min(1, Math.abs(current[place[name]]) / strongest)).toFixed(2)));
    neurons.forEach(({ box }, n) => {
      box.classList.toggle("chosen", n - first === chosen);
      box.classList.toggle("off", n >= first && run.net.strength[n - first] !== 1);
    });
  }

  function say() {
    const t = at.step, series = data.series[at.series];
    find("#step").value = t;
    find("#now").textContent = fill("now", { n: t + 1, of: at.values.length, time: said(series.time[t]), unit: data.unit });
    runs.forEach((run, m) => {
      const panel = panels[m], { model } = run, k = at.neuron % run.width;
      if (run.done <= t) {
        find(".told", panel).textContent = fill("computing", { share: Math.round((100 * run.done) / run.steps) });
        return;
      }
      const answered = run.cached[t] || run.answer(t), last = run.done >= run.steps ? run.cached[run.steps - 1] || run.answer(run.steps - 1) : null;
      const told = (values) => (model.classes.length ? (() => {
        const best = values.indexOf(Math.max(...values));
        return fill("class", { name: outputName(model, best), p: spell((100 * values[best]).toFixed(1)) });
      })() : values.slice(0, 4).map((v, j) => `${outputName(model, j)} ${said(v)}`).join(", "));
      find(".told", panel).textContent = `${fill("answer_now", { n: t + 1, answer: told(answered) })} ${last ? fill("answer_end", { answer: told(last) }) : ""}`;
      const tau = run.taus && run.taus[t * run.width + k];
      const values = { name: model.neurons[k], state: said(run.states[t * run.width + k]), tau: said(tau), unit: data.unit };
      find(".of-neuron", panel).textContent = fill(Number.isFinite(tau) ? "neuron_tau" : "neuron_state", values);
      shares(run, panel, t);
    });
  }

  // Bars of what each neuron adds to the answer at this step, an exact sum.
  const bar = (value, most) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    svg.setAttribute("viewBox", "-1 0 2 1");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    box.setAttribute("x", Math.min(0, value / most));
    box.setAttribute("width", Math.abs(value / most));
    box.setAttribute("height", 1);
    box.setAttribute("class", value >= 0 ? "for" : "against");
    svg.append(box);
    return svg;
  };
  const table = (box, rows) => {
    const most = Math.max(...rows.map(([, v]) => Math.abs(v)), 1e-12);
    box.replaceChildren(...rows.map(([name, value]) => {
      const row = document.createElement("tr");
      [name, bar(value, most), `${value >= 0 ? "+" : ""}${said(value)}`].forEach((part) => {
        const cell = document.createElement("td");
        cell.append(part);
        row.append(cell);
      });
      return row;
    }));
  };
  function shares(run, panel, t) {
    const body = find(".parts tbody", panel);
    if (!body || performance.now() - (run.shared || 0) < 100) return;
    run.shared = performance.now();
    const width = run.net.share.length / run.model.outputs, values = run.cached[t] || run.answer(t), head = run.model.classes.length ? values.indexOf(Math.max(...values)) : 0;
    const rows = [...run.net.share.subarray(head * width, (head + 1) * width)].map((v, k) => [run.model.outs[k], v]);
    rows.sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
    table(body, rows.slice(0, 6));
  }

  // Slow answers, once nothing has moved for a while: each input left out, and the proven range.
  function settle() {
    at.late = 0;
    runs.forEach((run, m) => {
      const panel = panels[m];
      if (!run.net || run.done < run.steps) return;
      const cost = run.steps * run.net.neurons * (1 + run.net.synapses / 100);
      const whole = run.answer(run.steps - 1), head = run.model.classes.length ? whole.indexOf(Math.max(...whole)) : 0;
      if (cost * data.inputs.length < 4e6) {
        const rows = data.inputs.map(({ name }, k) => [name, whole[head] - run.without(run.model.channels[k])[head]]);
        rows.sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
        table(find(".leave tbody", panel), rows.slice(0, 6));
      } else find(".leave", panel).hidden = true;
      const radius = Number(find("#radius").value), box = find(".proof", panel);
      const range = cost < 2e6 ? run.proof(radius) : null;
      const values = { radius: said(radius), name: outputName(run.model, head) };
      if (!range) box.textContent = cost < 2e6 ? fill("proof_none", { cell: run.model.cell }) : words.proof_long;
      else {
        const holds = run.model.classes.length && range.low[head] > Math.max(...range.high.filter((_, k) => k !== head));
        const spelled = (v) => (run.model.classes.length ? `${spell((100 * v).toFixed(1))} %` : said(v));
        box.textContent = fill(run.model.classes.length ? (holds ? "proof_holds" : "proof_open") : "proof_number", { ...values, low: spelled(range.low[head]), high: spelled(range.high[head]) });
      }
      run.show(Math.min(at.step, run.done - 1));
    });
  }

  // --- the loop -----------------------------------------------------------------------------------------------------
  let awake = 0, before = 0;
  function frame(now) {
    awake = 0;
    const started = performance.now();
    let working = false;
    runs.forEach((run) => { working = run.advance(8 / runs.length) || working; });
    if (working && (started - (at.redrawn || 0) > 250 || runs.every((run) => run.done >= run.steps))) {
      at.dirty = true;
      at.redrawn = started;
    }
    if (at.playing) {
      const due = Math.floor(((now - before) / 1000) * Number(find("#speed").value));
      if (due > 0) {
        at.step += due;
        before = now;
      }
      if (at.step >= at.values.length) at.step = 0;
    }
    draw();
    at.cost = performance.now() - started;
    if (!working && !at.playing && at.late && started - at.late > 150) settle();
    if (working || at.playing || at.late) wake();
  }
  function wake() {
    if (!awake) awake = requestAnimationFrame(frame);
  }

  // --- controls -----------------------------------------------------------------------------------------------------
  const listen = (query, kind, act) => find(query).addEventListener(kind, act);
  const input = () => {
    const t = at.step, value = at.values[t][at.input], unit = data.inputs[at.input].unit;
    find("#value").value = Studio.isNumber(value) ? Number(value.toPrecision(6)) : "";
    find("#gap").value = Number(at.gaps[t].toPrecision(6));
    find("#value-unit").textContent = unit;
    const { low, high } = data.inputs[at.input];
    Object.assign(find("#move"), { min: low, max: high, step: (high - low) / 200 || 1, value: Studio.isNumber(value) ? value : (low + high) / 2 });
  };
  const go = (step) => {
    at.step = Math.max(0, Math.min(step, at.values.length - 1));
    input();
    wake();
  };
  listen("#series", "change", (event) => { load(Number(event.target.value)); input(); link(); });
  listen("#step", "input", (event) => go(Number(event.target.value)));
  listen("#input", "change", (event) => { at.input = Number(event.target.value); at.dirty = true; input(); wake(); });
  listen("#value", "change", (event) => edit("value", at.step, at.input, event.target.value === "" ? null : Number(event.target.value)));
  listen("#move", "input", (event) => { find("#value").value = event.target.value; edit("value", at.step, at.input, Number(event.target.value)); });
  listen("#gap", "change", (event) => {
    const gap = Number(event.target.value);
    if (gap >= 0 && Number.isFinite(gap)) edit("gap", at.step, 0, gap);
    else input();
  });
  listen("#reset", "click", () => { load(at.series); input(); link(); });
  listen("#radius", "input", (event) => { find("#radius-now").textContent = said(Number(event.target.value)); at.late = performance.now(); wake(); });
  const play = find("#play");
  const toggle = (on = !at.playing) => {
    at.playing = on;
    before = performance.now();
    play.textContent = on ? words.pause : words.play;
    play.setAttribute("aria-pressed", String(on));
    if (!on) input();
    wake();
  };
  play.addEventListener("click", () => toggle());
  document.addEventListener("keydown", (event) => {
    if (/INPUT|SELECT|TEXTAREA|BUTTON|SUMMARY/.test(event.target.tagName)) return;
    const moves = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 };
    if (event.key === " " && !event.target.closest(".neuron")) toggle();
    else if (moves[event.key]) go(at.step + moves[event.key]);
    else return;
    event.preventDefault();
  });
  all("canvas").forEach((canvas) => {
    const seek = (event) => {
      const box = canvas.getBoundingClientRect();
      go(Math.round(((event.clientX - box.left - LEFT) / (box.width - LEFT - 2)) * (at.values.length - 1)));
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      seek(event);
      if (canvas.classList.contains("states")) {
        const box = canvas.getBoundingClientRect(), run = runs[panels.indexOf(canvas.closest(".model"))];
        choose(Math.floor(((event.clientY - box.top) / box.height) * run.width));
      }
    });
    canvas.addEventListener("pointermove", (event) => { if (event.buttons) seek(event); });
  });

  function choose(k) {
    at.neuron = Math.max(0, k);
    at.dirty = true;
    panels.forEach((panel, m) => {
      const pick = find(".pick", panel), { net, width } = runs[m];
      pick.value = String(at.neuron % width);
      if (net) find(".strength", panel).value = net.strength[at.neuron % width];
    });
    wake();
  }
  const again = (run) => { run.net.update(); run.restart(); changed(); };
  panels.forEach((panel, m) => {
    const run = runs[m], slider = find(".strength", panel);
    find(".pick", panel).addEventListener("change", (event) => choose(Number(event.target.value)));
    circuits[m].neurons.forEach(({ box }, n) => {
      const k = n - (circuits[m].neurons.length - run.width), act = () => { if (k >= 0) choose(k); };
      box.addEventListener("click", act);
      box.addEventListener("keydown", (event) => {
        const to = { ArrowDown: n + 1, ArrowUp: n - 1 }[event.key], next = to === undefined ? null : circuits[m].neurons[to];
        if (event.key === "Enter" || event.key === " ") act();
        else if (next) next.box.focus();
        else return;
        event.preventDefault();
        event.stopPropagation();
      });
    });
    if (!run.net) return;
    const set = (value) => {
      run.net.strength[at.neuron % run.width] = value;
      slider.value = value;
      find(".strength-now", panel).textContent = `× ${said(value)}`;
      again(run);
    };
    slider.addEventListener("input", () => set(Number(slider.value)));
    find(".cut", panel).addEventListener("click", () => set(run.net.strength[at.neuron % run.width] ? 0 : 1));
    const synapse = find(".synapse", panel), sever = find(".sever", panel);
    const flip = (name) => {
      const k = run.model.synapse[name];
      if (k === undefined) return;
      run.net.cut[k] = run.net.cut[k] ? 0 : 1;
      circuits[m].paths.forEach(({ path, name: other }) => { if (other === name) path.classList.toggle("off", !run.net.cut[k]); });
      again(run);
    };
    if (sever) sever.addEventListener("click", () => flip(synapse.value));
    circuits[m].paths.forEach(({ path, name }) => path.addEventListener("click", () => flip(name)));
    find(".mend", panel).addEventListener("click", () => {
      run.net.strength.fill(1);
      run.net.cut.fill(1);
      circuits[m].paths.forEach(({ path }) => path.classList.remove("off"));
      set(1);
    });
  });

  // --- saving -------------------------------------------------------------------------------------------------------
  const view = () => ({
    caudal_studio: 1, series: data.series[at.series].id, step: at.step, input: at.input, neuron: at.neuron, edits: [...at.edited.values()],
    models: runs.map((run) => (run.net ? { strength: [...run.net.strength], cut: [...run.net.cut.keys()].filter((k) => !run.net.cut[k]) } : {})),
  });
  function apply(saved) {
    const index = data.series.findIndex(({ id }) => id === saved.series);
    if (saved.caudal_studio !== 1 || index < 0) throw new Error();
    at.step = saved.step;
    load(index);
    find("#series").value = String(index);
    at.input = Math.min(saved.input, data.inputs.length - 1);
    find("#input").value = String(at.input);
    runs.forEach((run, m) => {
      const kept = saved.models[m];
      if (!run.net || !kept || !kept.strength) return;
      run.net.strength.set(kept.strength.slice(0, run.net.strength.length));
      run.net.cut.fill(1);
      kept.cut.forEach((k) => { run.net.cut[k] = 0; });
      circuits[m].paths.forEach(({ path, name }) => path.classList.toggle("off", !run.net.cut[run.model.synapse[name]]));
      run.net.update();
      run.restart();
    });
    saved.edits.forEach(([kind, step, column, value]) => { if (step < at.values.length) edit(kind, step, column, value); });
    choose(saved.neuron);
    input();
  }
  const link = () => history.replaceState(null, "", `#${encodeURIComponent(JSON.stringify(view()))}`);
  const download = (name, url) => Object.assign(document.createElement("a"), { href: url, download: name }).click();
  listen("#save-view", "click", () => { link(); download("caudal-view.json", `data:application/json,${encodeURIComponent(JSON.stringify(view()))}`); });
  listen("#open-view", "change", async (event) => {
    try {
      apply(JSON.parse(await event.target.files[0].text()));
      find("#notice").textContent = "";
    } catch {
      find("#notice").textContent = words.bad_view;
    }
    event.target.value = "";
  });
  listen("#save-picture", "click", () => {
    const parts = all("main canvas").filter((canvas) => !canvas.hidden), width = Math.max(...parts.map((canvas) => canvas.width));
    const whole = document.createElement("canvas"), pen = whole.getContext("2d"), gap = 34;
    whole.width = width + 20;
    whole.height = parts.reduce((sum, canvas) => sum + canvas.height + gap, 50);
    pen.fillStyle = ink.paper;
    pen.fillRect(0, 0, whole.width, whole.height);
    pen.fillStyle = ink.ink;
    pen.font = "16px sans-serif";
    pen.fillText(`${document.title} · ${data.series[at.series].id} · ${find("#now").textContent}`, 10, 24);
    let y = 50;
    parts.forEach((canvas) => {
      pen.fillText(canvas.getAttribute("aria-label"), 10, y + 14);
      pen.drawImage(canvas, 10, y + 22);
      y += canvas.height + gap;
    });
    download("caudal-studio.png", whole.toDataURL());
  });

  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", () => { ink = inkOf(); at.dirty = true; wake(); });
  new ResizeObserver(() => { at.dirty = true; wake(); }).observe(document.body);
  load(0);
  input();
  choose(runs[0].width - 1);
  if (location.hash.length > 1) {
    try {
      apply(JSON.parse(decodeURIComponent(location.hash.slice(1))));
    } catch {
      find("#notice").textContent = words.bad_view;
    }
  }
  // For tests: frames drawn in a row, each with its layout, in milliseconds.
  return {
    at, runs, go, edit, settle, draw, view, apply, choose,
    frames: (count) => {
      while (runs.some((run) => run.advance(1000)));
      at.dirty = true;
      draw();
      const started = performance.now();
      for (let k = 0; k < count; k++) {
        at.step = Math.floor((k * at.values.length) / count);
        draw();
        document.body.getBoundingClientRect();
      }
      return (performance.now() - started) / count;
    },
  };
}
if (typeof document !== "undefined") globalThis.caudalStudio = studio();
