"""Everything of a release but the upload: builds, checks and describes it in `dist/`. Run `make release`."""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
# What an installed wheel has to do in an empty environment, as its first user would.
TRIALS = (["--version"], ["cells"], ["datasets", "nafld", "--load"], ["cite"])


class ReleaseError(Exception):
    """Why this tree cannot be released, and what to do."""


def main() -> int:
    """Build, check and describe; prints the two commands that remain for a person."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fast", action="store_true", help="leave out the trial in an empty environment and the SBOM")
    parser.add_argument("--dirty", action="store_true", help="allow changes that are not committed")
    args = parser.parse_args()
    try:
        version = stated_version(ROOT)
        if not args.dirty and run("git", "status", "--porcelain"):
            raise ReleaseError("the tree holds changes that are not committed; commit them, or try with --dirty")
        files = build_twice(DIST)
        check(files)
        if not args.fast:
            wheel = next(path for path in files if path.suffix == ".whl")
            files.append(try_wheel(wheel, DIST / f"caudal-{version}.cdx.json"))
            files.append(pack_pages(DIST / f"caudal-{version}-docs.zip"))
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    sums = DIST / "SHA256SUMS"
    sums.write_text("".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files))
    print(f"\n{sums.read_text()}")
    tell_about_address(ROOT)
    print(f"left for you:\n  git tag -s v{version} && git push --tags\n  twine upload dist/*.whl dist/*.tar.gz")
    return 0


def run(*words: str, env: dict[str, str] | None = None) -> str:
    """Standard output of a command.

    Raises:
        ReleaseError: it failed; with what it printed.
    """
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"{' '.join(words[:4])} ... failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def stated_version(root: Path) -> str:
    """The version, which package, changelog and citation state alike.

    Raises:
        ReleaseError: one of them states another.
    """
    version = _group(r'__version__ = "(.+)"', root / "src" / "caudal" / "_version.py")
    newest = _group(r"^## \[(\d[^]]*)\] - \d{4}-\d\d-\d\d$", root / "CHANGELOG.md")
    date = _group(r"^## \[\d[^]]*\] - (\d{4}-\d\d-\d\d)$", root / "CHANGELOG.md")
    cited = _group(r"^version: (.+)$", root / "CITATION.cff")
    released = _group(r"^date-released: (.+)$", root / "CITATION.cff")
    if not version == newest == cited or date != released:
        raise ReleaseError(
            f"_version.py states {version}, CHANGELOG.md {newest} of {date}, CITATION.cff {cited} of {released}; "
            "make them equal"
        )
    return version


def _group(pattern: str, path: Path) -> str:
    match = re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
    if match is None:
        raise ReleaseError(f"{path.name} holds no line like {pattern}")
    return match[1]


def build_twice(dist: Path) -> list[Path]:
    """Wheel and sdist in the folder, built two times with equal bytes; times in them are those of the last commit.

    Raises:
        ReleaseError: the bytes differ.
    """
    moment = os.environ.get("SOURCE_DATE_EPOCH") or run("git", "log", "-1", "--format=%ct")
    env = {**os.environ, "SOURCE_DATE_EPOCH": moment}
    dist.mkdir(exist_ok=True)
    for old in dist.glob("*"):
        old.unlink()
    with tempfile.TemporaryDirectory() as second:
        for folder in (str(dist), second):
            run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, env=env)
        files = [*dist.glob("*.whl"), *dist.glob("*.tar.gz")]
        for path in files:
            if path.read_bytes() != (Path(second) / path.name).read_bytes():
                raise ReleaseError(f"two builds of {path.name} differ")
    print(f"built twice with equal bytes: {', '.join(path.name for path in files)}")
    return files


def check(files: list[Path]) -> None:
    """Metadata, contents and completeness by the tools that the index and distributors use.

    Raises:
        ReleaseError: one of them objects.
    """
    tool = str(Path(sys.executable).parent)
    run(f"{tool}/twine", "check", "--strict", *map(str, files))
    run(f"{tool}/check-wheel-contents", *[str(path) for path in files if path.suffix == ".whl"])
    rating = run(f"{tool}/pyroma", "--min", "10", *[str(path) for path in files if path.suffix != ".whl"])
    print("twine, check-wheel-contents:", "good; pyroma:", _last_rating(rating))


def _last_rating(text: str) -> str:
    return re.findall(r"Final rating: (\S+)", text)[-1]


def try_wheel(wheel: Path, bom: Path) -> Path:
    """Install `caudal[compare]` from the wheel alone in an empty environment, run it, and write what is in it.

    Returns:
        `bom`, a CycloneDX list of every package and its licence.

    Raises:
        ReleaseError: the install, a command or `pip check` failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = f"{folder}/bin/python" if os.name != "nt" else f"{folder}/Scripts/python.exe"
        pip = (python, "-m", "pip", "--disable-pip-version-check")
        run(*pip, "install", "-q", "-c", "constraints.txt", f"{wheel}[compare]")
        run(*pip, "check")
        for words in TRIALS:
            run(python, "-I", "-m", "caudal", *words)
        tool = f"{Path(sys.executable).parent}/cyclonedx-py"
        end = ("--output-reproducible", "--mc-type", "library", "--output-file", str(bom), python)
        run(tool, "environment", "--pyproject", "pyproject.toml", *end)
    parts = json.loads(bom.read_text(encoding="utf-8"))["components"]
    print(
        f"installed from the wheel in an empty environment, {len(TRIALS)} commands ran; {bom.name}: {len(parts)} parts"
    )
    return bom


def pack_pages(path: Path) -> Path:
    """The site of this version as one archive, for a host that keeps a folder for each, or to read from disk.

    Returns:
        `path`.
    """
    with tempfile.TemporaryDirectory() as site:
        run(sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", site)
        path.unlink(missing_ok=True)
        shutil.make_archive(str(path.with_suffix("")), "zip", site)
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB of pages")
    return path


def tell_about_address(root: Path) -> None:
    """Say it where the address in the metadata is not the one that git pushes to."""
    stated = tomllib.loads((root / "pyproject.toml").read_text())["project"]["urls"]["Source"]
    origin = subprocess.run(
        ["git", "remote", "get-url", "origin"], cwd=root, capture_output=True, text=True, check=False
    ).stdout
    if stated.split("://")[-1] not in origin.replace(":", "/"):
        where = origin.strip() or "not set"
        print(f"note: the metadata send readers to {stated}, and `origin` is {where}: make them equal")


if __name__ == "__main__":
    sys.exit(main())
