#!/usr/bin/env bash
# Runs all checks: import contracts, lint, and the tests. --quick leaves the slow tests out.
#
#   tools/test.sh [--quick] [arguments of pytest]
#
# The files are shared out among as many processes as there are cores, 4 at most; -n 0 takes them one after another.
# Tests that no other may run beside come last, and a second report with them. Some tests need a browser or a PostgreSQL
# server, which pip does not install (Debian, Ubuntu: sudo apt-get install chromium postgresql), and are left out with a
# line that says so where there is none.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/setup_environment.sh
install_project 'batch,competition,convert,judge,serving,studio,test'
. .venv/bin/activate

speed=''
if [ "${1:-}" = --quick ]; then
  shift
  speed=' and not slow'
fi
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
ruff check --quiet .
lint-imports --no-cache
processes=$(nproc)
python -m pytest --durations=15 --numprocesses=$((processes < 4 ? processes : 4)) --dist=loadfile \
  -m "not alone$speed" "$@" || failed=$?
python -m pytest --durations=5 -m "alone$speed" "$@" || failed_alone=$?
# 5: none of the chosen tests is of that kind.
for code in "${failed:-0}" "${failed_alone:-0}"; do
  if [ "$code" != 0 ] && [ "$code" != 5 ]; then
    exit "$code"
  fi
done
if [ "${failed:-0}" = 5 ] && [ "${failed_alone:-0}" = 5 ]; then
  exit 5
fi
