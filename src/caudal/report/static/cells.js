"use strict";
// The equations of caudal's cells in double precision, one function for each file of `src/caudal/dynamics`.
// `Cells.build(net)` takes what `caudal.report.cells.described` writes; tests hold the numbers to the library's.
const Cells = (() => {
  const sigmoid = (z) => 1 / (1 + Math.exp(-z));
  const softplus = (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
  const erf = (z) => {
    const size = Math.abs(z);
    if (size > 6) return Math.sign(z);
    let term = size, sum = size;
    for (let n = 1; n < 200 && Math.abs(term) > 1e-17; n++) {
      term *= -size * size / n;
      sum += term / (2 * n + 1);
    }
    return Math.sign(z) * Math.min(1, 2 / Math.sqrt(Math.PI) * sum);
  };
  const ACTIVATE = {
    lecun_tanh: (z) => 1.7159 * Math.tanh(0.666 * z),
    tanh: Math.tanh,
    relu: (z) => Math.max(z, 0),
    silu: (z) => z * sigmoid(z),
    gelu: (z) => 0.5 * z * (1 + erf(z * Math.SQRT1_2)),
  };
  const LONGEST = 1e300;

  // Rows of a matrix times `read(j)`, onto `base`.
  const product = (matrix, columns, base, read, out, rows = out.length) => {
    for (let i = 0; i < rows; i++) {
      let sum = base ? base[i] : 0;
      for (let j = 0; j < columns; j++) sum += matrix[i * columns + j] * read(j);
      out[i] = sum;
    }
    return out;
  };

  // Places of a layer in the vectors of the whole net: state, neurons and synapses.
  const placed = (net, states, neurons, synapses) => {
    const place = { state: net.states, neuron: net.neurons, synapse: net.synapses };
    for (let k = 0; k < neurons; k++) net.shown.push(net.states + k);
    net.states += states;
    net.neurons += neurons;
    net.synapses += synapses;
    return place;
  };

  const targets = (ptr) => {
    const to = new Int32Array(ptr[ptr.length - 1]);
    for (let i = 0; i + 1 < ptr.length; i++) to.fill(i, ptr[i], ptr[i + 1]);
    return to;
  };

  // A wired layer: both kinds of synapses in one list, sensory first, and a factor of each.
  const wired = (spec, net) => {
    const { sensory_ptr, sensory_source, ptr, source } = spec.graph;
    const count = sensory_source.length + source.length;
    const place = placed(net, spec.units, spec.units, count);
    const base = place.synapse + sensory_source.length;
    for (const [kind, first, sources, ends] of [["sensory", place.synapse, sensory_source, sensory_ptr], ["recurrent", base, source, ptr]]) {
      const to = targets(ends);
      for (let k = 0; k < sources.length; k++) {
        const from = kind === "sensory" ? -1 - sources[k] : place.neuron + sources[k];
        net.wires[first + k] = { from, to: place.neuron + to[k] };
      }
    }
    return { place, sensory: place.synapse, recurrent: base, sensory_ptr, sensory_source, ptr, source };
  };

  function ltc(spec, net) {
    const { units, outputs, substeps, eps, params: p } = spec, to = wired(spec, net), n0 = to.place.neuron, at = to.place.state;
    const den0 = new Float64Array(units), num0 = new Float64Array(units), next = new Float64Array(units);
    return (x, dt, s, y) => {
      const f = net.factor, current = net.current;
      for (let i = 0; i < units; i++) {
        let den = p.g_leak[i], num = p.g_leak[i] * p.v_leak[i];
        for (let k = to.sensory_ptr[i]; k < to.sensory_ptr[i + 1]; k++) {
          const j = to.sensory_source[k], u = x[j] * p.input_scale[j] + p.input_shift[j];
          const g = p.sensory_w[k] * f[to.sensory + k] * sigmoid(p.sensory_sigma[k] * (u - p.sensory_mu[k]));
          den += g;
          num += g * p.sensory_e_rev[k];
          current[to.sensory + k] = g * (p.sensory_e_rev[k] - s[at + i]);
        }
        den0[i] = den;
        num0[i] = num;
      }
      const d = dt / substeps;
      for (let l = 0; l < substeps; l++) {
        for (let i = 0; i < units; i++) {
          let den = den0[i], num = num0[i];
          const v = s[at + i];
          for (let k = to.ptr[i]; k < to.ptr[i + 1]; k++) {
            const g = p.w[k] * f[to.recurrent + k] * sigmoid(p.sigma[k] * (s[at + to.source[k]] - p.mu[k]));
            den += g;
            num += g * p.e_rev[k];
            current[to.recurrent + k] = g * (p.e_rev[k] - v);
          }
          net.tau[n0 + i] = p.c_m[i] / den;
          next[i] = v + d * (num - (den + eps) * v) / (p.c_m[i] + d * (den + eps));
        }
        for (let i = 0; i < units; i++) s[at + i] = next[i];
      }
      for (let m = 0; m < outputs; m++) y[m] = s[at + units - outputs + m] * p.output_scale[m] + p.output_shift[m];
    };
  }

  function ctrnn(spec, net) {
    const { units, outputs, substeps, params: p } = spec, to = wired(spec, net), n0 = to.place.neuron, at = to.place.state;
    const fixed = new Float64Array(units), next = new Float64Array(units);
    return (x, dt, s, y) => {
      const f = net.factor, current = net.current;
      for (let i = 0; i < units; i++) {
        fixed[i] = p.b[i];
        for (let k = to.sensory_ptr[i]; k < to.sensory_ptr[i + 1]; k++) {
          fixed[i] += current[to.sensory + k] = p.sensory_w[k] * f[to.sensory + k] * x[to.sensory_source[k]];
        }
        net.tau[n0 + i] = p.tau[i];
      }
      const d = dt / substeps;
      for (let l = 0; l < substeps; l++) {
        for (let i = 0; i < units; i++) {
          let a = fixed[i];
          for (let k = to.ptr[i]; k < to.ptr[i + 1]; k++) {
            a += current[to.recurrent + k] = p.w[k] * f[to.recurrent + k] * s[at + to.source[k]];
          }
          next[i] = s[at + i] + d * (p.tau[i] * Math.tanh(a) - s[at + i]) / (p.tau[i] + d);
        }
        for (let i = 0; i < units; i++) s[at + i] = next[i];
      }
      for (let m = 0; m < outputs; m++) y[m] = s[at + units - outputs + m] * p.output_scale[m] + p.output_shift[m];
    };
  }

  function lrc(spec, net) {
    const { units, outputs, substeps, solver, elastance, params: p } = spec, to = wired(spec, net), at = to.place.state;
    const fixed = [0, 1, 2].map(() => new Float64Array(units)), next = new Float64Array(units), sum = new Float64Array(3);
    const add = (k, factor, value, kind, place) => {
      const gate = factor * sigmoid(p[`${kind}sigma`][k] * (value - p[`${kind}mu`][k]));
      sum[0] += gate * p[`${kind}g_max`][k];
      net.current[place] = gate * p[`${kind}k_max`][k];
      sum[1] += net.current[place];
      if (elastance !== "none") sum[2] += factor * value * p[`${kind}o`][k];
    };
    return (x, dt, s, y) => {
      const f = net.factor, d = dt / substeps;
      for (let i = 0; i < units; i++) {
        sum.set([p.g_leak[i], p.g_leak[i], elastance === "none" ? 0 : p.p[i]]);
        for (let k = to.sensory_ptr[i]; k < to.sensory_ptr[i + 1]; k++) add(k, f[to.sensory + k], x[to.sensory_source[k]], "sensory_", to.sensory + k);
        sum.forEach((value, part) => { fixed[part][i] = value; });
      }
      for (let l = 0; l < substeps; l++) {
        for (let i = 0; i < units; i++) {
          fixed.forEach((part, n) => { sum[n] = part[i]; });
          for (let k = to.ptr[i]; k < to.ptr[i + 1]; k++) add(k, f[to.recurrent + k], s[at + to.source[k]], "", to.recurrent + k);
          const v = s[at + i], pull = sigmoid(sum[0]);
          const ease = elastance === "none" ? 1 : elastance === "symmetric" ? sigmoid(sum[2] + p.k[i]) - sigmoid(sum[2] - p.k[i]) : sigmoid(sum[2]);
          const change = d * ease * (Math.tanh(sum[1]) * p.e_leak[i] - pull * v);
          next[i] = solver === "hybrid" ? v + change / (1 + d * ease * pull) : v + change;
          net.tau[to.place.neuron + i] = 1 / (ease * pull);
        }
        for (let i = 0; i < units; i++) s[at + i] = next[i];
      }
      for (let m = 0; m < outputs; m++) y[m] = s[at + units - outputs + m] * p.output_scale[m] + p.output_shift[m];
    };
  }

  // The closed form of a CfC, from what its heads gathered.
  const headed = (spec, pre, i, dt, out, net, neuron) => {
    const { mode, units, params: p } = spec;
    if (mode === "pure") {
      const rate = Math.abs(p.w_tau[i]) + Math.abs(pre[i]);
      net.tau[neuron] = 1 / rate;
      out[i] = p.a[i] - p.a[i] * Math.exp(-dt * rate) * pre[i];
      return;
    }
    const f1 = Math.tanh(pre[i]), f2 = Math.tanh(pre[units + i]), t = sigmoid(pre[2 * units + i] * dt + pre[3 * units + i]);
    out[i] = mode === "no_gate" ? f1 + t * f2 : f1 * (1 - t) + t * f2;
  };

  function cfc(spec, net) {
    const { inputs, units, activation, params: p } = spec, { state: at, neuron: n0 } = placed(net, units, units, 0);
    const rows = p.entry_bias.length, level = [new Float64Array(rows), ...p.dense.map(({ bias }) => new Float64Array(bias.length))];
    const next = new Float64Array(units), act = ACTIVATE[activation];
    return (x, dt, s, y) => {
      const read = (j) => (j < inputs ? x[j] : s[at + j - inputs] * net.strength[n0 + j - inputs]);
      product(p.entry_weight, inputs + units, p.entry_bias, read, level[0]);
      p.dense.forEach(({ weight, bias }, k) => {
        const below = level[k];
        for (let j = 0; j < below.length; j++) below[j] = act(below[j]);
        product(weight, below.length, bias, (j) => below[j], level[k + 1]);
      });
      const pre = level[level.length - 1];
      for (let i = 0; i < units; i++) headed(spec, pre, i, dt, next, net, n0 + i);
      for (let i = 0; i < units; i++) {
        s[at + i] = next[i];
        y[i] = next[i] * net.strength[n0 + i];
      }
    };
  }

  function wiredCfc(spec, net) {
    const { units, outputs, params: p } = spec, to = wired(spec, net), n0 = to.place.neuron, at = to.place.state;
    const heads = p.bias.length / units, now = new Float64Array(units), pre = new Float64Array(heads * units);
    const sensoryCount = to.sensory_source.length, count = to.source.length, isNew = spec.graph.current;
    return (x, dt, s, y) => {
      const f = net.factor, current = net.current;
      for (let i = 0; i < units; i++) {
        for (let h = 0; h < heads; h++) {
          let sum = p.bias[h * units + i] + p.self_weight[h * units + i] * s[at + i];
          for (let k = to.sensory_ptr[i]; k < to.sensory_ptr[i + 1]; k++) {
            const part = p.sensory_weight[h * sensoryCount + k] * f[to.sensory + k] * x[to.sensory_source[k]];
            if (h === 0) current[to.sensory + k] = part;
            sum += part;
          }
          for (let k = to.ptr[i]; k < to.ptr[i + 1]; k++) {
            const j = to.source[k], part = p.weight[h * count + k] * f[to.recurrent + k] * (isNew[k] ? now[j] : s[at + j]);
            if (h === 0) current[to.recurrent + k] = part;
            sum += part;
          }
          pre[h * units + i] = sum;
        }
        headed(spec, pre, i, dt, now, net, n0 + i);
      }
      for (let i = 0; i < units; i++) s[at + i] = now[i];
      for (let m = 0; m < outputs; m++) y[m] = now[units - outputs + m];
    };
  }

  function liquidSsm(spec, net) {
    const { units, decay, target, blocks } = spec, places = blocks.map(() => placed(net, units, units, 0));
    const pre = new Float64Array(2 * units), gate = new Float64Array(units), mixed = new Float64Array(units);
    const levels = blocks.map(() => new Float64Array(units));
    return (x, dt, s, y) => {
      blocks.forEach((p, b) => {
        const { state: at, neuron: n0 } = places[b], below = b ? levels[b - 1] : x, out = levels[b];
        const read = (j) => below[j];
        product(p.weight, b ? units : spec.inputs, p.bias, read, pre);
        for (let i = 0; i < units; i++) {
          const rate = (decay === "softplus" ? softplus(pre[i]) : sigmoid(pre[i])) * (p.rate ? p.rate[i] : 1);
          const u = target === "tanh" ? Math.tanh(pre[units + i]) : pre[units + i];
          net.tau[n0 + i] = 1 / rate;
          s[at + i] += -Math.expm1(-rate * dt) * (u - s[at + i]);
          out[i] = s[at + i] * net.strength[n0 + i];
        }
        if (p.gate_weight) {
          product(p.gate_weight, b ? units : spec.inputs, p.gate_bias, read, gate);
          for (let i = 0; i < units; i++) out[i] *= sigmoid(gate[i]);
        }
        if (b) {
          product(p.mix_weight, units, p.mix_bias, (j) => out[j], mixed);
          for (let i = 0; i < units; i++) out[i] = below[i] + mixed[i];
        }
      });
      y.set(levels[blocks.length - 1]);
    };
  }

  function gru(spec, net) {
    const { inputs, units, params: p } = spec, { state: at, neuron: n0 } = placed(net, units, units, 0);
    const into = new Float64Array(3 * units), back = new Float64Array(3 * units);
    return (x, dt, s, y) => {
      product(p.weight_ih, inputs + 1, p.bias_ih, (j) => (j < inputs ? x[j] : dt), into);
      product(p.weight_hh, units, p.bias_hh, (j) => s[at + j] * net.strength[n0 + j], back);
      for (let i = 0; i < units; i++) {
        const r = sigmoid(into[i] + back[i]), z = sigmoid(into[units + i] + back[units + i]);
        const n = Math.tanh(into[2 * units + i] + r * back[2 * units + i]);
        s[at + i] = (1 - z) * n + z * s[at + i];
        y[i] = s[at + i] * net.strength[n0 + i];
      }
    };
  }

  function lstm(spec, net) {
    const { inputs, units, params: p } = spec, { state: at, neuron: n0 } = placed(net, 2 * units, units, 0);
    const into = new Float64Array(4 * units), back = new Float64Array(4 * units);
    return (x, dt, s, y) => {
      product(p.weight_ih, inputs + 1, p.bias_ih, (j) => (j < inputs ? x[j] : dt), into);
      product(p.weight_hh, units, p.bias_hh, (j) => s[at + j] * net.strength[n0 + j], back);
      for (let i = 0; i < units; i++) {
        const z = (gate) => into[gate * units + i] + back[gate * units + i], c = at + units + i;
        s[c] = sigmoid(z(1)) * s[c] + sigmoid(z(0)) * Math.tanh(z(2));
        s[at + i] = sigmoid(z(3)) * Math.tanh(s[c]);
        y[i] = s[at + i] * net.strength[n0 + i];
      }
    };
  }

  function stack(spec, net) {
    const layers = spec.layers.map((layer) => layered(layer, net));
    const between = spec.layers.map((layer) => new Float64Array(layer.outputs));
    return (x, dt, s, y) => {
      layers.forEach((layer, k) => layer(k ? between[k - 1] : x, dt, s, between[k]));
      y.set(between[between.length - 1]);
    };
  }

  function readout(spec, net) {
    const inner = layered(spec.layer, net), width = spec.layer.outputs, z = new Float64Array(width);
    const at = spec.pool === "mean" ? placed(net, width + 1, 0, 0).state : -1;
    net.share = new Float64Array(spec.outputs * width);
    net.shareBias = spec.bias;
    return (x, dt, s, y) => {
      inner(x, dt, s, z);
      if (at >= 0) {
        const steps = ++s[at + width];
        for (let j = 0; j < width; j++) z[j] = s[at + j] += (z[j] - s[at + j]) / steps;
      }
      for (let i = 0; i < spec.outputs; i++) {
        let sum = spec.bias[i];
        for (let j = 0; j < width; j++) sum += net.share[i * width + j] = spec.weight[i * width + j] * z[j];
        y[i] = sum;
      }
    };
  }

  const KINDS = { LTC: ltc, LRC: lrc, CTRNN: ctrnn, CfC: cfc, WiredCfC: wiredCfc, LiquidSSM: liquidSsm, GRU: gru, LSTM: lstm, Stack: stack, Readout: readout };

  // A layer with its inputs acting when its pairing says.
  function layered(spec, net) {
    const step = KINDS[spec.kind](spec, net), pairing = spec.pairing || "hold";
    if (pairing === "hold") return step;
    const nothing = new Float64Array(spec.inputs);
    if (pairing === "event") {
      return (x, dt, s, y) => {
        step(nothing, dt, s, y);
        step(x, 1, s, y);
      };
    }
    const at = placed(net, spec.inputs, 0, 0).state, last = new Float64Array(spec.inputs);
    return (x, dt, s, y) => {
      for (let j = 0; j < spec.inputs; j++) {
        last[j] = s[at + j];
        s[at + j] = x[j];
      }
      step(last, dt, s, y);
    };
  }

  // A net ready to run. `step(x, dt, state, y)` changes the state and the outputs in place; `tau`, `current` and
  // `share` then hold the time constants, the synaptic currents and what each neuron adds to each answer. `shown` are
  // the places of the neurons in the state.
  function build(spec) {
    const net = { states: 0, neurons: 0, synapses: 0, wires: [], shown: [], inputs: spec.inputs, outputs: spec.outputs };
    net.step = layered(spec, net);
    net.tau = new Float64Array(net.neurons).fill(NaN);
    net.strength = new Float64Array(net.neurons).fill(1);
    net.cut = new Float64Array(net.synapses).fill(1);
    net.factor = new Float64Array(net.synapses).fill(1);
    net.current = new Float64Array(net.synapses);
    net.start = () => new Float64Array(net.states);
    // A neuron's strength is that of every synapse to and from it; without synapses, of what others read from it.
    net.update = () => net.wires.forEach(({ from, to }, k) => {
      net.factor[k] = net.cut[k] * net.strength[to] * (from >= 0 && from !== to ? net.strength[from] : 1);
    });
    return net;
  }

  // Outputs and states of a whole series: rows of `x`, one elapsed time each.
  function run(net, x, dt) {
    const s = net.start(), outputs = [], states = [], taus = [];
    x.forEach((row, t) => {
      const y = new Float64Array(net.outputs);
      net.step(row, dt[t], s, y);
      outputs.push([...y]);
      states.push([...s]);
      taus.push([...net.tau].map((tau) => Math.min(tau, LONGEST)));
    });
    return { outputs, states, taus };
  }

  return { build, run, sigmoid };
})();
if (typeof module !== "undefined") module.exports = Cells;
