#!/bin/sh
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes the database once, gives the role its password at every start (so a rotated Secret needs a restart only),
# and becomes the server. Killed anywhere, the next start finishes.
set -eu
umask 077
PATH="$PATH:/usr/lib/postgresql/15/bin:/usr/pgsql-15/bin:/usr/bin"
for program in initdb pg_ctl psql postgres; do
    command -v "$program" >/dev/null || { echo "$program is not in this image (PATH $PATH)" >&2; exit 1; }
done

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -n "$(ls -A "$PGDATA" 2>/dev/null)" ]; then
        echo "$PGDATA is not empty and holds no database: not touched" >&2
        exit 1
    fi
    # Made beside, then renamed: a half-made one is thrown away by the next start.
    rm -rf "$PGDATA.new" "$PGDATA"
    initdb -D "$PGDATA.new" --username=postgres --auth-local=trust --auth-host=reject --encoding=UTF8 --locale=C
    mv "$PGDATA.new" "$PGDATA"
    sync
fi

# No port is open yet: the socket's folder belongs to this container alone.
export PGHOST=/var/run/postgresql PGUSER=postgres
quiet="-c listen_addresses= -c unix_socket_directories=$PGHOST -c log_min_error_statement=panic -c hba_file=$HBA_FILE"
pg_ctl -D "$PGDATA" -w -t 900 -s -o "$quiet" start
# Backquotes are psql's: it reads the files itself, so that no password is on a command line.
psql -X -q -v ON_ERROR_STOP=1 -d postgres <<'SQL'
\set user `cat "$CREDENTIALS/$USERNAME_KEY"`
\set password `cat "$CREDENTIALS/$PASSWORD_KEY"`
\set database `printf %s "$DATABASE"`
SET password_encryption = 'scram-sha-256';
SELECT format('CREATE ROLE %I', :'user') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'user') \gexec
ALTER ROLE :"user" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'user')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
SQL
pg_ctl -D "$PGDATA" -w -t 900 -s -m fast stop

exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories="$PGHOST" -c hba_file="$HBA_FILE" "$@"
