#!/usr/bin/env bash
# arm_same.sh - 64-bit ARM gives the bytes that this machine gives: the whole program with the real small model, run by qemu as
# processors with neither of the instruction sets that dobby knows there, with one and with both. Here is the program for
# this machine, BUILD has a folder for each processor. Texts and sums of log-probabilities, of prompts read by themselves
# and beside others. (tests/llm/test_kernels.c has every type of weights.)
DOBBY=${HERE:?set HERE to the program for this machine}
. "$(dirname "$0")/lib.sh"

cat >"$T/in" <<'JSONL'
{"id": 1, "prompt": "int add(int a, int b) { return"}
{"id": 2, "prompt": "The quick brown fox jumps over"}
{"id": 3, "prompt": "def main("}
JSONL
expect 0 "on this machine" batch -m fast -n 3 "$T/in"
cp "$T/out" "$T/want"
check "  three texts" test "$(grep -c '"logprob":-[0-9]' "$T/want")" = 3

as() { # CPU STATUS WHAT OPTION...: run as that processor
    local status=$2 what="$1: $3"
    DOBBY=$BUILD/$1/dobby
    shift 3
    run batch -m fast -n 3 "$@" "$T/in"
    judge "$status" "$what"
    [ "$status" != 0 ] || check "  the same bytes" cmp "$T/out" "$T/want"
}
as cortex-a72 0 "scalar" -t 2
as cortex-a72 69 "has no dotprod" --isa dotprod
as neoverse-n1 0 "dotprod, few columns at a time" --chunk 3 --agents 2 -t 1
as neoverse-n1 69 "has no i8mm" --isa i8mm
as max 0 "i8mm" -t 2
as max 69 "has no avx2" --isa avx2
finish
