"""A small report, made up, with every kind of record in it."""

import pytest

from benchmarks.kernels import (  # fmt: skip
    Check,
    Kept,
    KernelReport,
    Machine,
    Measurement,
    Peak,
    Point,
    Settings,
    Skip,
    Timing,
    Versions,
)


def timing(subject, *values, calls=3):
    return Timing(subject, calls, tuple(2 * value for value in values), values)


@pytest.fixture
def report():
    measured = [
        Measurement(
            "fc32", work, 100, 64, threads,
            (timing("caudal", 0.010, 0.011, 0.012), timing("ncps", 0.10, 0.11, 0.12),
             timing("LSTM", 0.005, 0.004, 0.003)),
            (Skip("GRU", "has no such model"),), 0.0056,
        )
        for threads in (1, 2)
        for work in ("forward", "train")
    ]  # fmt: skip
    steps = (timing("caudal", 8e-6, 9e-6, calls=99), timing("ncps", 2e-4, 3e-4), timing("LSTM", 2e-5, 2e-5))
    measured.append(Measurement("fc32", "step", 1, 1, 1, steps, (), None))
    points = tuple(
        Point(axis, model, at, work, timing(model, at / 1000, at / 900))
        for axis in ("time", "synapses")
        for model in ("LTC-FC", "LSTM")
        for work in ("forward", "train")
        for at in (10, 100)
    )
    return KernelReport(
        1, "2026-01-31",
        Machine("Some CPU", 2, ("L1 32K", "L2 1024K"), 8 * 2**30, "Linux 6", 0.5),
        Versions("0.1.0", "0123456789ab", "3.11.0", "2.13.0", "0.68", None),
        Settings(("fc32",), repetitions=3),
        (Check("LTC", "ltc_scan", "numba", "equal", "outputs and gradients"),),
        (Peak(1, 2.5e11, 7.6e9),), tuple(measured),
        (Kept("fc32", 1000, 64, "caudal", 10**7), Kept("fc32", 1000, 64, "ncps", 5 * 10**9)), points,
    )  # fmt: skip
