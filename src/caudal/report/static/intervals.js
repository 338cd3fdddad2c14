"use strict";
// Ranges of a net's outputs when its inputs may lie anywhere in intervals: interval arithmetic over the equations of
// `cells.js`, each step widened outwards by far more than rounding. Wider than `caudal.explain.verify`, never narrower
// than the truth. `Intervals.build(net)` is null where a cell has no such form here.
const Intervals = (() => {
  const { sigmoid } = Cells;
  const WIDE = 1e-12;
  const pair = (size) => ({ low: new Float64Array(size), high: new Float64Array(size) });
  const set = (box, i, low, high) => {
    box.low[i] = low - WIDE * (1 + Math.abs(low));
    box.high[i] = high + WIDE * (1 + Math.abs(high));
  };
  const scaled = (weight, low, high) => (weight >= 0 ? [weight * low, weight * high] : [weight * high, weight * low]);
  const product = (matrix, bias, boxes, out) => {
    const columns = boxes.reduce((sum, box) => sum + box.low.length, 0);
    for (let i = 0; i < out.low.length; i++) {
      let low = bias[i], high = bias[i], at = i * columns;
      for (const box of boxes) {
        for (let j = 0; j < box.low.length; j++, at++) {
          const [a, b] = scaled(matrix[at], box.low[j], box.high[j]);
          low += a;
          high += b;
        }
      }
      set(out, i, low, high);
    }
    return out;
  };
  const each = (box, rises) => {
    for (let i = 0; i < box.low.length; i++) set(box, i, rises(box.low[i]), rises(box.high[i]));
  };
  const RISING = { lecun_tanh: (z) => 1.7159 * Math.tanh(0.666 * z), tanh: Math.tanh, relu: (z) => Math.max(z, 0) };

  // The largest value of (c v + d sum k E) / (c + d (sum k + eps)) with each k between its ends: Dinkelbach's iteration.
  const extreme = (c, v, d, eps, parts, sign) => {
    let value = v;
    for (let round = 0; round < 60; round++) {
      let num = c * v, den = c + d * eps;
      for (const [low, high, e] of parts) {
        const k = sign * (e - value) > 0 ? high : low;
        num += d * k * e;
        den += d * k;
      }
      const next = num / den;
      if (next === value) break;
      value = next;
    }
    return value;
  };

  function ltc(spec, strength) {
    const { units, outputs, substeps, eps, params: p, graph } = spec;
    const v = pair(units), y = pair(outputs), next = pair(units);
    const gate = (sigma, mu, low, high, w) => {
      const a = sigmoid(sigma * (low - mu)), b = sigmoid(sigma * (high - mu));
      return [w * Math.min(a, b) * (1 - WIDE), w * Math.max(a, b) * (1 + WIDE)];
    };
    const f = strength(graph);
    return (x, dt) => {
      const sensory = [];
      for (let i = 0; i < units; i++) {
        sensory.push([[p.g_leak[i], p.g_leak[i], p.v_leak[i]]]);
        for (let k = graph.sensory_ptr[i]; k < graph.sensory_ptr[i + 1]; k++) {
          const j = graph.sensory_source[k], [a, b] = scaled(p.input_scale[j], x.low[j], x.high[j]);
          sensory[i].push([...gate(p.sensory_sigma[k], p.sensory_mu[k], a + p.input_shift[j], b + p.input_shift[j], p.sensory_w[k] * f(k)), p.sensory_e_rev[k]]);
        }
      }
      const d = dt / substeps, count = graph.sensory_source.length;
      for (let l = 0; l < substeps; l++) {
        for (let i = 0; i < units; i++) {
          const parts = sensory[i].slice();
          for (let k = graph.ptr[i]; k < graph.ptr[i + 1]; k++) {
            const j = graph.source[k];
            parts.push([...gate(p.sigma[k], p.mu[k], v.low[j], v.high[j], p.w[k] * f(count + k)), p.e_rev[k]]);
          }
          set(next, i, extreme(p.c_m[i], v.low[i], d, eps, parts, -1), extreme(p.c_m[i], v.high[i], d, eps, parts, 1));
        }
        v.low.set(next.low);
        v.high.set(next.high);
      }
      for (let m = 0; m < outputs; m++) {
        const [low, high] = scaled(p.output_scale[m], v.low[units - outputs + m], v.high[units - outputs + m]);
        set(y, m, low + p.output_shift[m], high + p.output_shift[m]);
      }
      return y;
    };
  }

  function liquidSsm(spec) {
    const { units, decay, target, blocks } = spec;
    const layers = blocks.map(() => ({ v: pair(units), out: pair(units), pre: pair(2 * units), gate: pair(units), mixed: pair(units) }));
    const softplus = (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
    return (x, dt) => {
      let below = x;
      blocks.forEach((p, b) => {
        const { v, out, pre, gate, mixed } = layers[b], open = decay === "softplus" ? softplus : sigmoid, aim = target === "tanh" ? Math.tanh : (z) => z;
        product(p.weight, p.bias, [below], pre);
        for (let i = 0; i < units; i++) {
          const rate = p.rate ? p.rate[i] : 1, share = (z) => -Math.expm1(-rate * open(z) * dt);
          const [g, h] = [share(pre.low[i]), share(pre.high[i])], low = aim(pre.low[units + i]), high = aim(pre.high[units + i]);
          set(v, i, Math.min((1 - g) * v.low[i] + g * low, (1 - h) * v.low[i] + h * low), Math.max((1 - g) * v.high[i] + g * high, (1 - h) * v.high[i] + h * high));
        }
        out.low.set(v.low);
        out.high.set(v.high);
        if (p.gate_weight) {
          each(product(p.gate_weight, p.gate_bias, [below], gate), sigmoid);
          for (let i = 0; i < units; i++) {
            const ends = [gate.low[i] * out.low[i], gate.high[i] * out.low[i], gate.low[i] * out.high[i], gate.high[i] * out.high[i]];
            set(out, i, Math.min(...ends), Math.max(...ends));
          }
        }
        if (b) {
          product(p.mix_weight, p.mix_bias, [out], mixed);
          for (let i = 0; i < units; i++) set(out, i, below.low[i] + mixed.low[i], below.high[i] + mixed.high[i]);
        }
        below = out;
      });
      return below;
    };
  }

  const headed = (mode, pre, units, i, dt, out) => {
    const end = (head, rises) => [rises(pre.low[head * units + i]), rises(pre.high[head * units + i])];
    const [f1, f1h] = end(0, Math.tanh), [f2, f2h] = end(1, Math.tanh);
    const t = sigmoid(pre.low[2 * units + i] * dt + pre.low[3 * units + i]), th = sigmoid(pre.high[2 * units + i] * dt + pre.high[3 * units + i]);
    const blend = (first, second, gate) => (mode === "no_gate" ? first + gate * second : first * (1 - gate) + gate * second);
    set(out, i, Math.min(blend(f1, f2, t), blend(f1, f2, th)), Math.max(blend(f1h, f2h, t), blend(f1h, f2h, th)));
  };

  function cfc(spec) {
    const { units, params: p, mode } = spec, act = RISING[spec.activation];
    if (mode === "pure" || (p.dense.length && !act)) return null;
    const h = pair(units), next = pair(units), levels = [pair(p.entry_bias.length), ...p.dense.map(({ bias }) => pair(bias.length))];
    return (x, dt) => {
      product(p.entry_weight, p.entry_bias, [x, h], levels[0]);
      p.dense.forEach(({ weight, bias }, k) => {
        each(levels[k], act);
        product(weight, bias, [levels[k]], levels[k + 1]);
      });
      for (let i = 0; i < units; i++) headed(mode, levels[levels.length - 1], units, i, dt, next);
      h.low.set(next.low);
      h.high.set(next.high);
      return h;
    };
  }

  function wiredCfc(spec, strength) {
    const { units, outputs, params: p, graph, mode } = spec;
    if (mode === "pure") return null;
    const h = pair(units), now = pair(units), pre = pair(4 * units), y = pair(outputs), f = strength(graph);
    const first = graph.sensory_source.length, count = graph.source.length;
    return (x, dt) => {
      for (let i = 0; i < units; i++) {
        for (let head = 0; head < 4; head++) {
          let [low, high] = scaled(p.self_weight[head * units + i], h.low[i], h.high[i]);
          low += p.bias[head * units + i];
          high += p.bias[head * units + i];
          const add = (weight, box, j) => {
            const [a, b] = scaled(weight, box.low[j], box.high[j]);
            low += a;
            high += b;
          };
          for (let k = graph.sensory_ptr[i]; k < graph.sensory_ptr[i + 1]; k++) add(p.sensory_weight[head * first + k] * f(k), x, graph.sensory_source[k]);
          for (let k = graph.ptr[i]; k < graph.ptr[i + 1]; k++) add(p.weight[head * count + k] * f(first + k), graph.current[k] ? now : h, graph.source[k]);
          set(pre, head * units + i, low, high);
        }
        headed(mode, pre, units, i, dt, now);
      }
      h.low.set(now.low);
      h.high.set(now.high);
      for (let m = 0; m < outputs; m++) set(y, m, h.low[units - outputs + m], h.high[units - outputs + m]);
      return y;
    };
  }

  const KINDS = { LTC: ltc, LiquidSSM: liquidSsm, CfC: cfc, WiredCfC: wiredCfc };

  function layered(spec, strength) {
    if (spec.kind === "Readout") {
      const inner = layered(spec.layer, strength), z = pair(spec.layer.outputs), y = pair(spec.outputs), mean = spec.pool === "mean";
      let steps = 0;
      return inner && ((x, dt) => {
        const now = inner(x, dt);
        steps += 1;
        for (let j = 0; j < z.low.length; j++) {
          const share = mean ? 1 / steps : 1;
          set(z, j, z.low[j] + (now.low[j] - z.low[j]) * share, z.high[j] + (now.high[j] - z.high[j]) * share);
        }
        return product(spec.weight, spec.bias, [z], y);
      });
    }
    if (spec.kind === "Stack") {
      const parts = spec.layers.map((part) => layered(part, strength));
      return parts.every(Boolean) ? (x, dt) => parts.reduce((box, part) => part(box, dt), x) : null;
    }
    const step = KINDS[spec.kind] ? KINDS[spec.kind](spec, strength) : null;
    if (!step || spec.pairing === "hold") return step;
    const nothing = pair(spec.inputs);
    if (spec.pairing === "event") {
      return (x, dt) => {
        step(nothing, dt);
        return step(x, 1);
      };
    }
    let last = nothing;
    return (x, dt) => {
      const acting = last;
      last = { low: x.low.slice(), high: x.high.slice() };
      return step(acting, dt);
    };
  }

  // A fresh run of a net over intervals, with the strengths of `net.factor`; null where there is none.
  function build(spec, net) {
    let next = 0;
    return layered(spec, (graph) => {
      const first = next;
      next += graph.sensory_source.length + graph.source.length;
      return (k) => net.factor[first + k];
    });
  }

  // Ranges of the outputs after the last step: `x` rows of inputs, `radius` by input.
  function run(spec, net, x, dt, radius) {
    const step = build(spec, net), box = pair(spec.inputs);
    let y = null;
    if (step) {
      x.forEach((row, t) => {
        for (let j = 0; j < row.length; j++) set(box, j, row[j] - radius[j], row[j] + radius[j]);
        y = step(box, dt[t]);
      });
    }
    return y && { low: [...y.low], high: [...y.high] };
  }

  return { build, run };
})();
