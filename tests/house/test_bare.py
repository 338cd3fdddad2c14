"""A bare install, without any extra, imports every module."""

import subprocess
import sys

CODE = """
import importlib, importlib.metadata as metadata, pkgutil, re, sys

def closure(names):
    found = set()
    while names:
        name = names.pop()
        if name in found:
            continue
        found.add(name)
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        names += [re.split(r"[ ;<>=!~\\[(]", need)[0].lower() for need in needs if "extra ==" not in need]
    return found

base = {re.sub(r"[-_.]+", "-", name).lower() for name in closure(["torch", "numpy", "safetensors"])}
allowed = set()
for package, distributions in metadata.packages_distributions().items():
    if any(re.sub(r"[-_.]+", "-", name).lower() in base for name in distributions):
        allowed.add(package)

class Bare:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top in sys.stdlib_module_names or top in allowed or top == "caudal":
            return None
        if top in metadata.packages_distributions():
            raise ModuleNotFoundError(f"a bare install has no {top}", name=top)
        return None

sys.meta_path.insert(0, Bare())
assert not {"pytest", "ncps", "hypothesis"} & allowed, allowed
import caudal
failed = []
for module in pkgutil.walk_packages(caudal.__path__, "caudal.", onerror=lambda name: None):
    try:
        importlib.import_module(module.name)
    except ImportError as error:
        failed.append(f"{module.name}: {error}")
print("\\n".join(failed))
"""

# pytest alone loads its plugin. Estimators derive from scikit-learn's base; their room loads them by name, and says
# in a sentence what is missing.
ESTIMATORS = (
    "base",
    "by_row",
    "classifier",
    "fitting",
    "forecaster",
    "regressor",
    "sklearn_model",
    "summary",
    "tabular",
    "trees",
    "trivial",
)
BESIDES = {
    "caudal.testing.plugin: a bare install has no pytest",
    "caudal.estimators.aeon: a bare install has no aeon",
} | {f"caudal.estimators.{name}: a bare install has no sklearn" for name in ESTIMATORS}


def test_every_module_imports_on_a_bare_install():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    compiled = {line for line in done.stdout.splitlines() if line.startswith("caudal.kernels.cpu.")}
    assert all(line.endswith(("has no numba", "has no llvmlite")) for line in compiled)
    assert set(filter(None, done.stdout.splitlines())) - compiled == BESIDES
