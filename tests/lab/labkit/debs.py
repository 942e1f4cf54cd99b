# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages by lock: names, versions and sha256 of each image's parts, taken with apt and verified.

apt runs on folders of our own, with the machine's mirrors and Debian's signing key, so that nothing of the
machine's package state is read or changed and no root is needed.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .settings import Settings
from .store import digest_file, locked, need_space, write_atomic
from .ui import LabError, run, run_long, say, step

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
ONE_LINE = re.compile(r"^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)$")


@dataclass(frozen=True)
class Deb:
    """One package as a lock or the archive names it."""

    name: str
    version: str
    sha256: str
    moved_on: bool = False  # not what the lock says: the archive's own, signed

    def file(self) -> str:
        """Its name in the cache."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.sha256[:12]}.deb"


def read_lock(path: Path) -> list[Deb]:
    """The packages of a lock file; every line is checked."""
    found: dict[str, Deb] = {}
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        match = re.fullmatch(r"([a-z0-9][a-z0-9.+-]+)=(\S+) sha256:([0-9a-f]{64})", line)
        if not match:
            raise LabError(f"{path}:{number}: not a line of the form name=version sha256:<64 digits>")
        if match[1] in found:
            raise LabError(f"{path}:{number}: {match[1]} is there twice")
        found[match[1]] = Deb(match[1], match[2], match[3])
    if not found:
        raise LabError(f"{path} names no package")
    return list(found.values())


def render_lock(debs: Iterable[Deb], title: str) -> str:
    """The text of a lock file."""
    head = [
        "# Copyright (c) 2026, mcp_auth.openshift contributors",
        "# SPDX-License-" + "Identifier: GPL-3.0-or-later",
        f"# {title}; made by `lab.py lock`",
    ]
    return (
        "\n".join(head + [f"{d.name}={d.version} sha256:{d.sha256}" for d in sorted(debs, key=lambda d: d.name)]) + "\n"
    )


def mirrors(sources: Iterable[str]) -> dict[str, list[str]]:
    """The mirrors that the machine's own apt uses, by suite kind: release, updates, security."""
    found: dict[str, list[str]] = {"release": [], "updates": [], "security": []}

    def add(uri: str, suite: str, components: str) -> None:
        if "main" not in components.split():
            return
        kind = "security" if "security" in suite else "updates" if suite.endswith("-updates") else "release"
        if re.fullmatch(r"[a-z]+(-updates|-security|/updates)?", suite) and uri not in found[kind]:
            found[kind].append(uri)

    for text in sources:
        for line in text.splitlines():
            match = ONE_LINE.match(line.strip())
            if match:
                add(match[1], match[2], match[3])
        for stanza in re.split(r"\n\s*\n", text):
            fields = {
                name.strip().lower(): value.strip()
                for name, _colon, value in (
                    line.partition(":") for line in stanza.splitlines() if not line.startswith("#")
                )
            }
            if "deb" in fields.get("types", "").split():
                for uri in fields.get("uris", "").split():
                    for suite in fields.get("suites", "").split():
                        add(uri, suite, fields.get("components", ""))
    return found


def parse_stanzas(text: str) -> list[dict[str, str]]:
    """Control stanzas as dictionaries; continuation lines are kept."""
    stanzas = []
    for block in re.split(r"\n\s*\n", text.strip()):
        fields: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if line[:1] in (" ", "\t"):
                fields[name] += "\n" + line
            elif ":" in line:
                name, _colon, value = line.partition(":")
                fields[name] = value.strip()
        if "Package" in fields:
            stanzas.append(fields)
    return stanzas


class Archive:
    """The Debian archive through an apt of our own folders."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.root = settings.cache / "apt"
        self.release: str = settings.versions()["debian"]["release"]
        self.updated = False

    def _apt(self, *argv: str, cwd: Path | None = None, check: bool = True) -> str:
        return run(list(argv), what=argv[0], cwd=cwd, env=self._env(), check=check).stdout

    def _env(self) -> dict[str, str]:
        return {"APT_CONFIG": str(self.root / "apt.conf"), "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}

    def update(self) -> None:
        """Fetch the archive's signed lists, once a run."""
        if self.updated:
            return
        if not shutil.which("apt-get") or not KEYRING.exists():
            raise LabError(
                "the images are built from Debian packages, which needs apt and the package debian-archive-keyring",
                "Use IMAGES=pull on a machine that reaches a container registry, or build on Debian.",
            )
        # apt does not end by itself when it fills the disk while it reads a list
        need_space(self.root, 400, "the lists of the Debian archive")
        texts = [p.read_text(encoding="utf-8", errors="replace") for p in self._source_files()]
        found = mirrors(texts)
        if not found["release"]:
            raise LabError("no Debian mirror in /etc/apt/sources.list or /etc/apt/sources.list.d")
        suites = {"release": self.release, "updates": f"{self.release}-updates", "security": f"{self.release}-security"}
        lines = [f"deb [signed-by={KEYRING}] {uri} {suites[k]} main" for k, uris in found.items() for uri in uris[:1]]
        for folder in ("state/lists/partial", "cache/archives/partial"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        write_atomic(self.root / "status", "")
        write_atomic(self.root / "sources.list", "\n".join(lines) + "\n")
        options = {
            "Dir::State": self.root / "state",
            "Dir::State::status": self.root / "status",
            "Dir::Cache": self.root / "cache",
            "Dir::Etc::sourcelist": self.root / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "",
            "Acquire::Retries": "3",
            "Acquire::http::Timeout": "60",
        }
        write_atomic(self.root / "apt.conf", "".join(f'{name} "{value}";\n' for name, value in options.items()))
        run_long(
            ["apt-get", "update", "-q"],
            what="lists of the Debian archive",
            log=self.settings.logs / "apt-update.log",
            env=self._env(),
        )
        self.updated = True

    @staticmethod
    def _source_files() -> list[Path]:
        folder = Path("/etc/apt/sources.list.d")
        parts = sorted([*folder.glob("*.list"), *folder.glob("*.sources")]) if folder.is_dir() else []
        return [p for p in [Path("/etc/apt/sources.list"), *parts] if p.is_file()]

    def stanzas(self, names: Sequence[str]) -> list[dict[str, str]]:
        """Every version that the archive has of these packages."""
        return parse_stanzas(self._apt("apt-cache", "show", *names, check=False))

    def essential(self) -> list[str]:
        """What Debian calls essential."""
        found = parse_stanzas(self._apt("apt-cache", "dumpavail"))
        return sorted({s["Package"] for s in found if s.get("Essential") == "yes"})

    def closure(self, spec: dict[str, Any]) -> list[Deb]:
        """What a set of packages needs, as the archive has it today, less what the set drops."""
        roots = list(spec["packages"]) + (self.essential() if spec["essential"] else [])
        text = self._apt("apt-get", "install", "-s", "-y", "-q", *roots)
        chosen = dict(re.findall(r"^Inst (\S+) \((\S+) ", text, flags=re.M))
        dropped = set(spec["drop"])
        names = [name for name in chosen if name not in dropped]
        sums = {(s["Package"], s["Version"]): s["SHA256"] for s in self.stanzas(names)}
        return [Deb(name, chosen[name], sums[name, chosen[name]]) for name in names]


def compare(lock: Sequence[Deb], stanzas: Sequence[dict[str, str]], where: str) -> list[Deb]:
    """The locked packages that the archive no longer has; another hash under the same version is refused."""
    have = {(s["Package"], s["Version"]): s.get("SHA256", "") for s in stanzas}
    gone = []
    for deb in lock:
        found = have.get((deb.name, deb.version))
        if found is None:
            gone.append(deb)
        elif found != deb.sha256:
            raise LabError(
                f"{deb.name}={deb.version}: the archive's sha256 is {found}, {where} says {deb.sha256}",
                "The same version with other content is never taken. Check the mirror.",
            )
    return gone


def fetch(settings: Settings, set_name: str) -> tuple[list[Deb], Path]:
    """The packages of a set, verified, in the folder that is returned."""
    folder = settings.cache / "debs"
    folder.mkdir(parents=True, exist_ok=True)
    path = settings.lab / "locks" / f"{set_name}.lock"
    lock = read_lock(path)
    with locked(settings.cache / "locks" / "debs", "Debian packages"):
        moved = settings.cache / "debs" / f"{set_name}-{digest_file(path)[:12]}.moved-on"
        if moved.exists():
            lock = [Deb(d.name, d.version, d.sha256, True) for d in read_lock(moved)]
        missing = [d for d in lock if not (folder / d.file()).exists()]
        if missing:
            need_space(folder, 600, f"the Debian packages for {set_name}")
            archive = Archive(settings)
            archive.update()
            gone = compare(missing, archive.stanzas([d.name for d in missing]), path.name)
            if gone:
                lock = _moved_on(archive, settings, set_name, lock, gone)
                write_atomic(moved, render_lock(lock, f"what the archive had instead of {path.name}"))
                missing = [d for d in lock if not (folder / d.file()).exists()]
            _download(archive, missing, folder, set_name)
    return lock, folder


def _moved_on(
    archive: Archive, settings: Settings, set_name: str, lock: Sequence[Deb], gone: Sequence[Deb]
) -> list[Deb]:
    say(f"the Debian archive has moved on: {len(gone)} of the {len(lock)} pinned packages of {set_name} are gone")
    now = archive.closure(settings.versions()["debian"]["sets"][set_name])
    pinned = {d.name: d for d in lock}
    for deb in now:
        old = pinned.get(deb.name)
        if old is None or old.version != deb.version:
            say(f"  {deb.name}: {old.version if old else 'not in the lock'} -> {deb.version} (signed by the archive)")
    return [Deb(d.name, d.version, d.sha256, d not in lock) for d in now]


def _download(archive: Archive, debs: Sequence[Deb], folder: Path, set_name: str) -> None:
    work = folder / f".{set_name}.part"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        with step(f"{len(debs)} Debian packages for {set_name}"):
            run_long(
                ["apt-get", "download", "-q", *(f"{d.name}={d.version}" for d in debs)],
                what=f"Debian packages for {set_name}",
                log=archive.settings.logs / f"apt-download-{set_name}.log",
                cwd=work,
                env=archive._env(),
            )
        by_sum = {digest_file(p): p for p in work.glob("*.deb")}
        for deb in debs:
            if deb.sha256 not in by_sum:
                raise LabError(f"{deb.name}={deb.version}: what came does not have the sha256 {deb.sha256}")
            by_sum[deb.sha256].rename(folder / deb.file())
    finally:
        shutil.rmtree(work, ignore_errors=True)


def update_locks(settings: Settings) -> None:
    """Write every lock anew from the archive of today."""
    archive = Archive(settings)
    archive.update()
    for name, spec in settings.versions()["debian"]["sets"].items():
        debs = archive.closure(spec)
        write_atomic(settings.lab / "locks" / f"{name}.lock", render_lock(debs, f"Debian {archive.release}, {name}"))
        say(f"locks/{name}.lock: {len(debs)} packages")
