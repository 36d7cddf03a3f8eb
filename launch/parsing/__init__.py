"""What a sweep's author writes: YAML, fields, axes, points, the command line's changes, and where each problem stands."""
