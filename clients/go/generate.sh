#!/usr/bin/env bash
# Writes clients/go/gen out of proto/. With --check it writes nothing and fails if what is there is not current.
#
# Needs go, and node_modules of this repository. Usage: clients/go/generate.sh [--check]
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
export PATH="$scratch/bin:$root/node_modules/.bin:$PATH"

GOBIN="$scratch/bin" go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
GOBIN="$scratch/bin" go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2

# A workspace of its own, so that nobody else's generator is in the way.
mkdir "$scratch/workspace"
cp -R "$root/proto" "$root/buf.yaml" "$here/buf.gen.yaml" "$scratch/workspace/"
(cd "$root" && node scripts/vendor-protos.ts "$scratch/workspace/.proto-deps")
(cd "$scratch/workspace" && buf generate --path proto/signalbox)

if [ "${1:-}" = --check ]; then
  diff -r "$scratch/workspace/gen" "$here/gen"
  echo "clients/go/gen is current"
else
  rm -rf "$here/gen"
  mv "$scratch/workspace/gen" "$here/gen"
fi
