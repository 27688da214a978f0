#!/bin/sh
# Stands in for docker where there is no engine: records how it is called, and runs the command of docker run
# on this machine, with the folder of the attempt in place of /signalbox.
# A line of the record is one call, its arguments ended by a tab.
set -eu
record=${STAND_IN_RECORD:?}
{ printf '%s\t' "$@"; echo; } >>"$record"
command=$1
shift
case $command in
  run)
    folder= name= entry=
    while [ $# -gt 0 ]; do
      case $1 in
        --rm | --init | --interactive) shift ;;
        --name) name=$2; shift 2 ;;
        --entrypoint) entry=$2; shift 2 ;;
        -v) folder=${folder:-${2%%:*}}; shift 2 ;;
        -e)
          case $2 in *=*) export "${2%%=*}=$(printf %s "${2#*=}" | sed "s|^/signalbox/|$folder/|")" ;; esac
          late="${late:-} $2"
          shift 2 ;;
        -*) shift 2 ;;
        *) break ;;
      esac
    done
    shift
    export SIGNALBOX_INPUTS_FILE="$folder/inputs.json" SIGNALBOX_OUTPUTS_FILE="$folder/outputs.json"
    cd "$folder/work"
    echo $$ >"$record.$name"
    [ -z "$entry" ] || set -- "$entry" "$@"
    exec "$@"
    ;;
  stop)
    [ "${STAND_IN_STOP:-works}" = works ] || { echo "the engine does not answer" >&2; exit 1; }
    kill -s TERM -- "-$(cat "$record.$3")"
    ;;
  kill) kill -s KILL -- "-$(cat "$record.$1")" ;;
esac
