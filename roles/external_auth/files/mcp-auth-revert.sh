#!/bin/sh
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Commit-confirm for the API server's AuthenticationConfiguration, done by the host alone.
#
#   FILE            what the API server reads
#   FILE.previous   the last confirmed content, written before FILE changes
#   FILE.revert-at  line 1: deadline in epoch seconds; line 2: sha256 of the unconfirmed content;
#                   line 3, if it is there: deadline in seconds of uptime, and the boot that this uptime counts from
#   FILE.reverting  a claimed FILE.revert-at: the way back has begun and will be finished
#   FILE.rejected   what was taken away;  FILE.reverted: when, which, and why
#   FILE.revert-ping / FILE.revert-pong   "is anybody there?", asked before each change, answered when there is nothing
#                   left to do: who gets the answer knows that no way back is going on
#
# Each step is a link or a rename, which a full disk does not stop, and each can be repeated: killed anywhere, the next
# call finishes.
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
# The module works beside the file itself, not beside a link to it.
[ ! -L "$f" ] || f=$(readlink -f "$f")

# The timer's tick, the boot's and a person's call: one at a time. The script itself is what they all have.
if [ -r "$0" ] && command -v flock >/dev/null 2>&1; then
  exec 9<"$0"
  flock 9
fi

flush() { sync -- "$@" 2>/dev/null 9<&- || sync 9<&-; }

overdue() {
  value=$(sed -n 1p "$1" 2>/dev/null)
  case $value in
    # Not a number, empty, or in the next millennia: torn or foreign. The way back is the safe side.
    '' | *[!0-9]* | ????????????*) return 0 ;;
  esac
  [ "$(date +%s)" -lt "$value" ] || return 0
  # A clock that was set back does not give more time.
  line=$(sed -n 3p "$1" 2>/dev/null)
  limit=${line%% *}
  case $limit in
    '' | *[!0-9]* | ????????????*) return 1 ;;
  esac
  read -r boot </proc/sys/kernel/random/boot_id || return 1
  read -r uptime _rest </proc/uptime || return 1
  [ "${line#* }" = "$boot" ] && [ "${uptime%%.*}" -ge "$limit" ]
} 2>/dev/null

# Puts the previous file back. The content is never copied where a link can be made.
put_back() {
  # What an interrupted call left.
  rm -f "$f.back.tmp" "$f.rejected.tmp"
  back=$f.back.tmp
  if ! ln "$f.previous" "$back" 2>/dev/null; then
    # No hard links here: a name of its own, so that two calls without flock do not write into one file.
    back=$f.back.$$
    trap 'rm -f "$back"' EXIT
    if cp -p "$f.previous" "$back" 2>/dev/null; then
      flush "$back"
    else
      back=$f.previous
    fi
  fi
  if [ -e "$f" ]; then
    ln "$f" "$f.rejected.tmp" 2>/dev/null || cp -p "$f" "$f.rejected.tmp" 2>/dev/null || rm -f "$f.rejected.tmp"
  fi
  mv -f "$back" "$f" || return 1
  [ ! -e "$f.rejected.tmp" ] || mv -f "$f.rejected.tmp" "$f.rejected"
  flush "$(dirname "$f")"
}

go_back_if_due() {
  if [ ! -e "$f.reverting" ]; then
    [ -e "$f.revert-at" ] || return 0
    [ "$mode" = boot ] || overdue "$f.revert-at" || return 0
    # Claim it. Gone means that it was confirmed just now.
    mv "$f.revert-at" "$f.reverting" 2>/dev/null || return 0
    # A newer deadline may have been written between the look and the claim: give it back.
    if [ "$mode" != boot ] && ! overdue "$f.reverting"; then
      mv "$f.reverting" "$f.revert-at"
      return 0
    fi
  fi

  if [ ! -s "$f.previous" ]; then
    warn "cannot go back: $f.previous is missing or empty; $f is left as it is"
    mv -f "$f.reverting" "$f.reverted"
    return 1
  fi

  if cmp -s "$f.previous" "$f"; then
    # An interrupted call may have come as far as this.
    [ ! -e "$f.rejected.tmp" ] || mv -f "$f.rejected.tmp" "$f.rejected"
    note "$f is already the confirmed file; nothing to put back"
  elif ! put_back; then
    warn "cannot replace $f; trying again at the next tick"
    return 1
  elif [ "$mode" = boot ]; then
    warn "$f was not confirmed before this boot: the previous file is back, the other is $f.rejected"
  else
    warn "$f was not confirmed in time: the previous file is back, the other is $f.rejected"
  fi

  if { date +%s && sed -n 2p "$f.reverting" && echo "$mode"; } >"$f.reverted.tmp" 2>/dev/null; then
    mv -f "$f.reverted.tmp" "$f.reverted"
    rm -f "$f.reverting"
  else
    # No space for a line: the claim itself tells which content it was.
    rm -f "$f.reverted.tmp"
    mv -f "$f.reverting" "$f.reverted"
  fi
}

go_back_if_due || exit 1
if [ -e "$f.revert-ping" ]; then
  mv -f "$f.revert-ping" "$f.revert-pong" 2>/dev/null || true
fi
exit 0
