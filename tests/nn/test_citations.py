"""Every layer that rests on a paper says which."""

from caudal import cite, nn
from caudal.nn.citations import ENTRIES, SOURCES
from caudal.nn.registry import kinds


def test_every_layer_cites_or_has_nothing_to_cite():
    own = {name for name, kind in kinds().items() if getattr(nn, name, None) is kind}
    assert own - set(SOURCES) == {"MLP", "Readout"}
    assert {key for keys in SOURCES.values() for key in keys} == set(ENTRIES)


def test_layers_inside_are_cited_once():
    net = nn.Stack(nn.LTC(2, 3), nn.LTC(3, 2), nn.GRU(2, 2))
    text = cite(net)
    assert text.count("@") == 4
    assert text.count("hasani2021liquid") == 1
    assert "archiveprefix = {arXiv}" in text
    assert cite(nn.MLP(2, 3)) == ""
