# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File trees from Debian packages, and images from file trees: no container registry is asked."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .debs import Deb, fetch
from .engine import Engine
from .settings import Settings
from .store import digest_file, key_of, need_space, remove_tree
from .ui import LabError, failure, run, run_long, step

# nothing in a container reads these
LEFT_OUT = (
    "usr/share/doc/*",
    "usr/share/man/*",
    "usr/share/locale/*",
    "usr/share/info/*",
    "usr/share/lintian/*",
    "usr/share/bug/*",
)
MERGED = ("bin", "sbin", "lib", "lib64")
HOOK = Path("/usr/share/mmdebstrap/hooks/merged-usr")


def tree_key(set_name: str, debs: Sequence[Deb], removed: Sequence[str]) -> str:
    """What a tree depends on: its packages, what is taken out again, and this file."""
    return key_of([set_name, sorted((d.name, d.version, d.sha256) for d in debs), removed, digest_file(Path(__file__))])


def installed_tree(settings: Settings, set_name: str, removed: Sequence[str]) -> tuple[Path, list[Deb]]:
    """A whole small Debian, with its packages configured (for the node, which runs systemd).

    `removed` are patterns of files that are taken out afterwards.
    """
    debs, folder = fetch(settings, set_name)

    def make(scratch: Path) -> None:
        need_space(settings.cache, 1500, f"the Debian tree of {set_name}")
        repo = scratch.with_name(scratch.name + ".repo")
        remove_tree(repo)
        try:
            _flat_repository(settings, repo, debs, folder)
            with step(f"installing {len(debs)} Debian packages into the tree of {set_name}"):
                run_long(
                    [
                        "mmdebstrap",
                        "--mode=root",
                        "--variant=essential",
                        f"--include={','.join(d.name for d in debs)}",
                        f"--hook-dir={HOOK}",
                        '--aptopt=APT::Install-Recommends "false"',
                        *(f"--dpkgopt=path-exclude=/{pattern}" for pattern in LEFT_OUT),
                        settings.versions()["debian"]["release"],
                        str(scratch / "root"),
                        f"deb [trusted=yes] copy:{repo} ./",
                    ],
                    what=f"tree of {set_name}",
                    log=settings.logs / f"tree-{set_name}.log",
                )
        except BaseException:
            _unmount_below(scratch)
            raise
        finally:
            remove_tree(repo)
        for pattern in removed:
            for path in sorted((scratch / "root").glob(pattern)):
                remove_tree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    return settings.store.entry("tree", set_name, tree_key(set_name, debs, removed), make) / "root", debs


def _flat_repository(settings: Settings, repo: Path, debs: Sequence[Deb], folder: Path) -> None:
    """Lay the verified packages out as a repository that apt can read; it is trusted because each hash was checked."""
    repo.mkdir(parents=True)
    release = settings.versions()["debian"]["release"]
    stanzas = []
    for deb in debs:
        source = folder / deb.file()
        if digest_file(source) != deb.sha256:
            source.unlink()
            raise LabError(f"{source.name} in the cache was damaged and is removed", "Run the same command again.")
        os.link(source, repo / deb.file())
        control = run(["dpkg-deb", "-f", str(source)], what="dpkg-deb").stdout.strip()
        stanzas.append(f"{control}\nFilename: ./{deb.file()}\nSize: {source.stat().st_size}\nSHA256: {deb.sha256}\n")
    text = "\n".join(stanzas)
    (repo / "Packages").write_text(text, encoding="utf-8")
    size, sha = len(text.encode()), hashlib.sha256(text.encode()).hexdigest()
    # a codename, because mmdebstrap looks for the essential packages of the release that it is told
    head = f"Codename: {release}\nSuite: {release}\nComponents: main\nArchitectures: amd64 arm64 all\n"
    (repo / "Release").write_text(f"{head}SHA256:\n {sha} {size} Packages\n", encoding="utf-8")


def _unmount_below(folder: Path) -> None:
    """An interrupted build may leave /proc mounted in the tree; removing the tree through it would be a disaster."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{folder}/")), reverse=True):
        run(["umount", "-l", mount])


def extracted_tree(settings: Settings, set_name: str, target: Path) -> list[Deb]:
    """Unpack a set's packages without running any of their scripts: for images that hold one program."""
    debs, folder = fetch(settings, set_name)
    for name in MERGED:
        (target / "usr" / name).mkdir(parents=True, exist_ok=True)
        (target / name).symlink_to(f"usr/{name}")
    with step(f"unpacking {len(debs)} Debian packages for {set_name}"):
        for deb in debs:
            source = folder / deb.file()
            if digest_file(source) != deb.sha256:
                source.unlink()
                raise LabError(f"{source.name} in the cache was damaged and is removed", "Run the same command again.")
            unpack = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(source)], stdout=subprocess.PIPE)
            left_out = [f"--exclude=./{pattern}" for pattern in LEFT_OUT]
            argv = ["tar", "-x", "-C", str(target), "--keep-directory-symlink", "--no-same-owner", *left_out]
            done = subprocess.run(argv, stdin=unpack.stdout, stderr=subprocess.PIPE, check=False)
            if unpack.wait() or done.returncode:
                raise failure(f"unpacking {deb.name}", done.returncode, done.stderr.decode(errors="replace"))
    for folder_name in ("tmp", "run", "proc", "sys", "dev", "etc"):
        (target / folder_name).mkdir(exist_ok=True)
    (target / "tmp").chmod(0o1777)
    run(["chroot", str(target), "/sbin/ldconfig"], what="ldconfig")
    shutil.rmtree(target / "var" / "lib" / "dpkg", ignore_errors=True)
    return debs


def check_libraries(tree: Path, programs: Sequence[Path]) -> None:
    """Refuse a tree in which a program lacks a shared library: a package too many was dropped."""
    loader = "/" + str(next(p for p in sorted((tree / "usr").glob("lib*/**/ld-linux-*.so.*"))).relative_to(tree))
    lacks = set()
    for program in programs:
        out = run(["chroot", str(tree), loader, "--list", f"/{program.relative_to(tree)}"], check=False)
        lacks |= {line.split()[0] for line in out.stdout.splitlines() if "not found" in line}
    if lacks:
        raise LabError(
            f"the tree lacks {', '.join(sorted(lacks))}",
            "Some package of its set is dropped in versions.json and is needed.",
        )


def users(target: Path, *people: tuple[str, int, str]) -> None:
    """The image's users: root, nobody and the one that its program runs as."""
    rows = [("root", 0, "/root"), *people, ("nobody", 65534, "/nonexistent")]
    passwd = "".join(f"{name}:x:{number}:{number}:{name}:{home}:/usr/sbin/nologin\n" for name, number, home in rows)
    (target / "etc" / "passwd").write_text(passwd, encoding="utf-8")
    (target / "etc" / "group").write_text("".join(f"{n}:x:{i}:\n" for n, i, _home in rows), encoding="utf-8")


def import_tree(engine: Engine, tree: Path, ref: str, changes: Sequence[str] = (), *, keep_owners: bool = False) -> str:
    """Make an image of a folder; returns its id."""
    owners = [] if keep_owners else ["--owner=0", "--group=0"]
    tar = subprocess.Popen(
        ["tar", "-C", str(tree), "--numeric-owner", "--sort=name", *owners, "-c", "."],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    argv = ["docker", "import", *(word for change in changes for word in ("-c", change)), "-", ref]
    env = {**os.environ, **engine.env()}
    done = subprocess.run(argv, stdin=tar.stdout, capture_output=True, env=env, check=False)
    _none, tar_error = tar.communicate()
    if done.returncode or tar.returncode:
        raise failure(
            f"making the image {ref}",
            done.returncode or tar.returncode,
            (done.stderr + tar_error).decode(errors="replace"),
        )
    return done.stdout.decode().strip()


def docker_build(engine: Engine, context: Path, ref: str, log: Path, *extra: str) -> None:
    """Build an image from a folder with a Dockerfile; the build has no network."""
    argv = ["docker", "build", "--network=none", "--force-rm", "-t", ref, *extra, str(context)]
    run_long(argv, what=f"docker build {ref}", log=log, env=engine.env())
