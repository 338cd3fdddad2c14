"""Flags that monitors set on a decision, one bit each, and their words."""

# A bit that is not named here belongs to whoever set it.
NOT_FINITE, OUT_OF_DISTRIBUTION, DRIFT, ABSTAINED = 1, 8, 16, 32
MONITORS = {
    NOT_FINITE: "not finite",
    2: "state out of bounds",
    4: "time constant out of bounds",
    OUT_OF_DISTRIBUTION: "out of distribution",
    DRIFT: "drift",
    ABSTAINED: "abstained",
}
