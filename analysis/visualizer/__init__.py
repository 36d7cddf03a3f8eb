"""The visualizer: curves, spectra, phase diagrams and fronts of a results folder, in a browser on this machine, while a sweep runs or after it.

`source` and its members `results` and `foreign` say what can be looked at; `catalogue` names it; `following` is what is known of a sweep's runs;
`looking` and `together` make one figure of the runs that are chosen; `tabs` are what they are shown under; `page`, `choices`, `drawing` and
`clicks` are the page and what it does; `serving` keeps it to this machine. Reads records alone, and writes nothing.
"""
