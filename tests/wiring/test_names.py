from hypothesis import given
from hypothesis import strategies as st

from caudal.wiring import Wiring, name_of, pair_of


@given(st.from_type(Wiring))
def test_synapse_names_follow_the_order_of_synapses(wiring):
    expected = [
        pair_of(name_of("input", source), wiring.names[target])
        for target in range(wiring.units)
        for source in range(wiring.inputs)
        if wiring.sensory[source, target]
    ] + [
        pair_of(wiring.names[source], wiring.names[target])
        for target in range(wiring.units)
        for source in range(wiring.units)
        if wiring.recurrent[source, target]
    ]
    assert list(wiring.synapse_names) == expected


@given(st.from_type(Wiring))
def test_names_are_distinct_and_count_within_their_role(wiring):
    names = (*wiring.input_names, *wiring.names)
    assert len(set(names)) == len(names) == wiring.inputs + wiring.units
    for role in ("inter", "command", "motor"):
        own = [name for name in wiring.names if name.startswith(role)]
        assert own == [f"{role}/{index}" for index in range(wiring.roles.count(role))]
