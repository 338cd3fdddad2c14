"""A circuit that is drawn is the circuit that decides; times are measured for everyone."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from caudal.compare.job import Job
from caudal.compare.measure import timing
from caudal.compare.measure.circuits import circuit_of
from caudal.compare.record import Circuit
from caudal.compare.run import run_job, train
from caudal.serial import from_json, to_json
from caudal.train import examples
from caudal.wiring import Wiring

# pytest's importlib mode knows no sibling modules, so the planted series are loaded by path.
_spec = importlib.util.spec_from_file_location("planted", Path(__file__).with_name("planted.py"))
planted = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(planted)


def _trained(model, task="classify"):
    parts = planted.parts(task)
    return train(Job(model, "final", 0, 0, epochs=3, parameters=300), parts), parts


@pytest.mark.parametrize("model", ["ltc-ncp", "ltc-ncp-19", "cfc-ncp"])
def test_the_drawn_activity_decides_as_the_network_does(model):
    trained, parts = _trained(model)
    circuit = circuit_of(trained, parts)
    row = [str(name) for name in parts.test.ids].index(circuit.example.split(":")[0])
    layer, state = trained.model.net_.layer, torch.tensor(circuit.activity)
    assert state.shape == (int(parts.test.lengths[row]), layer.units)
    y = state[-1, -layer.outputs :]
    if model != "cfc-ncp":
        y = y * layer.output_scale + layer.output_shift
    said = torch.softmax(trained.model.net_.map(y), 0).detach()
    np.testing.assert_allclose(said, trained.answer(parts.test)[row], atol=1e-4)
    assert f"probability {said.max():.2f}" in circuit.example
    wiring = Wiring.from_json(circuit.wiring)
    assert tuple(circuit.strengths) == wiring.synapse_names
    assert len(circuit.inputs) == wiring.inputs
    assert circuit.outputs == ("0", "1")
    assert circuit.time[0] == 0.0
    assert from_json(Circuit, to_json(circuit)) == circuit
    json.dumps(circuit.strengths, allow_nan=False)


def test_time_constants_are_those_of_the_fused_equation_in_the_unit_of_the_study():
    trained, parts = _trained("ltc-ncp")
    circuit = circuit_of(trained, parts)
    tau, v = np.array(circuit.tau), np.array(circuit.activity)
    assert tau.shape == v.shape
    row = [str(name) for name in parts.test.ids].index(circuit.example.split(":")[0])
    layer, unit = trained.model.net_.layer, trained.model.encoder_.scaler.gap
    seen = examples(trained.model.encoder_, parts.test.select([row]).without_target())
    u = (seen.x[0, len(v) - 1] * layer.input_scale + layer.input_shift).detach().double().numpy()
    p = type(layer.params())(*(one.detach().double().numpy() for one in layer.params()))
    den = p.g_leak.copy()
    wiring = layer.wiring
    for synapses, w, mu, sigma, source in (
        (wiring.sensory_synapses, p.sensory_w, p.sensory_mu, p.sensory_sigma, u),
        (wiring.recurrent_synapses, p.w, p.mu, p.sigma, v[-1]),
    ):
        for target in range(wiring.units):
            for k in range(synapses.ptr[target], synapses.ptr[target + 1]):
                den[target] += w[k] / (1 + np.exp(-sigma[k] * (source[synapses.source[k]] - mu[k])))
    np.testing.assert_allclose(tau[-1], p.c_m / den * unit, rtol=1e-3)
    assert circuit_of(_trained("cfc-ncp")[0], parts).tau == ()


def test_strength_is_signed_and_flips_with_the_potential():
    trained, parts = _trained("ltc-ncp-19")
    before = circuit_of(trained, parts).strengths
    with torch.no_grad():
        trained.model.net_.layer.e_rev.neg_()
    after = circuit_of(trained, parts).strengths
    sensory = [name for name in before if name.startswith("input")]
    assert all(after[name] == before[name] for name in sensory)
    assert all(after[name] == -before[name] for name in set(before) - set(sensory))
    assert {np.sign(value) for value in before.values()} == {-1.0, 1.0}


@pytest.mark.parametrize("task", planted.TASKS)
def test_every_task_has_a_series_to_show(task):
    trained, parts = _trained("cfc-ncp", task)
    circuit = circuit_of(trained, parts)
    assert len(circuit.activity) == len(circuit.time)
    assert ":" in circuit.example
    assert circuit_of(_trained("gru", task)[0], parts) is None


def test_long_series_are_thinned():
    trained, parts = _trained("cfc-ncp")
    x = np.random.default_rng(0).normal(size=(2, 2, 700))
    long = planted.data.from_arrays(x, [0, 1], static=np.zeros((2, 1)), time_unit="d")
    circuit = circuit_of(trained, replace(parts, test=long))
    assert len(circuit.time) == 200
    assert circuit.time[-1] == 699.0


def test_everyone_is_timed():
    pytest.importorskip("sklearn")
    parts = planted.parts("classify")
    jobs = [
        Job(name, "final", 0, 0, epochs=1, parameters=300, disturb=False) for name in ("lstm", "ltc-ncp", "trivial")
    ]
    jobs.append(Job("trees", "final", 0, 0, {"rounds": 3, "least": 3}, disturb=False))
    outcomes = [run_job(job, parts) for job in jobs]
    outcomes.append(run_job(Job("cfc", "final", 0, 0, {"nonsense": 1}), parts))
    found = timing.measure(outcomes, parts, rounds=2)
    assert set(found) == {"lstm", "ltc-ncp", "trivial", "trees"}
    assert all(one.series > 0 for one in found.values())
    assert {name for name, one in found.items() if one.step is not None} == {"lstm", "ltc-ncp"}
