# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""The status contract: per kind, when a wait is over, when it is lost, and what it says meanwhile.

Data only. Expressions are JMESPath over the live object; each of until must be true (JMESPath's truth: an empty list
is false), one true fail ends the wait with an error. source: MEASURED on the real controller, SOURCE (read in its
code), DOCS (the API's documentation).
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Related:
    """Another object that must be done as well. name and namespace are JMESPath over the first object."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""


@dataclasses.dataclass(frozen=True)
class Row:
    """How one kind of object says that it is done."""

    group: str
    kind: str
    until: tuple[str, ...]
    fail: tuple[str, ...] = ()
    in_progress: str = ""
    source: str = "DOCS"
    hint: str = ""
    also: tuple[Related, ...] = ()


def condition(kind: str, status: str = "True") -> str:
    """True when the condition has that status."""
    return "status.conditions[?type=='%s' && status=='%s']" % (kind, status)


def message_of(kind: str) -> str:
    return "status.conditions[?type=='%s'] | [0].join(': ', [reason, message][?@])" % kind


SEEN = "status.observedGeneration >= metadata.generation"
LOGS = "Look at the pods: kubectl -n NAMESPACE describe pod, kubectl -n NAMESPACE logs."

ROWS: tuple[Row, ...] = (
    # -- what every Kubernetes has -----------------------------------------------------------------------------------
    Row("", "Namespace", ("status.phase=='Active'",), ("metadata.deletionTimestamp",), "status.phase"),
    Row(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        (condition("Established"), condition("NamesAccepted")),
        (condition("NamesAccepted", "False"),),
        message_of("Established"),
        hint="Another CustomResourceDefinition has these names already.",
    ),
    Row(
        "apps",
        "Deployment",
        (
            SEEN,
            "(status.updatedReplicas || `0`) == spec.replicas",
            "(status.replicas || `0`) == spec.replicas",
            "(status.availableReplicas || `0`) == spec.replicas",
        ),
        (
            SEEN + " && status.conditions[?type=='Progressing' && reason=='ProgressDeadlineExceeded']",
            SEEN + " && status.conditions[?type=='ReplicaFailure' && status=='True']",
        ),
        "join(' of ', [to_string(status.availableReplicas || `0`), to_string(spec.replicas)])",
        "MEASURED",
        LOGS,
    ),
    Row(
        "apps",
        "StatefulSet",
        (
            SEEN,
            "(status.readyReplicas || `0`) == spec.replicas",
            "(status.updatedReplicas || `0`) == spec.replicas || spec.updateStrategy.type == 'OnDelete'",
            "status.currentRevision == status.updateRevision || spec.updateStrategy.type == 'OnDelete' || spec.replicas == `0`",
        ),
        (),
        "join(' of ', [to_string(status.readyReplicas || `0`), to_string(spec.replicas)])",
        "MEASURED",
        LOGS,
    ),
    Row(
        "apps",
        "DaemonSet",
        (
            SEEN,
            "(status.updatedNumberScheduled || `0`) == status.desiredNumberScheduled",
            "(status.numberAvailable || `0`) == status.desiredNumberScheduled",
        ),
        (),
        "join(' of ', [to_string(status.numberAvailable || `0`), to_string(status.desiredNumberScheduled)])",
        hint=LOGS,
    ),
    Row(
        "batch",
        "Job",
        (condition("Complete"),),
        (condition("Failed"),),
        "join(' ', [to_string(status.active || `0`), 'active'])",
        hint=LOGS,
    ),
    # Pending is not lost: a class with WaitForFirstConsumer binds when a pod comes, and the pod is waited for.
    Row(
        "",
        "PersistentVolumeClaim",
        ("contains(['Bound', 'Pending'], status.phase)",),
        ("status.phase=='Lost'",),
        "status.phase",
        "MEASURED",
    ),
    Row(
        "",
        "Service",
        ("spec.clusterIP || spec.type == 'ExternalName'", "spec.type != 'LoadBalancer' || status.loadBalancer.ingress"),
        (),
        "spec.type",
        hint="No load balancer gave an address: is there a controller for Services of type LoadBalancer?",
    ),
    Row(
        "",
        "Pod",
        ("status.phase=='Succeeded' || (status.phase=='Running' && %s)" % condition("Ready"),),
        ("status.phase=='Failed'",),
        "status.phase",
        hint=LOGS,
    ),
    Row("apiregistration.k8s.io", "APIService", (condition("Available"),), (), message_of("Available")),
    # -- OLM ---------------------------------------------------------------------------------------------------------
    Row(
        "operators.coreos.com",
        "CatalogSource",
        ("status.connectionState.lastObservedState=='READY'",),
        (),
        "status.connectionState.lastObservedState",
        "MEASURED",
    ),
    # AtLatestKnown comes before the CSV has succeeded, and even when it failed: so the CSV itself is asked.
    Row(
        "operators.coreos.com",
        "Subscription",
        ("status.installedCSV", "status.installedCSV == status.currentCSV"),
        (condition("ResolutionFailed"), condition("CatalogSourcesUnhealthy")),
        "status.state",
        "MEASURED",
        "Read the conditions of the Subscription; no OperatorGroup, or two, in the namespace shows no error at all.",
        (
            Related(
                "operators.coreos.com/v1alpha1", "ClusterServiceVersion", "status.installedCSV", "metadata.namespace"
            ),
        ),
    ),
    Row(
        "operators.coreos.com",
        "InstallPlan",
        ("status.phase=='Complete'",),
        ("status.phase=='Failed'",),
        "status.phase",
        "MEASURED",
        "With approval Manual somebody has to approve the plan (spec.approved).",
    ),
    Row(
        "operators.coreos.com",
        "OperatorGroup",
        ("status.lastUpdated",),
        (condition("MultipleOperatorGroup"),),
        "",
        "MEASURED",
        "Exactly one OperatorGroup may be in a namespace.",
    ),
    # The failed phase of a time-out lasts a second only: it is read in the history as well.
    Row(
        "operators.coreos.com",
        "ClusterServiceVersion",
        ("status.phase=='Succeeded'",),
        (
            "status.phase=='Failed'",
            "status.conditions[?phase=='Failed' && reason=='InstallCheckFailed'] && status.phase!='Succeeded'",
        ),
        "join(': ', [status.phase, status.reason, status.message][?@])",
        "MEASURED",
    ),
    # -- Keycloak ----------------------------------------------------------------------------------------------------
    # An error may leave an old Ready=True standing; texts that begin with "warning:" are no failure.
    Row(
        "k8s.keycloak.org",
        "Keycloak",
        (
            SEEN,
            condition("Ready"),
            "!(status.conditions[?type=='HasErrors' && (status=='True' || status==`true`)])",
        ),
        (
            "status.conditions[?type=='HasErrors' && (status=='True' || status==`true`) && !starts_with(message || '', 'warning:')]",
        ),
        "status.conditions[?type=='Ready'] | [0].message",
        "SOURCE KeycloakStatusAggregator",
        LOGS,
    ),
    # HasErrors with "waiting" or "not yet ready" is normal and tried again every 10 s.
    Row(
        "k8s.keycloak.org",
        "KeycloakRealmImport",
        (condition("Done"),),
        ("status.conditions[?type=='HasErrors' && status=='True' && contains(message || '', 'Import Job failed')]",),
        "status.conditions[?type=='HasErrors' || type=='Started'] | [0].message",
        "SOURCE KeycloakRealmImportController",
    ),
    # -- OpenShift AI ------------------------------------------------------------------------------------------------
    Row(
        "dscinitialization.opendatahub.io",
        "DSCInitialization",
        ("status.phase=='Ready'",),
        (),
        "join(': ', [status.phase, status.errorMessage][?@])",
        "MEASURED",
        "Error is tried again by the operator; it lasts when the reason does.",
    ),
    # DSC turned Ready while its DSCI was in Error: both are asked. The generation is set only when Ready.
    Row(
        "datasciencecluster.opendatahub.io",
        "DataScienceCluster",
        (SEEN, "status.phase=='Ready'"),
        (),
        message_of("ProvisioningSucceeded"),
        "MEASURED with stub components",
        "Ready=False 'failed to get DSCInitialization' is normal at first; ProvisioningSucceeded=False that lasts is not.",
        (Related("dscinitialization.opendatahub.io/v1", "DSCInitialization", "'default-dsci'"),),
    ),
    Row(
        "llamastack.io",
        "LlamaStackDistribution",
        ("status.phase=='Ready'", condition("DeploymentReady")),
        ("status.phase=='Failed'",),
        "status.phase",
        "SOURCE v0.9.0 controller",
        "Ready is set even when the server's /providers and /version fail: probe it.",
    ),
    # -- OpenShift ---------------------------------------------------------------------------------------------------
    # Stricter than "in the entry of the running version": in every entry, which is the same outside an upgrade.
    Row(
        "config.openshift.io",
        "FeatureGate",
        (
            "status.featureGates",
            "length(status.featureGates[?enabled[?name=='ExternalOIDC']]) == length(status.featureGates)",
        ),
        (),
        "join(', ', status.featureGates[].version)",
        "SOURCE",
    ),
    # Before the switch: console-operator lists both clients, else spec.oidcClients is refused.
    Row(
        "config.openshift.io",
        "Authentication",
        (
            "status.oidcClients[?componentName=='console' && componentNamespace=='openshift-console']",
            "status.oidcClients[?componentName=='cli' && componentNamespace=='openshift-console']",
        ),
        (),
        "join(', ', status.oidcClients[].componentName)",
        "MEASURED (CEL), SOURCE (writer)",
        "The console operator writes them once the gate is on and the console is Managed.",
    ),
    # Only half of the rule for the switch of the login: the revisions' ConfigMaps are checked by _external_oidc.
    Row(
        "operator.openshift.io",
        "KubeAPIServer",
        (condition("NodeInstallerProgressing", "False"), condition("NodeInstallerDegraded", "False")),
        (
            "status.conditions[?type=='NodeInstallerDegraded' && status=='True' && contains(reason || '', 'InstallerPodFailed')]",
        ),
        message_of("NodeInstallerProgressing"),
        "SOURCE external_oidc.go, installer_controller.go",
    ),
    Row(
        "config.openshift.io",
        "ClusterOperator",
        (condition("Available"), condition("Progressing", "False"), condition("Degraded", "False")),
        (condition("Degraded"),),
        message_of("Progressing"),
        "SOURCE",
    ),
    Row(
        "route.openshift.io",
        "Route",
        ("status.ingress[].conditions[?type=='Admitted' && status=='True'][]",),
        (
            "status.ingress && !(status.ingress[].conditions[?type=='Admitted' && status=='True'][])"
            " && status.ingress[].conditions[?type=='Admitted' && status=='False'][]",
        ),
        "status.ingress[0].conditions[?type=='Admitted'] | [0].message",
        "DOCS",
    ),
)

_BY_KIND = {(row.group, row.kind): row for row in ROWS}


def row_for(api_version: str, kind: str) -> Row | None:
    """The row of a kind, whatever the version of its API."""
    return _BY_KIND.get((api_version.rpartition("/")[0], kind))
