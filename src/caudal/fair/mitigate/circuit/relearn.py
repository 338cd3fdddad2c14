"""The layer taught anew, lightly, to decide by what is left once the group is projected out."""

import copy

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from caudal.fair.mitigate.circuit.erase import erasure
from caudal.fair.mitigate.circuit.hidden_states import bare, check_one_layer, readings
from caudal.fair.mitigate.readout import refitted
from caudal.nn import Readout
from caudal.train import Examples

_BATCH = 128


def relearned(model: Readout, data: Examples, level: Tensor, passes: int, lr: float = 0.002) -> Readout:
    """A copy whose layer was trained for some passes, a readout seeing projected outputs alone; the best pass is kept.

    Before each pass the projection is found anew, so that what the layer learns lies where the projection leaves it. An
    erasure by itself takes what the class shares with the group; of the few outputs of a wired policy that may be much.

    Arguments:
        model: of one layer; a synapse that is cut must be cut again after this.
        data: series with target and groups.
        level: `(batch,)` weights of the series in the loss.
        passes: over the data.
        lr: step size of Adam.
    """
    _, target, groups = check_one_layer("cut_attribute", model, data)
    best, most = model, refitted(model, data, level)[1]
    new = copy.deepcopy(model)
    rng, device = torch.Generator().manual_seed(0), next(new.parameters()).device
    search = torch.optim.Adam(new.parameters(), lr=lr)
    for _ in range(passes):
        plane, mean = (
            tensor.to(next(new.parameters())) for tensor in erasure(readings(new, data)[0], groups, data.weight)
        )
        inner = bare(new).train()
        new.train()
        for index in torch.split(torch.randperm(len(data), generator=rng), _BATCH):
            batch = data.rows(index, device)
            read = inner.series(batch.x, dt=batch.dt, lengths=batch.lengths)[0]
            scores = new.map((read - mean) @ plane.T + mean)
            each = cross_entropy(scores, target[index].to(device), reduction="none")
            search.zero_grad()
            share = level[index].to(each)
            ((each * share).sum() / share.sum()).backward()  # type: ignore[no-untyped-call]
            clip_grad_norm_(new.parameters(), 1.0)
            search.step()
        accuracy = refitted(new.eval(), data, level)[1]
        if accuracy > most:
            best, most = copy.deepcopy(new), accuracy
    return best
