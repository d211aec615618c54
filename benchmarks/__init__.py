"""How fast Runstone is beside MLflow's newest release, FastTrackML's server, and other trackers.

All do the same with the same data, on the same machine, in one run.

`python -m benchmarks NAME` measures and writes `results/NAME.json`; `python -m benchmarks report` turns the results
into `docs/benchmarks.md`. A benchmark is a module of this package with the parameters of each side (`SIZES`) and
`measure`; what is timed runs in `programs/`, a fresh process and a fresh folder each time. `sides` says who may take
part.
"""
