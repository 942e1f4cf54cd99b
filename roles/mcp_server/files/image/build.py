# Copyright (c) 2026, mcp_auth.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the MCP server's image without a container engine.

The result is one tar file that is an OCI image layout and a docker archive at once, so that
``docker load``, ``podman load``, ``kind load image-archive``, ``ctr images import`` and ``skopeo`` take it.
The same parts give the same digest. Progress goes to stderr; the last line of stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import errno
import fcntl
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FORMAT = 1  # part of the content key: raise it when the layout of the image changes
USER_ID = 65532
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
SPACE_NEEDED = 900 * 1024 * 1024  # Go's build cache included
SECONDS_FOR_A_TOOL = 1800

EXIT_TOOL, EXIT_INTEGRITY, EXIT_DISK, EXIT_USAGE = 2, 3, 4, 5


class BuildError(Exception):
    """What went wrong, what to do, and the exit code that says which kind it is."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Progress:
    """Lines on stderr with the seconds since the start."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.start = time.monotonic()

    def say(self, text: str) -> None:
        if not self.quiet:
            print(f"[image {time.monotonic() - self.start:6.1f}s] {text}", file=sys.stderr, flush=True)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def run(argv: list[str], what: str, **options: Any) -> str:
    """Run a tool; its last lines of stderr become our error."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=SECONDS_FOR_A_TOOL, **options)
    except FileNotFoundError as exc:
        raise BuildError(f"{what}: the program '{argv[0]}' is not installed or not in PATH.", EXIT_TOOL) from exc
    except subprocess.TimeoutExpired as exc:
        raise BuildError(f"{what}: '{argv[0]}' gave no end in {SECONDS_FOR_A_TOOL} s.", EXIT_TOOL) from exc
    if done.returncode:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
        if "no space left on device" in tail.lower():
            raise BuildError(f"{what}: no space left on device.\n{tail}", EXIT_DISK)
        raise BuildError(
            f"{what}: '{' '.join(argv[:3])} ...' ended with {done.returncode}. "
            f"Check that its registry is reachable from here.\n{tail}",
            EXIT_TOOL,
        )
    return str(done.stdout)


@contextlib.contextmanager
def lock(path: Path, progress: Progress) -> Iterator[None]:
    """Two builds of the same thing meet here; the second finds the work done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("another build holds the cache, waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write_atomic(path: Path, data: bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


class Builder:
    """One image: its parts, their hashes, the key over all of them."""

    def __init__(self, args: argparse.Namespace, progress: Progress) -> None:
        self.args = args
        self.progress = progress
        self.parts: dict[str, Any] = json.loads((HERE / "parts.json").read_text(encoding="utf-8"))
        self.version: str = args.version or self.parts["mcp_server"]["default"]
        self.name: str = args.name or f"localhost/mcp-auth/mcp-server:{self.version}"
        self.cache = Path(args.cache).expanduser().resolve()
        by_arch: dict[str, Any] = self.parts["mcp_server"]["npm"]
        if args.arch not in by_arch or self.version not in by_arch[args.arch]["versions"]:
            known = ", ".join(f"{arch}: {' '.join(by_arch[arch]['versions']) or 'none'}" for arch in by_arch)
            raise BuildError(
                f"No pinned part for MCP server {self.version} on {args.arch}. Known in parts.json: {known}. "
                "Add the version with its integrity (npm view PACKAGE@VERSION dist.integrity).",
                EXIT_USAGE,
            )
        self.npm_package: str = by_arch[args.arch]["package"]
        self.npm_integrity: str = by_arch[args.arch]["versions"][self.version]

    # -- keys ---------------------------------------------------------------------------------------------------
    def go_version(self) -> str:
        text = run([self.args.go, "env", "GOVERSION"], "Looking for Go", env=self.go_env()).strip()
        wanted = tuple(int(part) for part in self.parts["proxy"]["go"].split("."))
        have = tuple(int(part) for part in text.removeprefix("go").split("-")[0].split(".")[:2])
        if have < wanted:
            raise BuildError(f"Go {self.parts['proxy']['go']} or newer builds the proxy, found {text}.", EXIT_TOOL)
        return text

    def go_env(self) -> dict[str, str]:
        env = dict(os.environ)
        env.update(CGO_ENABLED="0", GOOS="linux", GOARCH=self.args.arch, GOTOOLCHAIN="local", GOFLAGS="-mod=readonly")
        return env

    def proxy_key(self) -> str:
        sources = {path.name: sha256(path.read_bytes()) for path in sorted((HERE / "proxy").iterdir())}
        return sha256(canonical([FORMAT, self.args.arch, self.go_version(), sources]))[:24]

    def key(self) -> str:
        chosen = {
            "format": FORMAT,
            "arch": self.args.arch,
            "name": self.name,
            "npm": [self.npm_package, self.version, self.npm_integrity],
            "proxy": self.proxy_key(),
            "ca": self.parts["ca_certificates"],
            "created": self.parts["created"],
        }
        return sha256(canonical(chosen))[:24]

    # -- parts --------------------------------------------------------------------------------------------------
    def server_tarball(self) -> bytes:
        algorithm, expected = self.npm_integrity.split("-", 1)
        kept = self.cache / "parts" / f"{self.npm_package}-{self.version}.tgz"
        if not kept.exists():
            self.progress.say(f"getting {self.npm_package} {self.version} from npm")
            with tempfile.TemporaryDirectory(dir=self.cache) as folder:
                spec = f"{self.npm_package}@{self.version}"
                run([self.args.npm, "pack", "--silent", "--ignore-scripts", spec], "Getting the MCP server", cwd=folder)
                found = list(Path(folder).glob("*.tgz"))
                if len(found) != 1:
                    raise BuildError(f"npm pack {spec} gave {len(found)} files instead of one.", EXIT_TOOL)
                write_atomic(kept, found[0].read_bytes())
        data = kept.read_bytes()
        actual = base64.b64encode(hashlib.new(algorithm, data).digest()).decode()
        if actual != expected:
            kept.unlink()
            raise BuildError(
                f"{self.npm_package} {self.version}: expected {algorithm} {expected}, got {actual}. "
                "The file was thrown away; nothing was built from it.",
                EXIT_INTEGRITY,
            )
        return data

    def server_binary(self) -> bytes:
        with tarfile.open(fileobj=io.BytesIO(self.server_tarball()), mode="r:gz") as tar:
            for member in tar.getmembers():
                if member.isfile() and member.name == f"package/bin/{self.npm_package}":
                    handle = tar.extractfile(member)
                    if handle is not None:
                        return handle.read()
        raise BuildError(f"{self.npm_package} {self.version} holds no bin/{self.npm_package}.", EXIT_INTEGRITY)

    def certificates(self) -> bytes:
        part = self.parts["ca_certificates"]
        kept = self.cache / "parts" / f"{part['package']}-{part['version']}.whl"
        if not kept.exists():
            self.progress.say(f"getting CA certificates: {part['package']} {part['version']} from PyPI")
            with tempfile.TemporaryDirectory(dir=self.cache) as folder:
                argv = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
                argv += ["--only-binary", ":all:", "-d", folder, f"{part['package']}=={part['version']}"]
                run(argv, "Getting the CA certificates")
                found = list(Path(folder).glob("*.whl"))
                if len(found) != 1:
                    raise BuildError(f"pip download gave {len(found)} files instead of one.", EXIT_TOOL)
                write_atomic(kept, found[0].read_bytes())
        data = kept.read_bytes()
        if sha256(data) != part["sha256"]:
            kept.unlink()
            raise BuildError(
                f"{part['package']} {part['version']}: expected sha256 {part['sha256']}, got {sha256(data)}. "
                "The file was thrown away; nothing was built from it.",
                EXIT_INTEGRITY,
            )
        with zipfile.ZipFile(io.BytesIO(data)) as wheel:
            return wheel.read("certifi/cacert.pem")

    def proxy_binary(self) -> Path:
        kept = self.cache / "proxy" / self.proxy_key() / "mcp-proxy"
        if kept.exists():
            return kept
        part = self.parts["proxy"]
        self.progress.say(f"building the proxy ({part['module']} {part['version']}); a cold build takes some minutes")
        with tempfile.TemporaryDirectory(dir=self.cache) as folder:
            for path in (HERE / "proxy").iterdir():
                shutil.copy(path, folder)
            made = Path(folder) / "mcp-proxy"
            flags = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid="]
            argv = [self.args.go, "build", *flags, "-o", str(made), "."]
            run(argv, "Building the proxy", cwd=folder, env=self.go_env())
            write_atomic(kept, made.read_bytes(), 0o755)
        return kept

    # -- image --------------------------------------------------------------------------------------------------
    def files(self) -> dict[str, tuple[int, bytes]]:
        passwd = f"root:x:0:0:root:/:/sbin/nologin\nmcp:x:{USER_ID}:{USER_ID}:mcp:/:/sbin/nologin\n"
        return {
            "etc/group": (0o444, f"root:x:0:\nmcp:x:{USER_ID}:\n".encode()),
            "etc/passwd": (0o444, passwd.encode()),
            "etc/ssl/certs/ca-certificates.crt": (0o444, self.certificates()),
            "usr/local/bin/kubernetes-mcp-server": (0o555, self.server_binary()),
            "usr/local/bin/mcp-proxy": (0o555, self.proxy_binary().read_bytes()),
        }

    def sbom(self, files: dict[str, tuple[int, bytes]]) -> dict[str, Any]:
        """CycloneDX of the image: the two programs, every Go module in them, the certificates."""
        components: dict[str, dict[str, Any]] = {}

        def add(ref: str, component: dict[str, Any]) -> None:
            components.setdefault(ref, {"bom-ref": ref, **component})

        server, proxy, ca = self.parts["mcp_server"], self.parts["proxy"], self.parts["ca_certificates"]
        hashes = {name: [{"alg": "SHA-256", "content": sha256(data)}] for name, (_mode, data) in files.items()}
        add(
            f"pkg:npm/{self.npm_package}@{self.version}",
            {
                "type": "application",
                "name": "kubernetes-mcp-server",
                "version": self.version,
                "purl": f"pkg:npm/{self.npm_package}@{self.version}",
                "licenses": [{"license": {"id": server["license"]}}],
                "hashes": hashes["usr/local/bin/kubernetes-mcp-server"],
                "externalReferences": [{"type": "vcs", "url": server["source"]}],
            },
        )
        add(
            f"pkg:golang/{proxy['module']}@{proxy['version']}#cmd",
            {
                "type": "application",
                "name": "mcp-proxy",
                "version": proxy["version"],
                "purl": f"pkg:golang/{proxy['module']}@{proxy['version']}",
                "licenses": [{"license": {"id": proxy["license"]}}],
                "hashes": hashes["usr/local/bin/mcp-proxy"],
                "externalReferences": [{"type": "vcs", "url": proxy["source"]}],
            },
        )
        add(
            f"pkg:pypi/{ca['package']}@{ca['version']}",
            {
                "type": "data",
                "name": "ca-certificates",
                "version": ca["version"],
                "purl": f"pkg:pypi/{ca['package']}@{ca['version']}",
                "licenses": [{"license": {"id": ca["license"]}}],
                "hashes": hashes["etc/ssl/certs/ca-certificates.crt"],
                "externalReferences": [{"type": "vcs", "url": ca["source"]}],
            },
        )
        for program in ("kubernetes-mcp-server", "mcp-proxy"):
            for module, version in self.go_modules(files[f"usr/local/bin/{program}"][1]):
                purl = f"pkg:golang/{module}@{version}"
                add(purl, {"type": "library", "name": module, "version": version, "purl": purl})
        return {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {
                "timestamp": self.parts["created"],
                "component": {"type": "container", "name": self.name.rsplit(":", 1)[0], "version": self.version},
            },
            "components": [components[ref] for ref in sorted(components)],
        }

    def go_modules(self, program: bytes) -> list[tuple[str, str]]:
        """The modules that a Go program says it was built from."""
        with tempfile.NamedTemporaryFile(dir=self.cache, prefix="modules.") as handle:
            handle.write(program)
            handle.flush()
            text = run([self.args.go, "version", "-m", handle.name], "Reading a program's modules")
        found: list[tuple[str, str]] = []
        for line in text.splitlines():
            fields = line.split("\t")
            if len(fields) >= 4 and fields[1] in ("dep", "=>"):
                if fields[1] == "=>" and found:
                    found.pop()  # a replaced module: the replacement is what is inside
                found.append((fields[2], fields[3]))
        return found

    def layer(self, files: dict[str, tuple[int, bytes]]) -> bytes:
        """A tar whose bytes depend on the files alone; not compressed, because zlib versions differ."""
        folders = {"tmp"}
        for name in files:
            parents = Path(name).parents
            folders.update(str(parent) for parent in parents if str(parent) != ".")
        entries: list[tuple[str, int, bytes | None]] = [
            (name, 0o1777 if name == "tmp" else 0o755, None) for name in folders
        ]
        entries += [(name, mode, data) for name, (mode, data) in files.items()]
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name, mode, data in sorted(entries):
                info = tarfile.TarInfo(name)
                info.mode, info.mtime, info.uid, info.gid = mode, 0, 0, 0
                if data is None:
                    info.type = tarfile.DIRTYPE
                    tar.addfile(info)
                else:
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
        return out.getvalue()

    def archive(self, files: dict[str, tuple[int, bytes]]) -> tuple[bytes, str, str]:
        programs = {
            name: data for name, data in files.items() if name.startswith("usr/")
        }  # two layers: what changes with a version, and the small rest
        rest = {name: data for name, data in files.items() if name not in programs}
        layers = [self.layer(rest), self.layer(programs)]
        labels = {
            "org.opencontainers.image.title": "MCP server for Kubernetes with its TLS proxy",
            "org.opencontainers.image.version": self.version,
            "org.opencontainers.image.source": self.parts["mcp_server"]["source"],
            "org.opencontainers.image.licenses": "Apache-2.0 AND MPL-2.0",
        }
        config = canonical(
            {
                "architecture": self.args.arch,
                "os": "linux",
                "created": self.parts["created"],
                "config": {
                    "User": f"{USER_ID}:{USER_ID}",
                    "WorkingDir": "/",
                    "Entrypoint": ["/usr/local/bin/kubernetes-mcp-server"],
                    "Env": ["PATH=/usr/local/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "HOME=/tmp"],
                    "Labels": labels,
                },
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(layer)}" for layer in layers]},
                "history": [
                    {"created": self.parts["created"], "created_by": f"build.py: {what}"}
                    for what in ("certificates and accounts", "programs")
                ],
            }
        )

        def describe(media_type: str, data: bytes) -> dict[str, Any]:
            return {"mediaType": media_type, "digest": f"sha256:{sha256(data)}", "size": len(data)}

        manifest = canonical(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "config": describe(CONFIG_TYPE, config),
                "layers": [describe(LAYER_TYPE, layer) for layer in layers],
            }
        )
        index = canonical(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "manifests": [
                    {
                        **describe(MANIFEST_TYPE, manifest),
                        "platform": {"architecture": self.args.arch, "os": "linux"},
                        "annotations": {
                            "io.containerd.image.name": self.name,
                            "org.opencontainers.image.ref.name": self.name.rsplit(":", 1)[-1],
                        },
                    }
                ],
            }
        )
        docker = canonical(
            [
                {
                    "Config": f"blobs/sha256/{sha256(config)}",
                    "RepoTags": [self.name],
                    "Layers": [f"blobs/sha256/{sha256(layer)}" for layer in layers],
                }
            ]
        )
        members = {f"blobs/sha256/{sha256(blob)}": blob for blob in (*layers, config, manifest)}
        members.update({"index.json": index, "manifest.json": docker, "oci-layout": b'{"imageLayoutVersion":"1.0.0"}'})
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for folder in ("blobs", "blobs/sha256"):
                info = tarfile.TarInfo(folder)
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            for name in sorted(members):
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(members[name]), 0o644
                tar.addfile(info, io.BytesIO(members[name]))
        return out.getvalue(), f"sha256:{sha256(manifest)}", f"sha256:{sha256(config)}"

    # -- the whole ----------------------------------------------------------------------------------------------
    def build(self) -> dict[str, Any]:
        key = self.key()
        if self.args.print_key:
            return {"changed": False, "key": key, "name": self.name}
        kept = self.cache / "images" / key
        self.cache.mkdir(parents=True, exist_ok=True)
        with lock(self.cache / "lock", self.progress):
            if not (kept / "result.json").exists():
                free = shutil.disk_usage(self.cache).free
                if free < SPACE_NEEDED:
                    raise BuildError(
                        f"{self.cache} has {free >> 20} MiB left, the build needs {SPACE_NEEDED >> 20} MiB.", EXIT_DISK
                    )
                files = self.files()
                self.progress.say("writing layers, manifest and bill of materials")
                archive, digest, config_digest = self.archive(files)
                write_atomic(kept / "image.tar", archive)
                write_atomic(kept / "sbom.cdx.json", json.dumps(self.sbom(files), indent=2).encode() + b"\n")
                made = {"key": key, "name": self.name, "digest": digest, "config_digest": config_digest}
                write_atomic(kept / "result.json", canonical({**made, "archive_sha256": sha256(archive)}))
        result: dict[str, Any] = json.loads((kept / "result.json").read_text(encoding="utf-8"))
        archive_hash = result.pop("archive_sha256")
        result["changed"] = False
        output, sbom = Path(self.args.output), Path(self.args.sbom or f"{self.args.output}.cdx.json")
        if not output.exists() or sha256(output.read_bytes()) != archive_hash:
            data = (kept / "image.tar").read_bytes()
            if sha256(data) != archive_hash:
                shutil.rmtree(kept)
                raise BuildError(f"The cached image {kept} was damaged; it was thrown away, run again.", EXIT_INTEGRITY)
            write_atomic(output, data)
            result["changed"] = True
        bill = (kept / "sbom.cdx.json").read_bytes()
        if not sbom.exists() or sbom.read_bytes() != bill:
            write_atomic(sbom, bill)
            result["changed"] = True
        result.update(archive=str(output), sbom=str(sbom))
        self.progress.say(f"{self.name}  {result['digest']}")
        return result


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", help="MCP server version, one of parts.json (default: its default)")
    parser.add_argument("--arch", default="amd64", choices=["amd64", "arm64"])
    parser.add_argument("--name", help="name:tag inside the archive (default: localhost/mcp-auth/mcp-server:VERSION)")
    parser.add_argument(
        "--cache", default="~/.cache/mcp-auth/image", help="where parts and results are kept by content"
    )
    parser.add_argument("--output", default="mcp-server.tar", help="the archive to write")
    parser.add_argument("--sbom", help="the CycloneDX file to write (default: OUTPUT.cdx.json)")
    parser.add_argument("--go", default="go", help="the go program")
    parser.add_argument("--npm", default="npm", help="the npm program")
    parser.add_argument("--print-key", action="store_true", help="only say the content key")
    parser.add_argument("--quiet", action="store_true", help="no progress lines")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = arguments().parse_args(argv)
    progress = Progress(args.quiet)
    try:
        result = Builder(args, progress).build()
    except BuildError as exc:
        print(f"build.py: {exc}", file=sys.stderr)
        return exc.code
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            print(f"build.py: no space left while writing {exc.filename or args.cache}.", file=sys.stderr)
            return EXIT_DISK
        raise
    print(json.dumps(result, sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
