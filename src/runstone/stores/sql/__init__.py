"""The store over SQL databases, from the ground up:

- `schema` and `migrations` say what tables there are (SQLAlchemy Core, Alembic); they load only when a database is
  made, upgraded or checked;
- `database` is what every statement runs through: transactions over one database; `sqlite` implements it;
- `experiments`, `runs`, `records`, `series`, `registered_models`, `model_versions`, `logged_models` and `search` are
  functions over a transaction, one noun each;
- `store` is the Store that composes them, `models` its ModelStore.

Everyday statements are plain SQL with `?` for arguments, in the words that SQLite and PostgreSQL share; what differs
is asked of the transaction's dialect. Measured: SQLAlchemy Core takes 58 µs for a select that takes the driver 7.
"""
