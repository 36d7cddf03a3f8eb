"""Who learns to compose. One member, one file, one line below."""

from lal.composition.models.quadratic_rnn import QuadraticRnn
from lal.composition.models.sequential_mlp import SequentialMlp
from lal.composition.models.two_layer import TwoLayer
from lal.part import members

MEMBERS = members("lal.composition.models", (QuadraticRnn, SequentialMlp, TwoLayer))
