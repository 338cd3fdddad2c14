"""Real series that a decision is compared with: those decided otherwise where there are any."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from caudal.explain.influence.target import Question

MOST, _POOL, _ENOUGH = 16, 512, 4


@dataclass(frozen=True, eq=False)
class References:
    """Series that stand for what else could have been observed, as many for each series explained.

    Attributes:
        x, dt: `(series, references, time, input)` and `(series, references, time)`, cut to the steps of each series.
        names: `(series)` tuples, the different references of each.
        alike: `(series,)` share of the references that are decided as the series is; 1 where nothing is decided.

    Example:
        >>> from caudal.explain import ask
        >>> from caudal.nn import LTC, Readout
        >>> question = ask(Readout(LTC(2, 3), 2), torch.randn(6, 5, 2))
        >>> references(question).x.shape
        torch.Size([6, 16, 5, 2])
    """

    x: Tensor
    dt: Tensor
    names: tuple[tuple[str, ...], ...]
    alike: Tensor

    @property
    def count(self) -> int:
        """References of each series."""
        return int(self.x.shape[1])

    def rows(self, index: Tensor) -> "References":
        """The references of some of the series; a series may come several times."""
        names = tuple(self.names[k] for k in index.tolist())
        return References(self.x[index], self.dt[index], names, self.alike[index])

    def first(self, count: int) -> "References":
        """At most so many references of each series, spread over all."""
        if count >= self.count:
            return self
        chosen = spread(self.count, count).to(self.x.device)
        return References(self.x[:, chosen], self.dt[:, chosen], self.names, self.alike)


def spread(length: int, count: int) -> Tensor:
    """`count` positions from 0 to `length - 1` at equal distances; some come twice where there are fewer.

    Example:
        >>> spread(10, 4).tolist(), spread(2, 4).tolist()
        ([0, 3, 6, 9], [0, 0, 1, 1])
    """
    if count == 1:
        return torch.tensor([(length - 1) // 2])
    return torch.linspace(0, length - 1, count, dtype=torch.float64).round().long()


def references(question: Question, others: Question | None = None, most: int = MOST) -> References | None:
    """Real series to compare each series of a question with, chosen from given ones, always in the same way.

    Of a decision: series decided otherwise, spread over the order in which they were given; where there are fewer than
    four, the series that come nearest to being decided otherwise. Of a number: spread over the order. A series is never
    compared with itself. A reference is cut to the steps of its series; where it ends before, its last step goes on.
    Where there are fewer series than `most`, some count more than once.

    Arguments:
        question: what is asked.
        others: series to choose from, of the same net; those of the question itself if left out.
        most: references of each series.

    Returns:
        the references, or None where there is no other series.
    """
    pool = question if others is None else others
    if len(pool) > _POOL:
        pool = pool.rows(spread(len(pool), _POOL).to(pool.x.device))
    if len(set(pool.series) | set(question.series)) < 2 or not len(pool):
        return None
    scores = pool.answers()
    x, dt, names, alike = [], [], [], []
    for row in range(len(question)):
        chosen = _chosen(question.rows(torch.tensor([row])), pool, scores, most)
        if not len(chosen):
            return None
        steps = question.x.shape[1]
        series, gaps = _fitted(pool, chosen, steps)
        use = question.mask[row]
        x.append(torch.where(use[:, None], series, 0))
        dt.append(torch.where(use, gaps, 0))
        names.append(tuple(dict.fromkeys(pool.series[k] for k in chosen.tolist())))
        asked = question.rows(torch.full((len(chosen),), row))
        same = asked.kept(asked.answers(x=x[-1], dt=dt[-1])) if question.decides else torch.ones(1)
        alike.append(same.double().mean())
    return References(torch.stack(x), torch.stack(dt), tuple(names), torch.stack(alike))


def _chosen(asked: Question, pool: Question, scores: Tensor, most: int) -> Tensor:
    """Positions in the pool of the references of one series."""
    others = torch.tensor([k for k, name in enumerate(pool.series) if name != asked.series[0]], dtype=torch.long)
    if len(others) and asked.decides:
        about = replace(pool.rows(others), target=asked.target.expand(len(others)))
        otherwise = others[~about.kept(scores[others])]
        nearest = others[about.of(scores[others]).argsort(stable=True)[:most]]
        others = otherwise if len(otherwise) >= _ENOUGH else nearest
    return others[spread(len(others), most)] if len(others) else others


def _fitted(pool: Question, chosen: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Inputs and elapsed times of references over so many steps; the last step of a shorter one goes on."""
    series, gaps = [], []
    for row in chosen.tolist():
        real = pool.mask[row].nonzero()[:, 0]
        at = real[torch.arange(steps, device=real.device).clamp_max(len(real) - 1)]
        series.append(pool.x[row, at])
        gaps.append(pool.dt[row, at])
    return torch.stack(series), torch.stack(gaps)
