# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.
#
# PRIVATE: for the modules of this collection only; may change without notice.
"""Certificates in PEM, as far as the standard library can look at them."""

from __future__ import annotations

import base64
import binascii
import re
import ssl

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\s*(.*?)\s*-----END \1-----", re.DOTALL)


def certificates(text: str) -> list[str]:
    """The certificates in ``text``, each as a PEM block of its own."""
    return [match.group(0) for match in _BLOCK.finditer(text) if match.group(1) == "CERTIFICATE"]


def problem_with_certificates(text: str) -> str:
    """Why this is no bundle of certificates; empty when it is one."""
    found = False
    for match in _BLOCK.finditer(text):
        kind, body = match.groups()
        if "PRIVATE KEY" in kind:
            return "holds a private key, which has no place there."
        if kind != "CERTIFICATE":
            continue
        try:
            der = base64.b64decode("".join(body.split()), validate=True)
        except (binascii.Error, ValueError):
            return "holds a certificate that is not base64."
        if not der.startswith(b"\x30"):
            return "holds something that is no certificate."
        try:
            ssl.create_default_context(cadata=match.group(0))
        except (ssl.SSLError, ValueError):
            return "holds a certificate that is cut off or damaged."
        found = True
    return "" if found else "holds no certificate."
