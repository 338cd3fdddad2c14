"""Runs on a real Ray cluster, of which one machine is killed while it works."""

import os
import threading
import time

import pytest

from caudal.compare import study as studies
from caudal.compare.executors import open_executor
from caudal.compare.progress import Silent
from caudal.errors import InputError

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def cluster(monkeypatch, tmp_path):
    # Processes of the cluster inherit what is set before it starts.
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("FAKE_PAUSE", "0.5")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "180")  # a busy machine starts slowly
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    pytest.importorskip("ray", reason='needs Ray: pip install "caudal[ray]"')
    from ray.cluster_utils import Cluster

    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 10**8})
    yield started
    started.shutdown()


def test_a_killed_machine_costs_no_run(cluster, fakes, tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setattr(studies.timing, "measure", lambda outcomes, parts: {})
    lost, _ = (cluster.add_node(num_cpus=1, object_store_memory=10**8) for _ in range(2))
    cluster.wait_for_nodes()
    killed = []

    def kill():
        while not log.exists() or len(log.read_text().splitlines()) < 5:
            time.sleep(0.05)
        killed.append(len(log.read_text().splitlines()))
        cluster.remove_node(lost, allow_graceful=False)

    watch = threading.Thread(target=kill)
    watch.start()
    found = studies.compare(
        fakes.table(), tmp_path / "out", models=["cfc", "gru", "ltc-ncp"], executor=f"ray:{cluster.address}",
        changes={"seeds": 5, "trials": 0, "resamples": 100}, watcher=Silent(), runner=fakes.run,
    )  # fmt: skip
    watch.join()
    lines = [line.rsplit(" ", 1) for line in log.read_text().splitlines()]
    assert killed and killed[0] < len(lines)
    assert len({job for job, _ in lines}) == 16 and len({pid for _, pid in lines}) >= 2
    assert not [run.failed for run in found.runs if run.failed] and len(found.runs) == 16
    assert os.getpid() not in {int(pid) for _, pid in lines}


def test_a_process_that_dies_is_tried_again_and_failures_stay_alone(cluster, fakes, tmp_path):
    with open_executor(f"ray:{cluster.address}") as executor:
        jobs = [("die once", str(tmp_path / "flag")), -1, 1, 2]
        done = {one.job: one for one in executor.map(fakes.add, 7, jobs)}
    assert sorted(one.outcome for one in done.values() if not one.error) == [7, 8, 9]
    assert done[-1].error == "ValueError: -1 is below 0" and not done[-1].lost


def test_an_address_without_a_cluster_ends_in_words():
    pytest.importorskip("ray", reason='needs Ray: pip install "caudal[ray]"')
    with pytest.raises(InputError, match=r"does not answer: 127\.0\.0\.1:1 .* Start one with `ray start --head`"):
        open_executor("ray:127.0.0.1:1")
