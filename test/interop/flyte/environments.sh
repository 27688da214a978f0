# Sourced by run.sh. Makes the virtual environment of an SDK version, or finds it as it was left.

flyte_versions() {
  grep -v '^#' "$here/versions.txt" | cut -d' ' -f1
}

# environment_of VERSION: prints the folder of its environment, which it makes under tmp/flyte if need be.
environment_of() {
  local version="$1" folder="$root/tmp/flyte/$1" wanted tries=0
  wanted="flyte==$version $(grep "^$version " "$here/versions.txt" | cut -s -d' ' -f2-) pytest==8.4.2"
  if [ "$(cat "$folder/installed.txt" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$folder"
    python3 -m venv "$folder" >&2
    # shellcheck disable=SC2086 # one word for each package
    until "$folder/bin/pip" install --quiet --disable-pip-version-check --retries 5 $wanted >&2; do
      tries=$((tries + 1))
      if [ "$tries" -ge 3 ]; then
        echo "flyte $version could not be installed" >&2
        return 1
      fi
      sleep $((tries * 5))
    done
    printf '%s\n' "$wanted" >"$folder/installed.txt"
  fi
  echo "$folder"
}
