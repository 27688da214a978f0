#!/usr/bin/env bash
# Packs the npm package, installs it into an empty project, and uses it from there: the command, a server on
# the embedded store, both exports with their types. What a user installs is `dist/`, which nothing else runs.
#
# Needs `npm ci` before it, and the network for the dependencies. Usage: test/package/run.sh
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
node24="$root/node_modules/.bin/node"
folder="$(mktemp -d)"
server=""
passed=0

cleanup() {
  if [ -n "$server" ]; then kill -KILL "$server" 2>/dev/null || true; fi
  rm -rf "$folder"
}
trap cleanup EXIT

pass() {
  passed=$((passed + 1))
  echo "ok: $1"
}

fail() {
  echo "not ok: $1" >&2
  printf '%d passed, 1 failed\n' "$passed"
  exit 1
}

cd "$root"
npm pack --silent --pack-destination "$folder" > "$folder/packed.txt" || fail "the package is packed"
tarball="$folder/$(tail -n 1 "$folder/packed.txt")"
listing="$(tar -tzf "$tarball")"
wanted=(
  package.json README.md LICENSE CHANGELOG.md bin/signalbox.js proto/signalbox/v1/run_service.proto
  dist/package.json dist/src/cli/signalbox.js dist/src/client/client.js dist/src/client/client.d.ts
  dist/src/worker/worker.js dist/src/worker/worker.d.ts
)
for path in "${wanted[@]}"; do
  grep -qxF "package/$path" <<< "$listing" || fail "the package holds $path"
done
if grep -E '^package/(src|test|scripts|bench|gen|data)/' <<< "$listing"; then
  fail "the package holds nothing that only a checkout needs"
fi
pass "the package holds what it should and nothing else"

mkdir "$folder/project"
cd "$folder/project"
printf '{"name": "project", "private": true, "type": "module"}\n' > package.json
npm install --silent --no-audit --no-fund "$tarball" || fail "the package can be installed"
pass "the package can be installed"

version="$("$node24" -p 'require(process.argv[1]).version' "$root/package.json")"
export PATH="$root/node_modules/.bin:$PATH"
said="$(npx --no-install signalbox --version)" || fail "npx signalbox --version succeeds"
grep -qF "$version" <<< "$said" || fail "npx signalbox --version says $version, not: $said"
pass "npx signalbox --version says $version"

cat > exports.js <<'EOF'
for (const name of ["signalbox/client", "signalbox/worker"]) {
  const names = Object.keys(await import(name));
  if (names.length === 0) throw new Error(`${name} exports nothing`);
  console.log(`${name}: ${names.join(", ")}`);
}
EOF
"$node24" exports.js || fail "both exports can be imported"
pass "both exports can be imported"

cat > types.ts <<'EOF'
import * as client from "signalbox/client";
import * as worker from "signalbox/worker";

type IsAny<T> = 0 extends 1 & T ? true : false;
type Exports<T> = { [K in keyof T]: IsAny<T[K]> }[keyof T];
// An import that does not resolve turns types into `any` without a word.
export const clientIsTyped: Exports<typeof client> = false;
export const workerIsTyped: Exports<typeof worker> = false;
EOF
tsc --noEmit --strict --module nodenext --target es2024 --lib esnext,dom \
  --types node --typeRoots "$root/node_modules/@types" types.ts || fail "both exports are typed"
pass "both exports are typed"

cat > port.js <<'EOF'
import { createServer } from "node:net";
const server = createServer().listen(0, "127.0.0.1", () => {
  console.log(server.address().port);
  server.close();
});
EOF
port="$("$node24" port.js)"
signalbox=node_modules/signalbox/bin/signalbox.js
"$node24" "$signalbox" serve --port "$port" --data "$folder/data" > "$folder/server.log" 2>&1 &
server=$!
call() {
  curl --silent --show-error --fail-with-body --max-time 10 --header 'content-type: application/json' \
    --data "$2" "http://127.0.0.1:$port/$1"
}
deadline=$((SECONDS + 30))
until call grpc.health.v1.Health/Check '{}' > /dev/null 2>&1; do
  if [ "$SECONDS" -ge "$deadline" ] || ! kill -0 "$server" 2> /dev/null; then
    cat "$folder/server.log" >&2
    fail "the installed server starts"
  fi
  sleep 0.2
done
pass "the installed server starts"

call signalbox.v1.RunService/CreateRun '{"run": {"runId": "packed", "task": {"op": "nothing"}}}' > /dev/null \
  || fail "the installed server keeps a run"
call signalbox.v1.RunService/GetRun '{"runId": "packed"}' > "$folder/run.json" \
  || fail "the installed server reads a run"
grep -q '"runId":"packed"' "$folder/run.json" || fail "the installed server reads the run that it kept"
pass "the installed server keeps a run"

kill -TERM "$server"
ended=0
wait "$server" || ended=$?
server=""
if [ "$ended" -ne 0 ]; then
  cat "$folder/server.log" >&2
  fail "the installed server stops cleanly; it ended with $ended"
fi
pass "the installed server stops cleanly"

printf '%d passed, 0 failed\n' "$passed"
