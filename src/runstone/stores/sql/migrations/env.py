"""What Alembic runs to reach the database: the connection that the caller handed over."""

from alembic import context

from runstone.stores.sql.migrations import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
