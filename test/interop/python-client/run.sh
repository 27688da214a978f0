#!/usr/bin/env bash
# The Python client and worker: their generated code, types, style, tests, example and wheel.
. "$(dirname "${BASH_SOURCE[0]}")/../started-server.sh"
package="$root/clients/python"
generator="$kept/python-generator"
venv="$kept/python-client"
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# Debian keeps venv in a package of its own; where changes are judged it is installed.
if ! python3 -c 'import ensurepip, venv' 2>/dev/null && [ "${CI:-}" = true ]; then
  apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
fi

# Makes an environment with what a file of requirements says, unless it is there.
environment() {
  if ! cmp -s "$2" "$1/installed.txt"; then
    rm -rf "$1"
    python3 -m venv "$1"
    "$1/bin/pip" install --quiet -r "$2"
    cp "$2" "$1/installed.txt"
  fi
}

# Runs a command that counts as one check.
holds() {
  local name="$1"
  shift
  if "$@" >"$scratch/check.log" 2>&1; then
    passed=$((passed + 1))
    echo "ok - $name"
  else
    failed=$((failed + 1))
    echo "not ok - $name"
    tail -n 60 "$scratch/check.log"
  fi
}

environment "$generator" "$package/scripts/requirements.txt"
environment "$venv" "$package/scripts/requirements-dev.txt"
"$venv/bin/pip" install --quiet --no-deps --no-build-isolation --force-reinstall "$package"

holds "the generated code is current" \
  env PATH="$generator/bin:$PATH" "$generator/bin/python" "$package/scripts/generate.py" --check
cd "$package"
holds "the types of the package are right" "$venv/bin/mypy" --cache-dir "$scratch/mypy"
holds "the types of the tests and examples are right" \
  "$venv/bin/mypy" --strict --cache-dir "$scratch/mypy" tests examples
holds "the style is kept" "$venv/bin/ruff" check --no-cache src scripts tests examples
holds "the code is formatted" "$venv/bin/ruff" format --no-cache --check src scripts tests examples

# The tests see the package as it is installed, and not its sources.
"$venv/bin/python" -m pytest -p no:cacheprovider --junitxml "$scratch/tests.xml" tests || true
counts="$("$venv/bin/python" - "$scratch/tests.xml" <<'PY'
import sys
import xml.etree.ElementTree as tree

suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
ran, wrong, left_out = (int(suite.get(name)) for name in ("tests", "failures", "skipped"))
wrong += int(suite.get("errors"))
print(ran - wrong - left_out, wrong, left_out)
PY
)" || counts="0 1 0"
read -r good bad left_out <<<"$counts"
passed=$((passed + good))
failed=$((failed + bad))
skipped=$((skipped + left_out))

# A run of the example is answered from the command line, which is TypeScript.
start_server
signal_example() {
  local run
  "$venv/bin/python" "$package/examples/publish.py" "$package/README.md" --server "$address" >"$scratch/example" &
  local example=$!
  for _ in $(seq 100); do
    run="$(sed -n 's/^answer: npm run signalbox -- signal \([^ ]*\) .*/\1/p' "$scratch/example")"
    if [ -n "$run" ]; then break; fi
    sleep 0.2
  done
  node "$root/bin/signalbox.js" signal "$run" main/approve true --server "$url"
  wait "$example"
  grep -q "^SUCCEEDED {.*https://example.com/README.md" "$scratch/example"
}
holds "the example is answered from the command line" signal_example

wheel() {
  "$venv/bin/python" -m build --no-isolation --outdir "$scratch/dist" "$package"
  python3 -m venv "$scratch/fresh"
  "$scratch/fresh/bin/pip" install --quiet "$scratch"/dist/*.whl
  cd "$scratch"
  "$scratch/fresh/bin/python" - "$address" <<'PY'
import sys
import signalbox
import signalbox.v1.run_pb2

with signalbox.SyncClient(sys.argv[1]) as client:
    assert client.runs.list().page(size=1).items[0].state == "SUCCEEDED"
PY
}
holds "the wheel works in a fresh environment" wheel
conclude
