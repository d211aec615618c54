"""The page at `/` where the web UI is not built: what this server is, and how to record to it. Without scripts."""

from __future__ import annotations

from html import escape

from runstone.version import __version__

__all__ = ["HEADERS", "welcome_page"]

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Runstone tracking server</title>
<style>
  :root {{ color-scheme: light dark }}
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 10vh auto; padding: 0 1rem }}
  pre {{ padding: 1rem; border: 1px solid #8886; border-radius: 6px; overflow-x: auto }}
</style>
<h1>Runstone {version}</h1>
<p>This is a tracking server. Any MLflow client records here, and so does Runstone's:</p>
<pre>export MLFLOW_TRACKING_URI={url}
python train.py
runstone -u {url} runs list</pre>
<p>For programs: <a href="{url}/api/runstone/v1/openapi.json">OpenAPI</a>, <a href="{url}/metrics">metrics</a>,
<a href="{url}/health">health</a>. The pages to browse runs in are not built here: <code>scripts/ui build</code>
makes them.</p>
</html>
"""


def welcome_page(url: str) -> str:
    """The page of the server that the browser reached at `url` (without a slash at its end)."""
    return _PAGE.format(version=escape(__version__), url=escape(url, quote=True))
