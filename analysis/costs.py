"""The columns that say how much a network computes: what a charge is on, and what a broken network may seem not to need."""

DEPTHS = ("effective_depth", "functional_depth")
DRAWN = (*DEPTHS, "routing_entropy_norm")  # one of routers, beside those of gates: what entropy over all heads, or their number, shows is the same
TOLD = (*DRAWN, "effective_heads", "hard_acc")  # and what is right by the heaviest head alone: whether a choice was only claimed
COSTS = (*DEPTHS, "routing_entropy", "routing_entropy_norm", "effective_heads")
