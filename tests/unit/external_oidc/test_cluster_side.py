# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from the API servers, the trial's verdict, and who can do everything."""

from __future__ import annotations

import pwd
import typing

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._external_oidc import (
    apiservers,
    identity,
    power,
    trial,
)
from ansible_collections.mcp_auth.openshift.plugins.modules import (
    authentication_config_trial,
    external_oidc_info,
    rbac_info,
)

METRICS = """# HELP apiserver_authentication_config_controller_last_config_info [ALPHA] ...
apiserver_authentication_config_controller_last_config_info{apiserver_id_hash="sha256:aa",hash="sha256:%s"} 1
apiserver_authentication_config_controller_automatic_reloads_total{apiserver_id_hash="sha256:aa",status="success"} %d
apiserver_authentication_config_controller_automatic_reloads_total{apiserver_id_hash="sha256:aa",status="failure"} %d
apiserver_authentication_config_controller_automatic_reload_last_timestamp_seconds{apiserver_id_hash="sha256:aa",status="success"} 1.795e+09
apiserver_other{x="y"} 3
"""


class Refused(Exception):
    reason = "ConnectionRefused"


class Fake:
    """One API server; ``pages`` are answered in turn, the last one for ever."""

    server_url = "https://lb.example:6443"

    def __init__(
        self, metrics=(), version=None, pods=(), addresses=("10.0.0.1",), whoami=None, kind="certificate", issuer=""
    ):
        self.metrics = list(metrics) or [METRICS % ("old", 0, 0)]
        self.version = version or {"major": "1", "minor": "34+", "gitVersion": "v1.34.2"}
        self.pods, self.addresses = list(pods), addresses
        self.whoami = whoami or (201, {"username": "kubernetes-admin", "groups": ["kubeadm:cluster-admins"]})
        self.kind, self.issuer = kind, issuer
        self.tokens = []

    def list(self, api_version, kind, namespace=None, label_selector="", field_selector=""):
        if kind == "EndpointSlice":
            return [{"endpoints": [{"addresses": list(self.addresses)}], "ports": [{"name": "https", "port": 6443}]}]
        return self.pods

    def request(self, method, path, body=None, headers=None, token=None):
        self.tokens.append(token)
        if path == "/version":
            return 200, self.version
        if path == "/metrics":
            text = self.metrics.pop(0) if len(self.metrics) > 1 else self.metrics[0]
            return (200, {"text": text}) if isinstance(text, str) else text
        status, info = self.whoami
        return status, {"status": {"userInfo": info}} if status == 201 else {"message": "Unauthorized"}

    def credential(self):
        return {"kind": self.kind, "issuer": self.issuer}


def pod(*flags, address="10.0.0.1", mounts=()):
    return {
        "metadata": {"name": "kube-apiserver-a"},
        "spec": {
            "nodeName": "a",
            "containers": [
                {
                    "image": "img:1",
                    "command": ["kube-apiserver", *flags],
                    "volumeMounts": [{"mountPath": m} for m in mounts],
                }
            ],
        },
        "status": {"hostIP": address, "phase": "Running"},
    }


GOOD = pod("--authentication-config=/a/b.json", "--service-account-issuer=https://k", mounts=["/a"])


def read(client, path="/a/b.json"):
    servers, wrong = apiservers.read_all(client, lambda url, name: client)
    return servers, wrong + apiservers.problems_of(servers, path)


def test_reads_one_server():
    servers, wrong = read(Fake([METRICS % ("abc", 2, 1)], pods=[GOOD]))
    assert wrong == []
    assert servers[0]["config_hash"] == "abc"
    assert servers[0]["reloads"] == {"success": 2, "failure": 1}
    assert servers[0]["minor"] == 34
    assert servers[0]["flags"]["authentication_config"] == "/a/b.json"
    assert "client" not in apiservers.as_result(servers[0])


@pytest.mark.parametrize(
    ("client", "rules"),
    [
        (Fake(pods=[pod()]), ["not-configured"]),
        (Fake(pods=[pod("--oidc-issuer-url=https://x", "--oidc-client-id=a")]), ["oidc-flags"]),
        (Fake(pods=[pod("--authentication-config=/other")]), ["path"]),
        (Fake(pods=[pod("--authentication-config=/a/b.json", mounts=["/a/b.json"])]), ["mount"]),
        (Fake(["nothing"]), ["not-configured"]),
        (Fake(), []),
        (Fake([(403, {})], pods=[GOOD]), ["metrics"]),
        (Fake(pods=[GOOD], version={"minor": "29", "gitVersion": "v1.29.0"}), ["version"]),
        (Fake(addresses=()), ["api-servers"]),
    ],
)
def test_what_cannot_work_is_told(client, rules):
    found = read(client)[1]
    assert [one["rule"] for one in found] == rules
    assert all(one["fix"] for one in found)


def test_each_at_its_own_address():
    asked = []

    def at(url, name):
        asked.append(url)
        if "10.0.0.2" in url:
            raise Refused("no way")
        return Fake()

    servers, wrong = apiservers.read_all(Fake(addresses=("10.0.0.1", "10.0.0.2")), at)
    assert asked == ["https://10.0.0.1:6443", "https://10.0.0.2:6443"]
    assert [one["rule"] for one in wrong] == ["api-server-unreachable"]
    assert [one["reachable"] for one in servers] == [True, False]


def test_the_only_one_may_be_asked_at_the_usual_address():
    def at(url, name):
        raise Refused("no way")

    servers, wrong = apiservers.read_all(Fake(), at)
    assert wrong == []
    assert servers[0]["asked_at"] == Fake.server_url


def loading(*metrics, before=(0, 0), minor="34", at_least=0, timeout=5.0):
    client = Fake(metrics, version={"minor": minor, "gitVersion": "v1." + minor})
    servers = [{"address": "a", "client": client, "config_hash": "", "reloads": {}, "last": {}}]
    old = {"address": "a", "reloads": {"success": before[0], "failure": before[1]}, "last": {"success": 1.0}}
    apiservers.wait_loaded(servers, ["new"], {"a": old}, at_least, timeout, lambda text: None, pause=0)
    return servers[0]


def three(*hashes):
    """Three API servers, each with what it has loaded."""
    return [
        {"address": name, "client": Fake([METRICS % (digest, 0, 0)]), "config_hash": "", "reloads": {}, "last": {}}
        for name, digest in zip("abc", hashes, strict=True)
    ]


def test_so_many_of_all():
    apiservers.wait_loaded(three("old", "new", "old"), ["new"], {}, 1, 0, lambda text: None, pause=0)
    with pytest.raises(apiservers.NotLoaded, match="at a, c"):
        apiservers.wait_loaded(three("old", "new", "old"), ["new"], {}, 2, 0, lambda text: None, pause=0)


def test_this_one_and_not_another():
    """That another API server has the same file already says nothing about the host that was just written."""
    apiservers.wait_loaded(three("old", "new", "old"), ["new"], {}, 0, 0, lambda text: None, pause=0, only=["b"])
    with pytest.raises(apiservers.NotLoaded, match="at a"):
        apiservers.wait_loaded(three("old", "new", "old"), ["new"], {}, 0, 0, lambda text: None, pause=0, only=["a"])
    with pytest.raises(apiservers.NotLoaded, match="no API server listens at d"):
        apiservers.wait_loaded(three("old", "new", "old"), ["new"], {}, 0, 0, lambda text: None, pause=0, only=["d"])


def test_loaded_means_the_hash():
    assert loading(METRICS % ("old", 0, 0), METRICS % ("new", 1, 0))["loaded"]


def test_older_ones_tell_no_hash():
    text = "\n".join(line for line in (METRICS % ("", 1, 0)).splitlines() if "last_config_info{" not in line)
    assert loading("", text)["loaded"]
    with pytest.raises(apiservers.NotLoaded, match="not loaded"):
        loading("", timeout=0)


def standing(metrics, since, addresses=(), failures=0):
    """An API server of 1.33 that is asked about a file which nobody writes now; what this run read first is the same."""
    said = apiservers.parse_metrics(metrics)
    server = {"address": "a", "client": Fake([metrics], version={"minor": "33", "gitVersion": "v1.33.1"}), **said}
    before = {"a": {**said, "reloads": {**said["reloads"], "failure": failures}}}
    entry = {"since": since, "addresses": list(addresses)}
    apiservers.wait_loaded([server], ["new"], before, 0, 0, lambda text: None, pause=0, standing=[entry])
    return server["loaded"]


def test_a_file_of_a_killed_run_is_loaded_only_once():
    """It was loaded before this run began: no reload will come, and the one that was is proof enough."""
    text = "\n".join(line for line in (METRICS % ("", 1, 0)).splitlines() if "last_config_info{" not in line)
    loaded = 1.795e09
    assert standing(text, loaded - 5) and standing(text, loaded - 5, ["a"])
    # Of before it was written, or of another's file.
    for since, addresses in ((loaded + 5, []), (loaded - 5, ["b"])):
        with pytest.raises(apiservers.NotLoaded, match="not loaded"):
            standing(text, since, addresses)
    # An API server that started with it has loaded it, and counts no reload.
    assert standing("process_start_time_seconds 1.7950001e+09", loaded)
    with pytest.raises(apiservers.NotLoaded, match="not loaded"):
        standing("process_start_time_seconds 1.7949999e+09", loaded)


def test_one_that_tells_the_hash_is_believed_before_all_else():
    with pytest.raises(apiservers.NotLoaded, match="not loaded"):
        standing(METRICS % ("old", 1, 0), 1.795e09 - 5)


def test_a_refusal_ends_the_wait():
    with pytest.raises(apiservers.NotLoaded, match="refused the file"):
        loading(METRICS % ("old", 0, 0), METRICS % ("old", 0, 1))


def test_a_failure_before_the_write_is_not_ours():
    assert loading(METRICS % ("old", 0, 3), METRICS % ("new", 1, 3), before=(0, 3))["loaded"]


# -- who we are --------------------------------------------------------------------------------------------------------


def test_our_own_credential():
    assert identity.own(Fake(), "https://i")[1] == []
    info = identity.own(Fake(kind="token", issuer="https://kubernetes.default.svc"), "https://i")[0]
    assert info["outside"]
    for client in (Fake(kind="token", issuer="https://i"), Fake(kind="none"), Fake(whoami=(401, {}))):
        found, wrong = identity.own(client, "https://i")
        assert not found["outside"]
        assert [one["rule"] for one in wrong] == ["own-credential"]
        assert "admin.conf" in wrong[0]["fix"]


def test_a_login_that_is_taken_out_is_not_from_outside_either():
    client = Fake(kind="token", issuer="https://old")
    found, (wrong,) = identity.own(client, "https://new", ["https://older", "https://old"])
    assert not found["outside"] and wrong["rule"] == "own-credential"
    assert "https://old," in wrong["message"] and "taken out" in wrong["message"]
    # A certificate has no issuer of this sort.
    assert identity.own(Fake(), "", ["", "https://old"])[0]["outside"]


class Powerless(Fake):
    """Somebody who can sign in, and may only what is named."""

    allowed: tuple[str, ...] = ()
    ca_data = ""

    def list(self, *args, **kwargs):
        raise AssertionError("nothing may be listed without the right to it")

    def request(self, method, path, body=None, headers=None, token=None):
        if path.endswith("selfsubjectaccessreviews"):
            asked = body["spec"]["resourceAttributes"]
            return 201, {"status": {"allowed": f"{asked['verb']} {asked['resource']}" in self.allowed}}
        return super().request(method, path, body, headers, token)


def test_missing_rights_are_told_with_the_rest_before_anything_is_read(monkeypatch):
    powerless = Powerless(kind="token", issuer="https://old")
    powerless.allowed = ("list pods",)
    rights = [
        {"verb": "list", "group": "", "resource": "pods", "namespace": "kube-system", "name": ""},
        {"verb": "get", "group": "", "resource": "secrets", "namespace": "agents", "name": "key"},
    ]
    params = dict.fromkeys(external_oidc_info.ARGUMENTS)
    params.update(
        issuer="https://new", issuer_proofs=False, own_credential=True, api_servers=True, other_issuers=["https://old"]
    )
    monkeypatch.setattr(external_oidc_info, "connect", lambda params: powerless)
    done = external_oidc_info.run(type("Module", (), {"params": {**params, "rights": rights}}))
    assert [one["rule"] for one in done["problems"]] == ["own-credential", "own-rights"]
    assert done["own_credential"]["missing"] == ["get secrets in namespace agents"]
    assert done["own_credential"]["missing"][0] in done["problems"][1]["message"]
    assert done["api_servers"] == []
    # Who is nobody is told so, and nothing else.
    powerless.whoami = (401, {})
    done = external_oidc_info.run(type("Module", (), {"params": {**params, "rights": rights, "api_servers": False}}))
    assert [one["rule"] for one in done["problems"]] == ["own-credential"]


def test_a_person():
    client = Fake(whoami=(201, {"username": "alice", "groups": ["admins", "system:authenticated"], "uid": "1"}))
    status, info = identity.review(client, "secret-token")
    assert client.tokens == ["secret-token"]
    assert identity.compare(info, status, "alice", ["admins"]) == []
    assert [one["path"] for one in identity.compare(info, status, "bob", [])] == ["username", "groups"]
    assert identity.compare(info, status, "", None) == []
    assert (
        identity.compare(*reversed(identity.review(Fake(whoami=(401, {})), "t")), "alice", None)[0]["path"] == "token"
    )
    evil = {"username": "system:admin", "groups": [], "message": ""}
    assert "system user" in identity.compare(evil, 201, "", None)[0]["message"]


# -- the trial ---------------------------------------------------------------------------------------------------------

REFUSED = """I1123 07:00:00.1 1 server.go:150] Version: v1.34.2
E1123 07:00:00.2 1 run.go:72] "command failed" err=<
\tinvalid authentication configuration: jwt[0].claimMappings.groups.expression: Invalid value: "x": compilation failed
\t | claims.groups.map(g, g)
\t | ......^
 >
"""
ACCEPTED = (
    'E1123 1 run.go:72] "command failed" err="loading audit policy file: failed to read file path \\"/mcp-auth/accepted\\": '
    'open /mcp-auth/accepted: no such file or directory"'
)


def test_verdicts():
    verdict, message = trial.verdict(REFUSED)
    assert verdict == "refused"
    assert message.startswith("invalid authentication configuration") and message.endswith("| ......^")
    assert trial.verdict(ACCEPTED) == ("accepted", "")
    assert trial.verdict("exec format error")[0] == "unavailable"
    assert trial.verdict("")[0] == "unavailable"


def test_the_pod_is_like_the_one_that_runs_and_can_do_nothing():
    made = trial.pod(
        pod("--service-account-issuer=https://k", "--feature-gates=A=true", "--tls-private-key-file=/etc/k"),
        "{}",
        "n",
        60,
    )
    spec = made["spec"]
    container = spec["containers"][0]
    assert container["image"] == "img:1"
    assert "--service-account-issuer=https://k" in container["args"]
    assert "--feature-gates=A=true" in container["args"]
    assert not any("/etc/" in word for word in container["args"])
    assert spec["automountServiceAccountToken"] is False
    assert "hostNetwork" not in spec
    assert all(set(volume) <= {"name", "downwardAPI", "emptyDir"} for volume in spec["volumes"])
    assert made["metadata"]["annotations"][trial.ANNOTATION] == "{}"


def test_a_pod_that_cannot_start():
    waiting = {"status": {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "no"}}}]}}
    assert "ErrImagePull" in trial.stuck(waiting)
    assert trial.stuck({"status": {}}) == ""
    ended = {"status": {"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"message": "words"}}}]}}
    assert trial.ended(ended) and trial.last_words(ended) == "words"


# -- power -------------------------------------------------------------------------------------------------------------


def role(name, *rules):
    return {
        "metadata": {"name": name},
        "rules": [dict(zip(("verbs", "apiGroups", "resources"), one, strict=True)) for one in rules],
    }


def binding(name, to, *subjects, namespace=""):
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"metadata": metadata, "roleRef": {"kind": "ClusterRole", "name": to}, "subjects": list(subjects)}


def test_who_can_do_everything():
    star = ["*"]
    roles = [
        role("cluster-admin", (star, star, star)),
        role("mine", (star, ["apps"], star), (star, star, star)),
        role("binder", (["bind"], ["rbac.authorization.k8s.io"], ["clusterroles"])),
        role("actor", (["impersonate"], [""], ["users"])),
        role("view", (["get"], star, star)),
    ]
    group, user = {"kind": "Group", "name": "g"}, {"kind": "User", "name": "u"}
    account = {"kind": "ServiceAccount", "name": "s", "namespace": "n"}
    bindings = [
        binding("a", "cluster-admin", {"kind": "Group", "name": "system:masters"}),
        binding("b", "mine", group),
        binding("c", "binder", user),
        binding("d", "actor", account),
        binding("e", "view", user),
        binding("f", "cluster-admin", account, namespace="kube-system"),
    ]
    found = power.holders(roles, bindings, [*power.ALLOWED, "Group:g"])
    told = [(one["subject"], one["power"], one["allowed"]) for one in found]
    assert told == [
        ("ServiceAccount:n:s", "escalation", False),
        ("User:u", "escalation", False),
        ("Group:g", "everything", True),
        ("Group:system:masters", "everything", True),
        ("ServiceAccount:n:s", "everything", False),
    ]


def test_rights_on_one_object_do_not_count():
    one = role("one", (["impersonate"], [""], ["users"]))
    one["rules"][0]["resourceNames"] = ["alice"]
    assert power.leads_to_every_right(one) == []


@pytest.mark.parametrize(
    ("verbs", "groups", "kinds", "objects"),
    [
        (["*"], ["rbac.authorization.k8s.io"], ["*"], []),
        (["*"], ["", "apps", "batch", "rbac.authorization.k8s.io"], ["*"], []),
        (["*"], [""], ["users"], []),
        (["impersonate"], [""], ["groups"], ["somebody", "system:masters"]),
        (["bind"], ["rbac.authorization.k8s.io"], ["clusterroles"], ["cluster-admin"]),
        (["escalate"], ["rbac.authorization.k8s.io"], ["roles"], []),
        (["impersonate"], [""], ["serviceaccounts"], []),
        (["create"], [""], ["serviceaccounts/token"], []),
        (["create"], ["*"], ["*/token"], []),
    ],
)
def test_ways_to_every_right(verbs, groups, kinds, objects):
    one = role("one", (verbs, groups, kinds))
    if objects:
        one["rules"][0]["resourceNames"] = objects
    assert power.leads_to_every_right(one)
    found = power.holders([one], [binding("b", "one", {"kind": "Group", "name": "g"})], power.ALLOWED)
    assert [entry["power"] for entry in found] == ["escalation"]


@pytest.mark.parametrize(
    ("verbs", "groups", "kinds"),
    [
        (["get"], [""], ["serviceaccounts/token"]),
        (["create"], [""], ["serviceaccounts"]),
        (["create"], [""], ["pods", "*/log"]),
        (["impersonate"], ["authentication.k8s.io"], ["userextras/scopes"]),
        (["create", "update"], ["rbac.authorization.k8s.io"], ["roles", "rolebindings"]),
    ],
)
def test_ways_that_lead_nowhere(verbs, groups, kinds):
    assert power.leads_to_every_right(role("one", (verbs, groups, kinds))) == []


def test_a_service_account_that_is_named_counts_by_what_it_can_do():
    """Every cluster has one in kube-system that may write any role; a token of a weak one is no way up."""
    aggregation = role("system:controller:clusterrole-aggregation-controller")
    aggregation["rules"] = [{"verbs": ["escalate"], "apiGroups": [power.RBAC], "resources": ["clusterroles"]}]
    roles = [aggregation]
    account = {"kind": "ServiceAccount", "namespace": "kube-system", "name": "clusterrole-aggregation-controller"}
    bindings = [binding("system", aggregation["metadata"]["name"], account)]
    for name, named in (("strong", account["name"]), ("weak", "coredns")):
        roles.append(role(name, (["create"], [""], ["serviceaccounts/token"])))
        roles[-1]["rules"][0]["resourceNames"] = [named]
        bindings.append(binding(name, name, {"kind": "User", "name": name}))
    found = power.holders(roles, bindings, power.ALLOWED)
    assert [one["subject"] for one in found if not one["allowed"]] == ["User:strong"]


def test_a_role_of_kube_system_counts_too():
    everything = role("mine", (["*"], ["*"], ["*"]))
    everything["metadata"]["namespace"] = "kube-system"
    bound = binding("b", "mine", {"kind": "Group", "name": "g"}, namespace="kube-system")
    bound["roleRef"]["kind"] = "Role"
    # A ClusterRole of the same name is another one, and so is a Role of another namespace.
    other = {**bound, "metadata": {"name": "c", "namespace": "elsewhere"}}
    cluster = binding("d", "mine", {"kind": "User", "name": "u"})
    found = power.holders([everything, role("mine")], [bound, other, cluster], power.ALLOWED)
    assert [(one["subject"], one["power"], one["namespace"]) for one in found] == [
        ("Group:g", "everything", "kube-system")
    ]


def test_nobody_is_unexpected_in_a_new_cluster():
    """The rights of Kubernetes 1.34 that count, with those who hold them in a cluster that nobody has used yet."""
    token = (["create"], [""], ["serviceaccounts/token"])
    roles = [
        role("cluster-admin", (["*"], ["*"], ["*"])),
        role("edit", (["impersonate"], [""], ["serviceaccounts"]), token),
        role("system:kube-controller-manager", token),
        role("system:node", token),
        role("system:controller:generic-garbage-collector", (["delete", "get", "patch", "update"], ["*"], ["*"])),
        role("system:controller:clusterrole-aggregation-controller", (["escalate"], [power.RBAC], ["clusterroles"])),
    ]
    own = "system:controller:clusterrole-aggregation-controller"
    account = {"kind": "ServiceAccount", "namespace": "kube-system", "name": "clusterrole-aggregation-controller"}
    bindings = [
        binding("cluster-admin", "cluster-admin", {"kind": "Group", "name": "system:masters"}),
        binding("kubeadm:cluster-admins", "cluster-admin", {"kind": "Group", "name": "kubeadm:cluster-admins"}),
        binding(
            "manager", "system:kube-controller-manager", {"kind": "User", "name": "system:kube-controller-manager"}
        ),
        binding("system:node", "system:node"),
        binding(own, own, account),
    ]
    found = power.holders(roles, bindings, power.ALLOWED)
    assert len(found) == 4 and all(one["allowed"] for one in found)


def test_who_can_give_itself_every_right_is_not_expected_either(monkeypatch):
    bind = role("binder", (["bind"], ["rbac.authorization.k8s.io"], ["clusterroles"]))
    objects = {
        "ClusterRole": [bind],
        "ClusterRoleBinding": [binding("b", "binder", {"kind": "Group", "name": "g"})],
        "RoleBinding": [],
        "Role": [],
    }
    client = type("Listing", (), {"list": lambda self, version, kind, namespace=None: objects[kind]})()
    monkeypatch.setattr(rbac_info, "connect", lambda params: client)
    assert [one["subject"] for one in rbac_info.run({"allowed": [], "allow_system": True})["others"]] == ["Group:g"]
    assert rbac_info.run({"allowed": ["Group:g"], "allow_system": True})["others"] == []


def test_a_busy_api_server_refuses_nobody(monkeypatch):
    """429 and 503 are no word about the credential; what is asked changes nothing and may be asked again."""
    monkeypatch.setattr(identity.time, "sleep", lambda seconds: None)
    answers = [(429, {}), (503, {})]

    class Busy(Fake):
        def request(self, method, path, body=None, headers=None, token=None):
            return answers.pop() if answers else super().request(method, path, body, headers, token)

    assert identity.own(Busy(), "https://i")[1] == []
    monkeypatch.setattr(identity, "PATIENCE", -1)
    for status in identity.BUSY:
        (wrong,) = identity.own(Fake(whoami=(status, {})), "https://i")[1]
        assert "is busy" in wrong["message"] and "credential" not in wrong["message"]
        (wrong,) = identity.compare(*reversed(identity.review(Fake(whoami=(status, {})), "t")), "alice", None)
        assert "is busy" in wrong["message"]


def test_a_trial_that_is_not_possible_is_said(monkeypatch):
    said = []

    class Module:
        params: typing.ClassVar = {"required": False}

        def __init__(self, *args, **kwargs):
            pass

        def warn(self, text):
            said.append(text)

        def exit_json(self, **result):
            assert result["verdict"] == "unavailable"

    monkeypatch.setattr(authentication_config_trial, "ClusterModule", Module)
    monkeypatch.setattr(
        authentication_config_trial, "run", lambda module: {"verdict": "unavailable", "message": "no image"}
    )
    authentication_config_trial.main()
    assert ["no image" in text for text in said] == [True]


def test_a_user_id_that_no_file_names_has_no_home_and_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(number: int) -> None:
        raise KeyError(number)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert callable(external_oidc_info.elsewhere({"kubeconfig": None, "host": None}))
