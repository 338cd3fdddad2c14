"""Checks that every explanation carries: whether it adds up, depends on what was learnt, matters, and holds still."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple, cast

import torch
from torch import Tensor

from caudal.explain.influence.influence import Baseline, Method, influence
from caudal.explain.influence.masks import ends, is_wired, spread_neurons
from caudal.explain.influence.record import TOLERANCE, Influence, On, Score, Scorecard
from caudal.explain.influence.references import References
from caudal.explain.influence.target import Question
from caudal.explain.scorecard.randomised import counted, known_mean, likeness, spearman

DRAWS, NOISE, ORDERS = 10, 0.01, 5
RHO, AGREES, STABLE = 0.20, 0.35, 0.90
# Explanations to compare with others are computed against few references; their mean moves little with more.
_FEW_REFERENCES = 4
# An entry that moves the output by this share of the whole difference matters by itself.
ALONE = 0.4


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
    question: Question,
    attribution: Influence,
    checks: Checks | None = None,
    baseline: Baseline | References | None = None,
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
    background = baseline.rows(index) if isinstance(baseline, References) else baseline
    few = background.first(_FEW_REFERENCES) if isinstance(background, References) else background

    on, method = cast(On, attribution.on), cast(Method, attribution.method)

    def explainer(other: Question, against: Baseline | References = few) -> Tensor:
        repeated = influence(other, on, method, baseline=against)
        return torch.as_tensor(repeated.values).flatten(1)

    generator = torch.Generator().manual_seed(checks.seed)
    scores = [_completeness(attribution)] if attribution.adds_up else []
    # Two unrelated explanations of a single series often resemble each other by chance.
    if count > 1:
        scores.append(_randomisation(asked, attribution.on, values, explainer, checks))
    scores += _curves(asked, attribution.on, values, few, generator)
    scores.append(_stability(asked, values, partial(explainer, against=background), generator))
    if attribution.method not in ("removal", "occlusion", "swap"):
        scores.append(_ablation(asked, on, values, background, checks))
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


def without(question: Question, on: str, gone: Tensor, baseline: Baseline | References) -> Tensor:
    """The number asked for with some entries swapped, at their baseline or cut; `gone (batch, entries)`, as flattened.

    Against references it is the mean over them.
    """
    if on in ("neurons", "synapses"):
        strength = (~gone).to(question.x.dtype)
        if on == "neurons":
            strength = spread_neurons(strength, *(end.to(gone.device) for end in ends(question.model)))
        return question.values(synapses=strength)
    if isinstance(baseline, References):
        points = (Baseline(baseline.x[:, k], baseline.dt[:, k]) for k in range(baseline.count))
        return torch.stack([without(question, on, gone, point) for point in points]).mean(0)
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


def _curves(
    question: Question, on: str, values: Tensor, baseline: Baseline | References, generator: torch.Generator
) -> list[Score]:
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


def _ablation(question: Question, on: On, values: Tensor, baseline: Baseline | References, checks: Checks) -> Score:
    """What taking the strongest entry away really does, as a share of the most that any does; mean over series."""
    if on in ("neurons", "synapses"):
        effects = torch.as_tensor(influence(question, on, baseline=baseline).values)
        shares = [agreement(row, effect) for row, effect in zip(values, effects, strict=True)]
    else:
        shares = [_cells(question, on, values, row, baseline, checks) for row in range(len(question))]
    value = known_mean(torch.tensor(shares))
    away = "swapping it for that of other series" if isinstance(baseline, References) else "taking it away"
    meaning = f"effect of the strongest, by {away}, as a share of the largest effect of any"
    return Score("ablation", value, f"at least {AGREES:g}", value >= AGREES, meaning)


def agreement(values: Tensor, effects: Tensor) -> float:
    """Effect of the strongest entry `(entries,)`, its sign included, as a share of the largest effect.

    1 is full agreement, 0 none, below 0 the contrary; NaN where nothing has an effect.

    Example:
        >>> agreement(torch.tensor([3.0, -4.0, 0.0]), torch.tensor([2.0, -1.0, 0.1]))
        0.5
    """
    strongest, most = values.abs().argmax(), effects.abs().max()
    return float(effects[strongest] * values[strongest].sign() / most) if bool(most > 0) else float("nan")


def _cells(
    question: Question, on: On, values: Tensor, row: int, baseline: Baseline | References, checks: Checks
) -> float:
    """Agreement of the strongest entry of one series with taking entries away, one at a time.

    The others tried are those that come next, and those that a gradient points at. Where none of them does much alone,
    since others stand in for it, the input of the strongest is taken away at all steps, as every other input is.
    """
    index = torch.tensor([row])
    asked = question.rows(index)
    here = baseline.rows(index) if isinstance(baseline, References) else baseline
    there = counted(asked, on, values[index])[0]
    if int(there.sum()) < 2:
        return float("nan")
    suspects = influence(asked, on, "occlusion" if on == "steps" else "gradient", baseline=here)
    sizes = (values[row].abs(), torch.as_tensor(suspects.values).flatten().abs())
    ranks = [torch.where(there, size, -1.0).argsort(descending=True)[: max(checks.cells // 2, 2)] for size in sizes]
    chosen = torch.unique(torch.cat(ranks))
    chosen = chosen[there[chosen]]
    sets = torch.zeros(len(chosen), len(there), dtype=torch.bool)
    sets[torch.arange(len(chosen)), chosen] = True
    effects = _effects(asked, on, sets, here)
    whole = float((suspects.output - suspects.reference).item())
    if float(effects.abs().max()) >= ALONE * abs(whole) or on in ("dt", "steps"):
        return agreement(values[row, chosen].double(), effects)
    columns = len(there) // question.x.shape[1]
    entry = torch.arange(len(there))
    by_input = _effects(asked, on, (entry % columns == torch.arange(columns)[:, None]) & there, here)
    strongest = int(values[row].abs().argmax())
    alone = torch.zeros(columns, dtype=torch.float64)
    alone[strongest % columns] = values[row, strongest].double()
    return agreement(alone, by_input)


def _effects(asked: Question, on: str, sets: Tensor, baseline: Baseline | References) -> Tensor:
    """Output of one series less that without each of `sets (sets, entries)`, `(sets,)`."""
    nothing = torch.zeros(len(sets), dtype=torch.long)
    against = baseline.rows(nothing) if isinstance(baseline, References) else baseline
    return (asked.values() - without(asked.rows(nothing), on, sets, against)).double()


def scored(
    question: Question,
    attribution: Influence,
    checks: Checks | None = None,
    baseline: Baseline | References | None = None,
) -> Influence:
    """The influence with its scorecard filled in."""
    return replace(attribution, scorecard=scorecard(question, attribution, checks, baseline))
