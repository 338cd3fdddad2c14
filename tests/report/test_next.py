"""The commands that a report ends with."""

from dataclasses import replace

import pytest

from caudal.report import render
from caudal.report.next import chosen, place


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("caudal compare nafld --out 'my results' --lang both", ("nafld", "my results")),
        ("caudal compare --no-chips --budget demo ward.csv --series who --json", ("ward.csv", "results/ward")),
        ("caudal compare", None),
        ("caudal compare 'torn", None),
        ("caudal.compare.compare('nafld', 'x', budget='demo', ...)", None),
    ],
)
def test_source_and_folder_are_read_from_what_was_typed(command, expected):
    assert place(command) == expected


def test_where_trees_are_chosen_the_best_network_is_taken(studies):
    study = studies.study()
    assert chosen(replace(study, verdict=replace(study.verdict, use="trivial"))).name == study.verdict.best_liquid


@pytest.mark.parametrize("lang", ["en", "es"])
def test_every_command_names_the_file(studies, lang):
    study = studies.study()
    made = replace(study.provenance, command="caudal compare ward.csv --target ill --series who --out here")
    facts = replace(study.data, protocol="table", sensitive=("sex",))
    page = render(replace(study, provenance=made, data=facts), lang)
    model = f"here/models/{chosen(study).name}.caudal"
    for command in ("explain {} ward.csv --row 0", "fair {} ward.csv --sensitive sex", "predict {} ward.csv --log"):
        assert f"caudal {command.format(model)}" in page
    regular = render(replace(study, provenance=made, chips=replace(study.chips, shortest_dt=1.0)), lang)
    assert f"caudal export {model} --shortest-dt 1 -o " in regular and "caudal export measure" in regular
