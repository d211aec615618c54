"""Import a library into a fresh interpreter, and with `--step first_run` record a run with one metric as well.

Takes its parameters by hand and imports late: whatever this program loads itself is not measured.
"""

import sys

from stopwatch import Stopwatch

HEAVY = ("pandas", "sqlalchemy", "numpy", "pyarrow", "requests", "urllib3", "http.client", "httpx", "aiohttp")


def parameter(name: str) -> str:
    return next(text.partition("=")[2] for text in sys.argv if text.startswith(f"--{name}="))


def main() -> None:
    library, folder, step = parameter("library"), parameter("folder"), parameter("step")
    database = f"sqlite:///{folder}/mlflow.db" if library == "mlflow" else folder
    before = set(sys.modules)
    with Stopwatch() as spent:
        module = __import__(library)
        if step == "first_run":
            module.set_tracking_uri(database)
            with module.start_run():
                module.log_metric("loss", 0.5)
    loaded = set(sys.modules) - before

    import json

    answer = {"cpu_s": spent.cpu_s, "wall_s": spent.wall_s, "modules": len(loaded)}
    print(json.dumps({**answer, "heavy": sum(name in loaded for name in HEAVY)}))


main()
