# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs in the node at each start, before containerd: the services' names mean the node's own address, where their
# node ports answer. The engine writes the file anew at each start of the container, hence here and not once.
set -eu
address=$(ip -4 -o addr show dev eth0 | awk '{sub("/.*", "", $4); print $4; exit}')
mark='# mcp_auth.openshift'
# written in place: the file is a mount, which cannot be renamed over
kept=$(grep -v "$mark\$" /etc/hosts || true)
{
  printf '%s\n' "$kept"
  while read -r name; do
    [ -z "$name" ] || printf '%s %s %s\n' "$address" "$name" "$mark"
  done </etc/mcp-auth/names
} >/tmp/hosts.mcp-auth
cmp -s /tmp/hosts.mcp-auth /etc/hosts || cat /tmp/hosts.mcp-auth >/etc/hosts
rm -f /tmp/hosts.mcp-auth
