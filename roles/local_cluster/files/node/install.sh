# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs in the node: installs the units that lie beside it, and says "changed" when something was not as wanted.
set -eu
from=/etc/mcp-auth
units=/etc/systemd/system

place() { # file target mode
  [ -e "$from/$1" ] || return 0
  if ! cmp -s "$from/$1" "$2/$1"; then
    mkdir -p "$2"
    install -m "$3" "$from/$1" "$2/.$1.new"
    mv -f "$2/.$1.new" "$2/$1"
    echo "changed $1"
    reload=yes
  fi
}

reload=no
place mcp-auth-revert.sh /usr/local/lib/mcp-auth 0755
place mcp-auth-revert.service $units 0644
place mcp-auth-revert.timer $units 0644
place mcp-auth-revert-boot.service $units 0644
[ $reload = no ] || systemctl daemon-reload
if [ -e $units/mcp-auth-revert.timer ]; then
  if ! systemctl is-enabled -q mcp-auth-revert-boot.service; then
    systemctl enable -q mcp-auth-revert-boot.service
    echo "changed mcp-auth-revert-boot.service"
  fi
  if ! systemctl is-enabled -q mcp-auth-revert.timer || ! systemctl is-active -q mcp-auth-revert.timer; then
    systemctl enable -q --now mcp-auth-revert.timer
    echo "changed mcp-auth-revert.timer"
  fi
fi

before=$(cat /etc/hosts)
sh $from/hosts.sh
[ "$before" = "$(cat /etc/hosts)" ] || echo "changed hosts"
