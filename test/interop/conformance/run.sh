#!/usr/bin/env bash
# Workers of three languages against the conformance kit: a server that misbehaves in every way it knows.
#
# Usage: run.sh [LANGUAGE…], of typescript, python and go; all of them unless some are said.
. "$(dirname "${BASH_SOURCE[0]}")/../started-server.sh"
here="$root/test/interop/conformance"
venv="$kept/python-client"
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# conforms LANGUAGE COMMAND…: plays every scenario and counts each as one check.
conforms() {
  local language="$1" status=0 good bad
  shift
  echo "--- $language"
  timeout 300 node "$root/bin/signalbox.js" conformance worker -- "$@" >"$scratch/$language" 2>&1 || status=$?
  cat "$scratch/$language"
  good="$(grep -cE '^ok ' "$scratch/$language" || true)"
  bad="$(grep -cE '^FAIL ' "$scratch/$language" || true)"
  # Whatever else went wrong counts as one.
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
  if [ "$good" -eq 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
  passed=$((passed + good))
  failed=$((failed + bad))
}

prepare_python() {
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null && [ "${CI:-}" = true ]; then
    apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
  fi
  if ! "$venv/bin/python" -c 'import grpc, google.protobuf' 2>/dev/null; then
    mkdir -p "$kept"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet "$root/clients/python"
  fi
}

for language in ${*:-typescript python go}; do
  case "$language" in
    typescript) conforms typescript node "$here/worker.ts" ;;
    # The sources go before whatever version is installed.
    python) prepare_python && conforms python env PYTHONPATH="$root/clients/python/src" "$venv/bin/python" "$here/worker.py" ;;
    go) (cd "$here/go-worker" && go build -o "$scratch/go-worker" .) && conforms go "$scratch/go-worker" ;;
    *) echo "there is no worker in $language" >&2 && exit 2 ;;
  esac
done
conclude
