"""What neurons respond to: trees in the names of the data, how far each stands for one thing, what drives it when."""

from caudal.explain.neurons.metrics import Figures as Figures
from caudal.explain.neurons.metrics import Interpretability as Interpretability
from caudal.explain.neurons.metrics import interpretability as interpretability
from caudal.explain.neurons.phases import Drives as Drives
from caudal.explain.neurons.phases import Phase as Phase
from caudal.explain.neurons.phases import drives as drives
from caudal.explain.neurons.responses import Responses as Responses
from caudal.explain.neurons.responses import responses as responses
from caudal.explain.neurons.trees import NeuronPath as NeuronPath
from caudal.explain.neurons.trees import NeuronTree as NeuronTree
from caudal.explain.neurons.trees import grow as grow
