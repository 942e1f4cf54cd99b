# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind node's image: a small Debian, Kubernetes built from its Go modules, and the images that its pods run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import golang, sbom
from .debs import fetch
from .engine import Engine
from .settings import Settings
from .store import digest_file, digest_tree, key_of, locked, need_space, remove_tree
from .trees import docker_build, import_tree, installed_tree
from .ui import LabError, failure, run, step

CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BOX_LABEL = "mcp-auth.lab"
# caches, and every CNI plugin but those of the node's one network (host-local, loopback, portmap, ptp)
REMOVED = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/cache/debconf",
    "etc/apt/sources.list.d",
    "usr/lib/cni/[!hlp]*",
    "usr/lib/cni/host-device",
)
MASKED = (
    "console-getty.service dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer getty.target getty@tty1.service "
    "systemd-binfmt.service systemd-logind.service"
)
DOCKERFILE = f"""FROM @BASE@
COPY rootfs/ /
RUN rm -f /etc/machine-id /var/lib/dbus/machine-id \\
 && systemctl enable kubelet.service containerd.service \\
 && systemctl mask {MASKED} \\
 && systemctl set-default multi-user.target \\
 && ctr oci spec | jq 'del(.process.rlimits)' > /etc/containerd/base-spec.json
ENV container=docker
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]
"""


@dataclass(frozen=True)
class Parts:
    """What the node image is made of."""

    tree: Path
    programs: dict[str, Path]
    busybox: Path
    bill: list[sbom.Part]


def parts(settings: Settings) -> Parts:
    """Build or find every part."""
    versions = settings.versions()
    tree, debs = installed_tree(settings, "node", REMOVED)
    wanted = golang.programs(versions["kubernetes"]["version"])
    built = {name: golang.build(settings, wanted[name]) for name in wanted if name != "kind"}
    bill = sbom.of_debs(debs, versions["debian"]["release"])
    for binary in built.values():
        bill += sbom.of_modules(golang.modules(binary))
    helper_debs, _index = fetch(settings, "helper")
    bill += sbom.of_debs(helper_debs, versions["debian"]["release"])

    def unpack(scratch: Path) -> None:
        extracted_tree_of_helper(settings, scratch)

    helper = settings.store.entry("tree", "helper", key_of([d.sha256 for d in helper_debs]), unpack)
    return Parts(tree, built, helper / "busybox", bill)


def extracted_tree_of_helper(settings: Settings, scratch: Path) -> None:
    """Take the static busybox out of its package."""
    debs, folder = fetch(settings, "helper")
    for deb in debs:
        run(["dpkg-deb", "-x", str(folder / deb.file()), str(scratch / "x")], what="dpkg-deb")
    found = next(
        (p for p in (scratch / "x" / "bin" / "busybox", scratch / "x" / "usr" / "bin" / "busybox") if p.is_file()), None
    )
    if not found:
        raise LabError("the package busybox-static holds no busybox")
    shutil.copy2(found, scratch / "busybox")
    remove_tree(scratch / "x")


def build(settings: Settings, engine: Engine) -> str:
    """The name of the node image, built when this content has none yet."""
    versions = settings.versions()
    version = versions["kubernetes"]["version"]
    items = parts(settings)
    sums = {name: digest_file(path) for name, path in items.programs.items()}
    base_key = key_of([items.tree.parent.name])
    store_key = key_of(
        [base_key, sums, digest_file(items.busybox), versions["kubernetes"]["images"], digest_file(Path(__file__))]
    )
    node_key = key_of([store_key, digest_tree(settings.lab / "node")])
    base, stored, node = (
        f"mcp-auth-lab/node-base:{base_key}",
        f"mcp-auth-lab/node-store:{store_key}",
        f"mcp-auth-lab/node:{version}-{node_key}",
    )
    with locked(settings.cache / "locks" / "image-node", "the node image"):
        if not engine.image_id(node):
            _build(settings, engine, items, (base, stored, node), node_key)
    return node


def _build(settings: Settings, engine: Engine, items: Parts, names: tuple[str, str, str], node_key: str) -> None:
    """Make the layers that are missing, the one that changes least first."""
    base, stored, node = names
    versions = settings.versions()
    version = versions["kubernetes"]["version"]
    need_space(settings.cache, 4000, "the node image")
    if not engine.image_id(base):
        with step("node image: base layer"):
            import_tree(engine, items.tree, base, keep_owners=True)
    if not engine.image_id(stored):
        with scratch_folder(settings, stored.replace("/", "-").replace(":", "-")) as work:
            _store_layer(settings, engine, items, base, stored, work)
    with scratch_folder(settings, f"node-{node_key}") as work, step("node image: programs and files"):
        shutil.copytree(settings.lab / "node" / "rootfs", work / "rootfs", symlinks=True)
        pause = f"registry.k8s.io/pause:{versions['kubernetes']['images']['pause']}"
        config = work / "rootfs" / "etc" / "containerd" / "config.toml"
        config.write_text(config.read_text(encoding="utf-8").replace("@PAUSE@", pause), encoding="utf-8")
        # exactly one line: kind compares it whole
        (work / "rootfs" / "kind" / "version").write_text(version, encoding="utf-8")
        programs = work / "rootfs" / "usr" / "bin"
        programs.mkdir(parents=True, exist_ok=True)
        shutil.copy2(items.programs["kube"], programs / "kube")
        for name in ("kubelet", "kubeadm", "kubectl", "crictl"):
            (programs / name).symlink_to("kube")
        (work / "Dockerfile").write_text(DOCKERFILE.replace("@BASE@", stored), encoding="utf-8")
        bill = sbom.write(settings.cache / "sbom" / node_key, "node", version, items.bill)
        log = settings.logs / "image-node.log"
        docker_build(engine, work, node, log, "--label", f"{sbom.LABEL}={bill}")


@contextmanager
def scratch_folder(settings: Settings, name: str) -> Iterator[Path]:
    """A folder that is gone afterwards, also when the build fails."""
    folder = settings.cache / "work" / name
    remove_tree(folder)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        remove_tree(folder)


def _libraries(tree: Path, programs: Sequence[str]) -> list[str]:
    """The shared libraries that programs and plugins of a tree load."""
    text = "".join(run(["chroot", str(tree), "ldd", name], what="ldd", check=False).stdout for name in programs)
    return sorted(set(re.findall(r"(/\S+\.so\S*)", text)))


def _kube_tree(items: Parts, root: Path) -> None:
    """The image of the four Kubernetes components: one program, and iptables with all that its extensions load.

    ldd of the program alone is not enough: libxt_statistic needs libm, and without it the first Service with two
    endpoints stops every rule.
    """
    for name in ("usr/local/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc", "run", "tmp"):
        (root / name).mkdir(parents=True)
    for name in ("lib", "lib64", "sbin"):
        (root / name).symlink_to(f"usr/{name}")
    shutil.copy2(items.programs["kube"], root / "usr/local/bin/kube")
    for name in CONTROL_PLANE:
        (root / "usr/local/bin" / name).symlink_to("kube")
    for name in ("xtables-nft-multi", "nft"):
        shutil.copy2(items.tree / "usr/sbin" / name, root / "usr/sbin" / name)
    for family in ("iptables", "ip6tables"):
        for suffix in ("", "-save", "-restore"):
            (root / "usr/sbin" / f"{family}{suffix}").symlink_to("xtables-nft-multi")
    extensions = next((items.tree / "usr/lib").glob("*/xtables"))
    shutil.copytree(extensions, root / extensions.relative_to(items.tree), symlinks=True)
    loaders = [f"/{p.relative_to(items.tree)}" for p in sorted(extensions.glob("*.so")) if not p.is_symlink()]
    for library in _libraries(items.tree, ["/usr/sbin/xtables-nft-multi", "/usr/sbin/nft", *loaders]):
        inside = library if library.startswith("/usr/") else f"/usr{library}"
        target = root / inside[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(items.tree / inside[1:], target)
        target.chmod(0o755)
    for name in ("protocols", "services"):
        if (items.tree / "etc" / name).exists():
            shutil.copy2(items.tree / "etc" / name, root / "etc" / name)


def _pod_images(settings: Settings, engine: Engine, items: Parts, work: Path) -> list[str]:
    """Make the images that the node's own pods run; returns their names."""
    kubernetes = settings.versions()["kubernetes"]
    names = {
        "etcd": f"registry.k8s.io/etcd:{kubernetes['images']['etcd']}",
        "coredns": f"registry.k8s.io/coredns/coredns:{kubernetes['images']['coredns']}",
        "pause": f"registry.k8s.io/pause:{kubernetes['images']['pause']}",
    }
    _kube_tree(items, work / "kube")
    kube = f"registry.k8s.io/kube-apiserver:{kubernetes['version']}"
    import_tree(engine, work / "kube", kube, [PATH])
    made = [kube]
    for name in CONTROL_PLANE[1:]:
        made.append(f"registry.k8s.io/{name}:{kubernetes['version']}")
        engine.docker("tag", kube, made[-1])

    def single(part: str, folder: str, ref: str, *changes: str, shell: bool = False) -> None:
        root = work / part
        (root / folder).mkdir(parents=True)
        (root / "tmp").mkdir(exist_ok=True)
        source = items.busybox if part == "busybox" else items.programs[part]
        shutil.copy2(source, root / folder / part)
        if shell:
            for applet in (
                "sh",
                "mkdir",
                "rm",
                "ls",
                "cat",
                "chmod",
                "wget",
                "nslookup",
                "sleep",
                "touch",
                "echo",
                "id",
            ):
                (root / folder / applet).symlink_to("busybox")
        import_tree(engine, root, ref, changes)
        made.append(ref)

    single("etcd", "usr/local/bin", names["etcd"], PATH)
    single("coredns", ".", names["coredns"], 'ENTRYPOINT ["/coredns"]')
    single("pause", ".", names["pause"], 'ENTRYPOINT ["/pause"]')
    single("local-path-provisioner", "usr/local/bin", "localhost/local-path-provisioner:lab", PATH)
    single("busybox", "bin", "localhost/busybox:lab", PATH, 'CMD ["sh"]', shell=True)
    return made


def _store_layer(settings: Settings, engine: Engine, items: Parts, base: str, stored: str, work: Path) -> None:
    """Preload the pods' images into the node's containerd store, as one layer.

    containerd unpacks them on a plain folder, because overlayfs does not sit on a container's overlayfs. Then the
    compressed layers go: pods run from what was unpacked.
    """
    with step("node image: the pods' images"):
        names = _pod_images(settings, engine, items, work / "trees")
    content = work / "store" / "containerd"
    content.mkdir(parents=True)
    box = "mcp-auth-lab-" + stored.rpartition(":")[2]
    argv = ["run", "-d", "--name", box, "--label", BOX_LABEL, "--privileged", "--network", "none"]
    argv += [
        "--tmpfs",
        "/run",
        "--tmpfs",
        "/tmp",
        "-v",
        f"{content}:/var/lib/containerd",
        "--entrypoint",
        "containerd",
        base,
    ]
    with step("node image: preloading them into containerd"):
        engine.docker("rm", "-fv", box, check=False)
        try:
            engine.docker(*argv)
            for _try in range(150):
                if engine.ok("exec", box, "ctr", "version"):
                    break
                time.sleep(0.2)
            else:
                raise LabError(
                    "containerd does not start in the node's base image", engine.docker("logs", box, check=False)
                )
            _save_into(engine, names, box)
            text = engine.docker("exec", box, "ctr", "-n", "k8s.io", "content", "ls")
            layers = [line.split()[0] for line in text.splitlines() if _is_layer(line)]
            engine.docker("exec", box, "ctr", "-n", "k8s.io", "content", "rm", *layers)
            engine.docker("stop", "-t", "10", box)
        finally:
            engine.docker("rm", "-fv", box, check=False)
        for layer in layers:  # containerd may be stopped before it deletes what it has forgotten
            blobs = content / "io.containerd.content.v1.content" / "blobs" / "sha256"
            (blobs / layer.removeprefix("sha256:")).unlink(missing_ok=True)
        (work / "store" / "Dockerfile").write_text(
            f"FROM {base}\nCOPY containerd/ /var/lib/containerd/\n", encoding="utf-8"
        )
        docker_build(engine, work / "store", stored, settings.logs / "image-node-store.log")


def _is_layer(line: str) -> bool:
    """Whether a row of `ctr content ls` is a layer and not a manifest or a config."""
    fields = line.split()
    return line.startswith("sha256:") and ("containerd.io/uncompressed" in line or "MB" in fields[1])


def _save_into(engine: Engine, names: Sequence[str], box: str) -> None:
    env = {**os.environ, **engine.env()}
    save = subprocess.Popen(["docker", "save", *names], stdout=subprocess.PIPE, env=env)
    load = ["docker", "exec", "-i", box, "ctr", "-n", "k8s.io", "images", "import", "--snapshotter", "overlayfs", "-"]
    done = subprocess.run(
        load, stdin=save.stdout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, check=False
    )
    if save.wait() or done.returncode:
        raise failure("preloading the pods' images", done.returncode, done.stdout.decode(errors="replace"))
