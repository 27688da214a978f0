#!/usr/bin/env bash
# A decision by nothing but what every system has: a run is created with curl, its webhook is received by
# Python's standard library, and curl posts the answer to the link that came with it.
. "$(dirname "${BASH_SOURCE[0]}")/started-server.sh"
start_server --log-level debug

secret="whsec_$(printf 'a secret of the receiver' | base64)"

# Receives posts, checks their signature and writes one a line, with its headers, to a file.
python3 - "$secret" "$scratch" <<'PYTHON' &
import base64, hashlib, hmac, http.server, json, os, sys

secret, folder = sys.argv[1:]
key = base64.b64decode(secret.removeprefix("whsec_"))


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        good = hmac.compare_digest(expected, self.headers["webhook-signature"])
        line = {"good": good, "type": self.headers["ce-type"], "body": json.loads(body)}
        with open(f"{folder}/posts", "a") as posts:
            posts.write(json.dumps(line) + "\n")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
with open(f"{folder}/receiver.new", "w") as file:
    file.write(str(server.server_port))
os.rename(f"{folder}/receiver.new", f"{folder}/receiver")
server.serve_forever()
PYTHON
receiver_pid=$!
trap 'kill "$receiver_pid" 2>/dev/null || true; finish' EXIT

# wait_for NAME COMMAND...: until the command succeeds, 20 s at most.
wait_for() {
  local name="$1"
  shift
  for _ in $(seq 400); do
    if "$@" 2>/dev/null; then return 0; fi
    sleep 0.05
  done
  echo "never came: $name" >&2
  return 1
}
has_posts() { [ -f "$scratch/posts" ] && [ "$(wc -l < "$scratch/posts")" -ge "$1" ]; }
# read_post N EXPRESSION: what an expression of Python says of post number N.
read_post() {
  python3 - "$scratch/posts" "$1" "$2" <<'PYTHON'
import json, sys

path, number, expression = sys.argv[1:]
post = json.loads(open(path).readlines()[int(number) - 1])
print(eval(expression))
PYTHON
}

wait_for "the receiver" test -f "$scratch/receiver"
receiver="http://127.0.0.1:$(cat "$scratch/receiver")/hook"

# post METHOD JSON: the answer, and the HTTP status behind it.
post() {
  curl -sS --max-time 20 -H 'Content-Type: application/json' -d "$2" -w ' http=%{http_code}' \
    "$url/signalbox.v1.$1"
}
create() {
  post RunService/CreateRun "{\"run\": {\"runId\": \"$1\", \"plan\": {\"actions\": [{\"name\": \"approve\",
    \"condition\": {\"type\": \"VALUE_TYPE_INT\", \"prompt\": \"How many?\", \"schema\": {\"maximum\": 10},
      \"webhook\": {\"url\": \"$receiver\", \"secret\": \"$secret\", \"payload\": $2}}}]}}}"
}

answer="$(create by-webhook '{"text": "{prompt} {callback_uri}", "run": "{run_id}", "event": "{event} {answer}"}')"
check "a run with a webhook is created" '"runId":"by-webhook".*http=200$' "$answer"
answer="$(post ConditionService/GetCondition '{"runId": "by-webhook", "name": "approve"}')"
check "its secret is not shown again" '^0$' "$(grep -c -F -e "$secret" <<< "$answer" || true)"
wait_for "the post" has_posts 1
check "the post has a good signature" '^True$' "$(read_post 1 'post["good"]')"
check "the post says what it is about" '^signalbox.condition.paused$' "$(read_post 1 'post["type"]')"
check "the payload is filled in" "^Howmany\?$url/answer/[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$" \
  "$(read_post 1 'post["body"]["text"]')"
link="$(read_post 1 'post["body"]["text"].split(" ")[-1]')"

for version in --http1.1 --http2-prior-knowledge; do
  answer="$(curl -sS $version --max-time 20 -H 'Accept: text/html' -w ' http=%{http_code}' "$link")"
  check "the link shows a form ($version)" 'Howmany\?.*<form.*http=200$' "$answer"
  answer="$(curl -sS $version --max-time 20 -I "$link")"
  check "a look at the link has headers that keep it secret ($version)" 'no-store.*no-referrer' "$answer"
  answer="$(curl -sS $version --max-time 20 -d 'value=11' -w ' http=%{http_code}' "$link")"
  check "an answer that the schema refuses is refused ($version)" '"reason":"ANSWER_INVALID".*http=400$' "$answer"
done
answer="$(post RunService/GetRun '{"runId": "by-webhook"}')"
check "the run still waits" '"state":"STATE_RUNNING".*http=200$' "$answer"

answer="$(curl -sS --max-time 20 -d 'value=7' -d 'comment=enough' -w ' http=%{http_code}' "$link")"
check "curl answers with a form" '"value":7,"comment":"enough","decided":true.*http=200$' "$answer"
answer="$(post RunService/GetRun '{"runId": "by-webhook"}')"
check "the run has succeeded" '"state":"STATE_SUCCEEDED".*http=200$' "$answer"
answer="$(curl -sS --max-time 20 -d 'value=7' -w ' http=%{http_code}' "$link")"
check "the link answers once" '"reason":"LINK_USED".*http=409$' "$answer"
answer="$(curl -sS --max-time 20 -d 'value=7' -w ' http=%{http_code}' "${link}x")"
check "a link that was changed is refused" '"reason":"LINK_INVALID".*http=403$' "$answer"
refused='{"filter": {"runId": "by-webhook", "kinds": ["EVENT_KIND_LINK_REFUSED"]}}'
answer="$(post EventService/ListEvents "$refused")"
check "both are told in the feed" '"cause":"LINK_USED".*"cause":"LINK_INVALID".*http=200$' "$answer"
wait_for "the end" has_posts 2
check "the end is posted" '^signalbox.condition.ended$' "$(read_post 2 'post["type"]')"
check "the end says the answer" '^ended7$' "$(read_post 2 'post["body"]["event"]')"

answer="$(create by-json '{"link": "{callback_uri}"}')"
wait_for "the post" has_posts 3
link="$(read_post 3 'post["body"]["link"]')"
answer="$(curl -sS --max-time 20 -H 'Content-Type: application/json' -d '{"value": "3"}' \
  -w ' http=%{http_code}' "$link")"
check "curl answers with JSON" '"value":3.*"decided":true.*http=200$' "$answer"
token="${link##*/}"
check "no link stands in the log" '^0$' "$(grep -c -F -e "${token%%.*}" "$scratch/log" || true)"
conclude
