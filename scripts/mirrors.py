#!/usr/bin/env python3
"""Lays the zips of a release out for everything that installs providers without a public registry.

Usage: mirrors.py VERSION [DIST]

Out of DIST/terraform-provider-apikey_VERSION_OS_ARCH.zip it makes
  DIST/mirror  for filesystem_mirror as it is, and for network_mirror behind any file server with TLS,
  DIST/oci     an OCI image layout for the oci_mirror of OpenTofu.
The same zips give the same bytes. Other versions that lie in DIST/mirror stay, and are listed beside the new one.
"""

import base64
import hashlib
import json
import pathlib
import shutil
import sys
import zipfile

NAMESPACE = "apikey-dev"
TYPE = "apikey"
# Both ask a mirror under the name of their own registry.
REGISTRIES = ["registry.terraform.io", "registry.opentofu.org"]

PROVIDER = "application/vnd.opentofu.provider"
PACKAGE = "application/vnd.opentofu.provider-target"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    version = sys.argv[1]
    dist = pathlib.Path(sys.argv[2] if len(sys.argv) == 3 else "dist")
    prefix = f"terraform-provider-{TYPE}_{version}_"
    zips = {path.stem.removeprefix(prefix): path for path in sorted(dist.glob(prefix + "*.zip"))}
    if not zips:
        sys.exit(f"mirrors: {dist} holds no {prefix}OS_ARCH.zip. Build one first: make release")
    for registry in REGISTRIES:
        mirror(dist / "mirror" / registry / NAMESPACE / TYPE, version, zips)
    layout(dist / "oci", version, zips)


def mirror(folder, version, zips):
    folder.mkdir(parents=True, exist_ok=True)
    archives = {}
    for platform, path in zips.items():
        shutil.copyfile(path, folder / path.name)
        archives[platform] = {"hashes": [h1(path), "zh:" + sha256(path.read_bytes())], "url": path.name}
    write(folder / f"{version}.json", {"archives": archives})
    versions = sorted(path.stem for path in folder.glob("*.json") if path.name != "index.json")
    write(folder / "index.json", {"versions": {each: {} for each in versions}})


def h1(path):
    """The hash of what a zip unpacks to, as lock files have it (the scheme of golang.org/x/mod/sumdb/dirhash)."""
    with zipfile.ZipFile(path) as packed:
        files = {name: sha256(packed.read(name)) for name in packed.namelist()}
    lines = "".join(f"{files[name]}  {name}\n" for name in sorted(files))
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()


def layout(folder, version, zips):
    """One index for the version, with one manifest for each platform, whose only layer is the zip."""
    blobs = Blobs(folder / "blobs" / "sha256")
    empty = blobs.add(b"{}", EMPTY)
    packages = []
    for platform, path in zips.items():
        package = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": PACKAGE,
            "config": empty,
            "layers": [blobs.add(path.read_bytes(), "archive/zip")],
        }
        system, architecture = platform.split("_")
        packages.append(
            blobs.add(text(package), MANIFEST)
            | {"artifactType": PACKAGE, "platform": {"architecture": architecture, "os": system}}
        )
    provider = {"schemaVersion": 2, "mediaType": INDEX, "artifactType": PROVIDER, "manifests": packages}
    named = blobs.add(text(provider), INDEX) | {
        "artifactType": PROVIDER,
        "annotations": {"org.opencontainers.image.ref.name": version},
    }
    write(folder / "index.json", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [named]})
    write(folder / "oci-layout", {"imageLayoutVersion": "1.0.0"})


class Blobs:
    """What an image layout stores by its hash."""

    def __init__(self, folder):
        # What an earlier run left would be uploaded as well.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder = folder

    def add(self, content, media_type):
        """Stores it and describes it."""
        name = sha256(content)
        (self.folder / name).write_bytes(content)
        return {"mediaType": media_type, "digest": "sha256:" + name, "size": len(content)}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def text(value):
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def write(path, value):
    path.write_bytes(text(value))


if __name__ == "__main__":
    main()
