"""CarRacing-v3 without its renderer: tracks, what a driver sees ahead, a scripted expert, recorded episodes.

Lengths are the simulator's own units, taken as metres; a frame is 1/50 s. Gymnasium is imported when a simulator
starts.
"""

from caudal.data.racing.expert import Expert as Expert
from caudal.data.racing.preview import INPUTS as INPUTS
from caudal.data.racing.preview import OUTPUTS as OUTPUTS
from caudal.data.racing.preview import Preview as Preview
from caudal.data.racing.record import Lap as Lap
from caudal.data.racing.record import record as record
from caudal.data.racing.simulator import FRAMES as FRAMES
from caudal.data.racing.simulator import Action as Action
from caudal.data.racing.simulator import Simulator as Simulator
from caudal.data.racing.simulator import Tick as Tick
from caudal.data.racing.track import HALF_WIDTH as HALF_WIDTH
from caudal.data.racing.track import Pose as Pose
from caudal.data.racing.track import Spot as Spot
from caudal.data.racing.track import Track as Track
