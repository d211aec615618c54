"""MLflow's REST format, all of it and nowhere else: `schemas` (bodies), `convert` (bodies <-> entities), `faults`
(errors <-> codes and statuses), `codec` (JSON as MLflow writes and reads it), `routes` (one row an endpoint).

Pure: knows no server, no client and no store. Sources: MLflow's REST documentation
(https://mlflow.org/docs/latest/rest-api.html) and what its clients and servers 1.30 to 3.17 were seen to send.
"""
