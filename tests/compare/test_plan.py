"""Budgets, what overrides them, and tuning that comes out the same however it is interrupted."""

import pytest

from caudal.compare.budget import BUDGETS, ROUND, TRIAL_SEED, Tuner, schedule
from caudal.compare.record import Run
from caudal.compare.runner import failed
from caudal.errors import InputError


def test_real_budgets_have_five_seeds_and_the_full_one_eight_trials():
    assert all(budget.seeds >= 5 for budget in BUDGETS.values())
    assert BUDGETS["full"].trials >= 8 and schedule("full").retrain and not schedule("small").retrain


def test_changes_make_a_custom_budget():
    made = schedule("small", ["cfc", "gru"], {"trials": 0, "retrain": 1})
    assert made.budget.name == "custom" and made.retrain
    assert schedule("small", None, {"seeds": 5}).budget.name == "small"


def test_what_needs_no_network_always_stands_beside_the_others():
    made = schedule("small", ["cfc", "gru"])
    assert made.models == ("cfc", "gru", "trees", "summary", "trivial")
    assert [len(made.finals(name, {})) for name in made.models] == [5, 5, 5, 5, 1]
    assert [made.trials(name) for name in made.models] == [3, 3, 3, 0, 0] and made.runs == 21 + 9


def test_trials_are_judged_on_a_seed_of_their_own():
    trial = schedule("small").trial("cfc", 2, {"lr": 0.1})
    assert (trial.seed, trial.phase, trial.epochs, trial.disturb) == (TRIAL_SEED, "trial", 10, False)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        ({"budget": "huge"}, "`budget` is 'huge'; there are demo, small, full"),
        ({"models": ["cfc", "gru", "cfc"]}, "`models` name 'cfc' twice"),
        ({"models": ["cfc", "gpt"]}, "`model` is 'gpt'; there are ltc-ncp"),
        ({"models": ["cfc"]}, "`models` hold no traditional one. Add one of lstm"),
        ({"models": ["gru"]}, "`models` hold no liquid one"),
        ({"changes": {"lr": 3}}, "`set` names 'lr'; a budget has seeds"),
        ({"changes": {"seeds": 0}}, "`seeds` is 0; expected at least 1"),
    ],
)
def test_what_makes_no_study_is_refused(ask, words):
    with pytest.raises(InputError, match=words):
        schedule(**ask)


def outcome_of(job, value):
    blank = failed(job, "" if value is not None else "diverged")
    run = Run(job.model, job.seed, {}, {} if value is None else {"auroc": value}, 1, 0.1, failed=blank.run.failed)
    return type(blank)(job, run, blank.contender, blank.scores, blank.series, blank.truth)


def tuned(values, higher=True, rounds=99):
    tuner = Tuner("cfc", schedule("full", None, {"trials": len(values)}), "auroc", higher)
    asked = []
    while not tuner.is_finished and rounds:
        jobs = tuner.ask()
        asked += jobs
        tuner.tell([outcome_of(job, values[job.number]) for job in jobs])
        rounds -= 1
    return tuner, asked


def test_resumed_tuning_proposes_the_same_settings():
    values = [0.5, 0.7, None, 0.6, 0.65, 0.9, 0.4, 0.3, 0.2]
    tuner, asked = tuned(values)
    again, few = tuned(values, rounds=2)
    assert [job.key for job in asked[: 2 * ROUND]] == [job.key for job in few]
    assert [job.key for job in again.ask()] == [asked[-1].key]
    assert tuner.settings == asked[5].settings and len(asked) == 9


def test_the_first_trial_has_the_usual_settings_and_the_others_differ():
    _, asked = tuned([0.5] * 5)
    assert asked[0].settings["lr"] == 0.01 and len({job.key for job in asked}) == 5


def test_lower_is_better_for_errors_and_no_result_leaves_the_usual_settings():
    tuner, asked = tuned([3.0, 1.0, 2.0], higher=False)
    assert tuner.settings == asked[1].settings
    assert tuned([None] * 3)[0].settings == {}
    assert tuned([])[0].is_finished


def test_names_of_contenders_are_taken_in_capitals_too():
    assert schedule("demo", ["CfC", "GRU", "LTC_NCP"]).models[:3] == ("cfc", "gru", "ltc-ncp")
    with pytest.raises(InputError, match="name 'cfc' twice"):
        schedule("demo", ["CfC", "cfc", "gru"])
