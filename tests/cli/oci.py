# SPDX-License-Identifier: Apache-2.0
"""oci.py check DIR GUEST LAYERS: an OCI image layout (image-spec 1.0) is as it should be.
oci.py list: ways to spoil one; oci.py WAY DIR: does it."""
import hashlib
import json
import os
import pathlib
import sys

GUEST, SNAPSHOT = "application/vnd.mote.guest.v1", "application/vnd.mote.snapshot.v1"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def blob_path(root, descriptor):
    return root / "blobs" / "sha256" / descriptor["digest"].split(":")[1]


def read(root, descriptor):
    data = blob_path(root, descriptor).read_bytes()
    assert descriptor["digest"] == "sha256:" + hashlib.sha256(data).hexdigest()
    assert descriptor["size"] == len(data)
    return data


def check(root, guest, layers):
    assert json.loads((root / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((root / "index.json").read_text())
    assert index["schemaVersion"] == 2 and len(index["manifests"]) == 1
    assert index["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert index["manifests"][0]["mediaType"] == MANIFEST
    manifest = json.loads(read(root, index["manifests"][0]))
    assert manifest["schemaVersion"] == 2 and manifest["mediaType"] == MANIFEST
    types = [layer["mediaType"] for layer in manifest["layers"]]
    assert types == [GUEST] + [SNAPSHOT] * (int(layers) - 1), types
    contents = [read(root, layer) for layer in manifest["layers"]]
    assert contents[0] == pathlib.Path(guest).read_bytes()
    assert all(data.startswith(b"MOTESNAP") for data in contents[1:])
    config = json.loads(read(root, manifest["config"]))
    assert config["architecture"] == "amd64" and config["os"] == "linux"
    for layer in manifest["layers"][1:]:
        assert blob_path(root, layer).stat().st_mode & 0o77 == 0  # a guest's secrets
    used = 2 + len(set(layer["digest"] for layer in manifest["layers"]))
    assert len(list((root / "blobs" / "sha256").iterdir())) == used
    assert sorted(os.listdir(root)) == ["blobs", "index.json", "oci-layout"]


def load(root):
    index = json.loads((root / "index.json").read_text())
    return index, json.loads(blob_path(root, index["manifests"][0]).read_text())


def store(root, index, manifest):
    data = json.dumps(manifest).encode()
    digest = hashlib.sha256(data).hexdigest()
    (root / "blobs" / "sha256" / digest).write_bytes(data)
    index["manifests"][0].update(digest="sha256:" + digest, size=len(data))
    (root / "index.json").write_text(json.dumps(index))


def manifest_with(change):
    def spoil(root):
        index, manifest = load(root)
        change(manifest)
        store(root, index, manifest)

    return spoil


def index_with(change):
    def spoil(root):
        index, _ = load(root)
        change(index)
        (root / "index.json").write_text(json.dumps(index))

    return spoil


def layer(root, number):
    return blob_path(root, load(root)[1]["layers"][number])


def flip(root):
    path = layer(root, 0)
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)


def cut(root):
    path = layer(root, 1)
    path.write_bytes(path.read_bytes()[:-1])


def link(root):
    path = layer(root, 2)
    path.rename(root / "elsewhere")
    path.symlink_to(root / "elsewhere")


def link_folder(root):
    (root / "blobs").rename(root / "others")
    (root / "blobs").symlink_to("others")


def link_index(root):
    (root / "index.json").rename(root / "i")
    (root / "index.json").symlink_to("i")


def fifo(root):
    path = layer(root, 1)
    path.unlink()
    os.mkfifo(path)


def set_digest(value):
    return manifest_with(lambda m: m["layers"][1].update(digest=value))


WAYS = {
    "flip": flip,
    "cut": cut,
    "link": link,
    "link-folder": link_folder,
    "link-index": link_index,
    "fifo": fifo,
    "no-blob": lambda root: layer(root, 1).unlink(),
    "no-index": lambda root: (root / "index.json").unlink(),
    "no-json": lambda root: (root / "index.json").write_text("{"),
    "large": lambda root: (root / "index.json").write_text(" " * (2**20 + 1)),
    "version": lambda root: (root / "oci-layout").write_text('{"imageLayoutVersion":"2.0.0"}'),
    "schema": index_with(lambda i: i.update(schemaVersion=1)),
    "two": index_with(lambda i: i["manifests"].append(i["manifests"][0])),
    "none": index_with(lambda i: i.update(manifests=[])),
    "size": index_with(lambda i: i["manifests"][0].update(size=i["manifests"][0]["size"] + 1)),
    "negative": index_with(lambda i: i["manifests"][0].update(size=-1)),
    "huge": index_with(lambda i: i["manifests"][0].update(size=1e300)),
    "type": index_with(lambda i: i["manifests"][0].update(mediaType="text/plain")),
    "config": manifest_with(lambda m: m["config"].update(mediaType="application/vnd.oci.image.config.v1+json")),
    "no-layers": manifest_with(lambda m: m.update(layers=[])),
    "order": manifest_with(lambda m: m["layers"].reverse()),
    "foreign": manifest_with(lambda m: m["layers"][1].update(mediaType="application/vnd.oci.image.layer.v1.tar")),
    "no-base": manifest_with(lambda m: m["layers"].pop(1)),
    "many": manifest_with(lambda m: m["layers"].extend([m["layers"][1]] * 300)),
    "path": set_digest("sha256:../../index.json"),
    "absolute": set_digest("sha256:/etc/passwd"),
    "upper": manifest_with(lambda m: m["layers"][1].update(digest=m["layers"][1]["digest"].upper())),
    "short": set_digest("sha256:" + "a" * 63),
    "sha512": set_digest("sha512:" + "a" * 128),
}


def main(way, *args):
    if way == "list":
        print(*WAYS)
    elif way == "check":
        check(pathlib.Path(args[0]), *args[1:])
    else:
        WAYS[way](pathlib.Path(args[0]))


main(*sys.argv[1:])
