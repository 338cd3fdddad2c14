"""Tracks and previews need no simulator; what does is skipped where gymnasium or Box2D is absent."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest

from caudal.errors import DataError, MissingExtraError
from studies import racing
from studies.racing import INPUTS, Expert, Pose, Preview, Simulator, Track
from studies.racing.dataset import CARRACING, carracing, recorded

RADIUS = 60.0


def ring(tiles: int = 107) -> Track:
    turn = np.linspace(0, 2 * np.pi, tiles, endpoint=False)
    return Track.of(turn, RADIUS * np.cos(turn), RADIUS * np.sin(turn))


@pytest.fixture(scope="module")
def simulator():
    pytest.importorskip("gymnasium", reason="gymnasium is not installed: pip install caudal[drive]")
    pytest.importorskip("Box2D", reason="Box2D is not installed: pip install caudal[drive]")
    made = Simulator()
    yield made
    made.close()


def test_a_ring_has_its_curvature_everywhere():
    track = ring()
    assert np.allclose(track.curvature, 1 / RADIUS, rtol=0.02)
    assert track.locate(RADIUS + 2, 0.0).offset == pytest.approx(2)


def test_the_preview_looks_the_same_everywhere_on_a_ring_also_across_the_finish():
    track, seen = ring(), []
    for tile in range(len(track)):
        angle = float(track.heading[tile]) + 2 * math.pi * (tile % 3)
        pose = Pose(float(track.x[tile]), float(track.y[tile]), angle, 20.0, 1.0, 0.5)
        seen.append(Preview(track)(pose, track.locate(pose.x, pose.y, tile)))
    assert np.allclose(seen, seen[0], atol=1e-9)
    names = [feature.name for feature in INPUTS]
    assert seen[0][names.index("bend to 20 m")] == pytest.approx(20 / RADIUS, rel=0.03)
    # A left turn: what lies ahead is to the left.
    assert seen[0][names.index("bearing at 20 m")] < 0
    assert seen[0][-3:].tolist() == [20.0, 1.0, 0.5]


def test_half_a_tile_moves_the_preview_by_half_of_what_a_tile_does():
    turns = np.concatenate([np.zeros(30), np.linspace(0, math.pi, 30), np.full(30, math.pi), np.linspace(0, 3, 30) + 3])
    x, y = -np.cumsum(np.sin(turns)) * 3.5, np.cumsum(np.cos(turns)) * 3.5
    track = Track.of(turns, x, y)
    preview = Preview(track)
    at = [Pose(float(x[10]), float(y[10]) + step, 0.0, 0.0, 0.0, 0.0) for step in (0.0, 1.75, 3.5)]
    first, half, whole = (preview(pose, track.locate(pose.x, pose.y, 10)) for pose in at)
    assert np.allclose(half[9:15], (first + whole)[9:15] / 2, atol=1e-9)


def test_a_car_far_off_is_found_again():
    track = ring()
    assert track.locate(-RADIUS, 1.0, near=0).tile in range(51, 56)


def test_a_lost_expert_creeps_and_steers_fully():
    track = ring()
    pose = Pose(RADIUS, 0.0, math.pi, 20.0, 0.0, 0.0)
    steer, throttle = Expert().act(track, pose, track.locate(RADIUS, 0.0))
    assert abs(steer) == 1.0
    assert throttle < 0
    slipping = pose._replace(angle=0.0, forward=10.0, sideways=8.0)
    assert Expert().act(track, slipping, track.locate(RADIUS, 0.0))[1] == 0.0


def test_tracks_without_tiles_are_refused():
    with pytest.raises(DataError, match=r"Track\.of: `heading` has 2 tiles; expected at least 3"):
        Track.of(np.zeros(2), np.zeros(2), np.zeros(2))


def test_the_expert_finishes_its_laps(simulator):
    laps = [racing.record(simulator, seed, "clean") for seed in (0, 1)]
    assert all(lap.reward > 880 and lap.completion > 0.99 for lap in laps)


def test_a_recording_repeats_to_the_bit_and_its_styles_differ(simulator):
    first, again = (racing.record(simulator, 3, "irregular", 150) for _ in range(2))
    assert np.array_equal(first.inputs, again.inputs)
    assert first.reward == again.reward
    assert set(first.dt.tolist()) == {1.0, 2.0, 3.0, 4.0}
    assert 150 - 4 <= first.dt.sum() <= 150
    clean, noisy = (racing.record(simulator, 3, style, 150) for style in ("clean", "noisy"))
    assert set(clean.dt.tolist()) == {1.0}
    assert noisy.inputs[:, 0].std() > clean.inputs[:, 0].std()
    assert np.abs(first.labels).max() <= 1


def test_recorded_series_are_imitated_with_their_labels(simulator):
    data = recorded("here", 9, 0, 60)
    assert (data.task, data.outputs, data.time_unit) == ("imitate", racing.OUTPUTS, "frame")
    assert (len(data), data.inputs) == (9, CARRACING.counts["inputs"])
    assert data.names == tuple(feature.name for feature in INPUTS)
    assert sorted({name.split("-")[0] for name in data.ids.tolist()}) == ["clean", "irregular", "noisy"]
    assert len(set(data.group.tolist())) == 9


def test_bad_arguments_are_named(simulator):
    with pytest.raises(DataError, match="`episodes` is 3 with seed 0; expected 9 to 1000 episodes"):
        carracing(episodes=3)
    with pytest.raises(DataError, match="`style` is 'wild' with 10 frames"):
        racing.record(simulator, 0, "wild", 10)
    with pytest.raises(DataError, match="`seed` is -1"):
        simulator.reset(-1)


def test_without_gymnasium_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium.envs.box2d.car_racing", None)
    with pytest.raises(MissingExtraError, match=r'needs `gymnasium\[box2d\]`.*pip install "caudal\[drive\]"'):
        carracing(episodes=9)


def test_nothing_is_printed_and_no_torch_is_loaded(simulator):
    code = (
        "import sys, json; from studies.racing import Simulator; Simulator().reset(0); "
        "print(json.dumps('torch' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) is False


@pytest.mark.slow
def test_the_whole_set_has_the_counts_of_its_card(simulator):
    data = carracing()
    assert len(data.sequences) == CARRACING.counts["episodes"]
    assert all(len({name.split("-")[0] for name in part.ids.tolist()}) >= 2 for part in (data.train, data.val))
