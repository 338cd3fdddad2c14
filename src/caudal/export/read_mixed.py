"""Plans of mixed memory: the memory cell of `dynamics/lstm.py`, and a liquid layer that reads it."""

from collections.abc import Callable

import numpy as np

from caudal.dynamics.lstm import FORGET_BIAS
from caudal.export.builder import Builder, vector_of
from caudal.export.plan import Commit, Neurons, Remember, View, linear
from caudal.export.read_dense import MEMORY_RANGE, cfc
from caudal.nn import CfC, MixedMemory
from caudal.nn.layer import Layer

# The cell's gates stand as g, i, f, o; `Remember` takes i, f, g, o.
_ORDER = [1, 2, 0, 3]


def mixed(builder: Builder, net: MixedMemory, view: View, layers: Callable[[Builder, Layer, View], View]) -> View:
    """Any form of mixed memory.

    Arguments:
        layers: what reads the liquid layer of the form "stacked".
    """
    if not isinstance(net.liquid, CfC) or net.form == "stacked":
        return layers(builder, net.liquid, _memory(builder, net, view, None))
    old = builder.view("h", net.size, {"default": 1.0, "no_gate": 2.0}.get(net.liquid.mode, 0.0), is_state=True)
    told = _memory(builder, net, view, old)
    if net.form == "shared":
        return cfc(builder, net.liquid, view, old=old, recall=told)
    return cfc(builder, net.liquid, told, old=old)


def _memory(builder: Builder, net: MixedMemory, view: View, read: View | None) -> View:
    """The memory's output; it reads the liquid state `read`, or its own output where it is a layer of its own."""
    size = net.size
    memory = builder.view("c", size, MEMORY_RANGE, is_state=True, is_memory=True)
    told = builder.view("m", size, 1.0, is_state=read is None)
    new = builder.view("m_next", size, 1.0) if read is None else told
    forward, back = (vector_of(part.weight).reshape(4, size, -1)[_ORDER] for part in (net.input_map, net.recurrent_map))
    bias = vector_of(net.input_map.bias).reshape(4, size)[_ORDER]
    bias[1] += FORGET_BIAS
    found = [linear(seen, part) for seen, part in ((view, forward), (told if read is None else read, back))]
    base = bias + np.sum([extra for _, extra in found], 0)
    links = tuple(one for one, _ in found if len(one.index))
    finish = Remember(new.vector, memory.vector)
    builder.stages.append(Neurons(builder.name("memory"), base, links, finish, size))
    if read is None:
        builder.stages.append(Commit(new.vector, told.vector))
    return told
