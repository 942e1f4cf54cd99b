# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: it may change in any release.

"""Runs a module in the worker process that Ansible forks for its task, where that changes nothing but the time.

A module's own process costs 0.5 to 1 s, most of it for importing the clients of Kubernetes and Keycloak. The strategy
loads an action plugin's class before it forks, so what is imported here is there in every worker.

The module gets its arguments and gives its result as text, as in a process of its own: argument spec, no_log, warnings
and the exit are the module's. Whatever asks for more than that gets a process: another host, another Python, become,
async, an environment, ANSIBLE_KEEP_REMOTE_FILES (which is how one gets at a module's process to debug it).
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import sys
import tempfile
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.module_utils import basic
from ansible.module_utils.common import json as serialization
from ansible.module_utils.common import warnings
from ansible.plugins.action import ActionBase
from ansible.plugins.action.normal import ActionModule as OwnProcess
from ansible.utils.display import Display

from ..module_utils._cluster import client
from ..module_utils._cluster.errors import ClusterError
from ..module_utils._secrets import x509

try:
    from ansible.module_utils import _internal
except ImportError:  # before 2.19
    _internal = None

# How 2.19 and newer serialize what a module of a collection gets and gives.
PROFILE = "legacy"
Vars = dict[str, t.Any]
display = Display()


def action_for(name: str) -> type[OwnProcess]:
    """The action class of the plugin with that import name: the module of the same name, imported now."""
    module = importlib.import_module(name.replace(".plugins.action.", ".plugins.modules."))
    for load in (client.load_libraries, x509.load_library):
        # What is missing is the module's to tell.
        with contextlib.suppress(ClusterError):
            load()
    # What is imported stays. A collector that walks it in a worker makes the kernel copy it, a tenth of a whole run.
    gc.collect()
    gc.freeze()
    return type("ActionModule", (InProcess,), {"main": staticmethod(module.main)})


class InProcess(OwnProcess):  # type: ignore[misc]  # ansible-core has no types
    """An action that runs the module ``main`` here if it can, else as Ansible runs any module."""

    main: t.Callable[[], None]

    def run(self, tmp: str | None = None, task_vars: Vars | None = None) -> Vars:
        task_vars = task_vars or {}
        if not self._can_run_here(task_vars):
            result: Vars = super().run(tmp, task_vars)
            return result
        display.vvv("Running %s in Ansible's own process" % self._task.action)
        result = ActionBase.run(self, tmp, task_vars)
        # In the folder that Ansible's main process removes: a worker that is interrupted removes nothing.
        with tempfile.TemporaryDirectory(prefix="mcp-auth-", dir=C.DEFAULT_LOCAL_TMP) as folder:
            result.update(self._decode(self._call(self._encode(folder, task_vars), folder)))
        return result

    def _can_run_here(self, task_vars: Vars) -> bool:
        delegated = task_vars.get("ansible_delegated_vars") or {}
        host_vars = delegated.get(self._task.delegate_to, {}) if self._task.delegate_to else task_vars
        environment: Vars = {}
        self._compute_environment_string(environment)
        return (
            self._connection.transport in ("local", "ansible.builtin.local")
            and self._templar.template(host_vars.get("ansible_python_interpreter")) == sys.executable
            and not (self._play_context.become or self._task.async_val or environment or C.DEFAULT_KEEP_REMOTE_FILES)
        )

    def _encode(self, folder: str, task_vars: Vars) -> bytes:
        arguments = dict(self._task.args)
        self._update_module_args(self._task.resolved_action or self._task.action, arguments, task_vars)
        arguments["_ansible_tmpdir"] = folder
        if _internal is None:
            options: Vars = {"cls": serialization.AnsibleJSONEncoder, "vault_to_text": True}
        else:
            direction = serialization.Direction.CONTROLLER_TO_MODULE
            options = {"cls": serialization.get_module_encoder(PROFILE, direction)}
        return json.dumps({"ANSIBLE_MODULE_ARGS": arguments}, **options).encode("utf-8")

    def _call(self, arguments: bytes, folder: str) -> str:
        printed = io.StringIO()
        with contextlib.ExitStack() as stack:
            stack.enter_context(_as_a_module(arguments, self._loader.get_basedir(), folder))
            stack.enter_context(contextlib.redirect_stdout(printed))
            # What a process of its own says there, Ansible keeps to itself.
            stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
            stack.enter_context(contextlib.suppress(SystemExit))
            self.main()
        return printed.getvalue()

    def _decode(self, text: str) -> Vars:
        # Libraries print, too. The result is one line.
        printed = [line for line in text.split("\n") if line.startswith("{")]
        if not printed:
            raise AnsibleError("The module ended without a result.")
        options: Vars = {}
        if _internal is not None:
            options["cls"] = serialization.get_module_decoder(PROFILE, serialization.Direction.MODULE_TO_CONTROLLER)
        result: Vars = json.loads(printed[-1], **options)
        return result


@contextlib.contextmanager
def _as_a_module(arguments: bytes, folder: str, temporary: str) -> t.Iterator[None]:
    """What a module's own process has of its own: arguments, warnings, the working directory (the playbook's), an end."""
    before = {name: getattr(basic, name, None) for name in ("_ANSIBLE_ARGS", "_ANSIBLE_PROFILE")}
    where, register = os.getcwd(), atexit.register
    at_end: list[t.Callable[[], t.Any]] = []

    def remember(function: t.Callable[..., t.Any], *args: t.Any, **options: t.Any) -> t.Callable[..., t.Any]:
        at_end.append(lambda: function(*args, **options))
        return function

    # Items of a loop share a worker.
    for told in (warnings._global_warnings, warnings._global_deprecations):
        told.clear()
    try:
        basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = arguments, PROFILE
        if _internal is not None:
            # Warnings go into the result, as they do everywhere else, and not past it to the screen.
            _internal.is_controller = False
        os.chdir(folder)
        atexit.register = remember
        # The client of Kubernetes writes the key of a client certificate to a file.
        tempfile.tempdir = temporary
        yield
    finally:
        atexit.register = register
        # A worker ends without them.
        for function in reversed(at_end):
            with contextlib.suppress(Exception):
                function()
        tempfile.tempdir = None
        os.chdir(where)
        if _internal is not None:
            _internal.is_controller = True
        for name, value in before.items():
            setattr(basic, name, value)
