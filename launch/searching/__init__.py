"""How the points of a sweep are found: on a grid, at random, or by Optuna, which learns from what earlier points came to."""
