"""A report as Markdown for the docs: verdict and tables, so that no figure of a page is typed by hand."""

from collections.abc import Callable, Sequence

from caudal.intervals import Interval
from studies.driving.page import SIGNS
from studies.driving.records import EXPERT, DriveReport
from studies.driving.scores import Duel, Score, duels, scores, word
from studies.driving.verdict import verdict
from studies.driving.words import number, words

PARTS = ("verdict", "returns", "offs", "completion", "duels", "kept", "trained")


def markdown(report: DriveReport, part: str, lang: str = "en") -> str:
    """One part of a report.

    Arguments:
        report: a finished study.
        part: one of `PARTS`.
        lang: `"en"` or `"es"`.

    Raises:
        InputError: the language is unknown.
        KeyError: there is no such part.
    """
    made = _Tables(report, lang)
    parts: dict[str, Callable[[], str]] = {
        "verdict": lambda: "".join(f"- {line}\n" for line in verdict(report, lang)),
        "returns": lambda: made.scores(lambda one: made.interval(one.reward, 0)),
        "offs": lambda: made.scores(lambda one: made.interval(one.offs, 2)),
        "completion": lambda: made.scores(made.completion),
        "duels": lambda: made.duels(lambda one: one.reward),
        "kept": lambda: made.duels(lambda one: one.kept),
        "trained": made.trained,
    }
    return parts[part]()


class _Tables:
    """Tables of one report in one language."""

    def __init__(self, report: DriveReport, lang: str) -> None:
        self.report, self.lang, self.say = report, lang, words(lang)
        self.by = {(one.model, one.disturbance): one for one in scores(report)}

    def interval(self, one: Interval, digits: int) -> str:
        low, high = (number(end, self.lang, digits) for end in (one.low, one.high))
        return f"{number(one.value, self.lang, digits)} ({low} … {high})"

    def completion(self, one: Score) -> str:
        share, laps = (number(100 * value, self.lang) for value in (one.completion.value, one.laps))
        return f"{share} % ({laps} %)"

    def scores(self, cell: Callable[[Score], str]) -> str:
        drivers = (EXPERT, *self.report.recipe.models)
        heads = [self.say["disturbance"], *(self.say[model] for model in drivers)]
        names = self.report.recipe.disturbances
        return _table(heads, [[self.say[f"c.{n}"], *(cell(self.by[m, n]) for m in drivers)] for n in names])

    def duels(self, value: Callable[[Duel], Interval]) -> str:
        by = {(one.model, one.rival, one.disturbance): one for one in duels(self.report)}
        pairs = list(dict.fromkeys((model, rival) for model, rival, _ in by))
        rows = []
        for name in self.report.recipe.disturbances:
            found = [value(by[model, rival, name]) for model, rival in pairs]
            cells = [f"{SIGNS[word(one)]} {number(one.value, self.lang)}" for one in found]
            rows.append([self.say[f"c.{name}"], *cells])
        heads = [f"{self.say[model]} / {self.say[rival]}" for model, rival in pairs]
        return _table([self.say["disturbance"], *heads], rows)

    def trained(self) -> str:
        names = ("model", "parameters", "units", "synapses", "rate", "pass", "loss", "by_seed")
        rows = []
        for one in self.report.trained:
            mean = self.by[one.model, "clean"].by_seed[self.report.recipe.seeds.index(one.seed)]
            loss = "–" if one.loss is None else number(one.loss, self.lang, 4)
            counts = [number(count, self.lang) if count else "–" for count in (one.parameters, one.units, one.synapses)]
            rate = number(one.rate, self.lang, 2)
            rows.append(
                [
                    f"{self.say[one.model]} {one.seed}",
                    *counts,
                    rate,
                    number(one.best_epoch, self.lang),
                    loss,
                    number(mean, self.lang),
                ]
            )
        return _table([self.say[name] for name in names], rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
