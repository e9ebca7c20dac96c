#!/bin/sh
# Sets Crowdesk up: system libraries (Debian and its kin, as root), then .venv from the pinned requirements.
# Usage: sh setup.sh run|test
set -eu
cd "$(dirname "$0")"
purpose=${1:-run}
requirement=3.11

libraries="libglib2.0-0:libglib-2.0.so.0 libgl1:libGL.so.1 libegl1:libEGL.so.1 libfontconfig1:libfontconfig.so.1
libdbus-1-3:libdbus-1.so.3 libxkbcommon0:libxkbcommon.so.0 libbrotli1:libbrotlidec.so.1"
window="libxcb-cursor0:libxcb-cursor.so.0 libxcb-icccm4:libxcb-icccm.so.4 libxcb-keysyms1:libxcb-keysyms.so.1
libxcb-shape0:libxcb-shape.so.0 libxkbcommon-x11-0:libxkbcommon-x11.so.0"

say() { printf '%s\n' "$*" >&2; }

find_python() {
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c "import sys, venv, ensurepip; sys.exit(sys.version_info < tuple(map(int, '$requirement'.split('.'))))" \
      2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
}

missing_packages() {
  [ "$(uname -s)" = Linux ] || return 0
  known=$( (ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null) || true)
  for pair in $libraries $window; do
    case "$known" in *"${pair#*:}"*) ;; *) printf '%s ' "${pair%%:*}" ;; esac
  done
  if [ "$purpose" = test ]; then
    case "$known" in *libatomic.so.1*) ;; *) printf "libatomic1 " ;; esac
    command -v Xvfb >/dev/null 2>&1 || printf 'xvfb '
    command -v chromium >/dev/null 2>&1 || printf 'chromium '
    command -v xclip >/dev/null 2>&1 || printf 'xclip '
    command -v xdotool >/dev/null 2>&1 || printf 'xdotool '
    command -v git >/dev/null 2>&1 || printf 'git '
  fi
  [ -n "$(find_python)" ] || printf 'python3 python3-venv '
}

packages=$(missing_packages)
if [ -n "$packages" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "Installing $packages"
    apt-get update -qq >/dev/null
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
  else
    say "Crowdesk needs some system packages first; please install: $packages"
    [ "$purpose" = run ] && [ -n "$(find_python)" ] || exit 1
  fi
fi

python=$(find_python)
if [ -z "$python" ]; then
  say "Crowdesk needs Python $requirement or newer with its venv module; please install it and try again."
  exit 1
fi

# The packages of the front ends that the tests build, from the npm registry; once. Without them those tests say so.
install_bundles() {
  [ "$purpose" = test ] || return 0
  .venv/bin/python -m tests.browser.built_bundles || say "The bundles' packages are not installed yet."
}

stamp=.venv/.requirements
if [ -f "$stamp" ] && cmp -s requirements.txt "$stamp"; then
  install_bundles
  exit 0
fi
say "Setting up .venv (once, about a minute)"
"$python" -m venv --clear .tools
.tools/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.8"
.tools/bin/uv venv --quiet --clear --python "$python" --no-python-downloads .venv
UV_COMPILE_BYTECODE=1 .tools/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements.txt
cp requirements.txt "$stamp"
install_bundles
