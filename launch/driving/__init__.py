"""From a plan to the last run: before the first, what travels with what, who hangs, what is tried again, what is said at the end."""
