"""Schedulers that cut runs early, what they cut, and what they would have cost."""
