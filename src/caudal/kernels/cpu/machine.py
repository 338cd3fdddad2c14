"""Which tile of numbers the compiled products keep in registers, by the processor that they are compiled for.

A tile of `rows` sums by `lanes` numbers must fit into the vector registers beside what it reads, or the inner loop
writes sums to memory and reads them back at every step. Register counts are those of the instruction sets (Intel SDM
volume 1, chapters 14 and 15; Arm ARM, chapter A1); the product of sums and latency keeps both multipliers busy (8 sums
or more at a latency of 4 cycles).
"""

import os
import platform
from typing import NamedTuple

from llvmlite.binding import get_host_cpu_features


class VectorRegisters(NamedTuple):
    """Vector registers of an instruction set.

    Attributes:
        name: of the set.
        size: bytes of a register.
        registers: how many there are.
    """

    name: str
    size: int
    registers: int


class ProductTile(NamedTuple):
    """Sums that a product keeps in registers.

    Attributes:
        rows: of outputs.
        lanes: numbers of each; 0 for as many as the kernel has.
    """

    rows: int
    lanes: int


# Feature of LLVM -> registers; the first that the target has.
_SETS = (
    ("avx512f", VectorRegisters("AVX-512", 64, 32)),
    ("avx2", VectorRegisters("AVX2", 32, 16)),
    ("avx", VectorRegisters("AVX", 32, 16)),
    ("neon", VectorRegisters("NEON", 16, 32)),
)
_USUAL = {"x86_64": VectorRegisters("SSE", 16, 16), "AMD64": VectorRegisters("SSE", 16, 16)}
# Beside the sums a tile holds the numbers and the weight that it reads.
_READ = 4


def vectors() -> VectorRegisters:
    """Vector registers of the processor that kernels are compiled for: this one, or that of `NUMBA_CPU_FEATURES`."""
    asked = os.environ.get("NUMBA_CPU_FEATURES")
    if asked is None:
        features = {name for name, there in get_host_cpu_features().items() if there}
    else:
        features = {word[1:] for word in asked.split(",") if word.startswith("+")}
    usual = _USUAL.get(platform.machine(), VectorRegisters("NEON", 16, 32))
    return next((registers for feature, registers in _SETS if feature in features), usual)


def product_tile(registers: VectorRegisters, itemsize: int) -> ProductTile:
    """The tile of a product of numbers of so many bytes: the largest that fits, 8 rows in whole lanes if they do.

    Example:
        >>> product_tile(VectorRegisters("AVX-512", 64, 32), 4), product_tile(VectorRegisters("AVX2", 32, 16), 4)
        (ProductTile(rows=8, lanes=0), ProductTile(rows=4, lanes=16))
    """
    lanes = 32 if itemsize == 4 else 16  # of the widest kernel
    room = registers.registers - _READ
    if 8 * lanes * itemsize // registers.size <= room:
        return ProductTile(8, 0)
    part = next((part for part in (16, 8) if 4 * part * itemsize // registers.size <= room), 8)
    return ProductTile(4, part)


def words() -> str:
    """The registers and the tile of this processor in a sentence."""
    registers = vectors()
    tile = product_tile(registers, 4)
    lanes = tile.lanes or 32
    return (
        f"Products of the compiled kernels: {registers.name} ({registers.registers} registers of {registers.size // 4} "
        f"float32), tiles of {tile.rows} outputs by {lanes} rows of the batch."
    )
