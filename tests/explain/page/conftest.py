"""The headless Chromium of the tests of the report."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    # pytest's importlib mode knows no sibling modules, so it is loaded by path.
    place = Path(__file__).parents[2] / "report" / "browser.py"
    spec = importlib.util.spec_from_file_location("browser", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if module.CHROMIUM is None:
        pytest.skip("NO CHROMIUM: the page was not looked at. Install one (apt install chromium) to run these tests.")
    made = module.Browser(tmp_path_factory.mktemp("chromium"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def made():
    """A small decision with every part of the page."""
    import numpy as np
    import torch

    from caudal.data import Encoder, from_arrays
    from caudal.explain.decision import decision
    from caudal.explain.scorecard.scorecard import Checks
    from caudal.kernels import use
    from caudal.nn import LTC, Readout
    from caudal.wiring import ncp

    rng, count, steps = np.random.default_rng(0), 12, 4
    hostile = "</script><b>&\"'"
    data = from_arrays(
        rng.normal(size=(count, 2, steps)),
        np.array(["calm", hostile])[np.arange(count) % 2],
        dt=rng.uniform(1, 3, (count, steps)),
        names=["wind", hostile],
        time_unit="d",
    )
    torch.manual_seed(0)
    model = Readout(LTC(ncp(2, 3, 2, 2, seed=1), substeps=2), 2).eval()
    # The plain backend: on so small a net, loading the compiled kernels would be most of the work.
    with use("reference"):
        return decision(model, Encoder.fit(data), data, 1, checks=Checks(series=1, draws=1), search=(1, 5))
