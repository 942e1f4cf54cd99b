# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence as a run makes it, for the renderers."""

from __future__ import annotations

from ansible_collections.mcp_auth.openshift.plugins.module_utils._evidence import matrix, model


def evidence(broken: bool = False, gaps: bool = False) -> model.Evidence:
    """Build the evidence of a whole run."""
    found = model.Evidence(
        chain={
            "name": "lab",
            "cluster": "https://127.0.0.1:6443 (kubernetes)",
            "issuer": "https://sso.mcp-auth.localhost:30443/realms/openshift",
            "mcp_server": "https://mcp.mcp-auth.localhost:30444/mcp",
            "mcp_audience": "mcp-server",
            "cluster_audience": "openshift",
        },
        versions={"kubernetes": "v1.34.2", "keycloak": "26.4.5", "mcp_server": "0.0.67"},
        started="2026-11-23 08:00:00 UTC",
        finished="2026-11-23 08:01:24 UTC",
        seconds=84.2,
        fixtures="Made for this run and removed after it: client chain-verify, 3 probe users, realm chain-verify.",
    )
    for username, persona in (("testadmin", "admin"), ("testdeveloper", "developer"), ("testnobody", "none")):
        found.people.append(model.Person(username, persona, "password"))
        groups = {"admin": ["openshift_admins"], "developer": ["openshift_developers"]}.get(persona, [])
        for hop_id in model.HOP_ORDER:
            hop = model.Hop(hop_id, username, persona, seconds=0.2)
            hop.sent = {"iss": found.chain["issuer"], "aud": "mcp-server", "azp": "chain-verify", "sub": "5f1c0a52-77"}
            hop.received = {"username": username, "groups": [*groups, "system:authenticated"]}
            hop.check("aud", "mcp-server", "mcp-server")
            hop.check("groups", groups, groups)
            hop.check("lifetime", "at most 60 s", "60 s", True)
            if broken and hop_id == "rbac" and persona == "none":
                hop.check("namespaces_list", "forbidden", "20 namespaces", False)
            found.hops.append(hop.conclude())
    for row in matrix.select():
        found.rows.append(model.RowInfo(row.id, row.title, row.group, row.what))
        for column in model.COLUMNS:
            rule = row.cells[column]
            cell = model.Cell(row.id, column)
            if isinstance(rule, matrix.Skip):
                cell.verdict, cell.why = model.NOT_APPLICABLE, rule.why
            elif gaps and matrix.FIXTURES in row.needs:
                cell.verdict, cell.why = model.NOT_TESTED, "no consent to make fixtures"
            else:
                cell.expected, cell.reason_expected = rule.says, rule.reason
                cell.verdict, cell.got_status, cell.got_reason = model.REFUSED, 401, 'error="invalid_token"'
                cell.reason_checked = True
                cell.difference = row.what
                cell.twin = model.Twin("M", 200, True)
            found.cells.append(cell)
    if broken:
        cell = found.cell("no_token", "mcp_server")
        assert cell is not None
        cell.verdict, cell.got_status, cell.got_reason = model.TAKEN, 200, "initialize answered"
        cell = found.cell("wrong_audience", "kube_apiserver")
        assert cell is not None
        cell.verdict, cell.got_reason = model.WRONG_REASON, "oidc: verify token: expired"
    found.posture = [
        model.Posture("service_account", "The MCP server's ServiceAccount", "no rights", "no rights", model.OK),
        model.Posture(
            "tools", "Tools offered", "read only", "9, all read only", model.OK, ["namespaces_list, pods_list"]
        ),
        model.Posture(
            "network_policy", "NetworkPolicy", "written and enforced", "written, no enforcer found", model.NOTE
        ),
        model.Posture(
            "cluster_admins",
            "Who is cluster-admin",
            "group openshift_admins",
            "ServiceAccount ocp-mcp too" if broken else "group openshift_admins",
            model.BAD if broken else model.OK,
        ),
    ]
    return found
