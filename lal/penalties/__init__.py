"""The price of computation. One member, one file, one line below; a member's `slot` says under which key it is written."""

from lal.part import members
from lal.penalties.compute import ComputeEntropy, ComputeFlops, ComputeSum, ComputeSumEntropy
from lal.penalties.routing import RoutingEntropy, RoutingGini, RoutingLoadBalance, RoutingSparsity
from lal.penalties.spectral import Spectral

ROUTING = members("lal.penalties.routing", (RoutingEntropy, RoutingSparsity, RoutingGini, RoutingLoadBalance))
COMPUTE = members("lal.penalties.compute", (ComputeSum, ComputeFlops, ComputeEntropy, ComputeSumEntropy))
SPECTRAL = members("lal.penalties.spectral", (Spectral,))
