"""The work of a step as one value: scalar operations by kind, and the numbers that must move."""

from typing import NamedTuple


class Operations(NamedTuple):
    """Work of one step of one series.

    Attributes:
        macs: multiply-adds: a product that is added to something.
        multiplies: products that are not.
        adds: sums and differences without a product.
        divisions: quotients.
        sigmoids, tanhs, exponentials, sines, roots, error_functions: evaluations of one number; sines hold cosines.
        comparisons: magnitudes, maxima, roundings and choices between two numbers.
        weights: parameters read, once for each time that the step goes through them.
        state: numbers of the state read and written.
        ends: inputs read, the elapsed time among them, and outputs written.
    """

    macs: float = 0.0
    multiplies: float = 0.0
    adds: float = 0.0
    divisions: float = 0.0
    sigmoids: float = 0.0
    tanhs: float = 0.0
    exponentials: float = 0.0
    sines: float = 0.0
    roots: float = 0.0
    error_functions: float = 0.0
    comparisons: float = 0.0
    weights: float = 0.0
    state: float = 0.0
    ends: float = 0.0

    def plus(self, other: "Operations") -> "Operations":
        """Both, one after the other.

        Example:
            >>> Operations(macs=1).plus(Operations(macs=3, tanhs=4)).macs
            4.0
        """
        return Operations(*(float(a + b) for a, b in zip(self, other, strict=True)))

    def times(self, count: float) -> "Operations":
        """The same work so many times over.

        Example:
            >>> Operations(macs=2).times(3).macs
            6.0
        """
        return Operations(*(float(a * count) for a in self))

    @property
    def arithmetic(self) -> float:
        """Multiply-adds, lone products and lone sums, each counted as one."""
        return self.macs + self.multiplies + self.adds

    @property
    def products(self) -> float:
        """Multiplications, those of multiply-adds included."""
        return self.macs + self.multiplies

    @property
    def sums(self) -> float:
        """Additions, those of multiply-adds included."""
        return self.macs + self.adds

    @property
    def transcendentals(self) -> float:
        """Evaluations of any curved function."""
        return float(sum(self[4:10]))

    @property
    def moved(self) -> float:
        """Numbers read and written."""
        return self.weights + self.state + self.ends

    @property
    def total(self) -> float:
        """Operations of every kind, a multiply-add as one."""
        return float(sum(self[:11]))
