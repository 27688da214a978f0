#!/usr/bin/env bash
# The Go client: its generated code is current, it is vetted and formatted, its tests pass against started
# servers, and its example is answered from the command line.
. "$(dirname "${BASH_SOURCE[0]}")/../started-server.sh"
client="$root/clients/go"

# holds NAME COMMAND…: counts a command that ends well.
holds() {
  local name="$1"
  shift
  if "$@" >"$scratch/said" 2>&1; then
    passed=$((passed + 1))
    echo "ok - $name"
  else
    failed=$((failed + 1))
    echo "not ok - $name"
    cat "$scratch/said"
  fi
}

is_formatted() { test -z "$(cd "$client" && gofmt -l . | tee /dev/stderr)"; }
is_vetted() { cd "$client" && go vet ./...; }
is_tidy() { cd "$client" && go mod tidy -diff; }
is_checked() { cd "$client" && "$scratch/bin/staticcheck" ./...; }

holds "the generated code is current" "$client/generate.sh" --check
holds "the code is formatted" is_formatted
holds "the code is vetted" is_vetted
holds "the module names what it needs" is_tidy
if GOBIN="$scratch/bin" go install honnef.co/go/tools/cmd/staticcheck@v0.8.2 2>"$scratch/said"; then
  holds "staticcheck finds nothing" is_checked
else
  skipped=$((skipped + 1))
  echo "skipped - staticcheck finds nothing: it cannot be installed"
  cat "$scratch/said"
fi

# Counts the tests by what go says of each; those with parts of their own count as one more.
(cd "$client" && go test -race -count=1 -timeout 600s -json ./... >"$scratch/tests.json") || true
counts="$(node "$root/test/interop/go-client/count-tests.ts" "$scratch/tests.json")"
echo "$counts" | grep -v '^tests: ' || true
passed=$((passed + $(sed -n 's/^tests: \([0-9]*\) passed.*/\1/p' <<<"$counts")))
failed=$((failed + $(sed -n 's/^tests: .* \([0-9]*\) failed$/\1/p' <<<"$counts")))

# The example stops at its condition until the signalbox command answers it.
start_server --log-level warn
(cd "$client" && go build -o "$scratch/approve" ./examples/approve)
mkfifo "$scratch/example"
"$scratch/approve" -server "$address" >"$scratch/example" 2>"$scratch/example.log" &
example_pid=$!
exec 4<"$scratch/example"
said=""
while read -r -t 60 line <&4; do
  said="$said$line "
  if [[ "$line" =~ signalbox\ --\ signal\ ([^ ]+)\ main/approve ]]; then
    run="${BASH_REMATCH[1]}"
    node "$root/bin/signalbox.js" signal "$run" main/approve true --server "$url" --by "another language"
  fi
done
kill "$example_pid" 2>/dev/null || true
status=0
wait "$example_pid" || status=$?
check "the example goes on after the signal" 'publishedathttps://example.com/shop-1.4.tar$' "$said"
check "the example ends well" '^0$' "$status"
check "the example logs nothing but that it is attached" '^1/1$' \
  "$(grep -c 'is attached' "$scratch/example.log")/$(grep -c '' "$scratch/example.log")"
conclude
