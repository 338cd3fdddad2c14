"""The pictures of a decision by themselves, as SVG and PNG files."""

from pathlib import Path

from caudal.explain.decision.record import Decision
from caudal.report.decision.live import circuit_picture, states_picture, tau_picture
from caudal.report.decision.sections import saliency_picture
from caudal.report.decision.words import words
from caudal.report.html import Html
from caudal.report.plots.raster import placed, png


def drawn(decision: Decision, lang: str = "en") -> dict[str, Html]:
    """SVG documents by name: `"saliency"`, `"states"`, and where the net has them `"circuit"` and `"tau"`.

    Raises:
        InputError: there are no words in that language.
    """
    texts = words(lang)
    pictures = {"saliency": saliency_picture(decision, texts), "states": states_picture(decision, texts)}
    if decision.wiring is not None:
        pictures["circuit"] = circuit_picture(decision, decision.wiring, texts, len(decision.time) - 1)
    if decision.tau is not None:
        pictures["tau"] = tau_picture(decision, decision.tau, texts)
    return pictures


def write_drawn(decision: Decision, folder: str | Path, lang: str = "en", *, scale: float = 2.0) -> list[Path]:
    """Write each picture as SVG and as PNG; a missing folder is made.

    Raises:
        InputError: there are no words in that language, or the scale is out of range.
        MissingExtraError: resvg-py, which draws the PNG files, is not installed; nothing but SVG is written then.
        OSError: a file cannot be written.
    """
    place, paths = Path(folder), []
    pictures = drawn(decision, lang)
    for name, svg in pictures.items():
        paths.append(placed(place / f"{name}.svg", f'<?xml version="1.0" encoding="UTF-8"?>\n{svg}\n'))
    paths += [png(svg, place / f"{name}.png", scale=scale) for name, svg in pictures.items()]
    return paths
