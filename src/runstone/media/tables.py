"""Tables: data frames and dictionaries as files of JSON (pandas' orient "split", as MLflow has it) or Parquet.

Images in them are files of their own, `table_images/TABLE/ID.png`, each with a small copy beside it: MLflow's layout.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

from runstone.errors import InvalidInput
from runstone.media.images import Image, encode_image, encode_thumbnail

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["append_rows", "decode_table", "encode_table", "table_of", "take_images"]

_PARQUET = ".parquet"


def table_of(data: Any) -> pd.DataFrame:
    """The data as a frame: a frame as it is; of a dictionary each value is a column, or one number or text.

    Raises InvalidInput.
    """
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return data
    if hasattr(data, "to_pandas"):  # polars, Arrow
        return table_of(data.to_pandas())
    if not isinstance(data, Mapping):
        raise InvalidInput(f"A table is a dictionary of columns or a data frame, not {type(data).__name__}")
    columns = dict(data)
    if columns and not any(_is_column(value) for value in columns.values()):
        columns = {name: [value] for name, value in columns.items()}
    try:
        return pd.DataFrame(columns)
    except ValueError as error:
        raise InvalidInput(f"The columns of the table do not fit together: {error}") from error


def _is_column(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str | bytes)


def take_images(table: pd.DataFrame, file: str) -> tuple[pd.DataFrame, dict[str, bytes]]:
    """The table with names of files in place of images (our own and Pillow's), and those files by path."""
    folder = f"table_images/{PurePosixPath(file).with_suffix('')}"
    files: dict[str, bytes] = {}

    def name_of(value: Any) -> Any:
        if not _is_image(value):
            return value
        path = f"{folder}/{uuid4()}"
        whole, small = f"{path}.png", f"{path}.webp"
        files[whole], files[small] = encode_image(value, whole), encode_thumbnail(value)
        return {"type": "image", "filepath": whole, "compressed_filepath": small}

    with_names = table.copy(deep=False)
    for name in table:
        if table[name].map(_is_image).any():
            with_names[name] = table[name].map(name_of)
    return with_names, files


def _is_image(value: Any) -> bool:
    return isinstance(value, Image) or type(value).__module__.startswith("PIL.")


def append_rows(before: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """The rows of both; a column that one of them lacks is empty there."""
    import pandas as pd

    if before.empty:
        return new
    # Columns of objects, so that whole numbers stay whole where others are missing.
    return pd.concat([before.astype(object), new.astype(object)], ignore_index=True).infer_objects()


def encode_table(table: pd.DataFrame, file: str) -> bytes:
    """The file: Parquet for `.parquet`, else JSON. Raises InvalidInput for what cannot be written so."""
    target = io.BytesIO()
    try:
        if PurePosixPath(file).suffix.lower() == _PARQUET:
            table.to_parquet(target, index=False)
        else:
            table.to_json(target, orient="split", index=False, default_handler=str, date_format="iso")
    except ImportError as error:
        raise InvalidInput(f"'{file}' needs PyArrow: pip install 'runstone[arrow]'") from error
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidInput(f"The table cannot be written as '{file}': {error}") from error
    return target.getvalue()


def decode_table(source: BinaryIO, file: str) -> pd.DataFrame:
    """What `encode_table` wrote. Raises InvalidInput for a file that is no table."""
    import pandas as pd

    content = io.BytesIO(source.read())
    try:
        if PurePosixPath(file).suffix.lower() == _PARQUET:
            return pd.read_parquet(content)
        document = json.load(content)
        return pd.DataFrame(document["data"], columns=document["columns"])
    except ImportError as error:
        raise InvalidInput(f"'{file}' needs PyArrow: pip install 'runstone[arrow]'") from error
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise InvalidInput(f"'{file}' cannot be read as a table: {error}") from error
