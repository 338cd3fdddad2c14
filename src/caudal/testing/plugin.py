"""pytest plugin: `caudal_cells` in a conftest runs the whole contract, one test per cell and clause.

In `conftest.py`, either builders that have a name or a dict of builders, and the reasons of what a cell does not keep:

    caudal_cells = {"Mine": lambda: Mine(3, 8)}
    caudal_skips = {"Mine": {"export": "a loop over time in Python"}}

`pytest` then collects `conftest.py::Mine-batch`, `conftest.py::Mine-steps` and so on. Torch loads only where a
conftest asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from caudal.testing.cases import Case


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a conftest that lists `caudal_cells`."""
    if file_path.name != "conftest.py" or _conftest(parent.config, file_path) is None:
        return None
    collector: pytest.Collector = Contract.from_parent(parent, path=file_path)
    return collector


def _conftest(config: pytest.Config, path: Path) -> ModuleType | None:
    for plugin in config.pluginmanager.get_plugins():
        place = getattr(plugin, "__file__", None)
        if isinstance(plugin, ModuleType) and place and Path(place) == path and hasattr(plugin, "caudal_cells"):
            return plugin
    return None


class Contract(pytest.File):
    """The clauses of all cells of one conftest."""

    def collect(self) -> Iterator[pytest.Item]:
        """One test per cell and clause."""
        from caudal.testing.cases import cells

        module: Any = _conftest(self.config, self.path)
        for case in cells(module.caudal_cells, skip=getattr(module, "caudal_skips", None)):
            item: ClauseItem = ClauseItem.from_parent(self, name=str(case))
            item.case = case
            yield item


class ClauseItem(pytest.Item):
    """One clause on one cell."""

    case: Case

    def runtest(self) -> None:
        """Check the clause; one that does not apply is a skip with its reason."""
        outcome = self.case.run()
        if outcome.status != "passed":
            pytest.skip(f"{outcome.status}: {outcome.detail}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The sentence of a broken clause; a traceback for anything else."""
        from caudal.errors import ContractError

        if isinstance(excinfo.value, ContractError):
            return str(excinfo.value)
        return pytest.Item.repr_failure(self, excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the test comes from, and its name in words."""
        return self.path, None, f"{self.case.name}: {self.case.clause.words}"
