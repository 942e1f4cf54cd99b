# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
#
# PRIVATE: for the modules of this collection only; may change without notice.
"""Tries an AuthenticationConfiguration on a throw-away kube-apiserver: the only thing that really compiles its CEL.

A pod with the image, the program and the relevant flags of the API server that runs. kube-apiserver reads the file
before it needs a database or any key of the cluster, and next it reads the audit policy. The pod names a policy that
does not exist: an API server that complains about the policy has accepted the file, within a second.

The file travels in an annotation of the pod, so that the pod is the only object: nothing else can be left behind.
It gets no token, no key of the cluster, no host network; its own key is made by itself and dies with it.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from .apiservers import flags_of

LABEL = "mcp-auth.example/trial"
LABEL_VALUE = "authentication-config"
ANNOTATION = "mcp-auth.example/candidate"
MARK = "/mcp-auth/accepted"
#: Annotations of an object have 256 KiB in all.
MAX_BYTES = 240 * 1024

_WAITING = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerError"}
_WAITING |= {"CreateContainerConfigError", "RunContainerError"}
_REFUSED = (
    "invalid authentication configuration",
    "failed to load authentication configuration",
    "--anonymous-auth flag",
)


def pod(running: dict[str, Any], content: str, namespace: str, seconds: int) -> dict[str, Any]:
    """The pod, made from the static pod of an API server that runs."""
    container = ((running.get("spec") or {}).get("containers") or [{}])[0]
    command = [str(word) for word in container.get("command") or []]
    flags = flags_of(running)
    keep = [
        f"--{name}={value}"
        for name in ("service-account-issuer", "feature-gates", "anonymous-auth")
        for value in flags.get(name) or []
    ]
    if "service-account-issuer" not in flags:
        keep.append("--service-account-issuer=https://kubernetes.default.svc")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"mcp-auth-config-trial-{secrets.token_hex(4)}",
            "namespace": namespace,
            "labels": {LABEL: LABEL_VALUE, "app.kubernetes.io/managed-by": "mcp-auth-openshift"},
            "annotations": {ANNOTATION: content},
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": seconds,
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            # The image is there already, and only there.
            "nodeName": str((running.get("spec") or {}).get("nodeName") or ""),
            "tolerations": [{"operator": "Exists"}],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65534,
                "runAsGroup": 65534,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "kube-apiserver",
                    "image": container.get("image"),
                    "imagePullPolicy": "IfNotPresent",
                    "command": command[:1] or ["kube-apiserver"],
                    "args": [
                        "--authentication-config=/candidate/authentication.json",
                        "--cert-dir=/scratch",
                        "--etcd-servers=http://127.0.0.1:1",
                        "--service-account-signing-key-file=/scratch/apiserver.key",
                        "--service-account-key-file=/scratch/apiserver.key",
                        "--bind-address=127.0.0.1",
                        "--secure-port=6443",
                        "--advertise-address=192.0.2.1",
                        "--service-cluster-ip-range=192.0.2.0/24",
                        "--authorization-mode=RBAC",
                        "--audit-log-path=-",
                        f"--audit-policy-file={MARK}",
                        *keep,
                    ],
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        # The published image's program has this file capability and cannot be started without it.
                        "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
                    },
                    "volumeMounts": [
                        {"name": "candidate", "mountPath": "/candidate", "readOnly": True},
                        {"name": "scratch", "mountPath": "/scratch"},
                    ],
                }
            ],
            "volumes": [
                {
                    "name": "candidate",
                    "downwardAPI": {
                        "items": [
                            {
                                "path": "authentication.json",
                                "fieldRef": {"fieldPath": f"metadata.annotations['{ANNOTATION}']"},
                            }
                        ]
                    },
                },
                {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "4Mi"}},
            ],
        },
    }


def ended(found: dict[str, Any]) -> bool:
    return (found.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def stuck(found: dict[str, Any]) -> str:
    """Why this pod will not start; empty while it may."""
    for entry in (found.get("status") or {}).get("containerStatuses") or []:
        waiting = (entry.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _WAITING:
            return f"{waiting['reason']}: {waiting.get('message') or ''}".strip()
    return ""


def last_words(found: dict[str, Any]) -> str:
    """What the container's end left in the status: the end of its log."""
    for entry in (found.get("status") or {}).get("containerStatuses") or []:
        message = ((entry.get("state") or {}).get("terminated") or {}).get("message")
        if message:
            return str(message)
    return str((found.get("status") or {}).get("message") or "")


def verdict(log: str) -> tuple[str, str]:
    """accepted, refused or unavailable, and why."""
    for mark in _REFUSED:
        at = log.find(mark)
        if at >= 0:
            text = log[at:]
            # klog ends its block with a line of its own, or with a quote; the rest is not ours.
            text = re.split(r"\n\s*>\s*(?:\n|$)", text)[0]
            return "refused", "\n".join(line.strip("\t") for line in text.strip().splitlines())[:4000]
    if "audit policy" in log and MARK in log:
        return "accepted", ""
    tail = " / ".join(line.strip() for line in log.strip().splitlines()[-3:])
    return "unavailable", f"the throw-away API server ended for another reason: {tail[:1000] or 'it said nothing'}"
