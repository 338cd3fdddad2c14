"""What is measured: one job on one table in a process of its own, as processor seconds and peak memory.

Each job of caudal stands beside the plain way to the same end; both start from the same files.
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

SERIES = {"target": "y", "series": "id", "time": "t"}
FORECAST = {"target": "y", "time": "t", "task": "forecast", "horizon": 24}
STEPS, FEW, UNITS, BATCH = 50, 10, 32, 64
_CHUNKS = 50


class JobCost(NamedTuple):
    """What a job took.

    Attributes:
        seconds: of the processor.
        megabytes: peak of resident memory above that before the job.
    """

    seconds: float
    megabytes: float


def prepare(folder: Path, rows: int) -> None:
    """Write the tables of a size: series of 50 and of 10 rows, one long series, and one with texts and dates."""
    import pandas

    rng = np.random.default_rng(0)
    numbers = {f"x{k}": rng.normal(size=rows) for k in range(7)}
    for name, steps in (("long", STEPS), ("short", FEW)):
        owners = np.repeat(np.arange(-(-rows // steps)), steps)[:rows]
        keys = {"id": owners, "t": np.arange(rows) % steps * 1.0}
        frame = pandas.DataFrame({**keys, **numbers, "y": owners % 2})
        frame.to_parquet(folder / f"{name}.parquet", index=False)
        if name == "long":
            frame.to_csv(folder / "long.csv", index=False)
            texts = {"x0": rng.choice(list("abcde"), rows), "x1": rng.choice(["low", "mid", "high"], rows)}
            dates = pandas.date_range("2000", periods=rows, freq="min").astype(str)
            frame.assign(t=dates, **texts).to_csv(folder / "texts.csv", index=False)
    meter = pandas.DataFrame({"t": np.arange(rows) * 1.0, "x": numbers["x0"], "y": numbers["x1"]})
    meter.to_parquet(folder / "meter.parquet", index=False)


def _read(folder: Path, file: str) -> object:
    from caudal.data import from_frame

    return from_frame(folder / file, **SERIES)  # type: ignore[arg-type]  # names of columns


def _stream(folder: Path) -> object:
    from caudal.data import ParquetSequences

    source = ParquetSequences.open(folder / "short.parquet", **SERIES)  # type: ignore[arg-type]
    return sum(len(chunk) for chunk in source)


def _forecast(folder: Path) -> object:
    """A long forecast as `LiquidForecaster.fit` reads it, up to the first chunks of windows."""
    from caudal.data import Sequences
    from caudal.data.frame import read_whole
    from caudal.data.window import WindowSource

    whole = read_whole(folder / "meter.parquet", **FORECAST)  # type: ignore[arg-type]
    source = WindowSource.of(whole)
    if isinstance(source, Sequences):
        return len(source)
    train, _, _ = source.split()
    return sum(len(chunk) for _, chunk in zip(range(_CHUNKS), train, strict=False))


def _fit(folder: Path) -> object:
    from caudal import LiquidClassifier
    from caudal.data import Columns

    model = LiquidClassifier("cfc-ncp", UNITS, epochs=1, batch_size=BATCH, validation=0.0)
    return model.fit(folder / "long.parquet", columns=Columns.of(SERIES))


def _predict(folder: Path) -> object:
    from caudal import LiquidClassifier
    from caudal.data import Columns, from_frame

    data = from_frame(folder / "long.parquet", Columns.of(SERIES))
    model = LiquidClassifier("cfc-ncp", UNITS, epochs=1, validation=0.0).fit(data.select(slice(0, 64)))
    return model.predict_proba(data)


def _torch_loop(folder: Path, train: bool) -> object:
    """The plain way: pandas, one block, `torch.nn.GRU`."""
    import pandas
    import torch

    torch.set_num_threads(1)
    frame = pandas.read_parquet(folder / "long.parquet")
    series = len(frame) // STEPS
    columns = frame[[f"x{k}" for k in range(7)]].to_numpy(np.float32)
    x = torch.tensor(columns[: series * STEPS].reshape(series, STEPS, 7))
    y = torch.tensor(frame["y"].to_numpy()[: series * STEPS : STEPS])
    net, head = torch.nn.GRU(7, UNITS, batch_first=True), torch.nn.Linear(UNITS, 2)
    step = torch.optim.AdamW([*net.parameters(), *head.parameters()])
    for rows in torch.split(torch.randperm(series), BATCH if train else 512):
        with torch.set_grad_enabled(train):
            answer = head(net(x[rows])[0][:, -1])
            if train:
                step.zero_grad()
                torch.autograd.backward(torch.nn.functional.cross_entropy(answer, y[rows]))
                step.step()
    return answer


def _pandas(folder: Path, file: str, dates: bool = False) -> object:
    import pandas

    if file.endswith(".parquet"):
        return pandas.read_parquet(folder / file)
    return pandas.read_csv(folder / file, parse_dates=["t"] if dates else None)


JOBS: dict[str, Callable[[Path], object]] = {
    "read CSV": lambda folder: _read(folder, "long.csv"),
    "read CSV, texts and dates": lambda folder: _read(folder, "texts.csv"),
    "read Parquet": lambda folder: _read(folder, "long.parquet"),
    "read Parquet, short series": lambda folder: _read(folder, "short.parquet"),
    "stream Parquet, short series": _stream,
    "forecast, windows": _forecast,
    "fit, one pass": _fit,
    "predict": _predict,
    "pandas.read_csv": lambda folder: _pandas(folder, "long.csv"),
    "pandas.read_csv, texts and dates": lambda folder: _pandas(folder, "texts.csv", dates=True),
    "pandas.read_parquet": lambda folder: _pandas(folder, "long.parquet"),
    "pandas.read_parquet, one series": lambda folder: _pandas(folder, "meter.parquet"),
    "torch.nn.GRU, one pass": lambda folder: _torch_loop(folder, train=True),
    "torch.nn.GRU, forward": lambda folder: _torch_loop(folder, train=False),
}


def resident(field: str) -> float:
    """Resident memory in MB as Linux tells it: `VmRSS` now, `VmHWM` at most since it was last reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))


def measure(job: str, folder: Path, warm: Path) -> JobCost:
    """Cost of a job, once everything that it imports and compiles was used on a small table."""
    JOBS[job](warm)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, start = resident("VmRSS"), time.process_time()
    JOBS[job](folder)
    return JobCost(time.process_time() - start, resident("VmHWM") - before)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))))
