"""Which constraint and which method, why, and at which cost: a documented table of rules, not an oracle.

What decides, in this order:

1. Who is harmed by which error (`stakes`) names the constraint. Where it is a missed positive (care, credit), equal
   opportunity; where errors of both kinds harm, equalised odds; where a good is to be handed out alike whatever the
   records say, demographic parity.
2. Biased labels overrule that: false positives counted against labels that deny a group its positives are partly true
   positives, and making *them* equal keeps the wrong. Then it is equal opportunity, before or during training.
   Blum & Stangl 2019 (arXiv:1912.01094), Jiang & Nachum 2019 (arXiv:1901.04966), and `python -m benchmarks fair`.
3. Whether the attribute may be read at each decision decides between thresholds by group and everything else.
4. A `Diagnosis` of labels or of a level that no evidence from outside the data supports may as well be a true
   difference. Against one, reweighing gains nothing and costs accuracy, and cutting the attribute out takes what the
   decision needs. So evidence comes first: some labels checked, or knowledge of the instrument and of the groups.
5. Rarer measurement is a lack of information. Of weights, prices and thinning the others in training, none is shown to
   narrow the gap; measuring the group as often wins accuracy, and narrowed it most (`python -m benchmarks sampling`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from caudal.errors import InputError
from caudal.fair.advise.words import TEXTS
from caudal.fair.diagnose.diagnose import Diagnosis, Kind
from caudal.fair.groups import LEAST
from caudal.fair.mitigate.soft_rates import Constraint

Stakes = Literal["missed", "both", "share"]
Method = Literal[
    "reweighing",
    "penalty",
    "Lagrangian",
    "circuit",
    "thresholds by group",
    "one threshold",
    "more data",
    "measure more",
    "evidence",
    "nothing",
]
_KINDS: tuple[Kind, ...] = get_args(Kind)
_ALIKE = 0.02
# What groups may differ in by nature, so that a remedy may do harm.
_BY_NATURE = ("labels", "proxy")


@dataclass(frozen=True)
class Advice:
    """The constraint and the method advised for a kind of bias, with reasons, cost and conflicts.

    Attributes:
        constraint: what to make alike.
        method: to try first.
        then: to try if that does not do, in order.
        why: codes of the reasons.
        cost: code of what it is likely to cost.
        conflicts: codes of what cannot be had at the same time.
        least: positives of the smallest group, where they were told and are fewer than 30.
    """

    constraint: Constraint
    method: Method
    then: tuple[Method, ...]
    why: tuple[str, ...]
    cost: str
    conflicts: tuple[str, ...]
    least: int | None = None

    def words(self, language: str = "en") -> str:
        """The advice in sentences, in English or Spanish (`"es"`).

        Raises:
            InputError: the language is another.
        """
        if language not in TEXTS:
            raise InputError("Advice.words", "language", f"is {language!r}", 'Pass "en" or "es".')
        texts = TEXTS[language]
        then = ", ".join(texts[method] for method in self.then)
        first = texts["advice"].format(constraint=texts[self.constraint], method=texts[self.method])
        parts = [first, *(texts[code] for code in self.why), texts[self.cost]]
        parts += [texts["then"].format(methods=then)] if then else []
        parts += [texts["conflicts"], *(texts[code] for code in self.conflicts)] if self.conflicts else []
        if self.least is not None:
            parts.append(texts["few positives"].format(least=self.least))
        if {"penalty", "Lagrangian"} & {self.method, *self.then}:
            parts.append(texts["collapse"])
        return " ".join([*parts, texts["curve"]])


def advise(
    diagnosis: Diagnosis | Kind,
    *,
    stakes: Stakes = "missed",
    at_decision: bool = False,
    base_rates: Sequence[float] | None = None,
    positives: Sequence[int] | None = None,
) -> Advice:
    """Advice for a diagnosed bias: constraint, method, what to try then, cost, and what it conflicts with.

    Arguments:
        diagnosis: of the data, or a kind of bias that you know of. What a diagnosis suspects with low confidence is
            not acted on before there is evidence from outside the data.
        stakes: the error that harms: `"missed"` positives, `"both"` errors, or any difference in the `"share"`.
        at_decision: whether each decision may read the attribute; in lending and hiring, law often forbids it.
        base_rates: share of positives in each group, where known.
        positives: training series of each group whose positive class is true, where known. Where the smallest group has
            fewer than 30, a price in training is not named first: it would teach chance, and may drive a net to one
            answer for all.

    Raises:
        InputError: kind or stakes are unknown, a base rate is no share, or a count is negative.

    Example:
        >>> advice = advise("labels", stakes="both", base_rates=(0.5, 0.3))
        >>> advice.constraint, advice.method, advice.conflicts[0]
        ('equal_opportunity', 'reweighing', 'odds of biased labels')
        >>> advise("none", stakes="both", at_decision=True).method
        'nothing'
        >>> advise("sampling rate", positives=(400, 12)).method
        'measure more'
    """
    kind = diagnosis.kind if isinstance(diagnosis, Diagnosis) else diagnosis
    for name, value, known in (("diagnosis", kind, _KINDS), ("stakes", stakes, get_args(Stakes))):
        if value not in known:
            raise InputError("advise", name, f"is {value!r}", f"Pass one of {', '.join(map(repr, known))}.")
    if base_rates is not None and not all(0 <= rate <= 1 for rate in base_rates):
        raise InputError("advise", "base_rates", f"is {tuple(base_rates)}", "Pass a share of each group, 0 to 1.")
    if positives is not None and (not len(positives) or min(positives) < 0):
        raise InputError("advise", "positives", f"is {tuple(positives)}", "Pass the count of each group.")
    usual: dict[Stakes, Constraint] = {
        "missed": "equal_opportunity",
        "both": "equalised_odds",
        "share": "demographic_parity",
    }
    constraint: Constraint = "equal_opportunity" if kind == "labels" and stakes == "both" else usual[stakes]
    method, then = _methods(kind, constraint, at_decision)
    doubtful = isinstance(diagnosis, Diagnosis) and diagnosis.confidence == "low" and kind in _BY_NATURE
    if doubtful:
        method, then = "evidence", (method, *then)
    least = None if positives is None or min(positives) >= LEAST else int(min(positives))
    if least is not None and method in ("Lagrangian", "penalty"):
        method, then = "more data", (*(other for other in then if other != "more data"), method)
    why = [f"stakes {stakes}", f"kind {kind}"]
    why += ["doubtful"] if doubtful else []
    why += ["attribute allowed" if at_decision else "attribute not allowed"] if kind != "none" else []
    cost = "cost gains" if kind == "labels" else "cost none" if kind == "none" else "cost some"
    return Advice(constraint, method, then, tuple(why), cost, conflicts(constraint, kind, stakes, base_rates), least)


def conflicts(
    constraint: Constraint, kind: Kind = "none", stakes: Stakes = "missed", base_rates: Sequence[float] | None = None
) -> tuple[str, ...]:
    """Codes of what cannot be had together with a constraint; `Advice.words` says them in sentences.

    Arguments:
        constraint: to be kept.
        kind: of bias.
        stakes: as in `advise`.
        base_rates: share of positives in each group; None where not known, and then nothing is said of them.

    Source: Kleinberg, Mullainathan & Raghavan 2016 (arXiv:1609.05807); Chouldechova 2017 (arXiv:1703.00056).

    Example:
        >>> conflicts("demographic_parity", base_rates=(0.1, 0.4))
        ('parity and odds', 'calibration and odds')
    """
    codes = ["odds of biased labels"] if kind == "labels" else []
    codes += ["parity of biased labels"] if kind == "labels" and constraint == "demographic_parity" else []
    codes += ["opportunity leaves false alarms"] if constraint == "equal_opportunity" and stakes == "both" else []
    if base_rates is not None and len(base_rates) > 1 and max(base_rates) - min(base_rates) > _ALIKE:
        codes += ["parity and odds", "calibration and odds"]
    return tuple(codes)


def _methods(kind: Kind, constraint: Constraint, at_decision: bool) -> tuple[Method, tuple[Method, ...]]:
    if kind == "none":
        return "nothing", ("penalty",)
    groups: tuple[Method, ...] = ("thresholds by group",) if at_decision else ("one threshold",)
    if kind == "labels":
        return "reweighing", ("penalty", "Lagrangian", *groups)
    if kind == "representation":
        return "more data", ("reweighing", "Lagrangian", *groups)
    if kind == "sampling rate":
        return "measure more", groups
    if kind == "proxy":
        return "circuit", ("reweighing", "Lagrangian", *groups)
    if at_decision:
        return "thresholds by group", ("more data", "Lagrangian")
    return "Lagrangian", ("more data", "one threshold")
