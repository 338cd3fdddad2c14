"""What one operation costs, from published tables; picojoules, as intervals."""

from collections.abc import Mapping
from dataclasses import dataclass

from caudal.errors import InputError


@dataclass(frozen=True)
class Range:
    """From `low` to `high` picojoules."""

    low: float
    high: float


@dataclass(frozen=True)
class CostTable:
    """Prices of one process and one kind of number.

    What tables do not hold is bounded from what they do: a quotient from 3 to 10 multiply-adds (Newton steps, or digit
    by digit), a curved function from one table entry and a multiply-add to 20 multiply-adds and a quotient (a
    polynomial with its scaling), a comparison from nothing to an addition.

    Attributes:
        title: what to cite.
        multiply, add: of float32.
        sram: one 32-bit word from a small (8 KB) to a large (1 MB) on-chip memory.
        dram: one 32-bit word from memory outside the chip.
    """

    title: str
    multiply: float
    add: float
    sram: Range
    dram: Range

    @property
    def division(self) -> Range:
        """Energy of one quotient."""
        step = self.multiply + self.add
        return Range(3 * step, 10 * step)

    @property
    def curved(self) -> Range:
        """Energy of one sigmoid, tanh or similar function."""
        step = self.multiply + self.add
        return Range(self.sram.low + step, 20 * step + self.division.high)

    @property
    def comparison(self) -> Range:
        """Energy of one comparison or choice."""
        return Range(0.0, self.add)


# Both tables give memory for 64 bits: halves are taken. "jouppi-2021" was checked against quotations of the paper's
# table 2 in other works (7.5 and 14 pJ for 8 KB and 1 MB, 250 for HBM2 to 1300 for DDR4), not against the paper itself.
TABLES: Mapping[str, CostTable] = {
    "horowitz-2014": CostTable(
        "Horowitz, ISSCC 2014, 45 nm", multiply=3.7, add=0.9, sram=Range(5.0, 50.0), dram=Range(650.0, 1300.0)
    ),
    "jouppi-2021": CostTable(
        "Jouppi et al., ISCA 2021, 7 nm", multiply=1.31, add=0.38, sram=Range(3.75, 7.0), dram=Range(125.0, 650.0)
    ),
}


def table_of(name: str) -> CostTable:
    """A table by its name.

    Raises:
        InputError: there is no such table.

    Example:
        >>> table_of("horowitz-2014").add
        0.9
    """
    if name not in TABLES:
        raise InputError("energy", "table", f"is {name!r}; there are {', '.join(TABLES)}", "Name one of them.")
    return TABLES[name]
