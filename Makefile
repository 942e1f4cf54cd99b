# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# INSTALL=no   refuse to install anything on this machine
# IMAGES=pull  or build; auto (the default) pulls where a container registry answers
# LAB_NAME=name another name for the local cluster, so that two can live side by side; ports do not follow the name:
#              set LAB_PORT_SSO, LAB_PORT_MCP, LAB_PORT_PLAYGROUND and LAB_PORT_INSPECTOR too (a taken one is said)
export INSTALL ?= yes
export IMAGES ?= auto
PYTHON ?= python3

.PHONY: help demo demo-down test test-static test-units test-kind test-long bench

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: ## Bring up a local cluster with the whole chain on it, verify it, and say where to look
	@$(PYTHON) tests/lab/demo.py

demo-down: ## Take the local cluster away; builds, installed packages and the images in a docker of yours stay
	@$(PYTHON) tests/lab/lab.py down

test: ## Every check but those of test-long
	@tests/run

test-static: ## Lint, types, sanity, packaging
	@tests/run --static

test-units: ## Unit and property tests
	@tests/run --units

test-kind: ## The chain on a real kind cluster
	@tests/run --kind

test-long: ## Every kill point, the whole matrix at each sabotage, older MCP servers
	@tests/run --long

bench: ## Figures, both sides in one run
	@$(PYTHON) tests/bench/bench.py
