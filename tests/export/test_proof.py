"""The proof: it holds for every cell, and falls when a number is bent."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import caudal
from caudal import export, wiring
from caudal.audit import model_digest
from caudal.cli import main
from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.export import verify
from caudal.export.c.entry import places
from caudal.export.c.proof import files, read_proof
from caudal.export.c.verify import golden_of
from caudal.export.program import bounds
from caudal.export.program.form import from_json, to_json
from caudal.export.program.intervals import Broken
from caudal.export.program.lower_fixed import lower_fixed
from caudal.nn import CTRNN, LRC, LTC, CfC


def test_every_cell_is_proven(net):
    for dtype, wide in (("int16", False), ("int16", True), ("int8", False)):
        bounds.bounds(lower_fixed(export.describe(net), dtype, wide=wide))


@pytest.mark.parametrize("seed", range(8))
def test_wild_parameters_are_proven_too(seed):
    torch.manual_seed(seed)
    nets = [LTC(3, 5), LRC(3, 5, elastance="symmetric"), CTRNN(3, 5)]
    for net in nets:
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.mul_(torch.randn_like(parameter) * 3).add_(torch.randn_like(parameter))
        bounds.bounds(lower_fixed(export.describe(net)))


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
        bounds.bounds(_bent(program, link.weights[1], at, 40 * int(np.sign(held[at]))))


def test_an_accumulator_that_overflows_is_found():
    program = lower_fixed(export.describe(CfC(2, 3, backbone_layers=0)))
    name = next(b for b in program.blocks() if b.name == "heads").base[0]
    constants = {**program.constants, name: program.constants[name].astype(np.int64) + 2**31}
    with pytest.raises(Broken, match="beyond 32 bits"):
        bounds.bounds(dataclasses.replace(program, constants=constants))


def test_a_state_declared_too_narrow_is_found():
    program = lower_fixed(export.describe(LTC(2, 3)))
    slot = program.slots["v"]
    slots = {**program.slots, "v": dataclasses.replace(slot, high=slot.high // 2, low=slot.low)}
    with pytest.raises(Broken):
        bounds.bounds(dataclasses.replace(program, slots=slots))


def test_a_link_beyond_its_source_is_found():
    program = lower_fixed(export.describe(LTC(2, 3)))
    broken = dataclasses.replace(
        program.slots["v"], size=2, low=program.slots["v"].low[:2], high=program.slots["v"].high[:2]
    )
    with pytest.raises(Broken):
        bounds.bounds(dataclasses.replace(program, slots={**program.slots, "v": broken}))


def test_what_is_read_before_it_is_written_is_found():
    program = lower_fixed(export.describe(LTC(2, 3)))
    faults = []
    for at in range(len(program.steps)):
        try:
            bounds.bounds(dataclasses.replace(program, steps=program.steps[:at] + program.steps[at + 1 :]))
        except Broken as fault:
            faults.append(str(fault))
    assert any("is read before it is written" in fault for fault in faults)


def test_a_program_survives_json(some_net):
    for program in (lower_fixed(export.describe(some_net)), lower_fixed(export.describe(some_net), "int8")):
        again = from_json(json.loads(json.dumps(to_json(program))))
        assert to_json(again) == to_json(program)


@pytest.fixture
def net_of_folder(tmp_path):
    net = LTC(2, 4, substeps=2)
    return net, export.c(net, tmp_path / "policy").folder


@pytest.fixture
def folder(net_of_folder):
    return net_of_folder[1]


WRITTEN = "every file is, to the byte, what caudal writes"
ALONE = "the folder holds nothing else"
RANGES = "nothing can overflow, for any input and any time"


def _claims(folder, *model):
    return {claim.name: claim.holds for claim in verify(folder, *model).claims}


def test_an_export_is_consistent_with_itself_and_holds_for_its_model(net_of_folder):
    net, folder = net_of_folder
    found = verify(folder)
    assert (found.holds, found.word) == (True, "consistent with itself")
    found = verify(folder, net)
    assert (found.holds, found.word, found.model) == (True, "holds", model_digest(net))


@pytest.mark.parametrize("name", ["policy.c", "policy.h", "test/policy_test.c", "README.md", "library.properties"])
def test_every_byte_of_every_file_is_compared(net_of_folder, name):
    net, folder = net_of_folder
    path = folder / name
    text = path.read_bytes()
    for changed in (text + b" ", text[:-1], text.replace(b"1", b"2", 1), b""):
        path.write_bytes(changed)
        assert not _claims(folder)[WRITTEN]
        assert verify(folder, net).word == "broken"


def _foreign(folder):
    yield lambda: (folder / ".hidden").write_text("")
    yield lambda: (folder / "policy.o").write_text("")
    yield lambda: (folder / "test" / "more_test.c").write_text("")
    yield lambda: (folder / "sub").mkdir()
    yield lambda: (folder / "link.c").symlink_to("policy.c")
    yield lambda: ((folder / "policy.c").rename(folder.parent / "moved"), (folder / "policy.c").symlink_to("../moved"))
    yield lambda: ((folder / "test").rename(folder.parent / "t"), (folder / "test").symlink_to("../t"))


@pytest.mark.parametrize("place", range(7))
def test_whatever_else_lies_in_the_folder_is_a_fault(net_of_folder, place):
    net, folder = net_of_folder
    list(_foreign(folder))[place]()
    assert not _claims(folder)[ALONE]
    assert verify(folder, net).word == "broken"


def test_the_export_of_another_model_is_broken(net_of_folder, tmp_path):
    _, folder = net_of_folder
    torch.manual_seed(7)
    found = verify(folder, LTC(2, 4, substeps=2))
    assert found.word == "broken"
    assert "it was made from the model" in found.claims[0].fault


def test_a_proof_that_names_the_model_of_another_is_broken(net_of_folder, tmp_path):
    net, folder = net_of_folder
    torch.manual_seed(7)
    other = LTC(2, 4, substeps=2)
    swapped = read_proof(export.c(other, tmp_path / "other").folder)
    _rewrite(folder, dataclasses.replace(swapped, model=model_digest(net)))
    assert verify(folder).word == "consistent with itself"
    assert verify(folder, net).word == "broken"


def _rewrite(folder, proof):
    for name, text in files(proof).items():
        (folder / name).write_text(text)


@pytest.mark.parametrize("change", [{"dt_min": 1e-9}, {"answers": ("yes", "no", "a", "b")}])
def test_a_folder_made_anew_from_a_changed_proof_is_not_that_of_the_model(net_of_folder, change):
    net, folder = net_of_folder
    _rewrite(folder, dataclasses.replace(read_proof(folder), **change))
    assert verify(folder).word == "consistent with itself"
    assert verify(folder, net).word == "broken"


def test_options_that_the_proof_states_are_those_that_the_model_is_exported_with(tmp_path):
    net = LTC(3, 5)
    for k, options in enumerate(({"state": "int32"}, {"shortest_dt": 0.01}, {"constant_time": True, "name": "gait"})):
        assert verify(export.c(net, tmp_path / str(k), "int8", **options).folder, net).word == "holds"


def test_an_encoder_beside_the_model_is_asked_for(trained, tmp_path):
    model = trained("dense cfc")
    folder = export.c(model.net, tmp_path / "policy", encoder=model.encoder).folder
    assert verify(folder, model.net, encoder=model.encoder).word == "holds"
    assert verify(folder, model.net).word == "broken"


def test_the_command_says_what_it_compared_with(net_of_folder, tmp_path, capsys):
    net, folder = net_of_folder
    caudal.save(net, tmp_path / "net.caudal")
    assert main(["export", "verify", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "is consistent with itself; it was compared with no model" in said
    assert "holds" not in said.replace(ALONE, "")
    assert main(["export", "verify", str(folder), "--model", str(tmp_path / "net.caudal")]) == 0
    assert "holds, the export of" in capsys.readouterr().out
    assert main(["export", "verify", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["holds"] is False


def test_a_proof_that_states_other_bounds_is_found(folder):
    proof = json.loads((folder / "proof.json").read_text())
    proof["claims"]["vectors"]["v"][1] -= 1
    (folder / "proof.json").write_text(json.dumps(proof))
    assert not _claims(folder)[WRITTEN]


def _edited(folder, change):
    stated = json.loads((folder / "proof.json").read_text())
    change(stated)
    (folder / "proof.json").write_text(json.dumps(stated))


HOSTILE = {
    "layer": lambda s: s["program"].update(layer="x */ int evil; /*"),
    "name of an input": lambda s: s["program"]["names"].__setitem__(0, "a */"),
    "name of an answer": lambda s: s["answers"].__setitem__(0, "a\n#include"),
    "name of a slot": lambda s: s["program"]["slots"].update({"v; int e": s["program"]["slots"]["v"]}),
    "word of C": lambda s: s["program"]["slots"].update({"while": s["program"]["slots"]["v"]}),
    "local of the C": lambda s: s["program"]["slots"].update({"t0": s["program"]["slots"]["v"]}),
    "constant": lambda s: s["program"]["constants"].update({"A": s["program"]["constants"]["relax_0_w0"]}),
    "prefix": lambda s: s.update(name="../evil"),
    "version": lambda s: s.update(caudal="1 */"),
    "operation": lambda s: s["program"]["steps"][1]["block"]["nodes"][0].update(op="evil()"),
    "bool for a number": lambda s: s["program"]["slots"]["v"].update(size=True),
    "digest": lambda s: s.update(model="ab"),
    "unknown field": lambda s: s.update(more=1),
    "float for a count": lambda s: s["program"]["steps"][1].update(times=2.0),
    "rows beyond": lambda s: s["program"]["steps"][1]["block"].update(rows=5),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_texts_and_sizes_of_a_proof_pass_one_pattern(folder, name):
    _edited(folder, HOSTILE[name])
    for reader in (verify, export.Runner, golden_of):
        with pytest.raises(FileFormatError, match=r"proof\.json"):
            reader(folder)


def _ranges(program):
    """Lies about what a number can be, each of which would hide an overflow."""
    slots = program.slots
    yield "x", dataclasses.replace(slots["x"], low=np.array(40000), high=np.array(40001))
    yield "dt", dataclasses.replace(slots["dt"], high=np.array(5))
    yield "inverse", dataclasses.replace(slots["inverse"], high=np.array(2**15))
    yield "exponent", dataclasses.replace(slots["exponent"], high=np.array(3))


@pytest.mark.parametrize("place", range(4))
def test_what_a_caller_can_pass_is_never_what_the_file_says(place):
    program = lower_fixed(export.describe(LTC(2, 3)))
    name, slot = list(_ranges(program))[place]
    with pytest.raises(Broken, match=f"{name} declares another range than its type"):
        bounds.bounds(dataclasses.replace(program, slots={**program.slots, name: slot}))


def test_the_runner_builds_what_was_checked_and_no_file_of_the_folder(folder):
    honest = export.Runner(folder).step([0.5, -1.0])
    (folder / "test" / "policy_test.c").rename(folder / "test" / "evil_test.c")
    (folder / "evil.c").write_text("#error foreign")
    (folder / "stdint.h").write_text("#error foreign")
    assert (export.Runner(folder).step([0.5, -1.0]) == honest).all()
    (folder / "policy.h").write_text((folder / "policy.h").read_text().replace("<stdint.h>", "<stdint.h>\n"))
    with pytest.raises(FileFormatError, match=r"policy\.h differs from what the proof gives"):
        export.Runner(folder)


def test_a_proof_of_format_1_is_told_by_name(folder):
    _edited(folder, lambda stated: stated.update(format=1))
    with pytest.raises(FileFormatError, match=r"has format 1, of caudal 0\.1, .* Export the model again"):
        verify(folder)


MAKE = """
import sys
sys.path.insert(0, sys.argv[3])
from conftest import _untrained
from caudal import export
for name, net in _untrained().items():
    for dtype in sys.argv[2].split():
        export.c(net, f"{sys.argv[1]}/{name}-{dtype}".replace(" ", "_"), dtype)
"""
CHECK = """
import sys
sys.path.insert(0, sys.argv[3])
from conftest import _untrained
from caudal import export
for name, net in _untrained().items():
    for dtype in sys.argv[2].split():
        print(name, dtype, export.verify(f"{sys.argv[1]}/{name}-{dtype}".replace(" ", "_"), net).word, sep=", ")
"""


def _in_process(code, seed, folder, dtypes):
    """What a process of another hash seed, locale and time zone prints."""
    variables = {"PYTHONHASHSEED": str(seed), "LC_ALL": "C" if seed % 2 else "C.UTF-8", "TZ": f"X{seed}"}
    words = [sys.executable, "-c", code, str(folder), dtypes, str(Path(__file__).parent)]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | variables, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "dtypes", ["int16", pytest.param("int8", marks=pytest.mark.slow), pytest.param("float32", marks=pytest.mark.slow)]
)
def test_another_process_writes_every_cell_to_the_same_bytes(tmp_path, dtypes):
    _in_process(MAKE, 1, tmp_path, dtypes)
    words = _in_process(CHECK, 2, tmp_path, dtypes)
    assert len(words) > 30
    assert [line for line in words if not line.endswith(", holds")] == []


@pytest.mark.slow
def test_the_writer_is_a_function_of_the_model_alone(tmp_path):
    dtypes = "float32 int16 int8"
    for seed in (1, 2):
        _in_process(MAKE, seed, tmp_path / str(seed), dtypes)
    names = sorted(path.relative_to(tmp_path / "1") for path in (tmp_path / "1").rglob("*") if path.is_file())
    assert len(names) > 900
    for name in names:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name
    assert [line for line in _in_process(CHECK, 3, tmp_path / "1", dtypes) if not line.endswith(", holds")] == []


def test_work_vectors_share_memory_in_one_order():
    net = LTC(wiring.ncp(4, 8, 4, 2, seed=0))
    program = lower_fixed(export.describe(net))
    shuffled = dict(reversed(program.slots.items()))
    assert places(program) == places(dataclasses.replace(program, slots=shuffled))


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
    found = bounds.bounds(program)
    assert bounds.dead_band(program, found, 0.001) > 50 * bounds.dead_band(program, found, 0.1)
    least = bounds.shortest(program, found)
    assert bounds.dead_band(program, found, least) == pytest.approx(bounds.TOLERANCE, rel=1e-6)
    assert export.c(net, tmp_path / "a", shortest_dt=2 * least).program.slots["v"].ctype == "int16"
    assert export.c(net, tmp_path / "b", shortest_dt=least / 2).program.slots["v"].ctype == "int32"
    with pytest.raises(InputError, match=r'`state` is "int16", which resolves times from .* on; .* was asked for'):
        export.c(net, tmp_path / "c", state="int16", shortest_dt=least / 2)
    assert not (tmp_path / "c").exists()
