"""Writes the descriptors of Flyte's Python package `flyteidl2` that `idl.test.ts` compares our IDL with.

Kept is what crosses the wire, of the files that `proto/flyteidl2` has too: names, numbers, types, labels, and
the options that a caller can tell. The package brings no comments and none are added.

Usage, in an environment with the version wanted (`pip install flyteidl2==VERSION`): python describe.py
It writes `flyteidl2-VERSION.binpb.gz`, a packed `google.protobuf.FileDescriptorSet`, beside this file.
"""

import gzip
import importlib
from importlib.metadata import version
from pathlib import Path

from google.protobuf import descriptor_pb2 as descriptors

HERE = Path(__file__).resolve().parent
PROTO = HERE.parents[3] / "proto"

KEPT_OPTIONS = ("deprecated", "map_entry", "idempotency_level")
"""The options that change what is sent, or how a call may be made."""


def file_of(name: str) -> descriptors.FileDescriptorProto | None:
    """The file, or None where this version has none of that name."""
    try:
        module = importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    except ModuleNotFoundError:
        return None
    file = descriptors.FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(file)
    file.ClearField("options")
    return file


def keep_options(element: object) -> None:
    """Removes all other options from an element and from what stands in it."""
    for field, value in element.ListFields():
        if field.message_type is None:
            continue
        if field.name != "options":
            for part in value if field.is_repeated else [value]:
                keep_options(part)
            continue
        known = value.DESCRIPTOR.fields_by_name
        kept = {name: getattr(value, name) for name in KEPT_OPTIONS if name in known}
        value.Clear()
        for name, option in kept.items():
            if option:
                setattr(value, name, option)
        if not value.ListFields():
            element.ClearField("options")


def main() -> None:
    names = sorted(str(path.relative_to(PROTO)) for path in (PROTO / "flyteidl2").rglob("*.proto"))
    found = [file for file in map(file_of, names) if file is not None]
    for file in found:
        keep_options(file)
    out = HERE / f"flyteidl2-{version('flyteidl2')}.binpb.gz"
    packed = descriptors.FileDescriptorSet(file=found).SerializeToString(deterministic=True)
    out.write_bytes(gzip.compress(packed, mtime=0))
    print(f"{out.name}: {len(found)} of {len(names)} files, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
