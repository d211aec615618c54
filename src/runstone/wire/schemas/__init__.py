"""The bodies of requests and answers, by noun. Field names are MLflow's.

In a request every field may be missing unless it has no default; unknown fields are ignored. In an answer, empty
and unset fields are left out, fields without a default are always there.
"""
