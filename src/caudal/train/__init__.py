"""Training: examples in, the best weights and a record of how they came about out."""

from caudal.train.crew import Crew as Crew
from caudal.train.crew import accelerated as accelerated
from caudal.train.doctor import doctor as doctor
from caudal.train.examples import Examples as Examples
from caudal.train.examples import examples as examples
from caudal.train.loop import Fitted as Fitted
from caudal.train.loop import fit as fit
from caudal.train.losses import answer as answer
from caudal.train.losses import answer_and_state as answer_and_state
from caudal.train.losses import loss as loss
from caudal.train.recipe import Epoch as Epoch
from caudal.train.recipe import TrainRecipe as TrainRecipe
from caudal.train.stream import Stream as Stream
from caudal.train.symptom import Symptom as Symptom
from caudal.train.tables import doctor_table as doctor_table
from caudal.train.term import Judged as Judged
from caudal.train.term import Term as Term
from caudal.train.trim import Cut as Cut
from caudal.train.trim import Trimmed as Trimmed
from caudal.train.trim import importance as importance
from caudal.train.trim import trim as trim
