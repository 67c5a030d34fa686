#!/usr/bin/env bash
# Measures the networks of cfg/ on this machine, a JSON file each:
#
#   bench/sweep.sh MACHINE [PRICE] [cfg/a.cfg ...]     files go to bench/machines/MACHINE/
#
# MACHINE: a name for this machine; PRICE: of an hour of it, 0 for none. When it is stopped it goes on with the
# networks that have no file yet. Environment: BATCH, MODE, REPEAT, BACKEND, PYTHON. Several machines in one table:
#
#   python -m darknet_py.benchmark.merge bench/machines/*/ -out bench/machines/all
set -euo pipefail
cd "$(dirname "$0")/.."
if (($# < 1)); then
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0"
    exit 1
fi

python=${PYTHON:-.venv/bin/python}
folder=bench/machines/$1
price=${2:-0}
shift $(($# > 1 ? 2 : 1))
cfgs=("$@")
if ((${#cfgs[@]} == 0)); then
    cfgs=(cfg/*.cfg)
fi
options=(-batch "${BATCH:-1,8}" -mode "${MODE:-infer,train}" -repeat "${REPEAT:-9}" -backend "${BACKEND:-auto}")
if [[ $price != 0 ]]; then
    options+=(-price "$price")
fi

mkdir -p "$folder"
for cfg in "${cfgs[@]}"; do
    name=$(basename "$cfg" .cfg)
    if [[ -e $folder/$name.json ]]; then
        echo "$folder/$name.json: is there already"
        continue
    fi
    status=0
    "$python" -m darknet_py benchmark "$cfg" "${options[@]}" -json "$folder/.$name.part" || status=$?
    if ((status > 128)); then # Ctrl-C, or killed
        exit "$status"
    elif [[ -e $folder/.$name.part ]]; then # with the cases before the one that wasn't possible
        mv "$folder/.$name.part" "$folder/$name.json"
    else
        echo "$cfg: left out" >&2
    fi
done
"$python" -m darknet_py.benchmark.merge "$folder" -out "$folder/table"
