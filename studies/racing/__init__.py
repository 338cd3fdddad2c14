"""CarRacing-v3 without its renderer: tracks, what a driver sees ahead, a scripted expert, recorded episodes.

Lengths are the simulator's own units, taken as metres; a frame is 1/50 s. Gymnasium is imported when a simulator
starts.
"""

from studies.racing.expert import Expert as Expert
from studies.racing.preview import INPUTS as INPUTS
from studies.racing.preview import OUTPUTS as OUTPUTS
from studies.racing.preview import Preview as Preview
from studies.racing.record import Lap as Lap
from studies.racing.record import record as record
from studies.racing.simulator import FRAMES as FRAMES
from studies.racing.simulator import Action as Action
from studies.racing.simulator import Simulator as Simulator
from studies.racing.simulator import Tick as Tick
from studies.racing.track import HALF_WIDTH as HALF_WIDTH
from studies.racing.track import Pose as Pose
from studies.racing.track import Spot as Spot
from studies.racing.track import Track as Track
