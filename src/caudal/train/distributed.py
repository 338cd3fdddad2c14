"""Several processes that train one model together, by composition over accelerate.

Each batch is the batch of one process: its series are dealt out, and gradients are summed over all processes before
they are clipped, so that the weights are those of a single process but for the order of sums.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from caudal.extras import need


@dataclass(frozen=True)
class Crew:
    """The processes of a run, or the only one.

    Attributes:
        accelerator: an `accelerate.Accelerator`, or None for one process. Only `num_processes`, `process_index`,
            `reduce` and `wait_for_everyone` are used.

    Example:
        >>> crew = Crew()
        >>> crew.rank, crew.size, crew.share(torch.arange(3)).tolist()
        (0, 1, [0, 1, 2])
    """

    accelerator: Any = None

    @property
    def size(self) -> int:
        """Number of processes."""
        return 1 if self.accelerator is None else int(self.accelerator.num_processes)

    @property
    def rank(self) -> int:
        """Which of them this one is, from 0; the first one talks and writes."""
        return 0 if self.accelerator is None else int(self.accelerator.process_index)

    def share(self, index: Tensor) -> Tensor:
        """The entries of a batch that this process works on; there may be none."""
        return index[self.rank :: self.size]

    def sum(self, value: Tensor) -> Tensor:
        """The sum over all processes, the same in each."""
        if self.size == 1:
            return value
        summed: Tensor = self.accelerator.reduce(value, reduction="sum")
        return summed

    def of_first(self, value: Tensor) -> Tensor:
        """The tensor of the first process, in each."""
        return value if self.size == 1 else self.sum(value if self.rank == 0 else torch.zeros_like(value))

    def rows(self, value: Tensor) -> Tensor:
        """`(processes, ...)`: the tensor of each process, in each."""
        whole = value.new_zeros((self.size, *value.shape))
        whole[self.rank] = value
        return self.sum(whole)

    def agree(self, model: nn.Module) -> None:
        """Give every process the weights of the first."""
        if self.size == 1:
            return
        with torch.no_grad():
            for value in model.state_dict().values():
                value.copy_(self.of_first(value))

    def sum_gradients(self, model: nn.Module) -> None:
        """Sum the gradients over all processes in one exchange; what none has a gradient for keeps none."""
        if self.size == 1:
            return
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        given = torch.stack([parameter.new_tensor(float(parameter.grad is not None)) for parameter in parameters])
        flat = [
            (torch.zeros_like(parameter) if parameter.grad is None else parameter.grad).reshape(-1)
            for parameter in parameters
        ]
        summed = self.sum(torch.cat([given, *flat]))
        parts = torch.split(summed[len(parameters) :], [parameter.numel() for parameter in parameters])
        for parameter, count, part in zip(parameters, summed[: len(parameters)].tolist(), parts, strict=True):
            parameter.grad = part.view_as(parameter).clone() if count else None

    def wait(self) -> None:
        """Until every process is here."""
        if self.size > 1:
            self.accelerator.wait_for_everyone()


def accelerated(*, cpu: bool = True) -> Crew:
    """The processes that `accelerate launch` or torchrun started; one, where none of them did.

    Arguments:
        cpu: talk over gloo and stay on the CPU, GPUs or not.

    Raises:
        MissingExtraError: accelerate is not installed.
    """
    return Crew(need("accelerated", "accelerate").Accelerator(cpu=cpu))
