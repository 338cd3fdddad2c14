"""Explicit vectors in Numba: the batch is the vector lane.

Numba vectorises loops only when LLVM can prove enough about them, and says nothing when it does not. Here a vector of
`lanes` numbers is a value of its own (an LLVM vector), so the hot loops are vector code by construction: LLVM splits
`<32 x float>` into two AVX-512 registers, four AVX2 ones or eight of SSE or NEON. No fast-math flag is set, so every
row's arithmetic is the same instruction sequence whatever its neighbours, its lane, or the batch size: that is what
makes replay exact to the bit.

A kernel receives a `Lanes(n)` witness that fixes the width by its type.
"""

import math
from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils
from numba.core.base import BaseContext
from numba.core.typing.templates import Signature
from numba.extending import NativeValue, models, register_model, typeof_impl, unbox

_INT = ir.IntType(32)
_LOG2E = 1.0 / math.log(2.0)
intrinsic: Any = extending.intrinsic


class Lanes:
    """Width of the vectors of one kernel call: 16, 32 or 64 rows of a batch at once.

    Arguments:
        count: number of lanes.
    """

    def __init__(self, count: int) -> None:
        self.count = count


class LanesType(types.Type):
    """Numba's type of `Lanes(count)`."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(name=f"Lanes({count})")


class VectorType(types.Type):
    """Numba's type of a vector of `count` numbers."""

    def __init__(self, scalar: Any, count: int) -> None:
        self.scalar, self.count = scalar, count
        super().__init__(name=f"Vector({scalar}, {count})")


@typeof_impl.register(Lanes)
def _typeof_lanes(value: Lanes, _context: BaseContext) -> LanesType:
    return LanesType(value.count)


register_model(LanesType)(models.OpaqueModel)


@unbox(LanesType)
def _unbox_lanes(_type: Any, _object: Any, context: Any) -> NativeValue:
    return NativeValue(context.context.get_dummy_value())


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: VectorType) -> None:
        super().__init__(manager, kind, ir.VectorType(_scalar(kind.scalar), kind.count))


def _scalar(kind: Any) -> Any:
    return ir.FloatType() if kind == types.float32 else ir.DoubleType()


def _data(context: BaseContext, builder: ir.IRBuilder, array_type: Any, array: Any) -> Any:
    return context.make_array(array_type)(context, builder, array).data


def _address(context: BaseContext, builder: ir.IRBuilder, array_type: Any, array: Any, index: Any, count: int) -> Any:
    data = builder.gep(_data(context, builder, array_type, array), [index])
    return builder.bitcast(data, ir.VectorType(_scalar(array_type.dtype), count).as_pointer())


def _splat(builder: ir.IRBuilder, value: Any, count: int) -> Any:
    kind = ir.VectorType(value.type, count)
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), value, _INT(0))
    return builder.shuffle_vector(
        single, ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(_INT, count), [0] * count)
    )


def _constant(kind: VectorType, value: float) -> Any:
    return ir.Constant(ir.VectorType(_scalar(kind.scalar), kind.count), [float(value)] * kind.count)


def _witness(count: int, doc: str) -> Any:
    def typed(_typing: object) -> object:
        def build(
            context: BaseContext, _builder: ir.IRBuilder, _signature: Signature, _args: Sequence[ir.Value]
        ) -> ir.Value:
            return context.get_dummy_value()

        return LanesType(count)(), build

    typed.__doc__ = doc
    typed.__name__ = f"lanes{count}"
    return intrinsic(typed)


lanes8 = _witness(8, "The witness of 8 lanes: a part of a vector, where registers are few.")
lanes16 = _witness(16, "The witness of 16 lanes, made inside a kernel: passing one from Python costs microseconds.")
lanes32 = _witness(32, "The witness of 32 lanes: two vectors of 512 bits, whose long chains of sums run in parallel.")


@intrinsic
def at_address(_typing: Any, address: Any, like: Any) -> Any:
    """The memory at an integer address as a pointer to numbers of the type of `like`."""

    def build(context: BaseContext, builder: ir.IRBuilder, signature: Signature, args: Sequence[ir.Value]) -> ir.Value:
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return types.CPointer(like.dtype)(types.intp, like), build


@intrinsic
def width(_typing: Any, lanes: Any) -> Any:
    """Number of lanes, a constant to the compiler."""

    def build(
        context: BaseContext, _builder: ir.IRBuilder, _signature: Signature, _args: Sequence[ir.Value]
    ) -> ir.Value:
        return context.get_constant(types.intp, lanes.count)

    return types.intp(lanes), build


@intrinsic
def bytes_of(_typing: object, array: Any) -> object:
    """Bytes of one number of an array, a constant to the compiler, which `itemsize` is not."""

    def build(
        context: BaseContext, _builder: ir.IRBuilder, _signature: Signature, _args: Sequence[ir.Value]
    ) -> ir.Value:
        return context.get_constant(types.intp, array.dtype.bitwidth // 8)

    return types.intp(array), build


@intrinsic
def load(_typing: Any, lanes: Any, array: Any, index: Any) -> Any:
    """`lanes` numbers of a flat array from `index` on."""
    kind = VectorType(array.dtype, lanes.count)

    def build(context: BaseContext, builder: ir.IRBuilder, signature: Signature, args: Sequence[ir.Value]) -> ir.Value:
        pointer = _address(context, builder, signature.args[1], args[1], args[2], lanes.count)
        return builder.load(pointer, align=array.dtype.bitwidth // 8)

    return kind(lanes, array, types.intp), build


@intrinsic
def store(_typing: Any, array: Any, index: Any, vector: Any) -> Any:
    """Write a vector into a flat array from `index` on."""

    def build(context: BaseContext, builder: ir.IRBuilder, signature: Signature, args: Sequence[ir.Value]) -> ir.Value:
        pointer = _address(context, builder, signature.args[0], args[0], args[1], vector.count)
        builder.store(args[2], pointer, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), build


@intrinsic
def broadcast(_typing: Any, lanes: Any, array: Any, index: Any) -> Any:
    """One number of a flat array in every lane."""
    kind = VectorType(array.dtype, lanes.count)

    def build(context: BaseContext, builder: ir.IRBuilder, signature: Signature, args: Sequence[ir.Value]) -> ir.Value:
        pointer = builder.gep(_data(context, builder, signature.args[1], args[1]), [args[2]])
        return _splat(builder, builder.load(pointer), lanes.count)

    return kind(lanes, array, types.intp), build


@intrinsic
def zeros(_typing: Any, lanes: Any, array: Any) -> Any:
    """A vector of zeros of an array's type."""
    kind = VectorType(array.dtype, lanes.count)

    def build(
        _context: BaseContext, _builder: ir.IRBuilder, _signature: Signature, _args: Sequence[ir.Value]
    ) -> ir.Value:
        return _constant(kind, 0.0)

    return kind(lanes, array), build


def _binary(operation: str, doc: str) -> Any:
    def typed(_typing: Any, a: Any, b: Any) -> Any:
        def build(
            _context: BaseContext, builder: ir.IRBuilder, _signature: Signature, args: Sequence[ir.Value]
        ) -> ir.Value:
            return getattr(builder, operation)(*args)

        return a(a, b), build

    typed.__doc__ = doc
    typed.__name__ = operation
    return intrinsic(typed)


add = _binary("fadd", "`a + b`, lane by lane.")
sub = _binary("fsub", "`a - b`, lane by lane.")
mul = _binary("fmul", "`a * b`, lane by lane.")
div = _binary("fdiv", "`a / b`, lane by lane.")


def _intrinsic_call(builder: ir.IRBuilder, name: str, *args: ir.Value) -> ir.Value:
    """Call an LLVM intrinsic on vectors (llvmlite's own helper names scalars only)."""
    kind = args[0].type
    lane = "f32" if isinstance(kind.element, ir.FloatType) else "f64"
    signature = ir.FunctionType(kind, [arg.type for arg in args])
    function = cgutils.get_or_insert_function(builder.module, signature, f"{name}.v{kind.count}{lane}")
    return builder.call(function, args)


@intrinsic
def fma1(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """`a * b + c` with one rounding, for single numbers: the same bits as `fma` gives each lane."""

    def build(
        _context: BaseContext, builder: ir.IRBuilder, _signature: Signature, args: Sequence[ir.Value]
    ) -> ir.Value:
        return builder.fma(*args)

    return a(a, b, c), build


def _fma(builder: ir.IRBuilder, a: Any, b: Any, c: Any) -> Any:
    return _intrinsic_call(builder, "llvm.fma", a, b, c)


@intrinsic
def fma(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """`a * b + c` with one rounding, lane by lane."""

    def build(
        _context: BaseContext, builder: ir.IRBuilder, _signature: Signature, args: Sequence[ir.Value]
    ) -> ir.Value:
        return _fma(builder, *args)

    return a(a, b, c), build


def _halve(builder: ir.IRBuilder, vector: Any, count: int, until: int) -> Any:
    while count > until:
        count //= 2
        undefined = ir.Constant(vector.type, ir.Undefined)
        index = ir.VectorType(_INT, count)
        low = builder.shuffle_vector(vector, undefined, ir.Constant(index, list(range(count))))
        high = builder.shuffle_vector(vector, undefined, ir.Constant(index, list(range(count, 2 * count))))
        vector = builder.fadd(low, high)
    return vector


@intrinsic
def fold(_typing: Any, narrow: Any, a: Any) -> Any:
    """Add the halves of a vector until it is as narrow as the witness; the same order on every run."""
    kind = VectorType(a.scalar, narrow.count)

    def build(
        _context: BaseContext, builder: ir.IRBuilder, _signature: Signature, args: Sequence[ir.Value]
    ) -> ir.Value:
        return _halve(builder, args[1], a.count, narrow.count)

    return kind(narrow, a), build


@intrinsic
def total(_typing: Any, a: Any) -> Any:
    """Sum of the lanes by halving: the same order on every run."""

    def build(
        _context: BaseContext, builder: ir.IRBuilder, _signature: Signature, args: Sequence[ir.Value]
    ) -> ir.Value:
        return builder.extract_element(_halve(builder, args[0], a.count, 1), _INT(0))

    return a.scalar(a), build


# 2**f on [-1/2, 1/2]: minimax of relative error 7.5e-8 (float32, by Remez exchange), Taylor to 1e-17 (float64).
_EXP2 = {
    32: (
        1.0000000716546849,
        0.6931469670647605,
        0.24022119723840046,
        0.05550713273497761,
        0.009675541334451691,
        0.0013276471992602875,
    ),
    64: tuple(math.log(2.0) ** k / math.factorial(k) for k in range(14)),
}
_LIMIT = {32: 126.0, 64: 1022.0}
# Two powers held within it have a product that is neither infinite nor 0.
_HALF_LIMIT = {32: 62.0, 64: 510.0}
_MAGIC = {32: 1.5 * 2.0**23, 64: 1.5 * 2.0**52}
_MANTISSA = {32: 23, 64: 52}


# (2**f - 1) / f on the same range, for powers close to 1: minimax of relative error 1.1e-8, Taylor to 1e-17.
_ABOVE1 = {
    32: (
        0.6931471879266895,
        0.24022649794958584,
        0.055503574336388035,
        0.009618237495010378,
        0.0013390735476625998,
        0.00015403512350357744,
    ),
    64: tuple(math.log(2.0) ** k / math.factorial(k) for k in range(1, 15)),
}
# log(1 + e) = 2 s (1 + s^2 / 3 + s^4 / 5 + ..) with s = e / (2 + e), at most 1/3 for e in [0, 1].
_LOG1P = {bits: tuple(2.0 / (2 * k + 1) for k in range(terms)) for bits, terms in ((32, 7), (64, 17))}


def _polynomial(builder: ir.IRBuilder, kind: VectorType, coefficients: tuple[float, ...], z: Any) -> Any:
    power = _constant(kind, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        power = _fma(builder, power, z, _constant(kind, coefficient))
    return power


def _split(builder: ir.IRBuilder, kind: VectorType, z: Any, limits: dict[int, float]) -> tuple[Any, Any]:
    """Fraction of `z` in [-1/2, 1/2], and what adds its whole part to the exponent of a number's bits."""
    bits = kind.scalar.bitwidth
    integer = ir.VectorType(ir.IntType(bits), kind.count)
    z = _intrinsic_call(builder, "llvm.maxnum", z, _constant(kind, -limits[bits]))
    z = _intrinsic_call(builder, "llvm.minnum", z, _constant(kind, limits[bits]))
    magic = _constant(kind, _MAGIC[bits])
    shifted = builder.fadd(z, magic)
    fraction = builder.fsub(z, builder.fsub(shifted, magic))
    shift = ir.Constant(integer, [_MANTISSA[bits]] * kind.count)
    return fraction, builder.shl(builder.bitcast(shifted, integer), shift)


def _scaled(builder: ir.IRBuilder, number: Any, exponent: Any) -> Any:
    return builder.bitcast(builder.add(builder.bitcast(number, exponent.type), exponent), number.type)


def _exp2(builder: ir.IRBuilder, kind: VectorType, z: Any, limits: dict[int, float] = _LIMIT) -> Any:
    fraction, exponent = _split(builder, kind, z, limits)
    return _scaled(builder, _polynomial(builder, kind, _EXP2[kind.scalar.bitwidth], fraction), exponent)


@intrinsic
def exp2(_typing: Any, z: Any) -> Any:
    """`2 ** z`, lane by lane; `z` is held within +-126 (float32) or +-1022 (float64)."""

    def build(
        _context: BaseContext, builder: ir.IRBuilder, _signature: Signature, args: Sequence[ir.Value]
    ) -> ir.Value:
        return _exp2(builder, z, args[0])

    return z(z), build


@intrinsic
def exp2_times(_typing: Any, z: Any, factor: Any) -> Any:
    """`2 ** (factor z)`, lane by lane, held so that two such powers have a finite product other than 0."""

    def build(context: BaseContext, builder: ir.IRBuilder, signature: Signature, args: Sequence[ir.Value]) -> ir.Value:
        scale = _splat(builder, context.cast(builder, args[1], signature.args[1], z.scalar), z.count)
        return _exp2(builder, z, builder.fmul(args[0], scale), _HALF_LIMIT)

    return z(z, factor), build


@intrinsic
def gate(_typing: Any, v: Any, slope: Any, offset: Any) -> Any:
    """`1 / (1 + 2 ** (slope v + offset))`: a logistic gate whose scale by -log2(e) is folded into its parameters."""

    def build(
        _context: BaseContext, builder: ir.IRBuilder, _signature: Signature, args: Sequence[ir.Value]
    ) -> ir.Value:
        power = _exp2(builder, v, _fma(builder, args[0], args[1], args[2]))
        unit = _constant(v, 1.0)
        return builder.fdiv(unit, builder.fadd(unit, power))

    return v(v, slope, offset), build


@intrinsic
def logistic(_typing: Any, z: Any) -> Any:
    """`1 / (1 + exp(-z))`, lane by lane."""

    def build(
        _context: BaseContext, builder: ir.IRBuilder, _signature: Signature, args: Sequence[ir.Value]
    ) -> ir.Value:
        power = _exp2(builder, z, builder.fmul(args[0], _constant(z, -_LOG2E)))
        unit = _constant(z, 1.0)
        return builder.fdiv(unit, builder.fadd(unit, power))

    return z(z), build


@intrinsic
def tanh(_typing: Any, z: Any) -> Any:
    """`tanh(z)` as `1 - 2 / (1 + exp(2 z))`, lane by lane; exact to rounding of 1."""

    def build(
        _context: BaseContext, builder: ir.IRBuilder, _signature: Signature, args: Sequence[ir.Value]
    ) -> ir.Value:
        power = _exp2(builder, z, builder.fmul(args[0], _constant(z, 2.0 * _LOG2E)))
        unit = _constant(z, 1.0)
        return builder.fsub(unit, builder.fdiv(_constant(z, 2.0), builder.fadd(unit, power)))

    return z(z), build


@intrinsic
def exp_minus(_typing: Any, z: Any) -> Any:
    """`exp(-z)`, lane by lane; results under the smallest normal number come out as about 1e-38 (float32)."""

    def build(
        _context: BaseContext, builder: ir.IRBuilder, _signature: Signature, args: Sequence[ir.Value]
    ) -> ir.Value:
        return _exp2(builder, z, builder.fmul(args[0], _constant(z, -_LOG2E)))

    return z(z), build


@intrinsic
def fall(_typing: Any, z: Any) -> Any:
    """`1 - exp(-z)`, lane by lane, to the last bits also where `z` is small, and 0 where it is 0."""

    def build(
        _context: BaseContext, builder: ir.IRBuilder, _signature: Signature, args: Sequence[ir.Value]
    ) -> ir.Value:
        fraction, exponent = _split(builder, z, builder.fmul(args[0], _constant(z, -_LOG2E)), _LIMIT)
        whole = _scaled(builder, _constant(z, 1.0), exponent)
        above = builder.fmul(fraction, _polynomial(builder, z, _ABOVE1[z.scalar.bitwidth], fraction))
        return builder.fsub(builder.fsub(_constant(z, 1.0), whole), builder.fmul(whole, above))

    return z(z), build


@intrinsic
def softplus(_typing: Any, z: Any) -> Any:
    """`log(1 + exp(z))`, lane by lane."""

    def build(
        _context: BaseContext, builder: ir.IRBuilder, _signature: Signature, args: Sequence[ir.Value]
    ) -> ir.Value:
        size = builder.fmul(_intrinsic_call(builder, "llvm.fabs", args[0]), _constant(z, -_LOG2E))
        power = _exp2(builder, z, size)
        s = builder.fdiv(power, builder.fadd(power, _constant(z, 2.0)))
        series = _polynomial(builder, z, _LOG1P[z.scalar.bitwidth], builder.fmul(s, s))
        above = _intrinsic_call(builder, "llvm.maxnum", args[0], _constant(z, 0.0))
        return _fma(builder, s, series, above)

    return z(z), build


@intrinsic
def absolute(_typing: Any, z: Any) -> Any:
    """`|z|`, lane by lane."""

    def build(
        _context: BaseContext, builder: ir.IRBuilder, _signature: Signature, args: Sequence[ir.Value]
    ) -> ir.Value:
        return _intrinsic_call(builder, "llvm.fabs", args[0])

    return z(z), build


@intrinsic
def where_positive(_typing: Any, condition: Any, a: Any, b: Any) -> Any:
    """`a` in the lanes where `condition > 0`, `b` elsewhere."""

    def build(
        _context: BaseContext, builder: ir.IRBuilder, _signature: Signature, args: Sequence[ir.Value]
    ) -> ir.Value:
        return builder.select(builder.fcmp_ordered(">", args[0], _constant(condition, 0.0)), args[1], args[2])

    return a(condition, a, b), build


@intrinsic
def fill(_typing: Any, like: Any, value: Any) -> Any:
    """A vector like another with one given number in every lane."""
    kind = like

    def build(context: BaseContext, builder: ir.IRBuilder, signature: Signature, args: Sequence[ir.Value]) -> ir.Value:
        return _splat(builder, context.cast(builder, args[1], signature.args[1], kind.scalar), kind.count)

    return kind(like, value), build
