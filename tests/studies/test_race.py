"""Disturbances are the same for every driver, and do what they say."""

import numpy as np
import pytest

from caudal.errors import InputError
from studies.driving import DISTURBANCES, Disturbance, ExpertDriver, build, race, schedule
from studies.driving.policy import parameters, units_and_synapses
from studies.driving.records import MODELS
from studies.racing import Expert, Simulator

FRAMES = 1000


class Notes:
    """A driver that drives straight on and notes what it was asked."""

    def __init__(self):
        self.seen, self.dt, self.poses = [], [], []

    def start(self, track):
        self.seen, self.dt, self.poses = [], [], []

    def act(self, inputs, dt, pose, spot):
        self.seen.append(inputs)
        self.dt.append(dt)
        self.poses.append(pose)
        return (0.0, 0.3 + 0.001 * len(self.dt))


@pytest.fixture(scope="module")
def simulator(simulated):
    made = Simulator()
    yield made
    made.close()


def driven(simulator, disturbance, frames=80):
    notes = Notes()
    episode = race(simulator, notes, ("notes", 0), disturbance, 5, np.ones(18), frames)
    return notes, episode


@pytest.mark.parametrize("name", DISTURBANCES)
def test_a_schedule_depends_on_track_and_name_alone(name):
    one, again, other = (schedule(DISTURBANCES[name], track, FRAMES) for track in (1, 1, 2))
    assert np.array_equal(one.noise, again.noise)
    assert np.array_equal(one.decides, again.decides)
    if name.split("-")[0] in ("missing", "irregular"):
        assert not np.array_equal(one.decides, other.decides)
    assert one.decides[0]
    assert one.arrives[0]


def test_lost_frames_have_the_stated_share_and_come_in_bursts():
    plans = [schedule(DISTURBANCES["missing-50"], track, FRAMES) for track in range(40)]
    lost = ~np.stack([plan.arrives for plan in plans])
    assert lost.mean() == pytest.approx(0.5, abs=0.03)
    bursts = (np.diff(lost.astype(int), axis=1) == 1).sum()
    assert lost.sum() / bursts == pytest.approx(5, abs=0.5)


def test_a_clean_race_asks_at_every_frame(simulator):
    notes, episode = driven(simulator, DISTURBANCES["clean"])
    assert set(notes.dt) == {1.0}
    assert (episode.frames, episode.decisions) == (80, 80)


def test_missing_frames_make_dt_grow_and_held_ones_do_not(simulator):
    missing, short = driven(simulator, DISTURBANCES["missing-50"])
    assert sum(missing.dt) == pytest.approx(short.frames, abs=20)
    assert max(missing.dt) > 1
    assert short.decisions == len(missing.dt) < 80
    held, whole = driven(simulator, DISTURBANCES["held-50"])
    assert set(held.dt) == {1.0}
    assert whole.decisions == 80
    again = [np.array_equal(one, two) for one, two in zip(held.seen, held.seen[1:], strict=False)]
    lost = ~schedule(DISTURBANCES["held-50"], 5, 80).arrives[1:]
    assert again == lost.tolist()


def test_irregular_control_tells_the_true_dt(simulator):
    notes, _ = driven(simulator, DISTURBANCES["irregular-8"])
    assert set(notes.dt) <= set(np.arange(1.0, 9.0).tolist())
    ticks = np.flatnonzero(schedule(DISTURBANCES["irregular-8"], 5, 80).decides)
    assert np.diff(ticks).tolist() == notes.dt[1:]


def test_a_late_action_is_the_same_action_some_frames_later(simulator):
    prompt, _ = driven(simulator, Disturbance("a"), 40)
    late, _ = driven(simulator, Disturbance("b", delay=6), 40)
    assert np.allclose(np.array(late.poses[6:]), np.array(prompt.poses[:-6]), atol=0.05)
    assert prompt.poses[8].forward > late.poses[8].forward


def test_noise_is_in_the_inputs_and_not_in_the_world(simulator):
    quiet, _ = driven(simulator, DISTURBANCES["clean"])
    loud, _ = driven(simulator, DISTURBANCES["noise-0.5"])
    assert loud.poses == quiet.poses
    spread = (np.array(loud.seen) - np.array(quiet.seen)).std(axis=0)
    assert np.allclose(spread, 0.5, atol=0.15)


def test_leaving_the_road_is_counted_once_until_the_car_is_back(simulator):
    _, episode = driven(simulator, Disturbance("straight on"), 700)
    assert episode.offs >= 1
    assert 0 < episode.off < 1
    assert not episode.is_lap
    assert episode.metres > 50


def test_the_expert_races_as_it_records(simulator):
    episode = race(simulator, ExpertDriver(Expert()), ("expert", 0), DISTURBANCES["clean"], 1, np.zeros(18))
    assert episode.is_lap
    assert episode.reward > 880
    assert episode.offs == 0


def test_sizes_are_matched_by_parameters():
    sizes = {model: parameters(build(model, 0)) for model in MODELS}
    assert all(abs(size / sizes["ltc-ncp"] - 1) < 0.1 for size in sizes.values()), sizes
    assert all(units_and_synapses(build(model, 0))[0] == 19 for model in ("ltc-ncp", "cfc-ncp"))


def test_a_disturbance_out_of_range_is_refused():
    with pytest.raises(InputError, match="is 'x' with a number out of range"):
        Disturbance("x", drop=0.9)
