"""Sweeps as Ray jobs: code that is sent, jobs, and the commands submit, status, logs and stop."""
