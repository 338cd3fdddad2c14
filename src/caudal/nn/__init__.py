"""Layers: parameters around the dynamics, one shape of call."""

from caudal.nn.baselines import GRU as GRU
from caudal.nn.baselines import GRUD as GRUD
from caudal.nn.baselines import LSTM as LSTM
from caudal.nn.baselines import MLP as MLP
from caudal.nn.baselines import ODERNN as ODERNN
from caudal.nn.baselines import SSM as SSM
from caudal.nn.baselines import PhasedLSTM as PhasedLSTM
from caudal.nn.baselines import Transformer as Transformer
from caudal.nn.bidirectional import Bidirectional as Bidirectional
from caudal.nn.cfc import CfC as CfC
from caudal.nn.cfc_wired import WiredCfC as WiredCfC
from caudal.nn.citations import cite as cite
from caudal.nn.conv_head import ConvHead as ConvHead
from caudal.nn.ctrnn import CTRNN as CTRNN
from caudal.nn.files import load as load
from caudal.nn.files import save as save
from caudal.nn.layer import Layer as Layer
from caudal.nn.layer import reset_state as reset_state
from caudal.nn.lrc import LRC as LRC
from caudal.nn.ltc import LTC as LTC
from caudal.nn.mixed import MixedMemory as MixedMemory
from caudal.nn.readout import Readout as Readout
from caudal.nn.readout import last_step as last_step
from caudal.nn.registry import register as register
from caudal.nn.stack import Stack as Stack
