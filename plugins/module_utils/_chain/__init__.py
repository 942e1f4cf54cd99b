# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE: the model of the chain. Pure Python, no I/O, no third-party imports, no other part of this collection.

Read it in this order: ``inputs`` (what a user may say), ``realm`` (what Keycloak must hold), ``predict`` (which claims
a token of that realm will carry), ``hops`` (who takes which token), ``login`` (how the cluster maps a token),
``lint`` (what is refused before anything is touched), ``build`` (all of it as one model).

Private means: other collections must not import it, its interface may change in any release.
"""
