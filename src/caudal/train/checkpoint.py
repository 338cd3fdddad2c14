"""Where a run stands, in one file of plain numbers: weights, best weights, optimiser, random state and position."""

import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as pack
from torch import Tensor, nn

from caudal import limits, serial
from caudal.errors import FileFormatError, InputError
from caudal.train.distributed import Crew
from caudal.train.recipe import Epoch

FORMAT = 2


@dataclass
class Progress:
    """Position, sums and history of a training run between two updates.

    Attributes:
        epoch: passes finished.
        batch: updates finished in the pass under way.
        total: sum of losses in that pass.
        weight: sum of weights in that pass.
        gradient: largest norm of the gradient in that pass.
        best: lowest validation loss, or None before the first.
        best_epoch: the pass that gave it.
        stopped: why the run ended, or `""`.
        history: the passes.
        memory: of a further term of the loss.
        free: how the net spread its answers (`Spread`) when that term set in; empty before, or where it says nothing.
    """

    epoch: int = 0
    batch: int = 0
    total: float = 0.0
    weight: float = 0.0
    gradient: float = 0.0
    best: float | None = None
    best_epoch: int = 0
    stopped: str = ""
    history: list[Epoch] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    free: list[Any] = field(default_factory=list)


def write(
    path: Path,
    bound: str,
    progress: Progress,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    best: dict[str, Tensor],
    crew: Crew,
) -> None:
    """Write a checkpoint; a kill while writing leaves the one before it whole.

    Arguments:
        path: the file.
        bound: digest of recipe, data and model that the run belongs to.
        progress: where the run stands.
        model, optimizer: whose numbers to keep.
        best: weights of the best pass so far.
        crew: processes of the run; each has a random state, and the first one writes.
    """
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    for number, slots in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in slots.items()}
    for name, state in _random(model).items():
        tensors[name] = crew.rows(state)
    if crew.rank == 0:
        _replace(path, bound, progress, tensors)
    crew.wait()


def _replace(path: Path, bound: str, progress: Progress, tensors: dict[str, Tensor]) -> None:
    stated = json.dumps({"format": FORMAT, "bound": bound, "progress": asdict(progress)})
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        beside.write_bytes(pack(plain, metadata={"caudal.train": stated}))
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _random(model: nn.Module) -> dict[str, Tensor]:
    """Random states that a run draws from, each on the device of the model."""
    device = next(model.parameters()).device
    states = {"random": torch.get_rng_state().to(device)}
    if device.type == "cuda":
        states["random.cuda"] = torch.cuda.get_rng_state(device).to(device)
    return states


def read(
    path: Path, bound: str, model: nn.Module, optimizer: torch.optim.Optimizer, crew: Crew
) -> tuple[Progress, dict[str, Tensor]]:
    """Bring model, optimiser and random state to where a checkpoint left them.

    Raises:
        FileFormatError: the file is damaged, or no checkpoint of training.
        InputError: it belongs to another recipe, model, data or number of processes.
    """
    try:
        with safe_open(os.fspath(path), framework="pt") as file:
            stated: dict[str, object] = limits.parsed((file.metadata() or {})["caudal.train"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
        if stated["format"] != FORMAT:
            raise ValueError("written by another version")
        bound_to, progress = stated["bound"], serial.read(Progress, stated["progress"])
        if progress.epoch != len(progress.history) or progress.batch < 0:
            raise ValueError(f"{progress.epoch} passes, of which {len(progress.history)} are told")
    except (SafetensorError, LookupError, ValueError, TypeError) as error:
        remedy = "Delete it to train from the start."
        raise FileFormatError(f"{path}: is no checkpoint of training, or damaged ({error}). {remedy}") from error
    if bound_to != bound:
        fault = f"names a run with another recipe, model, data or number of processes: {path}"
        raise InputError("fit", "checkpoint", fault, "Name another file, or delete this one to train from the start.")
    try:
        model.load_state_dict(_part(tensors, "model."))
        slots: dict[int, dict[str, Tensor]] = {}
        for name, value in _part(tensors, "optimizer.").items():
            number, slot = name.split(".", 1)
            slots.setdefault(int(number), {})[slot] = value
        if any(slot.keys() != {"step", "exp_avg", "exp_avg_sq"} for slot in slots.values()):  # of AdamW
            raise ValueError("a parameter of the optimiser")
        optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})
        # A copy: torch crashes on a state that is a view into another tensor.
        torch.set_rng_state(tensors["random"][crew.rank].clone())
        if "random.cuda" in tensors and (device := next(model.parameters()).device).type == "cuda":
            torch.cuda.set_rng_state(tensors["random.cuda"][crew.rank].clone(), device)
    except (LookupError, ValueError, TypeError, RuntimeError) as error:
        fault = f"lacks, or should not have, a number of this run ({error})"
        raise FileFormatError(f"{path}: {fault}. Delete it to train from the start.") from error
    return progress, _part(tensors, "best.")


def _part(tensors: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
