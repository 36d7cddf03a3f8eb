"""What a sweep will take before it is run: time, storage, shares of machines; and the list of shipped sweeps."""
