"""What a person sees while a sweep runs: progress in the terminal, gauges for Prometheus and their labels."""
