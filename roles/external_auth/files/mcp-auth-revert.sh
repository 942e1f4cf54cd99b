#!/bin/sh
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Commit-confirm for the API server's AuthenticationConfiguration, done by the host alone.
#
#   FILE            what the API server reads
#   FILE.previous   the last confirmed content, written before FILE changes
#   FILE.revert-at  line 1: deadline in epoch seconds; line 2: sha256 of the unconfirmed content
#   FILE.reverting  a claimed FILE.revert-at: the way back has begun and will be finished
#   FILE.rejected   what was taken away;  FILE.reverted: when, which, and why
#   FILE.revert-ping / FILE.revert-pong   "is anybody there?", asked before each change
#
# Each step is a rename, and each can be repeated: killed anywhere, the next call finishes.
# Who renames FILE.revert-at away decides: the confirmation (it removes it) or this script (it claims it).
#
# Usage: mcp-auth-revert.sh [tick|boot]
#   tick  puts the previous file back when the deadline has passed
#   boot  puts it back at once: what was not confirmed before a reboot is not started with

set -u
umask 077

mode=${1:-tick}
conf=${MCP_AUTH_REVERT_CONF:-/etc/mcp-auth/revert.conf}

# "<4>" and "<5>" are journal priorities (warning, notice); everything below is dropped by the unit.
warn() { printf '<4>mcp-auth-revert: %s\n' "$*" >&2; }
note() { printf '<5>mcp-auth-revert: %s\n' "$*" >&2; }

if [ -z "${AUTH_FILE:-}" ]; then
  [ -r "$conf" ] || exit 0
  AUTH_FILE=$(sed -n 's/^AUTH_FILE=//p' "$conf" | tail -n 1)
fi
case $AUTH_FILE in
  /*) ;;
  *) warn "AUTH_FILE must be an absolute path (see $conf)"; exit 1 ;;
esac
f=$AUTH_FILE

flush() { sync -- "$@" 2>/dev/null || sync; }

# Not a number, or empty: a torn or foreign file counts as overdue, the way back is the safe side.
deadline_of() {
  value=$(sed -n 1p "$1" 2>/dev/null)
  case $value in
    '' | *[!0-9]*) echo 0 ;;
    *) echo "$value" ;;
  esac
}

if [ -e "$f.revert-ping" ]; then
  mv -f "$f.revert-ping" "$f.revert-pong" 2>/dev/null || true
fi

if [ ! -e "$f.reverting" ]; then
  [ -e "$f.revert-at" ] || exit 0
  if [ "$mode" != boot ]; then
    [ "$(date +%s)" -ge "$(deadline_of "$f.revert-at")" ] || exit 0
  fi
  # Claim it. Gone means that it was confirmed just now.
  mv "$f.revert-at" "$f.reverting" 2>/dev/null || exit 0
  # A newer deadline may have been written between the look and the claim: give it back.
  if [ "$mode" != boot ] && [ "$(date +%s)" -lt "$(deadline_of "$f.reverting")" ]; then
    mv "$f.reverting" "$f.revert-at"
    exit 0
  fi
fi

if [ ! -s "$f.previous" ]; then
  warn "cannot go back: $f.previous is missing or empty; $f is left as it is"
  mv -f "$f.reverting" "$f.reverted"
  exit 1
fi

if cmp -s "$f.previous" "$f"; then
  note "$f is already the confirmed file; nothing to put back"
else
  if [ -e "$f" ]; then
    cp -p "$f" "$f.rejected.tmp" && mv -f "$f.rejected.tmp" "$f.rejected"
  fi
  cp -p "$f.previous" "$f.back.tmp" || { warn "cannot copy $f.previous; trying again at the next tick"; exit 1; }
  flush "$f.back.tmp"
  mv -f "$f.back.tmp" "$f" || { warn "cannot replace $f; trying again at the next tick"; exit 1; }
  flush "$(dirname "$f")"
  if [ "$mode" = boot ]; then
    warn "$f was not confirmed before this boot: the previous file is back, the other is $f.rejected"
  else
    warn "$f was not confirmed in time: the previous file is back, the other is $f.rejected"
  fi
fi

{ date +%s; sed -n 2p "$f.reverting"; echo "$mode"; } >"$f.reverted.tmp" && mv -f "$f.reverted.tmp" "$f.reverted"
rm -f "$f.reverting"
exit 0
