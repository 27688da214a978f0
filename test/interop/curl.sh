#!/usr/bin/env bash
# Plain curl against a started server: Connect with JSON over HTTP/1.1, unary calls and streams.
. "$(dirname "${BASH_SOURCE[0]}")/started-server.sh"
start_server

# post METHOD JSON: the answer, and the HTTP status behind it.
post() {
  curl -sS --http1.1 --max-time 20 -H 'Content-Type: application/json' -d "$2" -w ' http=%{http_code}' \
    "$url/signalbox.v1.$1"
}

# stream METHOD JSON: all frames until the stream ends, after 1.5 s at most. The JSON is under 256 bytes.
stream() {
  local size
  size="$(printf '%02x' "${#2}")"
  { printf '\0\0\0\0'; printf "\\x$size"; printf '%s' "$2"; } |
    curl -sS --http1.1 --max-time 20 -H 'Content-Type: application/connect+json' \
      -H 'Connect-Timeout-Ms: 1500' --data-binary @- -w ' http=%{http_code}' "$url/signalbox.v1.$1" |
    LC_ALL=C tr -cd '[:print:]'
}

plan='{"actions": [{"name": "approve", "condition": {"type": "VALUE_TYPE_BOOL", "prompt": "Go on?"}}]}'
run="{\"runId\": \"by-curl\", \"labels\": {\"team\": \"a\"}, \"plan\": $plan}"
answer="$(post RunService/CreateRun "{\"run\": $run, \"requestId\": \"curl-1\"}")"
check "a plan is created" '"runId":"by-curl".*"state":"STATE_RUNNING".*http=200$' "$answer"
answer="$(post RunService/CreateRun "{\"run\": $run, \"requestId\": \"curl-1\"}")"
check "the same request_id gives the first answer again" '"runId":"by-curl".*http=200$' "$answer"
answer="$(post RunService/CreateRun "{\"run\": {\"plan\": $plan}, \"requestId\": \"curl-1\"}")"
check "the same request_id with other content is refused" \
  '"code":"already_exists".*"reason":"REQUEST_ID_REUSED".*http=409$' "$answer"

answer="$(post ConditionService/ListConditions '{"filter": {"runId": "by-curl"}}')"
check "the inbox lists the condition" \
  '"conditions":\[\{.*"runId":"by-curl","name":"approve".*"prompt":"Goon\?".*http=200$' "$answer"

signal() {
  post ConditionService/SignalCondition "{\"runId\": \"by-curl\", \"name\": \"approve\", \"value\": $1}"
}
answer="$(signal '{"stringValue": "yes"}')"
check "a signal of another type is refused with code and message" \
  '"code":"invalid_argument","message":"thevalueisoftypestring,theconditiontakesbool"' "$answer"
check "the refusal has its details" \
  '"type":"google.rpc.ErrorInfo".*"reason":"SIGNAL_TYPE_MISMATCH".*"domain":"signalbox".*"expected":"bool"' \
  "$answer"
answer="$(signal '{"boolValue": true}, "signalledBy": "me"')"
check "a signal is taken" \
  '"outcome":"OUTCOME_ANSWERED".*"boolValue":true.*"signalledBy":"me".*http=200$' "$answer"
answer="$(post RunService/GetRun '{"runId": "by-curl"}')"
check "the run has succeeded" '"state":"STATE_SUCCEEDED".*"endedActionCount":1.*http=200$' "$answer"

answer="$(post RunService/GetRun '{"runId": "none"}')"
check "an unknown run is refused" '"code":"not_found".*"reason":"RUN_NOT_FOUND".*http=404$' "$answer"
answer="$(post RunService/GetRun '{"runId": ""}')"
check "a wrong field is named" \
  '"code":"invalid_argument".*"type":"google.rpc.BadRequest".*"field":"run_id".*http=400$' "$answer"
answer="$(post RunService/GetRun '{"runIdentity": "by-curl"}')"
check "an unknown field is refused" '"code":"invalid_argument".*runIdentity.*http=400$' "$answer"
answer="$(post RunService/GetRun '{"runId": ')"
check "text that is no JSON is refused" '"code":"invalid_argument".*http=400$' "$answer"
answer="$(post RunService/GetRuns '{}')"
check "a method that does not exist is refused" 'http=404$' "$answer"

answer="$(stream EventService/WatchEvents '{"filter": {"runId": "by-curl"}, "beginning": {}}')"
check "the feed streams over HTTP/1.1, in order" \
  '"runCreated".*"actionCreated".*"conditionPaused".*"conditionAnswered".*"actionEnded".*"runEnded"' "$answer"
check "the feed ends at the caller's deadline" '"code":"deadline_exceeded".*http=200$' "$answer"
answer="$(stream RunService/WatchRun '{"runId": "by-curl"}')"
check "a watched run ends by itself" '"snapshot":true.*"ended":true.*\{\}http=200$' "$answer"
conclude
