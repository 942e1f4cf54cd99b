# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The local lab: a kind cluster with everything that the chain needs, from one command.

Progress goes to standard error; standard output holds only the answer. Choices come from the environment:
INSTALL=no, IMAGES=auto|pull|build, LAB_ENGINE=auto|own|running, LAB_NAME, LAB_DOMAIN, LAB_PORT_SSO, LAB_PORT_MCP,
LAB_PORT_PLAYGROUND, LAB_PORT_INSPECTOR, LAB_PORTS_EXTRA=30080,..., MCP_AUTH_CACHE or LAB_CACHE, LAB_STATE, LAB_COLLECTIONS.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

if sys.version_info < (3, 11):
    sys.exit("The lab needs Python 3.11 or newer; this is " + sys.version.split()[0] + ".")

from labkit import cluster, debs, engine, images, program, pyenv
from labkit.settings import Settings
from labkit.ui import LabError


def show(value: object) -> None:
    """Print an answer for programs."""
    print(json.dumps(value, indent=1), flush=True)


def env(settings: Settings, _options: argparse.Namespace) -> None:
    """Make the controller's Python environment; prints its python."""
    print(pyenv.ensure(settings))


def engine_(settings: Settings, _options: argparse.Namespace) -> None:
    """Find or start a container engine; prints its socket."""
    print(engine.ensure(settings).host)


def images_(settings: Settings, _options: argparse.Namespace) -> None:
    """Pull or build every image; prints their names."""
    chosen = images.choose(settings)
    show(images.ensure(settings, engine.ensure(settings), chosen).as_dict())


def up(settings: Settings, _options: argparse.Namespace) -> None:
    """Bring the cluster up, ready for site.yml; prints where things are."""
    show(cluster.up(settings))


def down(settings: Settings, options: argparse.Namespace) -> None:
    """Remove the cluster and stop our engine; builds stay in the cache."""
    cluster.down(settings, options.keep_engine)


def status(settings: Settings, _options: argparse.Namespace) -> None:
    """Say what there is; starts nothing."""
    show(cluster.status(settings))


def vars_(settings: Settings, _options: argparse.Namespace) -> None:
    """Print the path of the variables for site.yml."""
    if not settings.vars_file.exists():
        raise LabError(f"there is no cluster {settings.name} yet", "Run: lab.py up")
    print(settings.vars_file)


def lock(settings: Settings, _options: argparse.Namespace) -> None:
    """Write the locks of Debian packages anew (for developers)."""
    debs.update_locks(settings)


def kubectl(settings: Settings, options: argparse.Namespace) -> None:
    """Run the node's kubectl as the cluster's administrator."""
    found = engine.running(settings)
    argv = [
        "docker",
        "exec",
        "-i",
        f"{settings.name}-control-plane",
        "kubectl",
        "--kubeconfig=/etc/kubernetes/admin.conf",
    ]
    os.environ.update(found.env())
    os.execvp("docker", [*argv, *options.rest])


VERBS = {
    "env": env,
    "engine": engine_,
    "images": images_,
    "up": up,
    "down": down,
    "status": status,
    "vars": vars_,
    "kubectl": kubectl,
    "lock": lock,
}


def main() -> int:
    """Run one verb; an error that a person can act on comes without a traceback."""
    parser = argparse.ArgumentParser(
        prog="lab.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, function in VERBS.items():
        about = (function.__doc__ or "").strip()
        one = verbs.add_parser(name, help=about, description=about)
        if name == "kubectl":
            one.add_argument("rest", nargs=argparse.REMAINDER)
        if name == "down":
            one.add_argument("--keep-engine", action="store_true", help="leave a docker of ours running")
    options = parser.parse_args()
    return program.main(HERE, options.verb, lambda settings: VERBS[options.verb](settings, options))


if __name__ == "__main__":
    sys.exit(main())
