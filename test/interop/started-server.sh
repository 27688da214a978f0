# Sourced by the scripts of this folder. Starts a server on a free port of this machine, ends it by its own id
# when the script ends, and counts what the script checks.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
scratch="$(mktemp -d)"
# What may be kept between runs; git ignores it.
kept="$root/tmp/interop"
export PATH="$root/node_modules/.bin:$PATH"
server_pid=""
passed=0
failed=0
skipped=0

finish() {
  if [ -n "$server_pid" ]; then
    kill "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
  fi
  rm -rf "$scratch"
}
trap finish EXIT

# Starts the server; sets `url` and `address`.
start_server() {
  local line=""
  mkfifo "$scratch/out"
  "$root/node_modules/.bin/node" "$root/src/main.ts" --port 0 --data "$scratch/data" "$@" \
    >"$scratch/out" 2>"$scratch/log" &
  server_pid=$!
  exec 3<"$scratch/out"
  read -r -t 30 line <&3 || true
  url="${line#signalbox listens on }"
  address="${url#http://}"
  if [ -z "$line" ] || [ "$url" = "$line" ]; then
    echo "the server did not start: $line" >&2
    cat "$scratch/log" >&2
    exit 1
  fi
}

# check NAME PATTERN TEXT: holds if the extended expression matches TEXT without its spaces and line ends.
check() {
  if printf '%s' "$3" | tr -d ' \n\t' | LC_ALL=C grep -aE -e "$2" >/dev/null; then
    passed=$((passed + 1))
    echo "ok - $1"
  else
    failed=$((failed + 1))
    printf 'not ok - %s\n  wanted: %s\n  got: %s\n' "$1" "$2" "$3"
  fi
}

# Prints the sum and ends the script with it.
conclude() {
  if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
  else
    echo "$passed passed, $failed failed"
  fi
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
