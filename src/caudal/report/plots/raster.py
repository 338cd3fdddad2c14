"""SVG pictures rendered to PNG files."""

import re
from pathlib import Path

from caudal.errors import InputError
from caudal.extras import need
from caudal.files import put


def placed(path: Path, content: str | bytes) -> Path:
    """Write a file whole or not at all; missing folders are made.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path, content)
    return path


_VARIABLE = re.compile(r"var\(--[\w-]+,\s*([^()]+)\)")
_MOST = 100.0


def png(svg: str, path: str | Path, *, scale: float = 2.0, background: str = "#ffffff") -> Path:
    """Write an SVG document as PNG, whole or not at all; missing folders are made.

    Arguments:
        svg: what `circuit`, `heat` and `lines` return.
        path: of the file.
        scale: pixels for each unit of the drawing.
        background: colour behind it.

    Raises:
        InputError: the text is no SVG document, the colour none, or the scale is not above 0 and at most 100.
        MissingExtraError: resvg-py is not installed.
        OSError: the file cannot be written.
    """
    if not 0 < scale <= _MOST:
        raise InputError("png", "scale", f"is {scale}; expected a number above 0, at most 100", "Pass for example 2.")
    renderer = need("png", "resvg_py")
    # A renderer of SVG knows no variables of CSS; each of ours says what it falls back on.
    plain = _VARIABLE.sub(r"\1", str(svg))
    try:
        drawn = bytes(renderer.svg_to_bytes(svg_string=plain, zoom=float(scale), background=background))
    except ValueError as error:
        raise InputError("png", "svg", f"cannot be drawn ({error})", "Pass what a picture returned.") from error
    return placed(Path(path), drawn)
