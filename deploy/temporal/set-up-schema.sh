#!/bin/sh
# Makes Temporal's two databases in PostgreSQL and brings their schemas up to date. May be run at any time, again: what
# is there already is left as it is. Runs in Temporal's admin-tools image; the password comes from a file.
set -eu

SQL_PASSWORD=$(cat /run/secrets/postgres_password)
export SQL_PASSWORD

set_up() {
  sql() { temporal-sql-tool --plugin postgres12 --endpoint postgres --port 5432 --user temporal --database "$@"; }
  sql "$1" create-database
  sql "$1" setup-schema --version 0.0
  sql "$1" update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

set_up temporal temporal
set_up temporal_visibility visibility
