"""The models to compare with, each from its own paper and with dt really used."""

from caudal.nn.baselines.gru import GRU as GRU
from caudal.nn.baselines.gru_d import GRUD as GRUD
from caudal.nn.baselines.lstm import LSTM as LSTM
from caudal.nn.baselines.min_gru import MinGRU as MinGRU
from caudal.nn.baselines.mlp import MLP as MLP
from caudal.nn.baselines.ode_rnn import ODERNN as ODERNN
from caudal.nn.baselines.phased_lstm import PhasedLSTM as PhasedLSTM
from caudal.nn.baselines.ssm import SSM as SSM
from caudal.nn.baselines.transformer import Transformer as Transformer
