# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every row of the status contract, with objects as the controllers write them: done, in progress, failed."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.plan import Ref
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.status_contract import ROWS, row_for
from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster.waits import judge, of_kind

DONE, BUSY, LOST = "done", "in progress", "failed"


def cond(kind: str, status: str = "True", reason: str = "", message: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def obj(status: t.Any = None, spec: t.Any = None, **meta: t.Any) -> dict[str, t.Any]:
    return {
        "metadata": {"name": "x", "namespace": "n", "generation": 2, **meta},
        "spec": spec or {},
        "status": status or {},
    }


def conditions(*rows: dict[str, str], **status: t.Any) -> dict[str, t.Any]:
    return obj({"conditions": list(rows), **status})


def replicas(**status: t.Any) -> dict[str, t.Any]:
    full = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}
    return obj({**full, "currentRevision": "a", "updateRevision": "a", **status}, {"replicas": 2})


def without(body: dict[str, t.Any], key: str) -> dict[str, t.Any]:
    del body["status"][key]
    return body


OIDC = [
    {"componentName": "console", "componentNamespace": "openshift-console"},
    {"componentName": "cli", "componentNamespace": "openshift-console"},
]
CSV_LOST = [{"phase": "Failed", "reason": "InstallCheckFailed"}, {"phase": "Pending", "reason": "NeedsReinstall"}]

CASES: list[tuple[str, str, str, dict[str, t.Any]]] = [
    ("v1", "Namespace", DONE, obj({"phase": "Active"})),
    ("v1", "Namespace", BUSY, obj()),
    ("v1", "Namespace", LOST, obj({"phase": "Terminating"}, deletionTimestamp="now")),
    (
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        DONE,
        conditions(cond("Established"), cond("NamesAccepted")),
    ),
    (
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        BUSY,
        conditions(cond("Established", "False"), cond("NamesAccepted")),
    ),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", BUSY, obj()),
    (
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        LOST,
        conditions(cond("NamesAccepted", "False", "ListKindConflict")),
    ),
    ("apps/v1", "Deployment", DONE, replicas()),
    ("apps/v1", "Deployment", DONE, obj({"observedGeneration": 2}, {"replicas": 0})),
    ("apps/v1", "Deployment", BUSY, replicas(observedGeneration=1)),
    ("apps/v1", "Deployment", BUSY, replicas(updatedReplicas=1)),
    ("apps/v1", "Deployment", BUSY, replicas(replicas=3)),
    ("apps/v1", "Deployment", BUSY, without(replicas(), "availableReplicas")),
    (
        "apps/v1",
        "Deployment",
        LOST,
        replicas(availableReplicas=0, conditions=[cond("Progressing", "False", "ProgressDeadlineExceeded")]),
    ),
    (
        "apps/v1",
        "Deployment",
        LOST,
        replicas(availableReplicas=0, conditions=[cond("ReplicaFailure", "True", "FailedCreate")]),
    ),
    # A failure of the generation before is not one of this.
    (
        "apps/v1",
        "Deployment",
        BUSY,
        replicas(observedGeneration=1, conditions=[cond("Progressing", "False", "ProgressDeadlineExceeded")]),
    ),
    ("apps/v1", "StatefulSet", DONE, replicas()),
    ("apps/v1", "StatefulSet", DONE, obj({"observedGeneration": 2, "updateRevision": "b"}, {"replicas": 0})),
    ("apps/v1", "StatefulSet", BUSY, replicas(observedGeneration=1)),
    ("apps/v1", "StatefulSet", BUSY, replicas(updateRevision="b", updatedReplicas=1)),
    ("apps/v1", "StatefulSet", BUSY, without(replicas(), "readyReplicas")),
    (
        "apps/v1",
        "DaemonSet",
        DONE,
        obj({"observedGeneration": 2, "updatedNumberScheduled": 1, "numberAvailable": 1, "desiredNumberScheduled": 1}),
    ),
    (
        "apps/v1",
        "DaemonSet",
        BUSY,
        obj({"observedGeneration": 2, "updatedNumberScheduled": 1, "desiredNumberScheduled": 1}),
    ),
    ("batch/v1", "Job", DONE, conditions(cond("Complete"))),
    ("batch/v1", "Job", BUSY, obj({"active": 1})),
    ("batch/v1", "Job", LOST, conditions(cond("Failed", "True", "BackoffLimitExceeded"))),
    ("v1", "PersistentVolumeClaim", DONE, obj({"phase": "Bound"})),
    ("v1", "PersistentVolumeClaim", DONE, obj({"phase": "Pending"})),
    ("v1", "PersistentVolumeClaim", BUSY, obj()),
    ("v1", "PersistentVolumeClaim", LOST, obj({"phase": "Lost"})),
    ("v1", "Service", DONE, obj({"loadBalancer": {}}, {"type": "ClusterIP", "clusterIP": "10.0.0.1"})),
    (
        "v1",
        "Service",
        DONE,
        obj({"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}, {"type": "LoadBalancer", "clusterIP": "10.0.0.1"}),
    ),
    ("v1", "Service", BUSY, obj({"loadBalancer": {}}, {"type": "LoadBalancer", "clusterIP": "10.0.0.1"})),
    ("v1", "Pod", DONE, conditions(cond("Ready"), phase="Running")),
    ("v1", "Pod", DONE, obj({"phase": "Succeeded"})),
    ("v1", "Pod", BUSY, conditions(cond("Ready", "False"), phase="Running")),
    ("v1", "Pod", LOST, obj({"phase": "Failed"})),
    ("apiregistration.k8s.io/v1", "APIService", DONE, conditions(cond("Available"))),
    ("apiregistration.k8s.io/v1", "APIService", BUSY, conditions(cond("Available", "False", "MissingEndpoints"))),
    ("operators.coreos.com/v1alpha1", "CatalogSource", DONE, obj({"connectionState": {"lastObservedState": "READY"}})),
    (
        "operators.coreos.com/v1alpha1",
        "CatalogSource",
        BUSY,
        obj({"connectionState": {"lastObservedState": "CONNECTING"}}),
    ),
    ("operators.coreos.com/v1alpha1", "Subscription", BUSY, obj({"state": "UpgradePending"})),
    ("operators.coreos.com/v1alpha1", "Subscription", BUSY, obj({"state": "AtLatestKnown", "currentCSV": "a"})),
    ("operators.coreos.com/v1alpha1", "Subscription", LOST, conditions(cond("ResolutionFailed"))),
    ("operators.coreos.com/v1alpha1", "Subscription", LOST, conditions(cond("CatalogSourcesUnhealthy"))),
    ("operators.coreos.com/v1alpha1", "InstallPlan", DONE, obj({"phase": "Complete"})),
    ("operators.coreos.com/v1alpha1", "InstallPlan", BUSY, obj({"phase": "RequiresApproval"})),
    ("operators.coreos.com/v1alpha1", "InstallPlan", LOST, obj({"phase": "Failed"})),
    ("operators.coreos.com/v1", "OperatorGroup", DONE, obj({"lastUpdated": "now", "namespaces": ["n"]})),
    ("operators.coreos.com/v1", "OperatorGroup", BUSY, obj()),
    ("operators.coreos.com/v1", "OperatorGroup", LOST, conditions(cond("MultipleOperatorGroup"))),
    ("operators.coreos.com/v1alpha1", "ClusterServiceVersion", DONE, obj({"phase": "Succeeded"})),
    (
        "operators.coreos.com/v1alpha1",
        "ClusterServiceVersion",
        DONE,
        obj({"phase": "Succeeded", "conditions": CSV_LOST}),
    ),
    ("operators.coreos.com/v1alpha1", "ClusterServiceVersion", BUSY, obj({"phase": "Installing"})),
    (
        "operators.coreos.com/v1alpha1",
        "ClusterServiceVersion",
        LOST,
        obj({"phase": "Failed", "reason": "UnsupportedOperatorGroup"}),
    ),
    # The failure lasts a second and is then in the history only.
    ("operators.coreos.com/v1alpha1", "ClusterServiceVersion", LOST, obj({"phase": "Pending", "conditions": CSV_LOST})),
    (
        "k8s.keycloak.org/v2alpha1",
        "Keycloak",
        DONE,
        conditions(cond("Ready"), cond("HasErrors", "False"), observedGeneration=2),
    ),
    ("k8s.keycloak.org/v2alpha1", "Keycloak", BUSY, conditions(cond("Ready"), observedGeneration=1)),
    (
        "k8s.keycloak.org/v2beta1",
        "Keycloak",
        BUSY,
        conditions(cond("Ready", "False"), cond("RollingUpdate"), observedGeneration=2),
    ),
    (
        "k8s.keycloak.org/v2alpha1",
        "Keycloak",
        LOST,
        conditions(
            cond("Ready"), cond("HasErrors", "True", "", "Waiting for x: ImagePullBackOff"), observedGeneration=2
        ),
    ),
    (
        "k8s.keycloak.org/v2alpha1",
        "Keycloak",
        DONE,
        conditions(
            cond("Ready"), cond("HasErrors", "False", "", "warning: unsupported podTemplate"), observedGeneration=2
        ),
    ),
    ("k8s.keycloak.org/v2alpha1", "KeycloakRealmImport", DONE, conditions(cond("Done"))),
    (
        "k8s.keycloak.org/v2alpha1",
        "KeycloakRealmImport",
        BUSY,
        conditions(cond("HasErrors", "True", "", "Keycloak deployment is not yet ready, waiting")),
    ),
    (
        "k8s.keycloak.org/v2alpha1",
        "KeycloakRealmImport",
        LOST,
        conditions(cond("HasErrors", "True", "", "Import Job failed")),
    ),
    ("dscinitialization.opendatahub.io/v1", "DSCInitialization", DONE, obj({"phase": "Ready"})),
    ("dscinitialization.opendatahub.io/v1", "DSCInitialization", BUSY, obj({"phase": "Progressing"})),
    ("dscinitialization.opendatahub.io/v2", "DSCInitialization", BUSY, obj({"phase": "Error"})),
    (
        "datasciencecluster.opendatahub.io/v1",
        "DataScienceCluster",
        BUSY,
        obj({"phase": "Ready", "observedGeneration": 1}),
    ),
    (
        "datasciencecluster.opendatahub.io/v1",
        "DataScienceCluster",
        BUSY,
        conditions(cond("Ready", "False", "", "failed to get DSCInitialization"), phase="Not Ready"),
    ),
    ("llamastack.io/v1alpha1", "LlamaStackDistribution", DONE, conditions(cond("DeploymentReady"), phase="Ready")),
    ("llamastack.io/v1alpha1", "LlamaStackDistribution", BUSY, obj({"phase": "Initializing"})),
    ("llamastack.io/v1alpha1", "LlamaStackDistribution", LOST, obj({"phase": "Failed"})),
    (
        "config.openshift.io/v1",
        "FeatureGate",
        DONE,
        obj({"featureGates": [{"version": "4.21", "enabled": [{"name": "ExternalOIDC"}]}]}),
    ),
    (
        "config.openshift.io/v1",
        "FeatureGate",
        BUSY,
        obj(
            {
                "featureGates": [
                    {"version": "4.20", "enabled": []},
                    {"version": "4.21", "enabled": [{"name": "ExternalOIDC"}]},
                ]
            }
        ),
    ),
    ("config.openshift.io/v1", "FeatureGate", BUSY, obj({"featureGates": []})),
    ("config.openshift.io/v1", "Authentication", DONE, obj({"oidcClients": OIDC})),
    ("config.openshift.io/v1", "Authentication", BUSY, obj({"oidcClients": OIDC[:1]})),
    ("config.openshift.io/v1", "Authentication", BUSY, obj()),
    (
        "operator.openshift.io/v1",
        "KubeAPIServer",
        DONE,
        conditions(cond("NodeInstallerProgressing", "False"), cond("NodeInstallerDegraded", "False")),
    ),
    (
        "operator.openshift.io/v1",
        "KubeAPIServer",
        BUSY,
        conditions(cond("NodeInstallerProgressing"), cond("NodeInstallerDegraded", "False")),
    ),
    (
        "operator.openshift.io/v1",
        "KubeAPIServer",
        LOST,
        conditions(cond("NodeInstallerDegraded", "True", "NodeInstaller_InstallerPodFailed")),
    ),
    (
        "config.openshift.io/v1",
        "ClusterOperator",
        DONE,
        conditions(cond("Available"), cond("Progressing", "False"), cond("Degraded", "False")),
    ),
    (
        "config.openshift.io/v1",
        "ClusterOperator",
        BUSY,
        conditions(cond("Available"), cond("Progressing"), cond("Degraded", "False")),
    ),
    (
        "config.openshift.io/v1",
        "ClusterOperator",
        LOST,
        conditions(cond("Available"), cond("Progressing"), cond("Degraded")),
    ),
    ("route.openshift.io/v1", "Route", DONE, obj({"ingress": [{"conditions": [cond("Admitted")]}]})),
    ("route.openshift.io/v1", "Route", BUSY, obj()),
    (
        "route.openshift.io/v1",
        "Route",
        LOST,
        obj({"ingress": [{"conditions": [cond("Admitted", "False", "HostAlreadyClaimed")]}]}),
    ),
]


@pytest.mark.parametrize(("api_version", "kind", "state", "live"), CASES)
def test_row(api_version: str, kind: str, state: str, live: dict[str, t.Any]) -> None:
    row = row_for(api_version, kind)
    assert row is not None
    verdict = judge(of_kind(Ref(api_version, kind, "n", "x"), row), live)
    assert verdict.state == state, verdict


def test_every_row_has_its_cases() -> None:
    for row in ROWS:
        states = {state for api, kind, state, _live in CASES if (api.rpartition("/")[0], kind) == (row.group, row.kind)}
        assert BUSY in states and (DONE in states or row.also), row.kind
        assert not row.fail or LOST in states, row.kind
        assert row.source


SUBSCRIPTION = obj({"state": "AtLatestKnown", "installedCSV": "rhbk.v1", "currentCSV": "rhbk.v1"})
DSC = obj({"phase": "Ready", "observedGeneration": 2})


@pytest.mark.parametrize(
    ("api_version", "kind", "live", "other", "state"),
    [
        ("operators.coreos.com/v1alpha1", "Subscription", SUBSCRIPTION, obj({"phase": "Succeeded"}), DONE),
        ("operators.coreos.com/v1alpha1", "Subscription", SUBSCRIPTION, obj({"phase": "Installing"}), BUSY),
        ("operators.coreos.com/v1alpha1", "Subscription", SUBSCRIPTION, obj({"phase": "Failed"}), LOST),
        ("operators.coreos.com/v1alpha1", "Subscription", SUBSCRIPTION, None, BUSY),
        ("datasciencecluster.opendatahub.io/v1", "DataScienceCluster", DSC, obj({"phase": "Ready"}), DONE),
        ("datasciencecluster.opendatahub.io/v1", "DataScienceCluster", DSC, obj({"phase": "Error"}), BUSY),
    ],
)
def test_the_other_object_is_asked_as_well(
    api_version: str, kind: str, live: dict[str, t.Any], other: dict[str, t.Any] | None, state: str
) -> None:
    row = row_for(api_version, kind)
    assert row is not None
    asked: list[Ref] = []

    def lookup(ref: Ref) -> dict[str, t.Any] | None:
        asked.append(ref)
        return other

    assert judge(of_kind(Ref(api_version, kind, "n", "x"), row), live, lookup).state == state
    assert asked[0].name in ("rhbk.v1", "default-dsci")
