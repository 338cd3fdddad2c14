"""MIT-BIH arrhythmias: the kind of each heart beat, in patients never seen. Reads the public files of PhysioNet."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from caudal.data.arrays import from_arrays
from caudal.data.datasets.files import Card, Dataset, fail, find
from caudal.data.split import official, split

_TRAIN = (
    *(101, 106, 108, 109, 112, 114, 115, 116, 118, 119, 122, 124),
    *(201, 203, 205, 207, 208, 209, 215, 220, 223, 230),
)
_TEST = (
    *(100, 103, 105, 111, 113, 117, 121, 123, 200, 202, 210),
    *(212, 213, 214, 219, 221, 222, 228, 231, 232, 233, 234),
)
# Codes of beats in annotation files, by class of the standard ANSI/AAMI EC57.
_CLASSES = {"N": (1, 2, 3, 11, 34), "S": (4, 7, 8, 9), "V": (5, 10), "F": (6,), "Q": (12, 13, 38)}
_KIND = {code: name for name, codes in _CLASSES.items() for code in codes}
_BEFORE, _AFTER = 90, 110
_SKIP, _AUX, _EXTRAS = 59, 63, (60, 61, 62)

CARD = Card(
    name="mitbih",
    title="MIT-BIH arrhythmias: the kind of each heart beat, in patients never seen",
    task="classify a beat (200 samples of lead MLII): the 5 classes N, S, V, F, Q of ANSI/AAMI EC57",
    source="Moody and Mark (2001), MIT-BIH Arrhythmia Database, PhysioNet",
    licence="ODC-BY 1.0",
    obtain="Download physionet.org/content/mitdb/1.0.0 (.hea, .dat and .atr files) and pass its folder.",
    counts={"records": 44, "train_records": 22, "test_records": 22, "classes": 5, "samples_per_beat": 200},
    sensitive=("sex", "age"),
    bias=(
        "47 people of one hospital in Boston, 1975-1979, chosen so that rare arrhythmias appear.",
        "Nine beats of ten are normal; class Q hardly appears once the four paced records are left out.",
    ),
    leaks=(
        "Random splits of beats put one patient in both parts and score far too well; here records stay whole.",
        "Records 201 and 202 are of one person, and the usual partition has one in each part.",
    ),
    protocols={"clean": "De Chazal's partition: 22 records train (a fifth of them validate), 22 test."},
    citation="Moody GB, Mark RG. IEEE Engineering in Medicine and Biology 2001;20:45-50.",
)


class Record(NamedTuple):
    """One record: its signals by name, sampling rate, and what the header says of the person."""

    signals: dict[str, NDArray[np.float32]]
    hertz: float
    age: float
    sex: str


def load(*, folder: Path, seed: int = 0, records: Sequence[int] | None = None) -> Dataset:
    """About 100,000 beats of 44 records; group is the record, time in seconds.

    Arguments:
        folder: of the .hea, .dat and .atr files.
        seed: of the validation records.
        records: read these only; None for the 44 of the usual partition, all of which must be there.

    Raises:
        DataError: a file is missing, truncated or of another format.
    """
    chosen = [*_TRAIN, *_TEST] if records is None else list(records)
    beats: list[NDArray[np.float32]] = []
    kinds: list[str] = []
    owners: list[int] = []
    people: dict[int, Record] = {}
    for record in chosen:
        people[record] = read_record(find(CARD, folder, f"{record}.hea"))
        # Record 114 holds its leads the other way round; the lead is found by its name.
        signal = people[record].signals.get("MLII")
        if signal is None:
            raise fail(CARD, f"holds {record}.hea without the lead MLII")
        for at, code in read_annotations(find(CARD, folder, f"{record}.atr")):
            if code in _KIND and _BEFORE <= at <= len(signal) - _AFTER:
                beats.append(signal[at - _BEFORE : at + _AFTER])
                kinds.append(_KIND[code])
                owners.append(record)
    if not beats:
        raise fail(CARD, "holds no beat in these records")
    hertz = people[chosen[0]].hertz
    data = from_arrays(
        np.stack(beats)[:, None, :],
        np.array(kinds),
        dt=np.full((len(beats), _BEFORE + _AFTER), 1 / hertz),
        classes=tuple(_CLASSES),
        names=["MLII"],
        units=["mV"],
        ids=[f"{owner}-{k}" for k, owner in enumerate(owners)],
        group=owners,
        sensitive={"sex": [people[o].sex for o in owners], "age": [people[o].age for o in owners]},
        time_unit="s",
    )
    tests = np.isin(owners, _TEST)
    train = np.flatnonzero(~tests)
    if records is not None and len(set(np.array(owners)[train].tolist())) < 2:
        return Dataset(CARD, data, official(train, [], np.flatnonzero(tests)))
    inner = split(data.select(train), val=0.2, test=0.0, by="group", seed=seed)
    return Dataset(CARD, data, official(train[inner.train], train[inner.val], np.flatnonzero(tests)))


def read_record(header: Path) -> Record:
    """Signals in millivolts of a record in format 212 (two samples of 12 bits in three bytes).

    Raises:
        DataError: the header does not read, the format is another, or samples are missing.
    """
    lines = [line for line in header.read_text(encoding="latin-1").splitlines() if line.strip()]
    notes = [line[1:].split() for line in lines if line.startswith("#")]
    lines = [line for line in lines if not line.startswith("#")]
    try:
        _, channels, hertz, samples = lines[0].split()[:4]
        specs = [line.split() for line in lines[1 : 1 + int(channels)]]
        # Gain may carry units and a baseline: 200(1024)/mV.
        gains = [float(spec[2].split("/")[0].split("(")[0]) for spec in specs]
        zeros = [int(spec[4]) for spec in specs]
        rate, count = float(hertz.split("/")[0]), int(samples)
        names = [" ".join(spec[8:]) for spec in specs]
    except (ValueError, IndexError) as error:
        raise fail(CARD, f"holds {header.name}, which is no header ({error})") from None
    if len(specs) != 2 or any(spec[1] != "212" for spec in specs):
        raise fail(CARD, f"holds {header.name}, which is not two signals of format 212")
    raw = np.frombuffer(header.with_suffix(".dat").read_bytes(), dtype=np.uint8)
    if len(raw) < 3 * count:
        raise fail(CARD, f"holds {header.stem}.dat of {len(raw):,} bytes; expected {3 * count:,}")
    low, middle, high = raw[: 3 * count].reshape(-1, 3).astype(np.int16).T
    pair = (low | ((middle & 0x0F) << 8), high | ((middle & 0xF0) << 4))
    signals = {
        name: (np.where(raw_signal > 2047, raw_signal - 4096, raw_signal).astype(np.float32) - zero)
        / np.float32(gain or 200)
        for name, raw_signal, zero, gain in zip(names, pair, zeros, gains, strict=True)
    }
    about = notes[0] if notes else []
    age = float(about[0]) if about and about[0].isdigit() else float("nan")
    sex = {"M": "male", "F": "female"}.get(about[1] if len(about) > 1 else "", "")
    return Record(signals, rate, age, sex)


def read_annotations(path: Path) -> Iterator[tuple[int, int]]:
    """Sample and code of each annotation of a file in MIT format.

    Raises:
        DataError: the file ends within an annotation.
    """
    words = np.frombuffer(path.read_bytes()[: path.stat().st_size // 2 * 2], dtype="<u2")
    at, time = 0, 0
    while at < len(words):
        code, step = int(words[at]) >> 10, int(words[at]) & 0x3FF
        at += 1
        if code == 0 and step == 0:
            return
        if code == _SKIP:
            if at + 2 > len(words):
                raise fail(CARD, f"holds {path.name}, which ends within an annotation")
            # A long interval has its high word first.
            time += int(np.int32(np.uint32(int(words[at]) << 16 | int(words[at + 1]))))
            at += 2
        elif code == _AUX:
            at += (step + 1) // 2
        elif code not in _EXTRAS:
            time += step
            yield time, code
