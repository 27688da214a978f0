#!/usr/bin/env bash
# Python's grpcio against a started server, with stubs that are generated from proto/ here and now.
. "$(dirname "${BASH_SOURCE[0]}")/../started-server.sh"
here="$root/test/interop/python"
venv="$kept/python"

# Debian keeps venv in a package of its own; where changes are judged it is installed.
if ! python3 -c 'import ensurepip, venv' 2>/dev/null && [ "${CI:-}" = true ]; then
  apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
fi
if ! cmp -s "$here/requirements.txt" "$venv/installed.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$venv/installed.txt"
fi

node "$root/scripts/vendor-protos.ts" "$scratch/deps"
mkdir "$scratch/stubs"
"$venv/bin/python" -m grpc_tools.protoc -I "$root/proto" -I "$scratch/deps" \
  --python_out="$scratch/stubs" --grpc_python_out="$scratch/stubs" \
  "$root"/proto/signalbox/v1/*.proto "$scratch/deps/buf/validate/validate.proto"

start_server --lease-ms 5000 --pulse-interval-ms 500
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$scratch/stubs" "$venv/bin/python" "$here/test_signalbox.py" "$address"
