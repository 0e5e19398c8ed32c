"""Alembic's entry: runs the migrations in one transaction on the engine that `migrate` hands over."""

from alembic import context

from repo_runner.tables import Base

engine = context.config.attributes["engine"].execution_options(writes=True)
with engine.begin() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, transactional_ddl=True)
    context.run_migrations()
