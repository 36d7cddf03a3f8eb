"""Reaction and diffusion: a reference solver whose regimes are known, fronts, and how well V_t = D V_xx + f(V) describes a field over time.

That learning spreads like this is a conjecture, and what is computed here about learners is marked as such. The tools do not depend on it: each is tested
on equations whose solutions are known.
"""
