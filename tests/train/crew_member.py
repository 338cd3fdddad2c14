"""Pairs of processes that train as told and keep the weights in this folder. Run by `test_crew.py`."""

import multiprocessing
import os
import socket
import sys
from dataclasses import replace

import numpy as np
import torch

from caudal import data, nn, train


def series(n=23):
    """Unequal series in float64, whose last batch leaves one of two processes without work."""
    rng = np.random.default_rng(0)
    label = np.arange(n) % 2
    rows = [rng.normal(2.0 * label[k] - 1, 1, (2, rng.integers(3, 9))) for k in range(n)]
    return data.from_arrays(rows, label, dtype="float64")


def trained(crew, checkpoint=None, epochs=3, dying_after=None, stream=False):
    """A model after its training."""
    whole = series()
    rows = np.arange(len(whole))
    parts = whole.select(rows < 17), whole.select(rows >= 17)
    if stream:
        own = train.Stream.fit([parts[0].select(slice(0, 10)), parts[0].select(slice(10, 17))])
        val = train.Stream.fit([parts[1]], own.encoder)
    else:
        encoder = data.Encoder.fit(parts[0])
        own, val = (train.examples(encoder, part) for part in parts)
        own = replace(own, weight=own.weight + torch.arange(17.0) % 3)
    # Processes may start from other weights; those of the first count.
    torch.manual_seed(crew.rank)
    model = nn.Readout(nn.CfC(2, 6, backbone_units=8), 2).double()
    recipe = train.TrainRecipe(epochs=epochs, batch_size=8, lr=0.03, class_weights=(1.0, 2.0))
    if dying_after is not None:
        step, left = torch.optim.AdamW.step, iter(range(dying_after))

        def dying(self, closure=None):
            if next(left, None) is None:
                raise SystemExit(0)
            return step(self, closure)

        torch.optim.AdamW.step = dying
    train.fit(model, own, val, recipe, checkpoint=checkpoint, every=2, progress=False, crew=crew)
    return model


OPTIONS = {
    "plain": {},
    "stream": {"stream": True},
    "killed": {"checkpoint": "run.ckpt", "dying_after": 4},
    "resumed": {"checkpoint": "run.ckpt"},
}


def member(rank, port, names):
    """One process."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    crew = train.accelerated()
    for name in names:
        model = trained(crew, **OPTIONS[name])
        torch.save(model.state_dict(), f"{name}-{crew.rank}.pt")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    import accelerate  # noqa: F401  # once, before the processes part

    context = multiprocessing.get_context("fork")
    for names in (["plain", "stream", "killed"], ["resumed"]):
        with socket.socket() as door:
            door.bind(("127.0.0.1", 0))
            port = door.getsockname()[1]
        pair = [context.Process(target=member, args=(rank, port, names)) for rank in (0, 1)]
        for one in pair:
            one.start()
        for one in pair:
            one.join(120)
    sys.exit(max(one.exitcode for one in pair))
