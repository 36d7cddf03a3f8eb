"""Getting runs onto machines: sweeps, plans, Ray, progress."""
