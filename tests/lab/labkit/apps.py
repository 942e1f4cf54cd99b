# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The application images: Postgres, Keycloak and the MCP server, each from pinned parts, none running as root."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from . import sbom
from .debs import fetch
from .engine import Engine
from .node import scratch_folder
from .settings import Settings
from .store import digest_file, key_of, locked, need_space
from .trees import LEFT_OUT, check_libraries, docker_build, extracted_tree, import_tree, users
from .ui import LabError, run, run_long, step

Build = Callable[[Path, str], None]


def keycloak_zip(settings: Settings) -> Path:
    """Keycloak's distribution, by the Maven client, verified."""
    pin = settings.versions()["keycloak"]

    def make(scratch: Path) -> None:
        if not shutil.which("mvn"):
            raise LabError(
                "Keycloak's distribution comes from Maven Central, which needs the command mvn (Debian's package maven)",
                "Install it, or use IMAGES=pull on a machine that reaches a container registry.",
            )
        need_space(settings.cache, 400, "Keycloak's distribution")
        plugin = f"org.apache.maven.plugins:maven-dependency-plugin:{pin['maven_dependency_plugin']}:copy"
        with step(f"Keycloak {pin['version']} from Maven Central"):
            run_long(
                ["mvn", "-B", "-q", plugin, f"-Dartifact={pin['artifact']}", f"-DoutputDirectory={scratch}"],
                what="mvn",
                log=settings.logs / "mvn.log",
                cwd=scratch,
            )
        found = next(scratch.glob("*.zip"), None)
        if not found:
            raise LabError("Maven brought no zip", f"Its output is in {settings.logs / 'mvn.log'}")
        have = digest_file(found)
        if have != pin["sha256"]:
            raise LabError(f"{found.name} has the sha256 {have}, versions.json says {pin['sha256']}")
        found.rename(scratch / "keycloak.zip")

    return settings.store.entry("maven", "keycloak", key_of([pin["artifact"], pin["sha256"]]), make) / "keycloak.zip"


def unzip(source: Path, target: Path) -> None:
    """Unpack a zip with its execute bits, without its first folder."""
    with zipfile.ZipFile(source) as archive:
        for item in archive.infolist():
            inside = Path(*Path(item.filename).parts[1:])
            if item.is_dir() or not inside.parts:
                continue
            if ".." in inside.parts or inside.is_absolute():
                raise LabError(f"{source}: {item.filename} leads outside")
            path = target / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(item) as reader, path.open("wb") as writer:
                shutil.copyfileobj(reader, writer)
            path.chmod(0o755 if item.external_attr >> 16 & 0o100 else 0o644)


def _image(settings: Settings, engine: Engine, name: str, version: str, key: str, build: Build) -> str:
    """The name of an application image, built when this content has none yet."""
    ref = f"mcp-auth-lab/{name}:{version}-{key}"
    with locked(settings.cache / "locks" / f"image-{name}", f"the image {name}"):
        if not engine.image_id(ref):
            need_space(settings.cache, 2000, f"the image {name}")
            with scratch_folder(settings, f"{name}-{key}") as work, step(f"image {name}"):
                build(work, ref)
    return ref


def _labels(settings: Settings, name: str, version: str, key: str, parts: Sequence[sbom.Part]) -> str:
    digest = sbom.write(settings.cache / "sbom" / key, name, version, parts)
    return f"{sbom.LABEL}={digest}"


def postgres(settings: Settings, engine: Engine) -> str:
    """Postgres 15 of Debian, as user 999."""
    versions = settings.versions()
    debs, _index = fetch(settings, "postgres")
    version = next(d.version for d in debs if d.name == "postgresql-15").split("-")[0]
    number = versions["ids"]["postgres"]
    script = settings.lab / "images" / "postgres" / "entrypoint"
    key = key_of([[d.sha256 for d in debs], digest_file(script), number, LEFT_OUT, 2])

    def build(work: Path, ref: str) -> None:
        root = work / "root"
        root.mkdir()
        extracted_tree(settings, "postgres", root)
        users(root, ("postgres", number, "/var/lib/postgresql"))
        programs = root / "usr/lib/postgresql/15"
        for unused in ("lib/bitcode", "lib/llvmjit.so", "lib/llvmjit_types.bc"):  # its library is left out
            path = programs / unused
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        check_libraries(root, sorted((programs / "bin").iterdir()))
        (root / "usr/local/bin").mkdir(parents=True, exist_ok=True)
        shutil.copy2(script, root / "usr/local/bin/entrypoint")
        for folder in ("var/lib/postgresql/data", "run/postgresql"):
            (root / folder).mkdir(parents=True, exist_ok=True)
            os.chown(root / folder, number, number)
        if not (root / "var/run").is_symlink():
            shutil.rmtree(root / "var/run", ignore_errors=True)
            (root / "var/run").symlink_to("/run")
        changes = [
            "ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin",
            "ENV PGDATA=/var/lib/postgresql/data",
            "ENV LANG=C.UTF-8",
            f"USER {number}:{number}",
            'ENTRYPOINT ["/usr/local/bin/entrypoint"]',
            'CMD ["postgres"]',
            "EXPOSE 5432",
        ]
        label = _labels(settings, "postgres", version, key, sbom.of_debs(debs, versions["debian"]["release"]))
        import_tree(engine, root, ref, [*changes, f"LABEL {label}"], keep_owners=True)

    return _image(settings, engine, "postgres", version, key, build)


def keycloak(settings: Settings, engine: Engine) -> str:
    """Keycloak on Debian's Java 17, prepared for Postgres, as user 1000."""
    versions = settings.versions()
    pin = versions["keycloak"]
    debs, _index = fetch(settings, "keycloak")
    number = versions["ids"]["keycloak"]
    recipe = settings.lab / "images" / "keycloak" / "Dockerfile"
    key = key_of([[d.sha256 for d in debs], pin["sha256"], digest_file(recipe), number, LEFT_OUT, 1])

    def build(work: Path, ref: str) -> None:
        root = work / "root"
        root.mkdir()
        source = keycloak_zip(settings)
        extracted_tree(settings, "keycloak", root)
        users(root, ("keycloak", number, "/opt/keycloak"))
        java = next((root / "usr/lib/jvm").glob("java-17-openjdk-*"))
        check_libraries(
            root, [java / "bin/java", java / "lib/libnet.so", java / "lib/libnio.so", java / "lib/server/libjvm.so"]
        )
        (root / "usr/lib/jvm/java").symlink_to(java.name)
        (root / "usr/local/bin").mkdir(parents=True, exist_ok=True)
        (root / "usr/local/bin/java").symlink_to("/usr/lib/jvm/java/bin/java")
        home = root / "opt/keycloak"
        unzip(source, home)
        (home / "data").mkdir(exist_ok=True)
        for path in (home, *home.rglob("*")):
            os.chown(path, number, number)
        base = f"mcp-auth-lab/keycloak-base:{key}"
        import_tree(engine, root, base, keep_owners=True)
        context = work / "context"
        context.mkdir()
        shutil.copy2(recipe, context / "Dockerfile")
        parts = sbom.of_debs(debs, versions["debian"]["release"])
        purl = "pkg:maven/org.keycloak/keycloak-quarkus-dist@{}?type=zip".format(pin["version"])
        parts.append(sbom.Part("application", "keycloak", pin["version"], purl, pin["sha256"]))
        parts += jars(home)
        label = _labels(settings, "keycloak", pin["version"], key, parts)
        log = settings.logs / "image-keycloak.log"
        docker_build(engine, context, ref, log, "--build-arg", f"BASE={base}", "--label", label)

    return _image(settings, engine, "keycloak", pin["version"], key, build)


def jars(home: Path) -> list[sbom.Part]:
    """The Java libraries that Keycloak brings; their file names hold group, name and version."""
    found = []
    for path in sorted((home / "lib" / "lib").rglob("*.jar")):
        name, _dash, version = path.stem.rpartition("-")
        found.append(sbom.Part("library", name or path.stem, version, f"pkg:generic/{path.stem}", digest_file(path)))
    return found


def mcp_server(settings: Settings, engine: Engine, version: str) -> str:
    """The MCP server's image: its role's own builder makes an archive, which is loaded here."""
    builder = settings.repo / "roles" / "mcp_server" / "files" / "image" / "build.py"
    archive = settings.cache / "mcp-server" / "image.tar"
    archive.parent.mkdir(parents=True, exist_ok=True)
    argv = [
        sys.executable,
        str(builder),
        "--version",
        version,
        "--cache",
        str(archive.parent),
        "--output",
        str(archive),
    ]
    with locked(settings.cache / "locks" / "image-mcp-server", "the image mcp-server"):
        return _mcp_server(settings, engine, version, argv, archive)


def _mcp_server(settings: Settings, engine: Engine, version: str, argv: list[str], archive: Path) -> str:
    answer = json.loads(run([*argv, "--print-key"], what="MCP server image").stdout.strip().splitlines()[-1])
    ref = f"mcp-auth-lab/mcp-server:{version}-{answer['key'][:16]}"
    if not engine.image_id(ref):
        need_space(settings.cache, 1500, "the image mcp-server")
        with step(f"image mcp-server {version}"):
            bill = settings.cache / "sbom" / answer["key"][:16] / "mcp-server.cdx.json"
            bill.parent.mkdir(parents=True, exist_ok=True)
            output = run_long(
                [*argv, "--sbom", str(bill)], what="MCP server image", log=settings.logs / "image-mcp-server.log"
            )
            made = json.loads([line for line in output.splitlines() if line.startswith("{")][-1])
            engine.docker("load", "-i", made["archive"])
            engine.docker("tag", made["name"], ref)
    return ref
