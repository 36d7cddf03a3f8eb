"""Who learns. One member, one file, one line below."""

from lal.models.gated import Gated
from lal.models.mlp import Mlp
from lal.models.routed import Routed
from lal.models.transformer import Transformer
from lal.part import members

MEMBERS = members("lal.models", (Mlp, Gated, Routed, Transformer))
