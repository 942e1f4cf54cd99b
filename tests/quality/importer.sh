#!/usr/bin/env bash
# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds the collection and has galaxy-importer look at it as Galaxy would, but for ansible-lint, which is a check of its
# own here; the argument is a folder to work in.
set -euo pipefail
work=$1
mkdir -p "$work"

cat > "$work/importer.cfg" <<'EOF'
[galaxy-importer]
check_required_tags = True
check_runtime_yaml = True
check_changelog = True
run_ansible_doc = True
run_ansible_lint = False
run_ansible_test = False
log_level_main = INFO
EOF

ansible-galaxy collection build --output-path "$work" .
cd "$work"
GALAXY_IMPORTER_CONFIG=$work/importer.cfg python -m galaxy_importer.main mcp_auth-openshift-*.tar.gz 2>&1 | tee "$work/log"

# Its findings are only logged; here they count.
if grep -E '^(ERROR|WARNING)' "$work/log"; then
    exit 1
fi
grep -q 'Importer processing completed successfully' "$work/log"
