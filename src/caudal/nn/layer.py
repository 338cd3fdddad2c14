"""The one shape of call that every layer answers: a scan over the sequence, and one step with the same numbers."""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from caudal import shapes
from caudal.errors import DtypeError, InputError, ShapeError
from caudal.nn.pairing import Pairing, PreviousState, check_pairing, doubled, shifted
from caudal.nn.synapse_scale import check_strength

State = tuple[Any, ...]


class Layer(nn.Module):
    """Abstract base of every recurrent layer; subclasses are final.

    A subclass sets `inputs` and `outputs` and writes `initial_state`, `scan`, `tick`, `arguments` and
    `reset_parameters`. It never overrides `forward` or `step`: they check, mask and chunk in the same way for all.

    Attributes:
        inputs: size of the last axis of `x`.
        outputs: size of the last axis of `y`.
        checkpoint_every: when set, backward keeps states only every so many steps and recomputes the others; a
            sequence of 100,000 steps then trains in bounded memory.
        wired: whether a wiring limits who reads whom.
        causal: whether an output depends on present and past steps only.
        chunked: whether two chunks with the state passed on give the same numbers as the whole.
        exact_in_time: whether two elapsed times one after the other under one input are their sum.
        keeps_state_at_zero: whether `dt = 0` leaves the state to the bit.
        bounded: whether no state or output leaves [-1, 1], whatever inputs and elapsed times.
        pairing: when an input acts, see `caudal.nn.pairing`; liquid layers take it as an argument.
    """

    wired: ClassVar[bool] = False
    causal: ClassVar[bool] = True
    chunked: ClassVar[bool] = True
    checks_own_values: ClassVar[bool] = False
    exact_in_time: bool = False
    keeps_state_at_zero: bool = False
    bounded: bool = False
    pairing: Pairing = "hold"

    inputs: int
    outputs: int
    checkpoint_every: int | None = None

    def initial_state(self, batch: int) -> State:
        """State before the first step, zeros of `(batch, units)` like the parameters."""
        raise NotImplementedError

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Outputs `(batch, time, outputs)` and the state after the last step that counts, for checked arguments."""
        raise NotImplementedError

    def through(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None
    ) -> tuple[Tensor, State]:
        """As `scan`, with the strength of each synapse; only layers over wirings, or made of such, write it."""
        if synapses is not None:
            raise InputError(type(self).__name__, "synapses", "was given, and it has no wiring", "Leave it out.")
        return self.scan(x, dt, mask, state)

    def synapse_count(self) -> int:
        """How many strengths `synapses` holds: sensory and recurrent synapses of every wiring inside, in order."""
        return 0

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """Output `(batch, outputs)` and state after one step of `x (batch, input)`, `dt (batch,)`."""
        raise NotImplementedError

    def quick(self, x: Tensor, dt: Tensor | None, state: State | None) -> tuple[Tensor, State] | None:
        """One step on a compiled path with its own checks, or None where `step` must go the long way."""
        return None

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments that rebuild this layer (JSON values, `Wiring` or `Layer`); saved as its recipe."""
        raise NotImplementedError

    def reset_parameters(self) -> None:
        """Draw every parameter anew from its initial distribution (torch's global generator)."""
        raise NotImplementedError

    @final  # type: ignore[misc]  # torch declares `forward` as an attribute
    def forward(
        self,
        x: Tensor,
        dt: Tensor | float | None = None,
        mask: Tensor | None = None,
        lengths: Tensor | Sequence[int] | None = None,
        state: State | None = None,
        synapses: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Run over a batch of sequences.

        Arguments:
            x: inputs `(batch, time, input)`.
            dt: time since the previous step `(batch, time)`, in the user's unit; a number for the same everywhere; 1
                everywhere when left out.
            mask: `(batch, time)` bool; a step marked False is not there: the state passes over it, its `x` and `dt`
                are never read, and its output is 0.
            lengths: `(batch,)` integers, or a list of them; the first `lengths` steps of each series count.
            state: what an earlier call returned; zeros when left out.
            synapses: strength of each synapse, `(synapses,)` in the order of `wiring.synapse_names`; 1 is the trained
                circuit, 0 the circuit without the synapse, and gradients flow. `(batch, synapses)` gives each series
                its own circuit, in plain torch instead of a kernel. Layers over a wiring only.

        Returns:
            `y (batch, time, outputs)` and the state after the last step that counts.

        Raises:
            ShapeError: a shape, size or length is wrong, or the batch or sequence is empty.
            DtypeError: dtypes or devices of `x`, `dt`, `mask` and the parameters do not fit, or one is no tensor.
            InputError: `synapses` was given to a layer without a wiring.
            NonFiniteError: `x` holds NaN or infinity at a step that counts.
            TimeError: `dt` is negative, NaN or infinite at a step that counts.
        """
        owner = type(self).__name__
        x, gap, mask, lengths = shapes.tensors(owner, x, dt, mask, lengths)
        x = self._like_parameters(owner, x)
        dt = gap if gap is None or isinstance(gap, Tensor) else x.new_full(x.shape[:2], gap)
        if dt is not None and torch.is_autocast_enabled(x.device.type):
            dt = dt.to(x.dtype)
        shapes.check_sequence(owner, x, dt, mask, lengths, self.inputs)
        steps = shapes.steps_mask(x, mask, lengths)
        if steps is not None:
            x = torch.where(steps[..., None], x, 0)
            dt = None if dt is None else torch.where(steps, dt, 0)
        shapes.check_values(owner, x, dt)
        if dt is None:
            dt = x.new_ones(x.shape[:2])
        if state is None:
            state = self.initial_state(x.shape[0])
        else:
            self._check_state(owner, state, x.shape[0])
        if synapses is not None:
            synapses = check_strength(owner, synapses, self.synapse_count(), x.shape[0], x)
        y, state = self._chunks(x, dt, steps, state, synapses)
        if steps is not None:
            y = torch.where(steps[..., None], y, 0)
        return y, state

    @final
    def step(
        self, x: Tensor, dt: Tensor | float | None = None, state: State | None = None, synapses: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Run one step, for loops that meet their inputs one at a time; the same numbers as `forward`.

        Arguments:
            x: inputs `(batch, input)`.
            dt: time since the previous step `(batch,)`, or a number for all; 1 when left out.
            state: what the previous step returned; zeros when left out.
            synapses: strength of each synapse, as in `forward`; a step that is given them takes no shortcut.

        Returns:
            `y (batch, outputs)` and the new state.

        Raises:
            ShapeError, DtypeError, NonFiniteError, TimeError: as in `forward`.
        """
        owner = type(self).__name__
        x, gap, _, _ = shapes.tensors(owner, x, dt)
        dt = gap if gap is None or isinstance(gap, Tensor) else x.new_full(x.shape[:1], gap)
        is_state = state is None or isinstance(state, tuple)
        done = self.quick(x, dt, state) if synapses is None and is_state and self.pairing == "hold" else None
        if done is not None:
            return done
        x = self._like_parameters(owner, x)
        shapes.check_step(owner, x, dt, self.inputs)
        if not self.checks_own_values:
            shapes.check_values(owner, x, dt)
        if dt is None:
            dt = x.new_ones(x.shape[0])
        if state is None:
            state = self.initial_state(x.shape[0])
        else:
            self._check_state(owner, state, x.shape[0])
        if synapses is None:
            return self.advance(x, dt, state)
        synapses = check_strength(owner, synapses, self.synapse_count(), x.shape[0], x)
        y, state = self._chunks(x[:, None], dt[:, None], None, state, synapses)
        return y[:, 0], state

    @final
    def advance(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """As `tick`, with the inputs acting when the pairing says."""
        if self.pairing == "hold":
            return self.tick(x, dt, state)
        if self.pairing == "event":
            _, between = self.tick(torch.zeros_like(x), dt, state)
            return self.tick(x, torch.ones_like(dt), between)
        y, end = self.tick(state[1], dt, state[0])
        return y, PreviousState(end, x)

    def pair(self, pairing: Pairing) -> None:
        """Take a pairing, once, while the layer is built; what no longer holds under it is no longer claimed.

        Raises:
            InputError: it is no pairing.
        """
        check_pairing(type(self).__name__, pairing)
        self.pairing = pairing
        if pairing != "hold":
            self.exact_in_time = self.keeps_state_at_zero = False
            self.bounded = self.bounded and pairing == "event"

    def begin(self, state: State) -> State:
        """A first state as the pairing needs it: under `"previous"` with the inputs before the first step, zeros."""
        if self.pairing != "previous":
            return state
        first = leaves(state)[0]
        return PreviousState(state, first.new_zeros(first.shape[0], self.inputs))

    def pairing_argument(self) -> dict[str, str]:
        """The pairing as an argument that rebuilds the layer; nothing where it is `"hold"`, as in older files."""
        return {} if self.pairing == "hold" else {"pairing": self.pairing}

    def _chunks(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None = None
    ) -> tuple[Tensor, State]:
        if self.pairing == "event":
            y, end = self._in_parts(*doubled(x, dt, mask), state, synapses)
            return y[:, 1::2], end
        if self.pairing == "previous":
            before, last = shifted(x, mask, state[1])
            y, end = self._in_parts(before, dt, mask, state[0], synapses)
            return y, PreviousState(end, last)
        return self._in_parts(x, dt, mask, state, synapses)

    def _in_parts(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None
    ) -> tuple[Tensor, State]:
        steps = self.checkpoint_every
        if steps is None or not self.chunked or x.shape[1] <= steps or not torch.is_grad_enabled():
            return self.scan(x, dt, mask, state) if synapses is None else self.through(x, dt, mask, state, synapses)
        scan = self.scan if synapses is None else partial(self.through, synapses=synapses)
        outputs = []
        for start in range(0, x.shape[1], steps):
            part = slice(start, start + steps)
            y, state = checkpoint(
                scan,
                x[:, part],
                dt[:, part],
                None if mask is None else mask[:, part],
                state,
                use_reentrant=False,
                preserve_rng_state=self.training,
            )
            outputs.append(y)
        return torch.cat(outputs, 1), state

    def _like_parameters(self, owner: str, x: Tensor) -> Tensor:
        parameter = next(self.parameters())
        if x.dtype == parameter.dtype and x.device == parameter.device:
            return x
        if x.device == parameter.device and x.is_floating_point() and torch.is_autocast_enabled(x.device.type):
            return x.to(parameter.dtype)
        raise DtypeError(
            owner,
            "x",
            f"is {x.dtype} on {x.device}; the parameters are {parameter.dtype} on {parameter.device}",
            "Move one to the other, for example `x.to(next(net.parameters()))`.",
        )

    def _check_state(self, owner: str, state: object, batch: int) -> None:
        remedy = (
            "Pass the state of the same layer, as an earlier call returned it, or leave it out to start from zeros."
        )
        usual = None if torch.compiler.is_compiling() else self.initial_state(1)
        if not isinstance(state, tuple) or (usual is not None and not _is_alike(state, usual)):
            shown = f"a tensor of shape {tuple(state.shape)}" if isinstance(state, Tensor) else type(state).__name__
            fault = f"is {shown}, which is no state of this layer"
            raise ShapeError(owner, "state", fault, remedy)
        for tensor in leaves(state):
            if tensor.shape[0] != batch:
                raise ShapeError(
                    owner,
                    "state",
                    f"holds {tensor.shape[0]} series; x holds {batch}",
                    "Pass the state of the same series, or leave it out to start from zeros.",
                )


def _is_alike(state: object, usual: object) -> bool:
    """Whether a state has the parts of another, each of the same axes behind the first."""
    if isinstance(usual, Tensor):
        return isinstance(state, Tensor) and state.shape[1:] == usual.shape[1:]
    if not isinstance(state, tuple) or not isinstance(usual, tuple) or len(state) != len(usual):
        return False
    return all(_is_alike(part, other) for part, other in zip(state, usual, strict=True))


def leaves(state: State) -> list[Tensor]:
    """The tensors of a state, however nested.

    Example:
        >>> len(leaves((torch.zeros(1), (torch.zeros(1), torch.zeros(1)))))
        3
    """
    flat: list[Tensor] = []
    for part in state:
        flat.extend([part] if isinstance(part, Tensor) else leaves(part))
    return flat


def reset_state(state: State, rows: Tensor) -> State:
    """A state with the marked series set back to zeros, as when an episode ends.

    Arguments:
        state: what a layer returned.
        rows: `(batch,)` bool; True starts anew.

    Example:
        >>> reset_state((torch.ones(2, 1),), torch.tensor([True, False]))[0].tolist()
        [[0.0], [1.0]]
    """
    parts = [
        part.masked_fill(rows.view(-1, *[1] * (part.dim() - 1)), 0)
        if isinstance(part, Tensor)
        else reset_state(part, rows)
        for part in state
    ]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


def check_layer(owner: str, argument: str, value: object) -> Layer:
    """The value itself, if it is a layer.

    Raises:
        InputError: it is something else; any other module has no recipe from which a file could rebuild it.
    """
    if isinstance(value, Layer):
        return value
    raise InputError(
        owner,
        argument,
        f"is a {type(value).__name__}, from which a saved file could not be rebuilt; expected a layer of caudal",
        "Apply your own module to x before the call, use `ConvHead` or `MLP`, or derive from `caudal.nn.Layer`.",
    )


def take_capabilities(net: Layer, parts: Sequence[Layer]) -> None:
    """Make a composition causal and chunked only where all its parts are."""
    net.causal = all(part.causal for part in parts)  # type: ignore[misc]  # these depend on the parts
    net.chunked = all(part.chunked for part in parts)  # type: ignore[misc]


def run(
    layer: Layer, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None = None
) -> tuple[Tensor, State]:
    """Scan of an inner layer on arguments already checked, its output 0 at masked steps."""
    y, state = layer._chunks(x, dt, mask, state, synapses)
    return (y if mask is None else torch.where(mask[..., None], y, 0)), state
