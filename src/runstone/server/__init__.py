"""The tracking server: MLflow's REST API and Runstone's own, over any Tracking.

`actions` say how each row of `wire.routes` is answered, `dispatch` runs them, `artifacts` streams files, `appends`
gathers writes, `guards` keep strangers out, `app` composes all of it, `serve` runs it in processes. The only floor
with `async def`. Is handed a Tracking; knows no store.
"""
