#!/usr/bin/env bash
# test_same.sh - whole runs are the same bytes however many agents, cores and columns a step has: each run over a store of
# its own, every pair of settings at least once. (tests/llm/test_engine_same.c does all combinations on a tiny model;
# test_summarize.sh the instruction sets.)
. "$(dirname "$0")/lib.sh"
limit=8
[ -z "${DOBBY_TEST_SHORT:-}" ] || limit=4

# whole_run STORE OPTION...: $T/out, from nothing
small_tree "$T/tree"
whole_run() {
    local store=$1
    shift
    run summarize -m fast --limit $limit --format jsonl --store "$T/$store.db" "$@" "$T/tree"
}

whole_run first -t 1 --agents 1 --chunk 256
judge 0 "a run with one agent on one core"
cp "$T/out" "$T/want"
check "  has $limit rows, all written by the model" test "$(grep -c '"source":"model"' "$T/out")" = $limit

ways=("-t 2 --agents 2 --chunk 17" "-t 1 --agents 10 --chunk 17" "-t 2 --agents 10 --chunk 256"
    "-t 2 --agents 50 --chunk 17" "-t 1 --agents 50 --chunk 256" "-t 2 --agents 1 --chunk 256")
[ -z "${DOBBY_TEST_SHORT:-}" ] || ways=("-t 2 --agents 10 --chunk 17" "-t 1 --agents 50 --chunk 256")
n=0
for way in "${ways[@]}"; do
    n=$((n + 1))
    # shellcheck disable=SC2086
    whole_run "way$n" $way
    judge 0 "$way"
    check "  the same bytes" cmp "$T/out" "$T/want"
done

whole_run first
judge 0 "again over the first store"
check "  the same bytes" cmp "$T/out" "$T/want"
whole_run new
judge 0 "again over a new store"
check "  the same bytes" cmp "$T/out" "$T/want"
finish
