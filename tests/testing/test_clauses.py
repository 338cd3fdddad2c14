"""Each clause catches the fault that it is there for, and a sound cell passes them all."""

import importlib.util
from pathlib import Path

import pytest

from caudal.errors import ContractError, InputError
from caudal.testing import Outcome, Report, cells, check_cell, clauses

# pytest's importlib mode knows no sibling modules, so the toys are loaded by path.
_spec = importlib.util.spec_from_file_location("toys", Path(__file__).with_name("toys.py"))
toys = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(toys)


def test_sound_toy_keeps_every_clause():
    report = check_cell(toys.Relaxing)
    assert report.is_kept
    assert [outcome.status for outcome in report.outcomes] == ["passed"] * len(clauses())


def test_what_a_cell_does_not_claim_is_not_asked():
    report = check_cell(toys.Sound)
    assert report.is_kept
    assert {outcome.clause for outcome in report.of("not applicable")} == {"flow", "still", "bounded"}


@pytest.mark.parametrize(("faulty", "clause"), toys.FAULTS.items(), ids=lambda value: getattr(value, "__name__", value))
def test_planted_fault_is_caught_by_its_clause(faulty, clause):
    with pytest.raises(ContractError) as caught:
        check_cell(faulty, clauses=[clause])
    sentence = str(caught.value).splitlines()[0]
    assert sentence.startswith(f"{faulty.__name__}: clause `{clause}` is broken: ")
    assert sentence.count(". ") >= 1, "a remedy follows the fault"


def test_every_clause_has_a_planted_fault():
    assert set(toys.FAULTS.values()) == set(clauses())


def test_sentence_names_difference_and_allowance():
    with pytest.raises(ContractError) as caught:
        check_cell(toys.ForgetsState, clauses=["chunks"])
    assert "differ by" in str(caught.value)
    assert "more than 1e-05" in str(caught.value)
    assert "start from the state that is given" in str(caught.value)


def test_failures_are_collected_and_the_report_is_part_of_the_message():
    with pytest.raises(ContractError) as caught:
        check_cell(toys.ForgetsState, clauses=["rows", "steps", "chunks"])
    text = str(caught.value)
    assert "clause `steps`" in text
    assert "clause `chunks`" in text
    assert "breaks the contract: 1 passed, 2 failed" in text


def test_skip_with_reason_is_reported():
    report = check_cell(toys.TimeLoop, clauses=["rows", "export"], skip={"export": "a loop in Python"})
    assert report.of("skipped") == (Outcome("export", "skipped", "a loop in Python"),)
    assert "export      skipped" in str(report)


def test_clause_without_meaning_is_reported_with_reason():
    class Backwards(toys.ReadsFuture):
        causal = chunked = wired = False

    report = check_cell(Backwards, clauses=["steps", "chunks", "future", "wiring", "rows"])
    reasons = {outcome.clause: outcome.detail for outcome in report.of("not applicable")}
    assert reasons["future"] == "Backwards declares `causal = False`"
    assert set(reasons) == {"steps", "chunks", "future", "wiring"}


def test_cell_that_answers_otherwise_gets_a_sentence():
    class Mute(toys.Sound):
        def forward(self, x):
            return x

    with pytest.raises(ContractError, match=r"the cell raised TypeError: .* A cell answers `net\(x, dt="):
        check_cell(Mute, clauses=["rows"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"clauses": ["speed"]}, "check_cell: `clauses` names 'speed'. Choose among repeat, batch"),
        ({"skip": {"speed": "slow"}}, "check_cell: `skip` names 'speed'. Choose among"),
        ({"skip": {"rows": " "}}, "check_cell: `skip` gives no reason for 'rows'. Say why in a few words."),
    ],
)
def test_misuse_is_refused(arguments, words):
    with pytest.raises(InputError) as caught:
        check_cell(toys.Sound, **{"clauses": ["rows"], **arguments})
    assert words in str(caught.value)


def test_builder_of_no_layer_is_refused():
    with pytest.raises(InputError, match=r"`build` returned int; expected an nn.Module with an integer attribute"):
        check_cell(lambda: 3)


def test_global_generator_is_left_alone():
    import torch

    torch.manual_seed(3)
    before = torch.get_rng_state()
    check_cell(toys.Sound, clauses=["rows", "batch", "save"])
    assert torch.equal(torch.get_rng_state(), before)


def test_report_prints_a_table():
    text = str(Report("Mine", (Outcome("rows", "passed", "words", 0.5), Outcome("export", "failed", "why", 1.0))))
    assert text.splitlines()[0] == "Mine breaks the contract: 1 passed, 1 failed"
    assert text.splitlines()[2] == "  export      failed          1.00 s  why"


def test_cases_name_cell_and_clause():
    cases = cells([toys.Sound], skip={"Sound": {"export": "no"}})
    assert [str(case) for case in cases] == [f"Sound-{name}" for name in clauses()]
    assert {case.clause.name: case.skip for case in cases}["export"] == "no"
    with pytest.raises(InputError, match="holds two cells named 'Sound'"):
        cells([toys.Sound, toys.Sound])
    with pytest.raises(InputError, match="names the cell 'Other'"):
        cells([toys.Sound], skip={"Other": {}})
    with pytest.raises(InputError, match="names the clause 'speed'"):
        cells([toys.Sound], skip={"Sound": {"speed": "slow"}})
