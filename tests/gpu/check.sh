#!/usr/bin/env bash
# All that wants a GPU, in at most six minutes: parity with the CPU, kill and resume, speed of steps,
# three fits. Needs Python 3.12 with torch 2.11 or newer, and a folder of wheels for the rest:
#
#   tests/gpu/check.sh --list > names.txt        # here: what the folder must hold
#   pip download --no-deps --only-binary=:all: --python-version 3.12 -r names.txt -d WHEELS
#   tests/gpu/check.sh WHEELS [FRAPPE]           # there, without a network
#
# FRAPPE is the --data-root of frappe_x1r; without it the fits are of generated rows.
# DEVICE=cpu BATCHES=64 FIT="--rows 9000 --set train.epochs=1" tries the script on a CPU; SLOW=3 has
# three times the patience, PYTHON chooses the interpreter.
set -uo pipefail
cd "$(dirname "$0")/../.."
names() { sed -n 's/^\([A-Za-z0-9._-]*==[^ ;]*\).*/\1/p' requirements.lock | grep -v '^torch=='; }
if [ "${1:-}" = --list ]; then
    names
    exit
fi
wheels=${1:?usage: tests/gpu/check.sh WHEELS [FRAPPE], or --list}
frappe=${2:-}
export DEVICE=${DEVICE:-cuda}
batches=${BATCHES:-4096 65536}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export BENCHMARK_CACHE=$folder/cache
failed=0

part() { # SECONDS TITLE COMMAND...
    local seconds=$1 title=$2 began=$SECONDS
    shift 2
    echo "== $title"
    timeout "$((seconds * ${SLOW:-1}))" "$@" || { echo "FAILED: $title (exit $?)"; failed=1; }
    echo "-- $((SECONDS - began)) s"
}

install() {
    "${PYTHON:-python3}" -m venv --system-site-packages "$folder/venv" &&
        names > "$folder/names.txt" &&
        "$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps \
            --no-index --find-links "$wheels" -r "$folder/names.txt"
}

export -f names install
export wheels folder
part 90 "packages" bash -c install
[ "$failed" = 0 ] || exit 1
. "$folder/venv/bin/activate"
python -c "import torch
print('torch', torch.__version__, torch.cuda.get_device_name() if torch.cuda.is_available() else 'CPU')"
part 80 "parity, kill and resume, memory" python -m pytest -n 0 -q tests/gpu
part 100 "speed of training steps" python -m tests.gpu.speeds "$DEVICE" $batches
dataset=synthetic data=()
if [ -n "$frappe" ]; then dataset=frappe_x1r data=(--data-root "$frappe"); fi
for model in dnn dcnv2 rankelastor; do
    part 30 "fit of $dataset/$model" python -m benchmark run --recipe "$dataset/$model" \
        --device "$DEVICE" --no-track --results "$folder/results" "${data[@]}" ${FIT:-}
done
exit $failed
