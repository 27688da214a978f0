"""Generates src/signalbox/v1 from the repository's proto/, or checks that it is current.

Usage: python scripts/generate.py [--check]

Needs the packages of scripts/requirements.txt and, for the import of protovalidate, the repository's
node_modules.

The rules of protovalidate are left out of what is generated, and so is `buf/validate/validate.proto`: the
server checks them, and a second copy of that file in one process would clash with that of the protovalidate
package.
"""

import filecmp
import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf import descriptor_pb2
from google.protobuf.message import Message

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TARGET = HERE.parent / "src" / "signalbox" / "v1"
RULES = "buf/validate/validate.proto"
"""The import that is left out."""

INIT = '''"""Generated from the contract, proto/signalbox/v1, by scripts/generate.py. Not for editing.

Messages are in `*_pb2`, stubs in `*_pb2_grpc`. The rest of `signalbox` is written on top of them.
"""
'''


def protoc(*arguments: str) -> None:
    """Runs the compiler that grpcio-tools brings."""
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], check=True)


def describe(folder: Path) -> Path:
    """Writes the descriptors of the contract, without the rules of protovalidate, and gives their file."""
    node = ROOT / "node_modules" / ".bin" / "node"
    dependencies = folder / "dependencies"
    subprocess.run([node, ROOT / "scripts" / "vendor-protos.ts", dependencies], check=True)
    whole = folder / "whole.binpb"
    protos = sorted(
        str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto/signalbox").rglob("*.proto")
    )
    protoc(
        f"-I{ROOT / 'proto'}",
        f"-I{dependencies}",
        "--include_imports",
        "--include_source_info",
        f"--descriptor_set_out={whole}",
        *protos,
    )
    files = descriptor_pb2.FileDescriptorSet.FromString(whole.read_bytes())
    kept = [without_rules(file) for file in files.file if file.name != RULES]
    plain = folder / "plain.binpb"
    plain.write_bytes(descriptor_pb2.FileDescriptorSet(file=kept).SerializeToString(deterministic=True))
    return plain


def without_rules(file: descriptor_pb2.FileDescriptorProto) -> descriptor_pb2.FileDescriptorProto:
    """The file without the import of the rules and without the options that state them."""
    if RULES in file.dependency:
        index = list(file.dependency).index(RULES)
        del file.dependency[index]
        del file.public_dependency[:]
        del file.weak_dependency[:]
        # Comments are found by the place of what they are about; that of an import has moved.
        imports = descriptor_pb2.FileDescriptorProto.DEPENDENCY_FIELD_NUMBER
        kept = [place for place in file.source_code_info.location if list(place.path[:1]) != [imports]]
        del file.source_code_info.location[:]
        file.source_code_info.location.extend(kept)
    clear_options(file)
    return file


def clear_options(message: Message) -> None:
    """Removes what this program does not know from all options: the rules are extensions of them."""
    message.DiscardUnknownFields()
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for part in value if field.is_repeated else [value]:
            clear_options(part)
        if field.name == "options" and not value.ListFields():
            message.ClearField("options")


def generate(folder: Path) -> Path:
    """Generates the package into the folder, and gives the place of it."""
    descriptors = describe(folder)
    out = folder / "out"
    out.mkdir()
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes())
    protoc(
        f"--descriptor_set_in={descriptors}",
        f"--python_out={out}",
        f"--mypy_out={out}",
        f"--grpc_python_out={out}",
        f"--mypy_grpc_out={out}",
        *(file.name for file in files.file if file.name.startswith("signalbox/")),
    )
    package = out / "signalbox" / "v1"
    (package / "__init__.py").write_text(INIT)
    for path in package.iterdir():
        # Files that only have messages have no stubs.
        if path.match("*_pb2_grpc.py*") and not path.match("*_service_pb2_grpc.py*"):
            path.unlink()
    return package


def names(folder: Path) -> set[str]:
    """The names of the generated files in a folder."""
    return {path.name for path in folder.glob("*.py*") if path.is_file()}


def check(made: Path) -> int:
    """Says which files of the committed package are not as they are made now."""
    everything = sorted(names(made) | names(TARGET))
    _, differing, missing = filecmp.cmpfiles(made, TARGET, everything, shallow=False)
    for name in sorted(differing + missing):
        print(f"not current: src/signalbox/v1/{name}; run scripts/generate.py", file=sys.stderr)
    return 1 if differing or missing else 0


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        made = generate(Path(scratch))
        if "--check" in sys.argv[1:]:
            return check(made)
        TARGET.mkdir(parents=True, exist_ok=True)
        for name in names(TARGET) - names(made):
            (TARGET / name).unlink()
        for name in names(made):
            (TARGET / name).write_bytes((made / name).read_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
