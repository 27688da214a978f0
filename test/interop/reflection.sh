#!/usr/bin/env bash
# buf curl and grpcurl against a started server: both know no proto file and ask the server for its schema.
. "$(dirname "${BASH_SOURCE[0]}")/started-server.sh"
start_server

services="$(buf curl --http2-prior-knowledge --list-services "$url" 2>&1 || true)"
for service in Run Condition Event Op Worker; do
  check "buf lists ${service}Service" "signalbox\.v1\.${service}Service" "$services"
done
check "buf lists methods" 'signalbox\.v1\.WorkerService/Attach' \
  "$(buf curl --http2-prior-knowledge --list-methods "$url" 2>&1 || true)"

# call PROTOCOL METHOD JSON FLAG...
call() {
  buf curl --http2-prior-knowledge --protocol "$1" -d "$3" "${@:4}" "$url/signalbox.v1.$2" 2>&1 || true
}

for protocol in grpc grpcweb connect; do
  id="by-$protocol"
  run="{\"run_id\": \"$id\", \"task\": {\"op\": \"count\"}}"
  answer="$(call $protocol RunService/CreateRun "{\"run\": $run}")"
  check "$protocol: CreateRun" "\"runId\":\"$id\"" "$answer"
  answer="$(call $protocol RunService/GetRun "{\"run_id\": \"$id\"}")"
  check "$protocol: GetRun" '"state":"STATE_QUEUED"' "$answer"
  answer="$(call $protocol RunService/ListRuns '{}')"
  check "$protocol: ListRuns gives the newest first" \
    "^\{\"runs\":\[\{\"namespace\":\"default\",\"runId\":\"$id\"" "$answer"
  everything="{\"filter\": {\"run_id\": \"$id\"}, \"beginning\": {}}"
  answer="$(call $protocol EventService/WatchEvents "$everything" --timeout 3s)"
  check "$protocol: WatchEvents" "\"runId\":\"$id\",.*\"runCreated\".*\"actionCreated\"" "$answer"
  check "$protocol: WatchEvents ends at the deadline" 'deadline_?exceeded' "$answer"
  answer="$(call $protocol RunService/GetRun '{"run_id": "none"}')"
  # Connect says the reason in JSON; for the others buf shows the message's bytes.
  check "$protocol: a refusal has its details" \
    '"not_found".*google\.rpc\.ErrorInfo.*(RUN_NOT_FOUND|Cg1SVU5fTk9UX0ZPVU5E)' "$answer"
done

# gRPC-Web over HTTP/1.1 as browsers speak it. Reflection needs HTTP/2, so the schema comes from proto/ here.
(cd "$root" && node scripts/vendor-protos.ts && buf build -o "$scratch/schema.binpb")
answer="$(buf curl --protocol grpcweb --schema "$scratch/schema.binpb" -d '{"run_id": "by-grpcweb"}' \
  "$url/signalbox.v1.RunService/GetRun" 2>&1 || true)"
check "grpcweb over HTTP/1.1: GetRun" '"runId":"by-grpcweb"' "$answer"

grpcurl_version=v1.9.3
grpcurl="$(command -v grpcurl || echo "$kept/bin/grpcurl")"
if [ ! -x "$grpcurl" ] && command -v go >/dev/null; then
  GOBIN="$kept/bin" go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$grpcurl_version" \
    2>"$scratch/go.log" || cat "$scratch/go.log"
fi
if [ ! -x "$grpcurl" ]; then
  if [ "${CI:-}" = true ]; then
    # Where changes are judged nothing is left out.
    check "grpcurl is there, or Go to install it" grpcurl ""
  else
    echo "SKIPPED: grpcurl is not there, and could not be installed with Go"
    skipped=1
  fi
  conclude
  exit
fi

ask() {
  "$grpcurl" -plaintext -max-time 20 "$@" 2>&1 || true
}
listed="$(ask "$address" list)"
for service in signalbox.v1.RunService signalbox.v1.WorkerService grpc.health.v1.Health; do
  check "grpcurl lists $service" "$service" "$listed"
done
check "grpcurl describes a method" 'rpcSignalCondition\(.*SignalConditionRequest\)returns' \
  "$(ask "$address" describe signalbox.v1.ConditionService.SignalCondition)"
check "grpcurl describes a message" 'oneofkind\{.*int64int_value=3' \
  "$(ask "$address" describe signalbox.v1.Value)"
check "grpcurl checks the health" '"status":"SERVING"' "$(ask "$address" grpc.health.v1.Health/Check)"
check "grpcurl checks the health of one service" '"status":"SERVING"' \
  "$(ask -d '{"service": "signalbox.v1.RunService"}' "$address" grpc.health.v1.Health/Check)"
refused="$(ask -d '{"run_id": "by-grpc", "name": "main", "value": {"bool_value": true}}' "$address" \
  signalbox.v1.ConditionService/SignalCondition)"
check "grpcurl shows the code of a refusal" 'Code:FailedPrecondition' "$refused"
check "grpcurl shows the ErrorInfo of a refusal" \
  'google.rpc.ErrorInfo.*"domain":"signalbox".*"kind":"task".*"reason":"ACTION_NOT_CONDITION"' "$refused"
conclude
