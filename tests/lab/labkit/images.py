# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images a cluster gets: published ones where a registry answers, else ours, built from packages."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from . import apps, golang, node, registry
from .engine import Engine, ensure_packages
from .settings import Settings
from .store import need_space
from .trees import HOOK
from .ui import LabError, run_long, say

SPARE_MB = 1500  # what a run with every image in the cache writes at most
BUILD_TOOLS = {"mmdebstrap": "mmdebstrap", "dpkg-deb": "dpkg", "mvn": "maven", "tar": "tar"}


@dataclass(frozen=True)
class Images:
    """Names of images in the engine."""

    node: str
    node_brings_network: bool
    postgres: str
    keycloak: str
    keycloak_optimized: bool
    mcp_server: str
    kind: str

    def loaded(self) -> list[str]:
        """Those that are loaded into the node."""
        return [self.postgres, self.keycloak, self.mcp_server]

    def as_dict(self) -> dict[str, object]:
        """For the state file."""
        return asdict(self)


def way(settings: Settings) -> str:
    """pull or build."""
    if settings.images != "auto":
        return settings.images
    refs = [ref for name, ref in settings.versions()["pull"].items() if not name.startswith("_")]
    reachable = registry.all_answer(refs)
    say(
        "container registries answer: images are pulled"
        if reachable
        else "no container registry answers: images are built from packages"
    )
    return "pull" if reachable else "build"


def ensure(settings: Settings, engine: Engine) -> Images:
    """Every image, and the kind program."""
    versions = settings.versions()
    need_space(settings.cache, SPARE_MB, "the lab")
    chosen = way(settings)
    if chosen == "build":
        ensure_packages(settings, "building the images", BUILD_TOOLS, paths={str(HOOK): "mmdebstrap"})
    kind = kind_program(settings)
    server = apps.mcp_server(settings, engine, versions["mcp_server"]["version"])
    if chosen == "build":
        return Images(
            node=node.build(settings, engine),
            node_brings_network=True,
            postgres=apps.postgres(settings, engine),
            keycloak=apps.keycloak(settings, engine),
            keycloak_optimized=True,
            mcp_server=server,
            kind=kind,
        )
    refs = versions["pull"]
    for ref in (refs["node"], refs["postgres"], refs["keycloak"]):
        if engine.image_id(ref):
            continue
        try:
            run_long(
                ["docker", "pull", "-q", ref],
                what=f"docker pull {ref}",
                log=settings.logs / "pull.log",
                env=engine.env(),
            )
        except LabError as exc:
            exc.hint = "IMAGES=build makes the images from packages instead."
            raise
    return Images(refs["node"], False, refs["postgres"], refs["keycloak"], False, server, kind)


def kind_program(settings: Settings) -> str:
    """The kind program, built when it is not there."""
    return str(golang.build(settings, golang.programs(settings.versions()["kubernetes"]["version"])["kind"]))
