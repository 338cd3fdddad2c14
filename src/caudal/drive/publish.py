"""What people look at: the page and the film, beside the report that they are made from."""

from pathlib import Path

from caudal.data.racing import Simulator
from caudal.drive.disturb import CLEAN
from caudal.drive.files import writable
from caudal.drive.film import film, take
from caudal.drive.imitate import Lesson, policy
from caudal.drive.page import filmed, page
from caudal.drive.policy import units_and_synapses
from caudal.drive.records import DriveReport
from caudal.drive.words import words
from caudal.errors import FileFormatError, MissingFileError
from caudal.files import put

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
