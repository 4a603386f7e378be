#!/usr/bin/env bash
# gpu.sh - the steps on a machine with a GPU that has no network and gets its inputs in small parts. Needs PyTorch and numpy there.
#
#   gpu.sh split FILE DIR [MIB]          here: cut FILE into DIR/NAME.part-aa, ... of at most MIB (48)
#   gpu.sh take FROM WORK                there, once a part: move what came in the folder FROM into WORK
#   gpu.sh join WORK NAME SHA256         there: put the parts of NAME together and check it
#   gpu.sh check WORK MODEL VECTORS      there: log-probabilities of the model as in the vectors, in float32
#   gpu.sh smoke WORK MODEL OUT          there: a few steps, to see that all works and how fast; with TRY_COMPILE=1 compiled ones too
#   gpu.sh train WORK MODEL RUN OUT [OPTION...]   there: train.py train with the shards in WORK, for at most $SECONDS_MAX (430) seconds; with
#                                        exit status 75 the same command goes on. At the end the adapter, its merge losses and the log go to OUT
# Shards in WORK are train-*.xz, held-context-*.xz and held-none-*.xz (the same pairs without their context), made by tokens.py on a
# machine with the pairs; token ids travel, no text, and no tokenizer is needed there:
#   tokens.py MODEL PAIRS/train.jsonl.gz DIR/train --context drop           a fifth without context, a fifth without neighbours
#   tokens.py MODEL PAIRS/heldout.jsonl.gz DIR/held-context                 all of it
#   tokens.py MODEL PAIRS/heldout.jsonl.gz DIR/held-none --context none     none of it
#
# The order: `take` once a part, `join`, `check` (differences of 0.001 at most), `smoke`, `train`. After `smoke` look at the held-out loss before the first step (2.3
# with context, 3.0 without for the default model; above 4 something is wrong), whether it falls, and at tokens_s: an epoch of the adapter of the
# repository takes 39,000,000 / tokens_s seconds, and tokens_s grows by half while the machine warms up. Exit status 75 is no failure: the
# same command goes on. Where memory is short: --batch-tokens 8192 --accumulate 4 makes the same steps, under another RUN. What was run:
#   gpu.sh train WORK MODEL r16 OUT --rank 16 --alpha 32 --lr 4e-4 --epochs 1 --evaluations 6
#   gpu.sh train WORK MODEL r16n40k OUT --lr 4e-4 --limit 40000 --evaluations 1      and r16n10k with --limit 10000
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
what=${1:-}
[ $# -ge 3 ] || { sed -n '2,/^set/p' "$0" | grep '^#' >&2; exit 64; }
shift
case $what in
split)
    mkdir -p "$2"
    split -b "${3:-48}M" "$1" "$2/$(basename "$1").part-"
    sha256sum "$1"
    ;;
take)
    mkdir -p "$2"
    cp -r "$1"/. "$2"/
    ls -l "$2"
    ;;
join)
    cat "$1/$2".part-* >"$1/$2"
    echo "$3  $1/$2" | sha256sum -c -
    rm "$1/$2".part-*
    ;;
check)
    python3 "$here/model.py" "$1/$2" "$3"
    ;;
smoke)
    python3 -c 'import torch, numpy; print(torch.__version__, numpy.__version__, torch.cuda.get_device_name())'
    held=("context=$1/held-context-*.xz" "none=$1/held-none-*.xz")
    mkdir -p "$3"
    for more in "" ${TRY_COMPILE:+--compile}; do
        rm -rf "$1/smoke"
        timeout 150 python3 -u "$here/train.py" train "$1/$2" --data "$1/train-00*.xz" "${held[@]/#/--heldout=}" --heldout-limit 200 \
            --run "$1/smoke" --max-steps 60 --evaluations 1 $more || echo "gpu.sh: smoke $more: ended with $?"
        cp "$1/smoke/log.jsonl" "$3/smoke$more.jsonl"
    done
    nvidia-smi --query-gpu=name,memory.total,utilization.gpu --format=csv
    ;;
train)
    work=$1 model=$1/$2 run=$1/runs/$3 out=$4
    held=("context=$work/held-context-*.xz" "none=$work/held-none-*.xz")
    shift 4
    mkdir -p "$out"
    rc=0
    python3 -u "$here/train.py" train "$model" --data "$work/train-*.xz" "${held[@]/#/--heldout=}" --run "$run" \
        --seconds "${SECONDS_MAX:-430}" "$@" || rc=$?
    cp "$run/log.jsonl" "$out/$(basename "$run").jsonl"
    [ $rc = 0 ] || exit $rc
    case " $* " in
    *" --all-weights "*) exit 0 ;;
    esac
    python3 "$here/train.py" export "$model" --run "$run" --out "$out/$(basename "$run").gguf"
    python3 -u "$here/train.py" merge-loss "$model" --adapter "$out/$(basename "$run").gguf" "${held[@]/#/--heldout=}" --heldout-limit 500 |
        tee "$out/$(basename "$run").merge.jsonl"
    ;;
*)
    echo "gpu.sh: $what: no such step" >&2
    exit 64
    ;;
esac
