# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster whose people come from a directory: the model names nobody, and a right chain does not fail for it."""

from __future__ import annotations

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._chain import build
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import entry, hops, model, people, walk
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.clients import Client
from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence.target import Stop, Target

from . import test_walk
from .test_walk import World, token


def walked(monkeypatch, prefix="", **changes):
    """Walk as somebody whom the model does not name, with a token that was handed in."""
    inputs = {"chain_lab": False, "chain_cluster_name": "prod", "chain_base_domain": "lab.localhost"}
    chain = build.build({**inputs, "chain_username_prefix": prefix, **changes})
    monkeypatch.setattr(test_walk, "ISSUER", chain["issuer"]["url"])
    target, world = Target(chain), World()
    world.m["azp"] = "mcp-client"
    world.k = test_walk.good_k("jdoe")
    world.user["username"] = prefix + "jdoe"
    account = entry.people_of(
        {"people": [{"username": "jdoe", "persona": "developer", "token": token(**world.m).text}]},
        target,
        lambda params, option: str(params.get(option) or ""),
    )[0]
    keycloak = hops.Keycloak(target, world, Client("mcp-server"))
    signin = people.SignIn(target, keycloak, lambda said: None)
    walker = walk.Walker(target, keycloak, hops.McpServer(target, world), hops.ApiServer("https://api", world), signin)
    assert target.people == []
    return {hop.id: hop for hop in walker.walk(account)}, world


@pytest.mark.parametrize("prefix", ["", "oidc:"])
def test_a_right_chain_has_gaps_and_nothing_wrong(monkeypatch, prefix):
    found, _world = walked(monkeypatch, prefix)
    assert [(hop.id, check) for hop in found.values() for check in hop.checks if not check.ok] == []
    assert found["keycloak-login"].verdict == found["mcp-server"].verdict == model.RIGHT
    for name in ("exchange", "kube-apiserver"):
        assert found[name].verdict == model.NOT_TESTED
        assert "does not know jdoe" in found[name].why
    evidence = model.Evidence(hops=list(found.values()))
    assert evidence.summary()["verdict"] == "passed with gaps"


def test_what_can_be_compared_still_turns_red(monkeypatch):
    monkeypatch.setattr(
        test_walk, "good_k", lambda name="": {"aud": "openshift", "azp": "x", "preferred_username": "eve"}
    )
    found, _world = walked(monkeypatch)
    assert found["exchange"].verdict == model.WRONG
    assert {check.name for check in found["exchange"].checks if not check.ok} >= {"azp", "preferred_username"}


def test_no_client_for_a_device_login_is_said_with_what_to_do(monkeypatch):
    class Refusing(World):
        def form(self, url, fields, headers=None, timeout=0.0):
            return self.reply(401, {"error": "invalid_client"})

    target = Target(test_walk.CHAIN)
    keycloak = hops.Keycloak(target, Refusing(), None)
    account = people.Account(target.stranger("jdoe", "none"), people.DEVICE)
    with pytest.raises(Stop, match="token_from"):
        people.SignIn(target, keycloak, lambda said: None).m(account)
