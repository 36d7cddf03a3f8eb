"""The science of `lal`: tasks, models, penalties, metrics, and the loops that train them."""

__version__ = "0.1.0"
