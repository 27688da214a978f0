#!/usr/bin/env bash
# One run, three languages: Go submits and answers, a TypeScript and a Python worker execute its tasks, Python
# follows the feed to the end.
. "$(dirname "${BASH_SOURCE[0]}")/../started-server.sh"
here="$root/test/interop/three-languages"
venv="$kept/python-client"

if ! "$venv/bin/python" -c 'import signalbox' 2>/dev/null; then
  mkdir -p "$kept"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "$root/clients/python"
fi
(cd "$here/submit" && go build -o "$scratch/submit" .)

start_server
node "$here/worker.ts" "$url" >"$scratch/typescript" 2>&1 &
typescript_pid=$!
"$venv/bin/python" "$here/worker.py" "$address" >"$scratch/python" 2>&1 &
python_pid=$!
"$venv/bin/python" "$here/follow.py" "$address" three >"$scratch/follow" 2>&1 &
follow_pid=$!

status=0
timeout 90 "$scratch/submit" "$address" three >"$scratch/go" 2>&1 || status=$?
check "Go submits, answers and sees the end" '^0$' "$status"
check "Go answers the condition" 'answeredapprove' "$(cat "$scratch/go")"
check "the run has succeeded" 'endedSTATE_SUCCEEDED' "$(cat "$scratch/go")"
check "each task has the outputs of the one before" 'line:published2[.]25$' "$(cat "$scratch/go")"

status=0
timeout 30 tail --pid="$follow_pid" -f /dev/null || kill "$follow_pid"
wait "$follow_pid" || status=$?
check "Python follows the feed to the end, in order and without a repeat" '^0$' "$status"
check "Python sees both workers" 'count=typescriptpublish=typescriptscore=python' "$(cat "$scratch/follow")"
check "Python sees the end of the run" 'eventsofr[0-9a-z]+:SUCCEEDED' "$(cat "$scratch/follow")"

kill "$typescript_pid" "$python_pid"
status=0
wait "$typescript_pid" || status=$?
check "the TypeScript worker leaves when it is asked to" '^0$' "$status"
status=0
wait "$python_pid" || status=$?
check "the Python worker leaves when it is asked to" '^0$' "$status"
if [ "$failed" -gt 0 ]; then tail -n 30 "$scratch"/{go,follow,typescript,python,log}; fi
conclude
