"""The commands that a report ends with."""

from dataclasses import replace

import pytest

from caudal.report import render
from caudal.report.study.next_steps import _commands, chosen


@pytest.mark.parametrize("command", ["caudal compare ward.csv --watts 5 15", "caudal compare 'torn", "", "./study.py"])
def test_the_command_is_never_read(studies, command):
    study = studies.study()
    made = replace(study.provenance, command=command, source="my ward.csv", folder="my results")
    page = render(replace(study, provenance=made), "en")
    assert "explain &#x27;my results/models/" in page or "explain 'my results/models/" in page
    assert "explain 15" not in page
    none = render(replace(study, provenance=replace(made, source="", folder="")), "en")
    assert "caudal explain" not in none


def test_where_no_model_is_chosen_the_best_liquid_one_is_taken(studies):
    study = studies.study()
    trees = replace(study, verdict=replace(study.verdict, use="trees"))
    assert chosen(trees) is None or chosen(trees).name in ("trees", study.verdict.best_liquid)
    assert chosen(replace(study, verdict=replace(study.verdict, use="trivial"))).name == study.verdict.best_liquid


@pytest.mark.parametrize("lang", ["en", "es"])
def test_every_command_names_the_file(studies, lang):
    study = studies.study()
    made = replace(study.provenance, source="ward.csv", folder="here")
    facts = replace(study.data, protocol="table", sensitive=("sex",))
    page = render(replace(study, provenance=made, data=facts), lang)
    model = f"here/models/{chosen(study).name}.caudal"
    for command in (
        "explain {} ward.csv --part test --row 0",
        "fair {} ward.csv --sensitive sex --part test",
        "predict {} ward.csv --log",
    ):
        assert f"caudal {command.format(model)}" in page
    regular = render(replace(study, provenance=made, chips=replace(study.chips, shortest_dt=1.0)), lang)
    assert f"caudal export {model} --shortest-dt 1 -o " in regular and "caudal export measure" in regular


def test_trees_are_used_and_asked_about_groups_but_not_exported(studies):
    study = studies.study()
    trees = replace(study.contenders[0], name="trees", label="Gradient boosting", family="traditional", settings={})
    made = replace(
        study,
        contenders=(trees, *study.contenders[1:]),
        verdict=replace(study.verdict, use="trees"),
        data=replace(study.data, protocol="table", sensitive=("sex",)),
        provenance=replace(study.provenance, source="ward.csv", folder="here"),
    )
    commands = [command for _, command in _commands(made, trees, "here/models/trees.caudal", "ward.csv")]
    assert chosen(made).name == "trees"
    assert [command[1] for command in commands] == ["predict", "fair"]
    assert all(command[command.index("--part") + 1] == "test" for command in commands)


def test_a_net_that_no_chip_can_hold_is_not_exported(studies):
    study = studies.study()
    liquid = chosen(study)
    assert [row.model for row in study.chips.each if row.model == liquid.name]
    rows = tuple(replace(row, refused="layer") if row.model == liquid.name else row for row in study.chips.each)
    refused = replace(study, chips=replace(study.chips, each=rows))
    shown = [[name for name, _ in _commands(each, liquid, "m.caudal", "ward.csv")] for each in (study, refused)]
    assert "export" in shown[0] and not {"export", "measure"} & set(shown[1])
