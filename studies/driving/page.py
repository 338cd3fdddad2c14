"""A report as one HTML page that needs nothing else: verdict, film, plots, tables, limits, in English or Spanish."""

import base64
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

from caudal.errors import FileFormatError, MissingFileError
from caudal.files import put
from caudal.intervals import Interval
from studies.driving.disturb import CLEAN
from studies.driving.film import film, take
from studies.driving.imitate import Lesson, policy
from studies.driving.plots import Dot, dots
from studies.driving.policy import units_and_synapses
from studies.driving.records import EXPERT, LIQUID, DriveReport
from studies.driving.scores import MARGIN, Duel, Score, duels, scores, word
from studies.driving.store import writable
from studies.driving.verdict import verdict
from studies.driving.words import number, words
from studies.racing import Simulator

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--good:#0E8F7433;--bad:#D55E0033}
body{font:16px/1.5 system-ui,sans-serif;max-width:1000px;margin:0 auto;padding:1rem;background:Canvas;color:CanvasText}
h1{line-height:1.2;font-size:1.7rem}h2{margin-top:2.2rem;font-size:1.25rem}
ul.verdict{padding:.8rem 1rem .8rem 2rem;border:1px solid var(--line);border-left:5px solid #0E8F74}
.verdict li{margin:.3rem 0}.plots{display:flex;flex-wrap:wrap;gap:1.5rem}.plots figure{flex:1 1 320px;margin:0}
.plots svg,img{width:100%;height:auto}img{max-width:760px;border:1px solid var(--line)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .55rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:Canvas;
white-space:normal;min-width:7.5rem}thead th{vertical-align:bottom}
@media(min-width:700px){th:first-child,td:first-child{min-width:14rem}}td.better{background:var(--good)}td.worse{background:var(--bad)}small{opacity:.75}
pre{overflow-x:auto;padding:.6rem;border:1px solid var(--line)}
@media print{body{max-width:none}.plots figure{break-inside:avoid}}
"""
_META = '<meta charset=utf-8><meta name=viewport content="width=device-width,initial-scale=1">'
SIGNS = {"better": "▲", "worse": "▼", "alike": "≈", "undecided": "·"}


def page(report: DriveReport, lang: str = "en", film: bytes | None = None) -> str:
    """The page of a report.

    Arguments:
        report: a finished study.
        lang: `"en"` or `"es"`.
        film: a GIF to put into it, or None.

    Raises:
        InputError: the language is unknown.
    """
    made = _Page(report, lang)
    say = made.say
    body = [
        f"<h1>{escape(say['title'])}</h1><p>{escape(made.lead())}</p>",
        f"<h2>{say['verdict']}</h2><ul class=verdict>",
        *(f"<li>{escape(line)}</li>" for line in verdict(report, lang)),
        "</ul>",
        _film(say, report, film),
        f"<h2>{say['returns']}</h2><p>{escape(made.returns())}</p><div class=plots>{made.plots()}</div>",
        made.table("returns", made.reward),
        f"<h2>{say['offs']}</h2><p>{escape(say['offs.text'])}</p>{made.table('offs', made.offs)}",
        f"<h2>{say['completion']}</h2><p>{escape(say['completion.text'])}</p>{made.table('completion', made.done)}",
        f"<h2>{say['duels']}</h2><p>{escape(made.chance())}</p>{made.duels(lambda one: one.reward)}",
        f"<h2>{say['kept']}</h2><p>{escape(say['kept.text'])}</p>{made.duels(lambda one: one.kept)}",
        f"<h2>{say['trained']}</h2><p>{escape(made.training())}</p>{made.trained()}",
        f"<h2>{say['limits']}</h2><ul>{made.limits()}</ul>",
        f"<h2>{say['repeat']}</h2><pre>{escape(report.recipe.command)}</pre>{made.versions()}",
    ]
    head = f"{_META}<style>{_STYLE}</style><title>{escape(say['title'])}</title>"
    return f"<!doctype html><html lang={lang}><head>{head}</head><body>{''.join(body)}</body></html>\n"


def _film(say: Mapping[str, str], report: DriveReport, film: bytes | None) -> str:
    if film is None:
        return ""
    text = escape(say["film.text"].format(model=say[filmed(report)]))
    data = base64.b64encode(film).decode()
    return f'<h2>{say["film"]}</h2><p>{text}</p><img alt="{text}" src="data:image/gif;base64,{data}">'


def filmed(report: DriveReport) -> str:
    """The network in the film: the LTC if it raced, since its circuit is drawn."""
    liquid = [model for model in report.recipe.models if model in LIQUID]
    return liquid[0] if liquid else report.recipe.models[0]


class _Page:
    """Parts of the page of one report in one language."""

    def __init__(self, report: DriveReport, lang: str) -> None:
        self.report, self.lang, self.say = report, lang, words(lang)
        self.by = {(one.model, one.disturbance): one for one in scores(report)}
        self.pairs = duels(report)
        self.drivers = (EXPERT, *report.recipe.models)

    def number(self, value: float, digits: int = 0) -> str:
        return number(value, self.lang, digits)

    def several(self, key: str, n: int) -> str:
        return self.say[f"{key}.one"] if n == 1 else self.say[f"{key}.many"].format(n=n)

    def lead(self) -> str:
        recipe = self.report.recipe
        told = self.several("conditions", len(recipe.disturbances))
        return self.say["lead"].format(episodes=recipe.episodes, conditions=told)

    def returns(self) -> str:
        most = max(one.reward for one in self.report.episodes if one.model == EXPERT)
        return self.say["returns.text"].format(most=self.number(most))

    def chance(self) -> str:
        count = len(self.pairs)
        return self.say["duels.text"].format(count=count, chance=round(0.05 * count), margin=round(MARGIN))

    def training(self) -> str:
        recipe = self.report.recipe
        rates = ", ".join(f"{rate:g}" if self.lang == "en" else f"{rate:g}".replace(".", ",") for rate in recipe.rates)
        return self.say["trained.text"].format(laps=recipe.laps, epochs=recipe.epochs, rates=rates.replace(", ", "; "))

    def limits(self) -> str:
        recipe = self.report.recipe
        seeds = self.several("seed", len(recipe.seeds))
        texts = self.say["limits.list"].format(seeds=seeds, frames=recipe.frames).split("|")
        return "".join(f"<li>{escape(text)}</li>" for text in texts)

    def versions(self) -> str:
        told = ", ".join(f"{name} {version}" for name, version in self.report.packages)
        return f"<p><small>{escape(self.say['repeat.text'].format(versions=told))}</small></p>"

    def plots(self) -> str:
        best = max(1.0, *(one.reward.high for one in self.by.values()))
        steps = range(0, int(best // 200 + 2) * 200, 200)
        ticks = [(float(t), self.number(t)) for t in steps]
        most = max(1.0, *(one.offs.high for one in self.by.values()))
        wide = 2 ** max(0, int(most / 5 - 1e-9).bit_length())
        aside = [(float(t), self.number(t)) for t in range(0, 5 * wide + 1, wide)]
        first = self._plot("returns", lambda one: one.reward, ticks, 0)
        return first + self._plot("offs", lambda one: one.offs, aside, 1)

    def _plot(
        self, key: str, value: Callable[[Score], Interval], ticks: Sequence[tuple[float, str]], digits: int
    ) -> str:
        groups = {}
        for name in self.report.recipe.disturbances:
            rows = [(model, value(self.by[model, name])) for model in self.drivers]
            groups[self.say[f"c.{name}"]] = [
                Dot(model, self.say[model], one, self.interval(one, digits)) for model, one in rows
            ]
        return f"<figure><figcaption>{self.say[key]}</figcaption>{dots(self.say[key], groups, ticks)}</figure>"

    def interval(self, one: Interval, digits: int = 0) -> str:
        low, high = (self.number(end, digits) for end in (one.low, one.high))
        return f"{self.number(one.value, digits)} ({low} … {high})"

    def reward(self, one: Score) -> str:
        return self._cell(one.reward, 0)

    def offs(self, one: Score) -> str:
        return self._cell(one.offs, 2)

    def done(self, one: Score) -> str:
        return f"{self.number(100 * one.completion.value)} % <small>({self.number(100 * one.laps)} %)</small>"

    def _cell(self, one: Interval, digits: int) -> str:
        ends = " … ".join(self.number(end, digits) for end in (one.low, one.high))
        return f"{self.number(one.value, digits)} <small>({ends})</small>"

    def table(self, key: str, cell: Callable[[Score], str]) -> str:
        rows = [
            [escape(self.say[f"c.{name}"]), *(cell(self.by[model, name]) for model in self.drivers)]
            for name in self.report.recipe.disturbances
        ]
        return _table(self.say[key], [self.say["disturbance"], *(self.say[m] for m in self.drivers)], rows)

    def duels(self, value: Callable[[Duel], Interval]) -> str:
        pairs = list(dict.fromkeys((one.model, one.rival) for one in self.pairs))
        by = {(one.model, one.rival, one.disturbance): one for one in self.pairs}
        rows = []
        for name in self.report.recipe.disturbances:
            cells = [escape(self.say[f"c.{name}"])]
            for model, rival in pairs:
                one = value(by[model, rival, name])
                told = word(one)
                tip = f"{self.say[told]}: {self.interval(one)}"
                cells.append(f'<td class={told} title="{tip}">{SIGNS[told]} {self.number(one.value)}</td>')
            rows.append(cells)
        heads = [f"{self.say[model]} / {self.say[rival]}" for model, rival in pairs]
        return _table(self.say["duels"], [self.say["disturbance"], *heads], rows) if pairs else ""

    def trained(self) -> str:
        rows = []
        for one in self.report.trained:
            loss = "–" if one.loss is None else self.number(one.loss, 4)
            mean = self.by[one.model, "clean"].by_seed[self.report.recipe.seeds.index(one.seed)]
            rows.append(
                [
                    f"{self.say[one.model]} {one.seed}",
                    self.number(one.parameters),
                    self.number(one.units),
                    self.number(one.synapses) if one.synapses else "–",
                    self.number(one.rate, 2),
                    self.number(one.best_epoch),
                    loss,
                    self.number(mean),
                ]
            )
        names = ("model", "parameters", "units", "synapses", "rate", "pass", "loss", "by_seed")
        return _table(self.say["trained"], [self.say[name] for name in names], rows)


def _table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th scope=col>{escape(text)}</th>" for text in heads)
    body = "".join(
        "<tr>" + "".join(cell if cell.startswith("<td") else f"<td>{cell}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    label = escape(caption, quote=True)
    return (
        f'<div class=scroll tabindex=0 role=region aria-label="{label}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


PAGE, FILM = "drive.html", "drive.gif"


def publish(report: DriveReport, folder: str | Path, lang: str = "en") -> tuple[Path, ...]:
    """Write `drive.html` and `drive.gif` into the folder of a study.

    Arguments:
        report: a finished study.
        folder: its folder, which holds the networks.
        lang: `"en"` or `"es"`.

    Returns:
        the files.

    Raises:
        MissingExtraError: Pillow or the simulator is not installed.
        MissingFileError: the networks are not in the folder.
        InputError: the language is unknown.
    """
    place, say = Path(folder), words(lang)
    model, seed = filmed(report), report.recipe.seeds[0]
    rate = next(one.rate for one in report.trained if (one.model, one.seed) == (model, seed))
    driver = policy(place / "models", Lesson(model, seed, rate))
    first = min(one.track for one in report.episodes)
    scene = take(Simulator("drive"), driver, (model, seed), CLEAN, first, report.recipe.frames)
    units, synapses = units_and_synapses(driver.net)
    moving = film(scene, driver, say["film.label"].format(model=say[model], units=units, synapses=synapses), lang)
    put(place / FILM, moving)
    put(place / PAGE, page(report, lang, moving))
    return place / PAGE, place / FILM


def read(path: str | Path) -> DriveReport:
    """The report in a file.

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: it holds something else.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise MissingFileError(f"drive: {path} is no file. Pass the drive.json of a study.") from error
    except UnicodeDecodeError as error:
        raise FileFormatError(f"drive: {path} is no text. Pass the drive.json of a study.") from error
    return DriveReport.from_json(text)


def redraw(path: str | Path, folder: str | Path, lang: str = "en") -> Path:
    """Write the page of a kept report into a folder, with the film that stands beside the report, if there is one.

    Raises:
        MissingFileError, FileFormatError: as `read`.
        InputError: the folder cannot be written into, or the language is unknown.
    """
    report, beside = read(path), Path(path).with_name(FILM)
    text = page(report, lang, beside.read_bytes() if beside.is_file() else None)
    place = writable(folder) / PAGE
    put(place, text)
    return place
