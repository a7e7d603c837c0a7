# Sourced by the other scripts: makes or reuses .venv and installs the project into it.
#
#   install_project EXTRAS     such as: install_project "serving,test"
#
# A stamp of setup.cfg, setup.py and the extras makes a second run quick.

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo 'Python 3.11 or newer was not found. On Debian or Ubuntu: sudo apt-get install python3.11 python3.11-venv' >&2
  return 1
}

install_project() {
  local extras=$1 python stamp wanted
  cd "$(dirname "${BASH_SOURCE[0]}")/.." || return 1
  stamp=.venv/installed
  wanted="$(cat setup.cfg setup.py | cksum) [$extras]"
  if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    return
  fi
  if [ ! -x .venv/bin/python ]; then
    python=$(find_python) || return 1
    echo "making .venv with $($python --version)"
    "$python" -m venv .venv || {
      echo 'venv failed. On Debian or Ubuntu: sudo apt-get install python3-venv' >&2
      return 1
    }
  fi
  echo "installing the project and its dependencies ${extras:+($extras) }into .venv"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip setuptools wheel &&
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".${extras:+[$extras]}" || {
    echo 'pip could not install the dependencies; its message stands above.' >&2
    return 1
  }
  echo "$wanted" > "$stamp"
}
