"""The pictures of a decision by themselves, as SVG and PNG files."""

from pathlib import Path

from caudal.explain.page.live import circuit_picture, states_picture, tau_picture
from caudal.explain.page.record import Decision
from caudal.explain.page.sections import saliency_picture
from caudal.explain.pictures import png
from caudal.explain.pictures.place import placed
from caudal.explain.words import words
from caudal.pages import Html


def drawn(found: Decision, lang: str = "en") -> dict[str, Html]:
    """SVG documents by name: `"saliency"`, `"states"`, and where the net has them `"circuit"` and `"tau"`.

    Raises:
        InputError: there are no words in that language.
    """
    said = words(lang)
    pictures = {"saliency": saliency_picture(found, said), "states": states_picture(found, said)}
    if found.wiring is not None:
        pictures["circuit"] = circuit_picture(found, found.wiring, said, len(found.time) - 1)
    if found.tau is not None:
        pictures["tau"] = tau_picture(found, found.tau, said)
    return pictures


def write_drawn(found: Decision, folder: str | Path, lang: str = "en", *, scale: float = 2.0) -> list[Path]:
    """Write each picture as SVG and as PNG; a missing folder is made.

    Raises:
        InputError: there are no words in that language, or the scale is out of range.
        MissingExtraError: resvg-py, which draws the PNG files, is not installed; nothing but SVG is written then.
        OSError: a file cannot be written.
    """
    place, made = Path(folder), []
    pictures = drawn(found, lang)
    for name, svg in pictures.items():
        made.append(placed(place / f"{name}.svg", f'<?xml version="1.0" encoding="UTF-8"?>\n{svg}\n'))
    made += [png(svg, place / f"{name}.png", scale=scale) for name, svg in pictures.items()]
    return made
