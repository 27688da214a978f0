#!/usr/bin/env bash
# Flyte's unmodified Python SDK against a started server, in each of the versions of versions.txt.
#
# Usage: run.sh [--version VERSION]… [SUITE]…, suites being events, runs, cli, remote_run and scale; all
# unless said.
# Without python3 it says so and skips everything, except where CI is set.
set -uo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
# shellcheck source=environments.sh
. "$here/environments.sh"
versions=()
suites=()
while [ "$#" -gt 0 ]; do
  case "$1" in
    --version)
      versions+=("$2")
      shift 2
      ;;
    *)
      suites+=("$1")
      shift
      ;;
  esac
done
[ "${#versions[@]}" -gt 0 ] || mapfile -t versions < <(flyte_versions)
[ "${#suites[@]}" -gt 0 ] || suites=(events runs cli remote_run scale)

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  if [ "${CI:-}" = true ]; then
    echo "python3 3.10 or newer is needed for the suite of Flyte's SDK" >&2
    exit 1
  fi
  echo "SKIPPED: the suite of Flyte's SDK, for want of python3 3.10 or newer"
  exit 0
fi
# Debian keeps venv in a package of its own; where changes are judged it is installed.
if ! python3 -c 'import ensurepip, venv' 2>/dev/null && [ "${CI:-}" = true ]; then
  apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
fi

newest="$(flyte_versions | tail -n 1)"
passed=0
failed=0
skipped=0
report="$(mktemp)"
trap 'rm -f "$report"' EXIT

count() {
  grep -oE "[0-9]+ $1" "$report" | tail -n 1 | cut -d' ' -f1
}

for version in "${versions[@]}"; do
  environment="$(environment_of "$version")" || exit 1
  for suite in "${suites[@]}"; do
    # The size of a run says nothing of an SDK version: once is enough.
    if [ "$suite" = scale ] && [ "$version" != "$newest" ] && [ "${#suites[@]}" -gt 1 ]; then
      continue
    fi
    echo "== flyte $version: $suite"
    PYTHONDONTWRITEBYTECODE=1 timeout 1200 "$environment/bin/python" -m pytest -q -rs -p no:cacheprovider \
      "$here/$suite.py" 2>&1 | tee "$report"
    status="${PIPESTATUS[0]}"
    passed=$((passed + $(count passed || true) + 0))
    skipped=$((skipped + $(count skipped || true) + 0))
    broken=$(($(count failed || true) + $(count error || true) + 0))
    # A suite that ended without a sum counts as one that failed.
    [ "$status" -eq 0 ] || [ "$broken" -gt 0 ] || broken=1
    failed=$((failed + broken))
  done
done
# What a version of the SDK has not is skipped for it, by name and reason above.
echo "skipped for want of it in a version of the SDK: $skipped"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
