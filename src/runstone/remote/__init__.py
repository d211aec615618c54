"""A tracker behind HTTP: MLflow's REST API as a Tracking, its artifact service as an ArtifactOpener.

`address` (what a tracking URI says), `pool` (connections, TLS, proxies), `failures` (what went wrong, and whether
asking again may help), `transport` (requests and repeats), `bodies` (what is sent in pieces), `calls` (rows of
`wire.routes`), `capabilities` (what the server has beyond MLflow's API), `tracking`, `models` and `artifacts`. Knows no
store, no journal and not who uses it. Works with servers of Runstone and of MLflow alike.
"""
