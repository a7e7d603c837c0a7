#!/usr/bin/env bash
# Runs all checks: import contracts, lint, and the tests. --quick leaves the slow tests out.
#
#   tools/test.sh [--quick] [arguments of pytest]
#
# The files are shared out among as many processes as there are cores, 4 at most; -n 0 takes them one after another.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/setup_environment.sh
install_project 'batch,convert,judge,serving,test'
. .venv/bin/activate

selection=()
if [ "${1:-}" = --quick ]; then
  shift
  selection=(-m 'not slow')
fi
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}
ruff check --quiet .
lint-imports --no-cache
processes=$(nproc)
exec python -m pytest --durations=15 --numprocesses=$((processes < 4 ? processes : 4)) --dist=loadfile "${selection[@]}" "$@"
