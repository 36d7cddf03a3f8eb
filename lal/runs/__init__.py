"""The loops. A Run is anything that yields rows. One kind, one file, one line below."""

from lal.part import members
from lal.runs.composition import Composition
from lal.runs.dqn import Dqn
from lal.runs.supervised import Supervised

MEMBERS = members("lal.runs", (Supervised, Composition, Dqn))
