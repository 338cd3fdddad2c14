"""The proof: it holds for every cell, and falls when a number is bent."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from caudal import export
from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.export import check, deadband, verify
from caudal.export.fixed import lower_fixed
from caudal.export.intervals import Broken
from caudal.export.program import from_json, to_json
from caudal.nn import CTRNN, LRC, LTC, CfC


def test_every_cell_is_proven(net):
    for dtype, wide in (("int16", False), ("int16", True), ("int8", False)):
        check.bounds(lower_fixed(export.describe(net), dtype, wide=wide))


@pytest.mark.parametrize("seed", range(8))
def test_wild_parameters_are_proven_too(seed):
    torch.manual_seed(seed)
    nets = [LTC(3, 5), LRC(3, 5, elastance="symmetric"), CTRNN(3, 5)]
    for net in nets:
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.mul_(torch.randn_like(parameter) * 3).add_(torch.randn_like(parameter))
        check.bounds(lower_fixed(export.describe(net)))


def _bent(program, name, at, by):
    held = program.constants[name].copy()
    held[at] += by
    return dataclasses.replace(program, constants={**program.constants, name: held})


def test_a_synapse_that_pulls_beyond_its_cone_is_found():
    program = lower_fixed(export.describe(LTC(2, 3)))
    link = next(block for block in program.blocks() if block.name == "relax").links[0]
    held = program.constants[link.weights[1]]
    at = int(np.abs(held).argmax())
    with pytest.raises(Broken, match="relax: a synapse pulls beyond the range of the state"):
        check.bounds(_bent(program, link.weights[1], at, 40 * int(np.sign(held[at]))))


def test_an_accumulator_that_overflows_is_found():
    program = lower_fixed(export.describe(CfC(2, 3, backbone_layers=0)))
    name = next(b for b in program.blocks() if b.name == "heads").base[0]
    constants = {**program.constants, name: program.constants[name].astype(np.int64) + 2**31}
    with pytest.raises(Broken, match="beyond 32 bits"):
        check.bounds(dataclasses.replace(program, constants=constants))


def test_a_state_declared_too_narrow_is_found():
    program = lower_fixed(export.describe(LTC(2, 3)))
    slot = program.slots["v"]
    slots = {**program.slots, "v": dataclasses.replace(slot, high=slot.high // 2, low=slot.low)}
    with pytest.raises(Broken):
        check.bounds(dataclasses.replace(program, slots=slots))


def test_a_link_beyond_its_source_is_found():
    program = lower_fixed(export.describe(LTC(2, 3)))
    broken = dataclasses.replace(
        program.slots["v"], size=2, low=program.slots["v"].low[:2], high=program.slots["v"].high[:2]
    )
    with pytest.raises(Broken):
        check.bounds(dataclasses.replace(program, slots={**program.slots, "v": broken}))


def test_a_program_survives_json(some_net):
    for program in (lower_fixed(export.describe(some_net)), lower_fixed(export.describe(some_net), "int8")):
        again = from_json(json.loads(json.dumps(to_json(program))))
        assert to_json(again) == to_json(program)


@pytest.fixture
def folder(tmp_path):
    return export.c(LTC(2, 4, substeps=2), tmp_path / "policy").folder


def _claims(folder):
    return {claim.name: claim.holds for claim in verify(folder).claims}


def test_an_export_verifies(folder):
    assert verify(folder).holds


def test_an_altered_table_breaks_the_claims(folder):
    path = folder / "policy.c"
    text = path.read_text()
    start = text.index("POLICY_RELAX_0_INT16[")
    digit = next(k for k in range(text.index("{", start), len(text)) if text[k] in "12345678")
    path.write_text(text[:digit] + str(int(text[digit]) + 1) + text[digit + 1 :])
    found = _claims(folder)
    assert not found["files are as they were written"]
    assert not found["tables in the C are those of the proof"]
    assert found["nothing can overflow, for any input and any time"]


def test_altered_code_breaks_a_claim(folder):
    path = folder / "policy.c"
    path.write_text(path.read_text().replace("+ 1);", "+ 2);"))
    assert not _claims(folder)["code is what caudal writes for this proof"]


def test_a_proof_that_states_other_bounds_is_found(folder):
    proof = json.loads((folder / "proof.json").read_text())
    proof["claims"]["vectors"]["v"][1] -= 1
    (folder / "proof.json").write_text(json.dumps(proof))
    assert not _claims(folder)["nothing can overflow, for any input and any time"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 9}', "\x00"])
def test_a_damaged_proof_is_refused_in_words(folder, text):
    (folder / "proof.json").write_text(text)
    with pytest.raises(FileFormatError, match=r"proof\.json"):
        verify(folder)


def test_a_folder_without_proof_is_refused(tmp_path):
    with pytest.raises(MissingFileError, match=r"holds no proof\.json"):
        verify(tmp_path)


def test_dead_band_grows_as_times_shrink_and_decides_the_width(tmp_path):
    net = LTC(4, 6)
    program = lower_fixed(export.describe(net))
    found = check.bounds(program)
    assert deadband.dead_band(program, found, 0.001) > 50 * deadband.dead_band(program, found, 0.1)
    least = deadband.shortest(program, found)
    assert deadband.dead_band(program, found, least) == pytest.approx(deadband.TOLERANCE, rel=1e-6)
    assert export.c(net, tmp_path / "a", shortest_dt=2 * least).program.slots["v"].ctype == "int16"
    assert export.c(net, tmp_path / "b", shortest_dt=least / 2).program.slots["v"].ctype == "int32"
    with pytest.raises(InputError, match=r'`state` is "int16", which resolves times from .* on; .* was asked for'):
        export.c(net, tmp_path / "c", state="int16", shortest_dt=least / 2)
    assert not (tmp_path / "c").exists()
