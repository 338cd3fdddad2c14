"""The convolutional head of the driving experiments: from camera frames to a few features per filter."""

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, relu

from caudal.errors import InputError
from caudal.nn.baselines.sequence import check_sizes
from caudal.nn.layer import Layer, State

FILTERS = ((24, 5, 2), (36, 5, 2), (48, 3, 2), (64, 3, 1), (8, 3, 1))


@final
class ConvHead(Layer):
    """Convolutions over each frame, then a small linear map of each filter's image; no memory.

        z <- relu(conv(z))              for each (filters, size, stride), padded by size // 2
        y_cf = sum over places p of W_cfp z_cp + b_cf

    The map per filter keeps apart what each filter found, so that a circuit behind it reads named features. Frames
    come flat, like the inputs of every layer: pass `images.flatten(2)` for `images (batch, time, channels, height,
    width)`, scaled to about [-1, 1]. Put it under a recurrent layer by `Stack(ConvHead(...), LTC(...))`. It does not
    read `dt`; the state is the empty tuple. The default filters are those of the paper: on frames of 3 x 78 x 200 they
    give its 32 features and its 79,420 parameters.

    Arguments:
        frame: channels, height and width of a frame.
        filters: number of filters, their size (odd) and stride, one triple per convolution.
        features: outputs per filter of the last convolution.

    Shapes:
        x `(batch, time, channels * height * width)` -> y `(batch, time, filters of the last * features)`, `()`.

    Raises:
        InputError: a size is not a positive integer, a filter size is even, or there is no convolution.

    Source: Lechner et al., Nature Machine Intelligence 2, 2020, convolutional head of the driving networks.

    Example:
        >>> head = ConvHead((3, 32, 48))
        >>> frames = torch.rand(2, 5, 3, 32, 48)
        >>> head(frames.flatten(2))[0].shape
        torch.Size([2, 5, 32])
    """

    def __init__(self, frame: Sequence[int], *, filters: Sequence[Sequence[int]] = FILTERS, features: int = 4) -> None:
        super().__init__()
        if len(frame) != 3:
            raise InputError("ConvHead", "frame", f"is {frame!r}", "Pass `(channels, height, width)`.")
        channels, height, width = frame
        check_sizes("ConvHead", channels=channels, height=height, width=width, features=features)
        if not filters or any(len(triple) != 3 or triple[1] % 2 == 0 for triple in filters):
            raise InputError(
                "ConvHead", "filters", f"is {filters!r}", "Pass triples of (filters, odd size, stride), at least one."
            )
        self.frame, self.features = (channels, height, width), features
        self.filters = tuple((count, size, stride) for count, size, stride in filters)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for count, size, stride in self.filters:
            check_sizes("ConvHead", filters=count, size=size, stride=stride)
            self.weights.append(nn.Parameter(torch.empty(count, channels, size, size)))
            self.biases.append(nn.Parameter(torch.empty(count)))
            channels, height, width = count, -(-height // stride), -(-width // stride)
        self.map = nn.Parameter(torch.empty(channels, features, height * width))
        self.map_bias = nn.Parameter(torch.empty(channels, features))
        self.inputs, self.outputs = frame[0] * frame[1] * frame[2], channels * features
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter from U(-b, b), b = 1/sqrt(numbers read), as torch does for linear maps."""
        pairs = [*zip(self.weights, self.biases, strict=True), (self.map, self.map_bias)]
        for weight, bias in pairs:
            read = weight[0].numel() if weight is not self.map else weight.shape[2]
            nn.init.uniform_(weight, -(read**-0.5), read**-0.5)
            nn.init.uniform_(bias, -(read**-0.5), read**-0.5)

    def initial_state(self, batch: int) -> State:
        """Nothing."""
        return ()

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        y, state = self.tick(x.flatten(0, 1), dt, state)
        return y.view(x.shape[0], x.shape[1], self.outputs), state

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        z = x.reshape(-1, *self.frame)
        for weight, bias, (_, size, stride) in zip(self.weights, self.biases, self.filters, strict=True):
            z = relu(conv2d(z, weight, bias, stride, size // 2))
        y = torch.einsum("ncp,cfp->ncf", z.flatten(2), self.map) + self.map_bias
        return y.flatten(1), ()

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {"frame": self.frame, "filters": self.filters, "features": self.features}

    def extra_repr(self) -> str:
        """Frame and sizes."""
        return f"frame={self.frame}, {self.outputs} features"
