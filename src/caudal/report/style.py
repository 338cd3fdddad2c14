"""The look that pages share; each page adds what is its own."""

from importlib.resources import files


def sheet(room: str) -> str:
    """The common style sheet, and after it `static/page.css` of a room.

    Arguments:
        room: package of the page.

    Example:
        >>> sheet("caudal.report.decision").startswith(sheet("caudal.report.fairness")[:1000])
        True
    """
    common = (files("caudal.report") / "static" / "sheet.css").read_text(encoding="utf-8")
    return common + (files(room) / "static" / "page.css").read_text(encoding="utf-8")
