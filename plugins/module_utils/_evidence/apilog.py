# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""PRIVATE: why the API server refused somebody: it tells its log, not the one who asked."""

from __future__ import annotations

import datetime
import re
import time

from .bench import Cluster

REFUSAL = re.compile(r'"Unable to authenticate the request" err="((?:[^"\\]|\\.)*)"')
# Where API servers run, by platform: namespace, label, container.
PLACES: tuple[tuple[str, str, str], ...] = (
    ("kube-system", "component=kube-apiserver", "kube-apiserver"),
    ("openshift-kube-apiserver", "app=openshift-kube-apiserver", "kube-apiserver"),
)
PATIENCE = 3.0
SKEW = 1.0


class ApiLog:
    """Reads the log of the API servers through the cluster's API."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._pods: list[tuple[str, str, str]] | None = None

    def since(self, moment: float) -> list[str] | None:
        """Return the reasons for refusals logged since then; wait a little for the line to arrive."""
        pods = self._places()
        if not pods:
            return None
        deadline = time.monotonic() + PATIENCE
        while True:
            found: list[str] = []
            for namespace, pod, container in pods:
                found += [text for when, text in self._read(namespace, pod, container, moment) if when >= moment]
            if found or time.monotonic() > deadline:
                return list(dict.fromkeys(found))
            time.sleep(0.2)

    def _places(self) -> list[tuple[str, str, str]]:
        if self._pods is None:
            self._pods = []
            for namespace, label, container in PLACES:
                path = f"/api/v1/namespaces/{namespace}/pods?labelSelector={label}"
                status, data = self._cluster.request("GET", path)
                items = data.get("items")
                for item in items if status == 200 and isinstance(items, list) else []:
                    self._pods.append((namespace, str(item["metadata"]["name"]), container))
        return self._pods

    def _read(self, namespace: str, pod: str, container: str, moment: float) -> list[tuple[float, str]]:
        start = datetime.datetime.fromtimestamp(moment - SKEW, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        path = "/api/v1/namespaces/%s/pods/%s/log?container=%s&timestamps=true&sinceTime=%s"
        status, data = self._cluster.request("GET", path % (namespace, pod, container, start))
        text: object = data.get("text")
        if status != 200 or not isinstance(text, str):
            return []
        return refusals(text)


def refusals(text: str) -> list[tuple[float, str]]:
    """Find the refusals in a log with time stamps."""
    found: list[tuple[float, str]] = []
    for line in text.splitlines():
        stamp, _space, rest = line.partition(" ")
        said = REFUSAL.search(rest)
        if said:
            found.append((moment_of(stamp), said.group(1).replace('\\"', '"').replace("\\\\", "\\")))
    return found


def moment_of(stamp: str) -> float:
    """Read a time stamp of the log; one that cannot be read counts as new."""
    whole, _dot, fraction = stamp.rstrip("Z").partition(".")
    try:
        base = datetime.datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
        return base.timestamp() + (float("0." + fraction) if fraction else 0.0)
    except ValueError:
        return float("inf")
