# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: takes Keycloak away and gives it back: the chain has to fail closed, and to recover by itself."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Callable

from .bench import Attempt, Bench, Cluster, Trial, together
from .hops import Answer, wait_for
from .model import Twin
from .target import CannotTry, Stop

# How many replicas there were: it is written down in the cluster before anything is taken away.
ANNOTATION = "mcp-auth.openshift/chain-verify-outage"
NAME = "keycloak"
GONE_SECONDS = 90.0
BACK_SECONDS = 300.0


class Outage:
    """Scales Keycloak's StatefulSet, and leaves no trace on it.

    Scaling takes the field away from whoever applied it (server-side apply), so the record of owners is kept too and
    put back: else the next change of replicas by the role would end in a conflict with a verifier that is long gone.
    """

    def __init__(self, cluster: Cluster, namespace: str, name: str = NAME) -> None:
        self._cluster = cluster
        self._path = f"/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}"

    def begin(self) -> None:
        """Write down how many there are, and take them away."""

        def take(found: dict[str, object]) -> bool:
            spec = mapping(found, "spec")
            replicas = spec.get("replicas")
            if not isinstance(replicas, int) or replicas < 1:
                raise CannotTry("Keycloak has no replicas")
            metadata = mapping(found, "metadata")
            kept = {"replicas": replicas, "owners": metadata.pop("managedFields", [])}
            metadata["annotations"] = dict(annotations_of(found), **{ANNOTATION: json.dumps(kept)})
            spec["replicas"] = 0
            return True

        if not self._change(take):
            raise CannotTry(f"there is no StatefulSet {NAME} to scale")

    def end(self) -> bool:
        """Give back what a run, this one or one that was killed, had taken away."""
        # First the pods, then the record of owners: a kill between the two is finished by the next run.
        return self._change(give_back) and self._change(forget)

    def _change(self, edit: Callable[[dict[str, object]], bool]) -> bool:
        """Read, edit, write; again when a controller was faster. False when there is nothing to do."""
        said: dict[str, object] = {}
        for _try in range(20):
            status, found = self._cluster.request("GET", self._path)
            if status == 404 or not edit(found):
                return False
            status, said = self._cluster.request("PUT", self._path, found)
            if status == 200:
                return True
            if status != 409:
                break
            time.sleep(0.2)
        raise Stop("Could not scale Keycloak: {}".format(said.get("message", "no answer")))


def give_back(found: dict[str, object]) -> bool:
    """Put the number of replicas back."""
    kept = read_kept(annotations_of(found).get(ANNOTATION))
    if not kept:
        return False
    mapping(found, "metadata").pop("managedFields", None)
    mapping(found, "spec")["replicas"] = kept["replicas"]
    return True


def forget(found: dict[str, object]) -> bool:
    """Put the record of owners back, but for those of the status, who go on writing; and take our note away."""
    kept = read_kept(annotations_of(found).get(ANNOTATION))
    if not kept:
        return False
    metadata = mapping(found, "metadata")
    metadata["annotations"] = {name: text for name, text in annotations_of(found).items() if name != ANNOTATION}
    owners, now = kept.get("owners"), metadata.get("managedFields")
    if isinstance(owners, list) and isinstance(now, list):
        live = [item for item in now if item.get("subresource")]
        metadata["managedFields"] = [item for item in owners if not item.get("subresource")] + live
    return True


def mapping(value: dict[str, object], key: str) -> dict[str, object]:
    """Return a part of an object, to change it."""
    found = value.get(key)
    if not isinstance(found, dict):
        raise Stop(f"The StatefulSet {NAME} of Keycloak is not whole.")
    return found


def read_kept(text: object) -> dict[str, object]:
    """Read what was written down, nothing when it is not ours."""
    try:
        kept = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return {}
    return kept if isinstance(kept, dict) and isinstance(kept.get("replicas"), int) else {}


def annotations_of(found: Mapping[str, object]) -> Mapping[str, object]:
    """Return the annotations of an object."""
    metadata = found.get("metadata")
    kept = metadata.get("annotations") if isinstance(metadata, dict) else None
    return kept if isinstance(kept, dict) else {}


def away(bench: Bench) -> Mapping[str, Trial]:
    """Try the chain with no issuer, and again when it is back."""
    account = next((item for item in bench.accounts if item.wanted.can), None)
    if account is None:
        raise CannotTry("it takes a person who may do something")
    probe = account.wanted.can[0]
    m = bench.signin.m(account, fresh=account.signin == "password")
    exchanged, called = bench.keycloak.exchange(m.text), bench.mcp.call(m.text, probe)
    outage = Outage(bench.asked(), bench.target.keycloak_namespace)
    bench.say("Taking Keycloak away (scale to 0)")
    outage.begin()
    try:
        gone = wait_for(
            lambda: bench.keycloak.wire.send("GET", bench.target.jwks_url, timeout=3.0).status != 200, GONE_SECONDS
        )
        if not gone:
            raise CannotTry("Keycloak still answered after %d s" % GONE_SECONDS)
        no_exchange, no_call = bench.keycloak.exchange(m.text), bench.mcp.call(m.text, probe)
    finally:
        bench.say("Giving Keycloak back")
        outage.end()
    began = time.monotonic()
    back = wait_for(
        lambda: bench.keycloak.wire.send("GET", bench.target.jwks_url, timeout=3.0).status == 200, BACK_SECONDS, 2.0
    )

    def works() -> bool:
        return back and bench.mcp.call(bench.signin.m(account).text, probe).taken

    well = wait_for(works, 90.0, 2.0)
    words = "no issuer"
    after = "; recovered after %d s" % (time.monotonic() - began) if well else "; NOT back after it"
    return {
        "keycloak": Trial(noted(no_exchange, after), Twin("M, before", exchanged.status, exchanged.taken), words),
        "mcp_server": Trial(noted(no_call, after), Twin("M, before", called.status, called.taken), words),
    }


def noted(answer: Answer, after: str) -> Answer:
    """Add how it went on to what was answered."""
    return Answer(answer.status, answer.reason + after, answer.taken)


def restorer(cluster: Cluster, namespace: str) -> Callable[[], bool]:
    """Return what gives Keycloak back, for whoever cleans up."""
    return Outage(cluster, namespace).end


ATTEMPTS: dict[str, Attempt] = {"outage": together("outage", away)}
