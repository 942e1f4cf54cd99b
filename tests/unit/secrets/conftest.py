# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import sys
import typing as t

import pytest

from ansible_collections.mcp_auth.openshift.plugins.module_utils._cluster import client as client_module

HERE = str(pathlib.Path(__file__).parent.parent / "cluster")
if HERE not in sys.path:
    sys.path.insert(0, HERE)

from fake_api import FakeApi


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[FakeApi]:
    monkeypatch.setattr(client_module.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(client_module, "RETRY_SECONDS", 2.0)
    for name in ("KUBECONFIG", "K8S_AUTH_KUBECONFIG", "HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    fake = FakeApi()
    yield fake
    fake.close()


@pytest.fixture
def client(api: FakeApi) -> client_module.Client:
    return client_module.connect({"host": api.url, "api_key": "our-own-token"})
