"""Training: examples in, the best weights and a record of how they came about out."""

from caudal.train.batches import Examples as Examples
from caudal.train.batches import examples as examples
from caudal.train.distributed import Crew as Crew
from caudal.train.distributed import accelerated as accelerated
from caudal.train.fit import Fitted as Fitted
from caudal.train.fit import fit as fit
from caudal.train.losses import answer as answer
from caudal.train.losses import answer_and_state as answer_and_state
from caudal.train.losses import loss as loss
from caudal.train.penalty import Judged as Judged
from caudal.train.penalty import Term as Term
from caudal.train.recipe import Epoch as Epoch
from caudal.train.recipe import TrainRecipe as TrainRecipe
from caudal.train.stream import Stream as Stream
from caudal.train.trim import Cut as Cut
from caudal.train.trim import Trimmed as Trimmed
from caudal.train.trim import importance as importance
from caudal.train.trim import trim as trim
