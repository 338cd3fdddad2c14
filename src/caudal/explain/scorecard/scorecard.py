"""Checks that every explanation carries: whether it adds up, depends on what was learnt, matters, and holds still."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from caudal.explain.influence.influence import Baseline, influence
from caudal.explain.influence.masks import ends, is_wired, spread_neurons
from caudal.explain.influence.record import TOLERANCE, Influence, Score, Scorecard
from caudal.explain.influence.target import Question
from caudal.explain.scorecard.randomised import counted, known_mean, likeness, spearman

DRAWS, NOISE, ORDERS = 10, 0.01, 5
RHO, AGREES, STABLE = 0.20, 0.90, 0.90


class Checks(NamedTuple):
    """How much work to spend on a scorecard.

    Attributes:
        series: most series that are checked.
        draws: how often the net is drawn anew.
        cells: most inputs or gaps of a series whose real effect is measured.
        seed: of draws and noise; the caller's random state is not touched.
    """

    series: int = 8
    draws: int = DRAWS
    cells: int = 64
    seed: int = 0


def scorecard(
    question: Question, attribution: Influence, checks: Checks | None = None, baseline: Baseline | None = None
) -> Scorecard:
    """The scorecard of an influence: every check, measured on the series it explains.

    Arguments:
        question: what was asked.
        attribution: what `influence` answered.
        checks: how much work to spend; series beyond its number are left out, evenly.
        baseline: as given to `influence`.

    Source: randomisation: Adebayo et al., NeurIPS 2018 (arXiv 1810.03292); deletion and insertion: Petsiuk et al., BMVC
    2018 (arXiv 1806.07421), with random orders beside them.

    Example:
        >>> from caudal.explain import ask
        >>> from caudal.nn import LTC, Readout
        >>> question = ask(Readout(LTC(2, 3), 2), torch.randn(4, 5, 2))
        >>> card = scorecard(question, influence(question), Checks(draws=2))
        >>> [score.name for score in card.scores]
        ['completeness', 'randomisation', 'deletion', 'insertion', 'stability', 'ablation']
    """
    checks, baseline = checks or Checks(), baseline or Baseline()
    count = min(checks.series, len(question))
    index = torch.linspace(0, len(question) - 1, count).round().long()
    asked = question.rows(index)
    values = torch.as_tensor(attribution.values[index.numpy()]).flatten(1)

    def explainer(other: Question) -> Tensor:
        repeated = influence(other, attribution.on, attribution.method, baseline=baseline)  # type: ignore[arg-type]  # of the record
        return torch.as_tensor(repeated.values).flatten(1)

    generator = torch.Generator().manual_seed(checks.seed)
    scores = [_completeness(attribution)] if attribution.adds_up else []
    scores.append(_randomisation(asked, attribution.on, values, explainer, checks))
    scores += _curves(asked, attribution.on, values, baseline, generator)
    scores.append(_stability(asked, values, explainer, generator))
    if attribution.method not in ("removal", "occlusion"):
        scores.append(_ablation(asked, attribution.on, values, baseline, checks, generator))
    return Scorecard(tuple(scores), count)


def _completeness(attribution: Influence) -> Score:
    meaning = "how far the values miss the output, in the worst series"
    return Score("completeness", attribution.delta, f"at most {TOLERANCE:g}", attribution.delta <= TOLERANCE, meaning)


def _randomisation(
    question: Question, on: str, values: Tensor, explainer: Callable[[Question], Tensor], checks: Checks
) -> Score:
    there = counted(question, on, values)
    value = likeness(question, values, explainer, checks.draws, checks.seed, there).over_series
    meaning = (
        "signed rank correlation with the same net drawn anew, mean over series, its size over draws; 1 is unlearnt"
    )
    return Score("randomisation", value, f"at most {RHO:g}", value <= RHO, meaning)


def _stability(
    question: Question, values: Tensor, explainer: Callable[[Question], Tensor], generator: torch.Generator
) -> Score:
    spread = question.x[question.mask].std(0, correction=0)
    noise = torch.randn(question.x.shape, generator=generator, dtype=torch.float64).to(question.x)
    shaken = torch.where(question.mask[..., None], question.x + NOISE * spread * noise, 0)
    value = known_mean(spearman(values, explainer(replace(question, x=shaken))))
    meaning = f"rank correlation after noise of {NOISE:.0%} of each input's spread"
    return Score("stability", value, f"at least {STABLE:g}", value >= STABLE, meaning)


def without(question: Question, on: str, gone: Tensor, baseline: Baseline) -> Tensor:
    """The number asked for with some entries at their baseline or cut; `gone (batch, entries)` bool, as flattened."""
    if on in ("neurons", "synapses"):
        strength = (~gone).to(question.x.dtype)
        if on == "neurons":
            strength = spread_neurons(strength, *(end.to(gone.device) for end in ends(question.model)))
        return question.values(synapses=strength)
    x0, dt0 = (torch.as_tensor(value).to(question.x) for value in baseline)
    shape = question.x.shape
    none = torch.zeros(shape[:2], dtype=torch.bool, device=gone.device)
    if on == "inputs":
        cells, gaps = gone.view(shape), none
    elif on == "everything":
        both = gone.view(*shape[:2], shape[2] + 1)
        cells, gaps = both[..., :-1], both[..., -1]
    else:
        gaps = gone.view(shape[:2])
        cells = (gaps if on == "steps" else none)[..., None].expand(shape)
    x = torch.where(cells & question.mask[..., None], x0, question.x)
    return question.values(x=x, dt=torch.where(gaps & question.mask, dt0, question.dt))


def _curves(question: Question, on: str, values: Tensor, baseline: Baseline, generator: torch.Generator) -> list[Score]:
    """Deletion and insertion, each against random orders; of neurons only where they can be cut."""
    if on == "neurons" and not is_wired(question.model):
        return []
    shares = torch.linspace(0.1, 0.9, 9)
    there = counted(question, on, values)

    def areas(order_by: Tensor) -> tuple[float, float]:
        rank = order_by.masked_fill(~there, -torch.inf).argsort(dim=1, descending=True).argsort(dim=1)
        total = there.sum(1, keepdim=True)
        deleted = [without(question, on, (rank < share * total) & there, baseline) for share in shares]
        inserted = [without(question, on, (rank >= share * total) & there, baseline) for share in shares]
        return float(torch.stack(deleted).mean()), float(torch.stack(inserted).mean())

    ordered = areas(values)
    random = [areas(torch.rand(values.shape, generator=generator)) for _ in range(ORDERS)]
    names = ("deletion", "insertion")
    words = ("taken away, strongest first; lower than at random", "put in, strongest first; higher than at random")
    scores = []
    for k in range(2):
        at_random = sum(pair[k] for pair in random) / ORDERS
        gain = (at_random - ordered[k]) if k == 0 else (ordered[k] - at_random)
        meaning = f"mean {question.unit} gained over random orders, entries {words[k]}"
        scores.append(Score(names[k], gain, "above 0", gain > 0, meaning))
    return scores


def _ablation(
    question: Question, on: str, values: Tensor, baseline: Baseline, checks: Checks, generator: torch.Generator
) -> Score:
    """Per-series signed rank correlation with the real effect of taking entries away one at a time."""
    if on in ("neurons", "synapses"):
        effects = torch.as_tensor(influence(question, on, "removal").values)  # type: ignore[arg-type]  # one of the two
        rho = spearman(values, effects)
    else:
        rho = torch.stack(
            [_cells(question, on, values, row, baseline, checks, generator) for row in range(len(question))]
        )
    value = known_mean(rho)
    what = {"neurons": "cutting each neuron", "synapses": "cutting each synapse"}.get(
        on, "setting each to its baseline"
    )
    return Score("ablation", value, f"at least {AGREES:g}", value >= AGREES, f"signed rank correlation with {what}")


def _cells(
    question: Question,
    on: str,
    values: Tensor,
    row: int,
    baseline: Baseline,
    checks: Checks,
    generator: torch.Generator,
) -> Tensor:
    asked = question.rows(torch.tensor([row]))
    there = counted(asked, on, values[row : row + 1])[0].nonzero()[:, 0]
    chosen = there[torch.randperm(len(there), generator=generator)[: checks.cells]]
    if len(chosen) < 2:
        return torch.tensor(float("nan"), dtype=torch.float64)
    gone = torch.zeros(len(chosen), values.shape[1], dtype=torch.bool)
    gone[torch.arange(len(chosen)), chosen] = True
    many = question.rows(torch.full((len(chosen),), row))
    effect = asked.values() - without(many, on, gone, baseline)
    return spearman(values[row, chosen][None], effect[None])[0]


def scored(
    question: Question, attribution: Influence, checks: Checks | None = None, baseline: Baseline | None = None
) -> Influence:
    """The influence with its scorecard filled in."""
    return replace(attribution, scorecard=scorecard(question, attribution, checks, baseline))
