# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images a cluster gets: published ones where a registry answers, else ours, built from packages."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from . import apps, golang, needs, node, registry
from .engine import Engine, ensure_packages
from .settings import Settings
from .store import need_space
from .ui import LabError, run, run_long, say

SPARE_MB = 1500  # what a run with every image in the cache writes at most


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


def refuse_floating(refs: Mapping[str, str]) -> None:
    """A pulled image is named by a digest or by a tag with a full version; another tag is another image tomorrow."""
    for name, ref in refs.items():
        tag = ref.rpartition("/")[2].partition(":")[2]
        if not name.startswith("_") and "@sha256:" not in ref and not re.search(r"\d+\.\d+", tag):
            raise LabError(f"versions.json: {ref} is a floating tag", "Name a digest, or a tag with a full version.")


def choose(settings: Settings) -> str:
    """The way, once it is sure that this machine brings what it needs."""
    chosen = way(settings)
    if chosen == "pull":
        refuse_floating(settings.versions()["pull"])
    needs.check(settings, chosen)
    return chosen


def ensure(settings: Settings, engine: Engine, chosen: str) -> Images:
    """Every image, and the kind program."""
    versions = settings.versions()
    need_space(settings.cache, SPARE_MB, "the lab")
    if chosen == "build":
        ensure_packages(settings, "building the images", needs.BUILD_TOOLS, paths=needs.BUILD_PATHS)
    kind = kind_program(settings, chosen)
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


def digests(engine: Engine, made: Images) -> list[str]:
    """The digests by which a registry knows the pulled images; what was built here has none."""
    argv = ["image", "inspect", "-f", "{{range .RepoDigests}}{{.}} {{end}}", made.node, *made.loaded()]
    return sorted(set(engine.docker(*argv, check=False).split()))


def kind_program(settings: Settings, chosen: str = "pull") -> str:
    """The kind program: with pulled images the one in PATH if it is the pinned version, else built when it is not there."""
    pinned = settings.versions()["kind"]["version"]
    there = shutil.which("kind")
    if chosen == "pull" and there:
        words = run([there, "version"], check=False).stdout.split()
        if pinned in words:
            return there
        say(
            f"the kind in PATH is not {pinned} ({' '.join(words[1:2]) or 'it does not say its version'}): ours is built"
        )
    return str(golang.build(settings, golang.programs(settings.versions()["kubernetes"]["version"])["kind"]))
