"""The C on this machine: clean under every warning, equal to the twin to the bit, no undefined behaviour."""

import ctypes
import re
import shutil
import subprocess

import numpy as np
import pytest
import torch

from caudal import export
from caudal.cli import main
from caudal.data.changes import held_answers, sent_steps
from caudal.errors import BackendError, InputError, ShapeError
from caudal.estimators import LiquidClassifier
from caudal.export import TARGETS, Runner, Twin, measure
from caudal.export.c.proof import read_proof
from caudal.export.c.verify import golden_of
from caudal.nn import GRU, LTC, CfC, LiquidSSM

WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Wshadow", "-Werror", "-ffp-contract=off"]
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
needs_compiler = pytest.mark.skipif(not COMPILERS, reason="no C compiler is installed: the C itself is NOT tested")
needs_gcc = pytest.mark.skipif(
    not shutil.which("gcc"), reason="gcc is not installed: undefined behaviour is NOT tested"
)

FORMS = [("float32", {}), ("int16", {}), ("int16", {"state": "int32"}), ("int8", {"constant_time": True})]


def _build(compiler, folder, *flags):
    command = [compiler, *WARNINGS, *flags, "-DPOLICY_TEST_MAIN", f"-I{folder}"]
    sources = [folder / "policy.c", folder / "test" / "policy_test.c"]
    done = subprocess.run(
        [*command, *sources, "-o", folder / "test" / "run"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return subprocess.run([folder / "test" / "run"], capture_output=True, text=True, check=False)


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_c_is_clean_and_equals_the_twin(some_net, tmp_path, dtype):
    folder = export.c(some_net, tmp_path / "policy", dtype).folder
    for compiler in COMPILERS:
        assert _build(compiler, folder, "-O2").returncode == 0


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize(("dtype", "options"), FORMS)
def test_c_of_every_cell_and_form(net, tmp_path, dtype, options):
    folder = export.c(net, tmp_path / "policy", dtype, **options).folder
    for compiler in COMPILERS:
        assert _build(compiler, folder, "-O2").returncode == 0


@needs_compiler
@pytest.mark.parametrize(("dtype", "options"), FORMS[2:])
def test_other_forms_of_the_c(tmp_path, dtype, options):
    folder = export.c(LTC(3, 5, substeps=2), tmp_path / "policy", dtype, **options).folder
    for compiler in COMPILERS:
        assert _build(compiler, folder, "-O2").returncode == 0


@needs_gcc
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_no_undefined_behaviour(model, tmp_path, dtype):
    folder = export.c(model.net, tmp_path / "policy", dtype, encoder=model.encoder).folder
    done = _build("gcc", folder, "-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    assert done.returncode == 0, done.stderr


FUZZ = """
#include "policy.h"
static const uint32_t edges[8] = {0u, 1u, 2147483647u, 2147483648u, 4294967295u, 32768u, 1048576u, 65535u};
static int32_t signed_of(uint32_t bits)
{
    return bits > 2147483647u ? -1 - (int32_t)(4294967295u - bits) : (int32_t)bits;
}
int main(void)
{
    uint32_t r = 1u, step, extreme, time;
    policy_state state;
    int32_t x[POLICY_INPUTS], y[POLICY_OUTPUTS];
    int k;
    for (extreme = 0u; extreme < 4u; ++extreme) {
        for (time = 0u; time < 8u; ++time) {
            policy_init(&state);
            for (step = 0u; step < 24u; ++step) {
                for (k = 0; k < POLICY_INPUTS; ++k) {
                    uint32_t turn = (extreme & 1u) ^ ((extreme & 2u) ? (step + (uint32_t)k) & 1u : 0u);
                    x[k] = turn ? INT32_MAX : INT32_MIN;
                }
                (void)policy_step(&state, x, edges[time], y);
            }
        }
    }
    for (step = 0u; step < STEPS; ++step) {
        for (k = 0; k < POLICY_INPUTS; ++k) {
            r ^= r << 13; r ^= r >> 17; r ^= r << 5;
            x[k] = signed_of(((r & 3u) == 0u) ? edges[(r >> 2) & 7u] : ((r & 3u) == 1u) ? r : (r >> 19) - 4096u);
        }
        r ^= r << 13; r ^= r >> 17; r ^= r << 5;
        (void)policy_step(&state, x, ((r & 1u) == 0u) ? edges[(r >> 1) & 7u] : (r >> 11), y);
    }
    return 0;
}
"""
SANITISED = ["-fsanitize=undefined,address", "-fno-sanitize-recover=all", "-Wno-unused-parameter"]


def _fuzz(folder, steps, level="-O0"):
    """What the sanitisers of gcc report while extreme, alternating and random inputs and times are fed in."""
    (folder / "fuzz.c").write_text(FUZZ.replace("STEPS", f"{steps}u"))
    sources = [folder / "policy.c", folder / "fuzz.c", "-o", folder / "fuzz"]
    subprocess.run(["gcc", "-std=c99", level, *SANITISED, f"-I{folder}", *sources], check=True)
    done = subprocess.run([folder / "fuzz"], capture_output=True, text=True, check=False)
    return done.stderr or done.returncode


@needs_gcc
def test_the_sanitisers_report_what_overflows(tmp_path):
    folder = export.c(LTC(2, 3), tmp_path / "policy").folder
    text = (folder / "policy.c").read_text()
    overflow = r"\1    static int32_t count = 2147483647; ++count;\n"
    changed = re.sub(r"(policy_step\(.*?\n\{\n)", overflow, text, flags=re.S)
    assert changed != text
    (folder / "policy.c").write_text(changed)
    assert "signed integer overflow" in str(_fuzz(folder, 10))


@needs_gcc
def test_adversarial_inputs_are_defined_for_every_cell(net, tmp_path):
    assert _fuzz(export.c(net, tmp_path / "policy").folder, 1_000) == 0


@needs_gcc
@pytest.mark.parametrize("options", [{"dtype": "int8"}, {"state": "int32"}, {"constant_time": True}])
def test_adversarial_inputs_are_defined_in_every_form(some_net, tmp_path, options):
    assert _fuzz(export.c(some_net, tmp_path / "policy", **options).folder, 1_000) == 0


@needs_gcc
def test_adversarial_inputs_of_trained_networks_are_defined(model, tmp_path):
    assert _fuzz(export.c(model.net, tmp_path / "policy", encoder=model.encoder).folder, 10_000) == 0


@pytest.mark.slow
@needs_gcc
@pytest.mark.parametrize("dtype", ["int16", "int8"])
@pytest.mark.parametrize("options", [{}, {"state": "int32"}, {"constant_time": True}])
def test_many_adversarial_steps_are_defined(net, tmp_path, dtype, options):
    assert _fuzz(export.c(net, tmp_path / "policy", dtype, **options).folder, 50_000, "-O1") == 0


@pytest.mark.slow
@needs_gcc
@pytest.mark.parametrize("dtype", ["int16", "int8"])
def test_a_million_adversarial_steps_are_defined(model, tmp_path, dtype):
    folder = export.c(model.net, tmp_path / "policy", dtype, encoder=model.encoder).folder
    assert _fuzz(folder, 1_000_000, "-O2") == 0


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_runner_is_the_twin_to_the_bit(model, tmp_path, dtype):
    made = export.c(model.net, tmp_path / "policy", dtype, encoder=model.encoder)
    runner, twin = Runner(made.folder), Twin(made.program)
    rng = np.random.default_rng(0)
    x, dt = rng.normal(size=(20, len(made.program.names))), rng.uniform(0, 2, 20)
    assert (runner.run(x, dt) == twin.run(x[None], dt[None])[0]).all()
    held = runner.state
    first = runner.step(x[0])
    runner.state = held
    assert (runner.step(x[0]) == first).all()
    with pytest.raises(ShapeError, match="Runner: `x` has shape"):
        runner.step([1.0])
    with pytest.raises(ShapeError, match="Runner: `state` holds 1 bytes"):
        runner.state = b"x"


def _on_change(made, x, dt, scratch):
    """Answers, flags and number of computed steps of the C that steps on change, on numbers as it takes them."""
    program = made.program
    number, time = (ctypes.c_float, ctypes.c_float) if program.is_float else (ctypes.c_int32, ctypes.c_uint32)
    kinds = {"float": ctypes.c_float, "int16": ctypes.c_int16, "int32": ctypes.c_int32}
    fields = [(name, kinds[slot.ctype] * slot.size) for name, slot in program.states().items()]
    state = type("State", (ctypes.Structure,), {"_fields_": fields})
    rest = [("sent", number * x.shape[1]), ("answer", number * program.slots["y"].size), ("waited", time)]
    counters = [("steps", ctypes.c_uint32), ("computed", ctypes.c_uint32)]
    change = type("Change", (ctypes.Structure,), {"_fields_": [("state", state), *rest, *counters]})()
    command = [COMPILERS[0], *WARNINGS, "-shared", "-fPIC", made.folder / "policy.c", "-o", scratch / "policy.so"]
    subprocess.run(command, check=True)
    library = ctypes.CDLL(str(scratch / "policy.so"))
    library.policy_step_on_change.restype = ctypes.c_uint8
    library.policy_on_change_init(ctypes.byref(change))
    answers, flags, y = [], [], (number * program.slots["y"].size)()
    for row, gap in zip(x.tolist(), dt.tolist(), strict=True):
        given = (number * len(row))(*row)
        flags.append(library.policy_step_on_change(ctypes.byref(change), given, time(gap), y))
        answers.append(list(y))
    return np.array(answers), np.array(flags), change.computed, change.steps


@needs_compiler
@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_c_steps_on_change_by_the_rule_of_the_tables(tmp_path, dtype):
    torch.manual_seed(0)
    net, least = LiquidSSM(3, 4, pairing="previous"), {"x0": 0.25, "x1": 0.5}
    made = export.c(net, tmp_path / "policy", dtype, send_on_change=least)
    assert export.verify(made.folder, net).word == "holds"
    twin, rng = Twin(made.program), np.random.default_rng(0)
    x = np.round(np.cumsum(rng.normal(size=(60, 3)) * [0.2, 0.2, 0.0], 0) * 16) / 16
    dt = rng.integers(0, 64, 60) / 32
    sent = sent_steps(x[None], np.ones((1, *x.shape), bool), np.array([60]), np.array([0.25, 0.5, 0.0]))[0]
    assert 5 < sent.sum() < 55
    answers, flags, computed, steps = _on_change(made, twin.inputs(x), twin.times(dt), tmp_path)
    assert (computed, steps) == (sent.sum(), 60)
    assert ((flags & 4 == 0) == sent).all()
    waited = np.add.reduceat(dt, np.flatnonzero(np.concatenate([[True], sent[:-1]])))[: sent.sum()]
    expected = twin.run(x[None, sent], waited[None])
    assert (twin.outputs(answers) == held_answers(sent[None], expected)[0]).all()


def test_thresholds_of_a_fitted_model_are_in_its_c(tmp_path):
    x = np.random.default_rng(0).normal(size=(40, 2, 8)) * [[3.0], [5.0]]
    model = LiquidClassifier("liquid-ssm", units=4, epochs=1, send_on_change=0.5).fit(x, (x[:, 0].mean(1) > 0) * 1)
    folder = export.c(model, tmp_path / "policy").folder
    assert np.allclose(read_proof(folder).options.thresholds, 0.5 * np.array(model.encoder_.scaler.std))
    assert "policy_step_on_change" in (folder / "README.md").read_text()
    assert export.verify(folder, model).word == "holds"
    with pytest.raises(InputError, match="send_on_change: `name` names 'x9'"):
        export.c(model, tmp_path / "other", send_on_change={"x9": 1.0})
    x[0, 0, 3] = np.nan
    model.fit(x, np.arange(40) % 2)
    with pytest.raises(InputError, match="the model reads which inputs are missing"):
        export.c(model, tmp_path / "other")


@pytest.mark.slow
@pytest.mark.skipif(bool(TARGETS["RV32IMAC"].missing()), reason="no RISC-V here: constant time is NOT tested")
@pytest.mark.parametrize("cell", ["ltc", "cfc"])
def test_time_does_not_depend_on_data(trained, tmp_path, cell):
    model = trained(cell)
    made = export.c(model.net, tmp_path / "policy", encoder=model.encoder, constant_time=True)
    found = measure(made.folder, "RV32IMAC", steps=10_000)
    assert found.least == found.most


@needs_compiler
def test_flags_tell_of_times_out_of_range(tmp_path):
    runner = Runner(export.c(LTC(2, 3), tmp_path / "policy", state="int16").folder)
    assert [runner.step([0.0, 0.0], dt) is not None and runner.flags for dt in (1.0, 1e-5, 4000.0)] == [0, 1, 2]


def test_a_missing_compiler_is_named(tmp_path):
    folder = export.c(GRU(2, 3), tmp_path / "policy").folder
    with pytest.raises(BackendError, match="Runner: no-such-cc did not run"):
        Runner(folder, "no-such-cc")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dtype": "int4"}, r"export: `dtype` is 'int4'\. Pass one of float32, int16, int8\."),
        ({"state": "int64"}, "`state` is 'int64'"),
        ({"name": "My policy"}, "`name` is 'My policy'; it becomes part of C names"),
        ({"dtype": "float32", "constant_time": True}, "`constant_time` is set with float32"),
        ({"shortest_dt": 0.0}, "`shortest_dt` is 0.0"),
        ({"input_range": -1.0}, "`input_range` is -1.0"),
    ],
)
def test_bad_options_are_refused_and_nothing_is_written(tmp_path, options, words):
    with pytest.raises(InputError, match=words):
        export.c(LTC(2, 3), tmp_path / "policy", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_content_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="`folder` is not empty"):
        export.c(LTC(2, 3), tmp_path)
    with pytest.raises(InputError, match="`folder` is a file"):
        export.c(LTC(2, 3), tmp_path / "mine.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@needs_compiler
def test_a_name_of_ones_own_reaches_every_symbol(tmp_path):
    folder = export.c(CfC(2, 3, backbone_layers=0), tmp_path / "gait", name="gait").folder
    assert "policy" not in (folder / "gait.c").read_text().replace("policy of", "")
    assert Runner(folder).step([0.0, 0.0]).shape == (3,)


def test_inputs_whose_names_would_end_a_comment_do_not(tmp_path):
    from caudal.export.c.text import _plain

    assert "*/" not in _plain("a */ #error")


@pytest.mark.parametrize("target", TARGETS)
def test_same_answers_on_every_machine(trained, tmp_path, target):
    if TARGETS[target].missing():
        pytest.skip(f"{target} is NOT tested: `{TARGETS[target].missing()}` is not installed")
    cells = ("ltc", "cfc", "dense cfc", "gru", "liquid ssm") if target != "AVR" else ("cfc", "liquid ssm")
    for cell in cells:
        model = trained(cell)
        made = export.c(model.net, tmp_path / cell, encoder=model.encoder)
        assert measure(made.folder, target).digest == made.digest == golden_of(made.folder)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["ltc", "cfc", "dense cfc", "gru", "lrc"])
@pytest.mark.parametrize("dtype", ["float32", "int16", "int8"])
def test_same_answers_in_every_format(trained, tmp_path, cell, dtype):
    model = trained(cell)
    for options in ({},) if dtype == "float32" else ({}, {"state": "int32"}, {"constant_time": True}):
        made = export.c(model.net, tmp_path / str(len(options)) / str(options), dtype, encoder=model.encoder, **options)
        for target, one in TARGETS.items():
            # Floating point on AVR is not IEEE's to the last bit.
            if not one.missing() and not (target == "AVR" and dtype == "float32"):
                assert measure(made.folder, target).digest == made.digest


@needs_compiler
@pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not installed: counting here is NOT tested")
def test_instructions_are_counted_on_this_machine(tmp_path):
    few, many = (
        measure(export.c(LTC(2, 4, substeps=runs), tmp_path / str(runs)).folder, f"x86-64 {COMPILERS[0]}", steps=16)
        for runs in (1, 6)
    )
    assert few.counts == "instructions"
    assert 100 < few.counted < many.counted < 6 * few.counted


@pytest.mark.skipif(bool(TARGETS["AVR"].missing()), reason="no AVR here: what does not fit is NOT tested")
def test_what_does_not_fit_is_said_and_the_others_are_measured(tmp_path, capsys):
    folder = export.c(GRU(64, 128), tmp_path / "policy").folder
    assert main(["export", "measure", str(folder), "--on", "AVR", "--on", f"x86-64 {COMPILERS[0]}"]) == 1
    said = capsys.readouterr()
    assert "AVR: measure: the export does not fit this machine" in said.err
    assert "same" in said.out
    assert "NONE" in said.out


def test_more_weights_than_any_small_machine_holds_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"`model` holds 2,099,712 weights; C is written for up to 1,000,000"):
        export.c(GRU(512, 512), tmp_path / "policy")


def test_the_readme_names_answers_and_keeps_every_bit(tmp_path):
    x = np.random.default_rng(0).normal(size=(40, 1, 5))
    kinds = np.where(x[:, 0].mean(1) > 0, "up", "dn|n")
    fitted = LiquidClassifier(cell="cfc", units=4, epochs=1, seed=0).fit(x, kinds)
    text = (export.c(fitted, tmp_path / "policy").folder / "README.md").read_text()
    assert "| `y[1]` | logit of up | 65536 |" in text
    assert "| `y[0]` | logit of dn_n | 65536 |" in text
    assert "| time since the previous step | 1048576 |" in text
