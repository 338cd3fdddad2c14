"""Pictures that pages draw when the site is built: the strip of results, the choice of a cell, and what blocks draw."""

import re
from functools import cache
from pathlib import Path

from caudal.report.html import join, tag
from caudal.report.numbers import LANGUAGES

STRIP = re.compile(r"^<!-- strip: (en|es) -->$", re.M)
CHOICE = re.compile(r"^<!-- choice: (en|es) -->$", re.M)
# Python blocks of a page share their names; one behind this mark leaves an SVG document in `picture`.
BLOCK = re.compile(r"^(?P<mark><!-- drawn -->\n)?```python\n(?P<code>.*?)^```$", re.M | re.S)
STANDING = {"better": "▲", "worse": "▼", "alike": "=", "undecided": "·"}
NAMES = {
    "halfcheetah": "half-cheetah",
    "japanese-vowels": "Japanese vowels",
    "nafld": "NAFLD",
    "physionet2012": "PhysioNet 2012",
}
WORDS = {
    "ahead": ("liquid ahead by the mean", "la líquida delante por la media"),
    "behind": ("behind by the mean", "detrás por la media"),
    "better": ("liquid better", "la líquida, mejor"),
    "worse": ("liquid worse", "la líquida, peor"),
    "alike": ("alike", "iguales"),
    "undecided": ("undecided", "sin decidir"),
    "studies": (
        "Best liquid against best traditional model, four data sets",
        "El mejor modelo líquido frente al mejor tradicional, cuatro conjuntos",
    ),
    "driving": (
        "Driving with faults: an LTC circuit against LSTM, GRU and MLP",
        "Conducir con fallos: un circuito LTC frente a LSTM, GRU y MLP",
    ),
}


def say(key, lang):
    return WORDS[key][LANGUAGES.index(lang)]


@cache
def results():
    """Verdicts of the studies by name, and of the driving comparisons of the LTC circuit."""
    from caudal.report import read
    from studies import driving

    folder = Path("benchmarks/results")
    studies = {}
    for path in sorted((folder / "studies").glob("*.json")):
        pair = read(path).verdict.liquid_against_traditional
        studies[NAMES.get(path.stem, path.stem)] = (pair.verdict, pair.difference.value)
    duels = [duel.word for duel in driving.duels(driving.read(folder / "drive.json")) if duel.model == "ltc-ncp"]
    return studies, duels


def strip(lang):
    """Wins, ties and losses of the kept records, one mark each."""
    studies, duels = results()
    marks = []
    for name, (verdict, difference) in studies.items():
        lead = say("ahead" if difference > 0 else "behind", lang)
        marks.append(tag("li", f"{STANDING[verdict]} {name}: {lead}, {say(verdict, lang)}", class_=verdict))
    order = ("better", "alike", "undecided", "worse")
    boxes = [
        tag("li", STANDING[word], class_=word, title=say(word, lang))
        for word in order
        for _ in range(duels.count(word))
    ]
    counts = ", ".join(f"{STANDING[word]} {duels.count(word)} {say(word, lang)}" for word in order)
    rows = ((say("studies", lang), marks, ""), (say("driving", lang), boxes, counts))
    parts = (join([tag("p", title), tag("ul", *items), tag("p", note) if note else ""]) for title, items, note in rows)
    return tag("div", *parts, class_="strip")


QUESTIONS = {
    "en": (
        ("Regular clock, accuracy is all?", "a GRU, or boosted trees", "when-not.html"),
        ("Must it be drawn, cut and proven?", "LTC over a circuit", "cells/ltc.html"),
        ("The same, on a slow machine?", "WiredCfC or LRC", "cells/wired-cfc.html"),
        ("Many or long series, unseen gaps?", "LiquidSSM", "cells/liquid-ssm.html"),
        ("None of these?", "CfC, and compare", "cells/cfc.html"),
    ),
    "es": (
        ("¿Reloj regular y solo importa acertar?", "una GRU o árboles", "cuando-no.html"),
        ("¿Hay que dibujarla, cortarla y demostrarla?", "LTC sobre un circuito", "../cells/ltc.html"),
        ("¿Lo mismo, en una máquina lenta?", "WiredCfC o LRC", "../cells/wired-cfc.html"),
        ("¿Series muchas o largas, huecos nuevos?", "LiquidSSM", "liquid-ssm.html"),
        ("¿Nada de eso?", "CfC, y comparar", "../cells/cfc.html"),
    ),
}
YES_NO = {"en": ("yes", "no"), "es": ("sí", "no")}


def choice(lang):
    """The questions of the page on cells as a picture whose answers can be clicked."""
    yes, no = YES_NO[lang]
    parts, step, last = [], 78, len(QUESTIONS[lang]) - 1
    for k, (question, answer, link) in enumerate(QUESTIONS[lang]):
        y = 10 + k * step
        parts.append(tag("rect", x=2, y=y, width=352, height=48, rx=6, class_="question"))
        parts.append(tag("text", question, x=178, y=y + 29, text_anchor="middle"))
        parts.append(tag("path", d=f"M354 {y + 24}H452", class_="way"))
        parts.append(tag("text", yes, x=403, y=y + 18, text_anchor="middle", class_="word"))
        box = tag("rect", x=452, y=y, width=226, height=48, rx=24, class_="answer")
        parts.append(tag("a", box, tag("text", answer, x=565, y=y + 29, text_anchor="middle"), href=link, tabindex="0"))
        if k < last:
            parts.append(tag("path", d=f"M178 {y + 48}V{y + step}", class_="way"))
            parts.append(tag("text", no, x=188, y=y + 67, class_="word"))
    box = f"0 0 680 {10 + last * step + 58}"
    return tag("div", tag("svg", *parts, viewBox=box, role="group", class_="choice"), class_="choose")


def drawn(markdown):
    """The page with the picture of each marked block behind it."""
    if "<!-- drawn -->" not in markdown:
        return markdown
    import os
    import tempfile

    names, home = {"__name__": "page"}, Path.cwd()

    def shown(match):
        exec(match["code"], names)
        code = f"```python\n{match['code']}```"
        return f'{code}\n\n<div class="drawn">{names["picture"]}</div>\n' if match["mark"] else code

    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        try:
            return BLOCK.sub(shown, markdown)
        finally:
            os.chdir(home)


def placed(markdown):
    """A page with all its pictures."""
    markdown = STRIP.sub(lambda match: strip(match[1]), markdown)
    return drawn(CHOICE.sub(lambda match: choice(match[1]), markdown))
