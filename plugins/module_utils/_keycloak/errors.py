# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.


from __future__ import annotations


class KeycloakError(Exception):
    """What went wrong, on what, what the server said and what to do; never with a secret in it."""

    def __init__(
        self,
        message: str,
        reason: str = "error",
        code: int | None = None,
        hint: str = "",
        method: str = "",
        path: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.code = code
        self.hint = hint
        self.method = method
        self.path = path

    def __str__(self) -> str:
        return self.message

    def text(self) -> str:
        return self.message + (" " + self.hint if self.hint else "")

    def as_dict(self) -> dict[str, object]:
        return {
            "reason": self.reason,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "request": (self.method + " " + self.path).strip(),
        }


class Replan(Exception):
    """The object is not what the plan was made from: read and plan again."""

    def __init__(
        self, kind: str, name: str, why: str, cause: KeycloakError | None = None, uncertain: bool = False
    ) -> None:
        super().__init__(f"{kind} {name}: {why}")
        self.kind = kind
        self.name = name
        self.why = why
        self.cause = cause
        self.uncertain = uncertain  # the change may have been done: the next read tells


class Uncertain(Exception):
    """A write that must not be repeated blindly got no clear answer (connection lost, gateway error)."""

    def __init__(self, error: KeycloakError) -> None:
        super().__init__(error.message)
        self.error = error


class InputProblems(Exception):
    """Everything that is wrong with the input, each with its path."""

    def __init__(self, problems: list[dict[str, str]]) -> None:
        super().__init__("; ".join("{}: {}".format(p["path"], p["message"]) for p in problems))
        self.problems = problems
