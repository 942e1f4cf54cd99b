#!/bin/sh
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# The name and the database are given so that the server logs no refused connection.
PATH="$PATH:/usr/lib/postgresql/15/bin:/usr/pgsql-15/bin:/usr/bin"
exec pg_isready -q -h 127.0.0.1 -U "$(cat "$CREDENTIALS/$USERNAME_KEY")" -d "$DATABASE"
