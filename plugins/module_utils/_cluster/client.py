# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""The only file that imports kubernetes, openshift, urllib3 and jmespath.

kubernetes finds the credential (kubeconfig, exec plugins, in-cluster), openshift's dynamic client the resources;
retries, errors and server-side apply are ours.
"""

from __future__ import annotations

import base64
import json
import os
import random
import shutil
import tempfile
import time
import typing as t
from urllib.parse import quote

from ansible.module_utils.basic import missing_required_lib

from .credentials import issuer_of, load_credentials, override
from .errors import ClusterError, Forbidden, KindUnknown, NotThere, from_status, from_transport
from .kinds import STABLE

FIELD_MANAGER = "mcp-auth-openshift"
USER_AGENT = "mcp-auth-openshift-ansible"
RETRY_STATUS = (429, 502, 503, 504)
RETRY_SECONDS = 60.0
FIRST_CONTACT_SECONDS = 12.0
APPLY_PATCH = "application/apply-patch+yaml"
LIBRARIES = "kubernetes (29.0.0 or newer), openshift (0.13.2 or newer) and jmespath (1.0.1 or newer)"

Object = dict[str, t.Any]
# Client has a method named list.
Objects = list[Object]
Query = list[tuple[str, str]]


def load_libraries() -> t.Any:
    """Imports the third-party clients when they are needed: 0.3 s that a module with nothing to ask does not pay."""
    try:
        import kubernetes.client
        import kubernetes.config
        import openshift.dynamic
        import urllib3
    except ImportError as exc:
        raise ClusterError(missing_required_lib(LIBRARIES), reason="MissingLibrary", hint=str(exc)) from exc
    return kubernetes, openshift.dynamic, urllib3


def compile_expression(text: str) -> t.Callable[[t.Any], t.Any]:
    """A JMESPath expression as a function."""
    try:
        import jmespath
        import jmespath.exceptions
    except ImportError as exc:
        raise ClusterError(missing_required_lib(LIBRARIES), reason="MissingLibrary", hint=str(exc)) from exc
    try:
        found = jmespath.compile(text)
    except jmespath.exceptions.JMESPathError as exc:
        raise ClusterError(
            "The JMESPath expression %r is not valid: %s" % (text, " ".join(str(exc).split())), reason="BadExpression"
        ) from exc

    def search(value: t.Any) -> t.Any:
        try:
            return found.search(value)
        except jmespath.exceptions.JMESPathError as exc:
            # A function that got null because the status is not there yet: not true, rather than an error.
            if isinstance(exc, jmespath.exceptions.JMESPathTypeError):
                return None
            raise ClusterError("The JMESPath expression %r failed: %s" % (text, exc), reason="BadExpression") from exc

    return search


def connect(params: dict[str, t.Any]) -> Client:
    """Makes a client from the options of the action group "cluster". Nothing is asked of the cluster yet."""
    kubernetes, _dynamic, urllib3 = load_libraries()
    config = kubernetes.client.Configuration()
    origin = load_credentials(kubernetes, config, params)
    override(config, params)
    if params.get("validate_certs") is False:
        config.verify_ssl = False
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    config.retries = False
    if not config.host:
        raise ClusterError("No address of an API server in %s." % origin, reason="BadOptions")
    return Client(config, origin, int(params.get("request_timeout") or 30))


class Client:
    """Requests to one cluster as one user."""

    def __init__(self, config: t.Any, origin: str, timeout: int) -> None:
        kubernetes, self._dynamic, self._urllib3 = load_libraries()
        self._config = config
        self._timeout = timeout
        self.origin = origin
        self.requests = 0
        self._api = kubernetes.client.ApiClient(config)
        self._api.user_agent = USER_AGENT
        self._bare = _Bare(self._api)
        self._dyn: t.Any = None
        self._kinds: dict[tuple[str, str], t.Any] = {}
        self._answered = False

    # -- facts -------------------------------------------------------------------------------------------------------
    @property
    def server_url(self) -> str:
        return str(self._config.host)

    @property
    def ca_data(self) -> str:
        """The CA certificates (PEM) that this client trusts; empty: the system's."""
        if getattr(self._config, "ca_cert_data", None):
            data = self._config.ca_cert_data
            return data.decode() if isinstance(data, bytes) else str(data)
        if not self._config.ssl_ca_cert:
            return ""
        with open(self._config.ssl_ca_cert, encoding="utf-8") as handle:
            return handle.read()

    def credential(self) -> dict[str, str]:
        """What sort of credential this is, and which issuer made it when it is a JWT. No secret in it."""
        header = str((self._config.auth_settings().get("BearerToken") or {}).get("value") or "")
        if header.lower().startswith("basic ") or self._config.username:
            return {"kind": "basic", "issuer": ""}
        if header:
            return {"kind": "token", "issuer": issuer_of(header.rsplit(" ", maxsplit=1)[-1])}
        return {"kind": "certificate" if self._config.cert_file else "none", "issuer": ""}

    # -- resources ---------------------------------------------------------------------------------------------------
    def resource(self, api_version: str, kind: str) -> t.Any:
        """The resource that serves a kind: known, or by discovery (kept for this client). Raises KindUnknown."""
        key = (api_version, kind)
        if key in STABLE:
            return STABLE[key]
        if key not in self._kinds:
            self._kinds[key] = self._retry(lambda: self._discover(api_version, kind), "look up " + kind)
        return self._kinds[key]

    def forget_kinds(self) -> None:
        """To be called after a CustomResourceDefinition was made."""
        self._kinds, self._dyn = {}, None

    def _discover(self, api_version: str, kind: str) -> t.Any:
        exceptions = self._dynamic.exceptions
        group, _slash, version = api_version.rpartition("/")
        where = {"prefix": "apis", "group": group} if group else {"prefix": "api"}
        try:
            if self._dyn is None:
                # The library keeps its cache in a file with a well-known name in /tmp: give it a private one.
                folder = tempfile.mkdtemp(prefix="mcp-auth-")
                try:
                    self._dyn = self._dynamic.DynamicClient(self._api, cache_file=os.path.join(folder, "discovery"))
                finally:
                    shutil.rmtree(folder, ignore_errors=True)
            return self._dyn.resources.get(api_version=version, kind=kind, **where)
        except (exceptions.ResourceNotFoundError, exceptions.ResourceNotUniqueError) as exc:
            raise _kind_unknown(kind, api_version) from exc

    def path(self, api_version: str, kind: str, name: str | None = None, namespace: str | None = None) -> str:
        for word, value in (("name", name), ("namespace", namespace or None)):
            # As the API server has it: no name may end its segment of the path, or be none.
            if value is not None and (value in ("", ".", "..") or "/" in value or "%" in value):
                raise ClusterError("%s has no good %s: %r." % (kind, word, value), reason="BadManifest")
        name, namespace = (value and quote(value, safe=":@") for value in (name, namespace))
        resource = self.resource(api_version, kind)
        if resource.namespaced and name and not namespace:
            raise ClusterError("%s %s has no namespace." % (kind, name), reason="BadManifest")
        return str(resource.path(name=name, namespace=namespace if resource.namespaced else None))

    def namespaced(self, api_version: str, kind: str) -> bool:
        return bool(self.resource(api_version, kind).namespaced)

    # -- verbs -------------------------------------------------------------------------------------------------------
    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """The object, or None when it (or its namespace) is not there. Raises KindUnknown when the kind is not."""
        path = self.path(api_version, kind, name, namespace)
        try:
            return self._call("GET", path, "read " + describe(kind, name, namespace), "get", kind, namespace)
        except NotThere:
            return None

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
    ) -> Objects:
        """All objects of a kind, page by page."""
        path = self.path(api_version, kind, None, namespace)
        query = [("limit", "500")]
        query += [("labelSelector", label_selector)] if label_selector else []
        query += [("fieldSelector", field_selector)] if field_selector else []
        found: Objects = []
        token = ""
        while True:
            page = query + ([("continue", token)] if token else [])
            answer = self._call("GET", path, "list " + kind, "list", kind, namespace, query=page)
            for item in answer.get("items") or []:
                item.setdefault("apiVersion", api_version)
                item.setdefault("kind", kind)
                found.append(item)
            token = str((answer.get("metadata") or {}).get("continue") or "")
            if not token:
                return found

    def apply(self, manifest: Object, dry_run: bool = False, force: bool = False) -> Object:
        """Server-side apply."""
        query = [("fieldManager", FIELD_MANAGER), ("force", "true" if force else "false")]
        return self._write("PATCH", manifest, "apply", "patch", query, dry_run, APPLY_PATCH)

    def create(self, manifest: Object, dry_run: bool = False) -> Object:
        """POST: fails with a Conflict when the object is there already. Not repeated once the server may have it."""
        return self._write("POST", manifest, "create", "create", [("fieldManager", FIELD_MANAGER)], dry_run)

    def replace(self, manifest: Object, dry_run: bool = False) -> Object:
        """PUT: with metadata.resourceVersion it fails with a Conflict when somebody was faster."""
        return self._write("PUT", manifest, "update", "update", [("fieldManager", FIELD_MANAGER)], dry_run)

    def _write(
        self,
        method: str,
        manifest: Object,
        word: str,
        verb: str,
        query: Query,
        dry_run: bool,
        content_type: str = "application/json",
    ) -> Object:
        kind, meta = manifest["kind"], manifest["metadata"]
        name, namespace = meta["name"], meta.get("namespace")
        path = self.path(manifest["apiVersion"], kind, name, namespace)
        if method == "POST":
            path = path.rpartition("/")[0]
        if dry_run:
            query = query + [("dryRun", "All")]
        tried = word + " " + describe(kind, name, namespace) + (" (dry run)" if dry_run else "")
        return self._call(method, path, tried, verb, kind, namespace, manifest, query, content_type)

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        dry_run: bool = False,
        uid: str = "",
        propagation: str = "Background",
    ) -> bool:
        """Asks for deletion; False when it was not there. With uid only that very object."""
        body: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if dry_run:
            body["dryRun"] = ["All"]
        if uid:
            body["preconditions"] = {"uid": uid}
        path = self.path(api_version, kind, name, namespace)
        try:
            self._call("DELETE", path, "delete " + describe(kind, name, namespace), "delete", kind, namespace, body)
        except NotThere:
            return False
        return True

    def request(
        self,
        method: str,
        path: str,
        body: t.Any = None,
        headers: dict[str, str] | None = None,
        token: str | None = None,
    ) -> tuple[int, Object]:
        """A raw request, answered or not: (status, body). token None: our own credential; a text: that bearer token
        and nothing of ours (no certificate); empty: anonymous. A body that is no JSON comes as {"text": ...}."""
        tried = "%s %s" % (method, path.partition("?")[0])
        if token is None:
            status, data, _headers = self._retry(
                lambda: self._send(method, path, body, [], "application/json", headers), tried, method == "GET"
            )
        else:
            status, data = self._retry(lambda: self._as(token, method, path, body, headers), tried, method == "GET")
        return status, _parse(data)

    # -- transport ---------------------------------------------------------------------------------------------------
    def _call(
        self,
        method: str,
        path: str,
        tried: str,
        verb: str,
        kind: str,
        namespace: str | None,
        body: t.Any = None,
        query: Query | None = None,
        content_type: str = "application/json",
    ) -> Object:
        def once() -> tuple[int, bytes, t.Any]:
            return self._send(method, path, body, query or [], content_type, None)

        status, data, _headers = self._retry(once, tried, method != "POST")
        answer = _parse(data)
        if 200 <= status < 300:
            return answer
        if status == 404 and "text" in answer:
            # No Status: nobody at that address knows the resource. That must not pass for an object that is not there.
            raise _kind_unknown(kind, path)
        plural = path.split("?")[0].strip("/").split("/")[-1 if verb in ("list", "create") else -2]
        raise from_status(status, answer, tried, verb, plural, namespace)

    def _send(
        self,
        method: str,
        path: str,
        body: t.Any,
        query: Query,
        content_type: str,
        headers: dict[str, str] | None,
    ) -> tuple[int, bytes, t.Any]:
        self.requests += 1
        path, _mark, more = path.partition("?")
        pairs = query + [(item.partition("=")[0], item.partition("=")[2]) for item in more.split("&") if item]
        try:
            answer = self._dynamic.DynamicClient.request(
                self._bare,
                method,
                path,
                body=body,
                query_params=pairs,
                header_params=dict(headers or {"Accept": "application/json"}),
                content_type=content_type,
                serialize=False,
                _request_timeout=(min(10, self._timeout), self._timeout),
            )
        except self._dynamic.exceptions.DynamicApiError as exc:
            if not exc.status:
                raise
            data = exc.body if exc.body is not None else b""
            return int(exc.status), data if isinstance(data, bytes) else str(data).encode(), exc.headers
        data = answer.data
        return int(answer.status), data if isinstance(data, bytes) else str(data).encode(), answer.headers

    def _as(self, token: str, method: str, path: str, body: t.Any, headers: dict[str, str] | None) -> tuple[int, bytes]:
        """With a connection pool of its own, so that no certificate of ours goes along."""
        self.requests += 1
        config, extra = self._config, {}
        if config.tls_server_name:
            extra["server_hostname"] = config.tls_server_name
        if self.ca_data:
            extra["ca_cert_data"] = self.ca_data
        make = self._urllib3.PoolManager
        if config.proxy:
            make, extra["proxy_url"] = self._urllib3.ProxyManager, config.proxy
        pool = make(
            cert_reqs="CERT_REQUIRED" if config.verify_ssl else "CERT_NONE",
            retries=False,
            timeout=self._timeout,
            **extra,
        )
        sent = {"Accept": "application/json", "User-Agent": USER_AGENT}
        sent.update({"Content-Type": "application/json"} if body is not None else {})
        sent.update({"Authorization": "Bearer " + token} if token else {})
        sent.update(headers or {})
        payload = None if body is None else body if isinstance(body, (bytes, str)) else json.dumps(body)
        try:
            answer = pool.request(method, self.server_url + path, body=payload, headers=sent)
            return int(answer.status), bytes(answer.data)
        finally:
            pool.clear()

    def _retry(self, once: t.Callable[[], t.Any], tried: str, repeat: bool = True) -> t.Any:
        """Repeats on overload and lost connections, with growing pauses and jitter, up to a total deadline."""
        start = time.monotonic()
        tries = 0
        while True:
            tries += 1
            try:
                result = once()
                self._answered = True
                wait = _retry_after(result) if repeat else None
                if wait is None or time.monotonic() - start > RETRY_SECONDS:
                    return result
            except ClusterError:
                raise
            except self._dynamic.exceptions.DynamicApiError as exc:
                # Discovery raises on its own: the same rules.
                if not exc.status:
                    # The library's way to say that TLS failed.
                    self._give_up(exc, tried, repeat, time.monotonic() - start)
                elif exc.status not in RETRY_STATUS or time.monotonic() - start > RETRY_SECONDS:
                    status = _parse(exc.body)
                    raise from_status(int(exc.status), status, tried, "get", "the API's resources", None) from exc
                wait = 0.0
            except Exception as exc:
                if not isinstance(exc, (self._urllib3.exceptions.HTTPError, OSError)):
                    raise
                self._give_up(exc, tried, repeat, time.monotonic() - start)
                wait = 0.0
            time.sleep(max(wait, random.uniform(0.1, min(5.0, 0.3 * 2 ** min(tries, 10)))))

    def _give_up(self, exc: BaseException, tried: str, repeat: bool, spent: float) -> None:
        """Raises unless another try makes sense."""
        error = from_transport(exc, self.server_url, tried)
        # Somebody listens, if only a load balancer: the API server may be starting.
        there = self._answered or error.reason == "ConnectionLost"
        limit = RETRY_SECONDS if there else FIRST_CONTACT_SECONDS
        lasting = error.reason in ("TLSFailed", "NameUnknown")
        maybe_done = not repeat and error.reason != "ConnectionRefused"
        if lasting or maybe_done or spent > limit:
            raise error from exc


class _Bare:
    """What DynamicClient.request needs of its object, without the discovery that its constructor does: request()
    must work for a user who may not discover."""

    def __init__(self, api: t.Any) -> None:
        self.client = api
        self.configuration = api.configuration


def _kind_unknown(kind: str, where: str) -> KindUnknown:
    return KindUnknown(
        "The API server serves no kind %s in %s." % (kind, where),
        reason="KindUnknown",
        code=404,
        hint="Check apiVersion, or install the operator or CustomResourceDefinition that brings it.",
    )


def _retry_after(result: t.Any) -> float | None:
    """Seconds to wait before the next try when the answer asks for one, else None."""
    if not isinstance(result, tuple) or result[0] not in RETRY_STATUS:
        return None
    headers = result[2] if len(result) > 2 and result[2] is not None else {}
    try:
        return min(30.0, float(headers.get("Retry-After") or 0))
    except (TypeError, ValueError):
        return 0.0


def _parse(data: t.Any) -> Object:
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data or "")
    try:
        value = json.loads(text)
    except ValueError:
        return {"text": text}
    return value if isinstance(value, dict) else {"value": value}


def describe(kind: str, name: str, namespace: str | None = None) -> str:
    """How messages name an object."""
    return "%s %s%s" % (kind, namespace + "/" if namespace else "", name)


def read_reference(client: Client, ref: dict[str, t.Any]) -> str:
    """The text behind {kind, namespace, name, key}. A module hides it before it does anything else with it."""
    kind = ref.get("kind") or "Secret"
    name, namespace, key = ref["name"], ref["namespace"], ref["key"]
    try:
        found = client.get("v1", kind, name, namespace)
    except Forbidden as exc:
        exc.hint = (exc.hint + " It is needed because an option refers to key %r of it." % key).strip()
        raise
    what = describe(kind, name, namespace)
    if found is None:
        raise NotThere(
            "There is no %s, to which an option refers (key %r)." % (what, key),
            reason="NotFound",
            code=404,
            hint="Create it, or run the role that makes it first.",
        )
    data = found.get("data") or {}
    if key in data:
        if kind == "ConfigMap":
            return str(data[key])
        try:
            return base64.b64decode(data[key]).decode("utf-8")
        except (ValueError, UnicodeDecodeError) as exc:
            raise ClusterError("Key %r of %s is not text." % (key, what), reason="BadReference") from exc
    raise ClusterError(
        "%s has no key %r; it has %s." % (what, key, ", ".join(sorted(data)) or "none"), reason="BadReference"
    )
