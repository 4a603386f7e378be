#!/usr/bin/env bash
# test_kill.sh - kill -9 at random moments, then go on: the result equals that of an undisturbed run, byte for byte.
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
rounds=20 part=
if [ -n "${DOBBY_TEST_SHORT:-}" ]; then # under a sanitizer: nine units, and fewer kills
    rounds=4 part=/src
fi
RANDOM=${DOBBY_TEST_SEED:-$$}
echo "# seed ${DOBBY_TEST_SEED:-$$}"

small_tree "$T/calm"
start=$(date +%s%N)
expect 0 "an undisturbed run" summarize -m fast --format jsonl "$T/calm$part"
ms=$((($(date +%s%N) - start) / 1000000))
cp "$T/out" "$T/want.jsonl"

small_tree "$T/tree"
killed=0 finished=0 differ=0 errors=0
for ((i = 0; i < rounds; i++)); do
    agents=$((RANDOM % 4 + 1))
    "$DOBBY" summarize -m fast --agents $agents --format jsonl -o "$T/got.jsonl" "$T/tree$part" 2>"$T/err" &
    pid=$!
    # Anywhere from the first instruction to the usual end.
    sleep "$(awk -v ms="$ms" -v r="$RANDOM" 'BEGIN { printf "%.3f", ms / 1000 * r / 32768 }')"
    kill -9 $pid 2>/dev/null
    { wait $pid; } 2>/dev/null
    rc=$?
    case $rc in
    137) killed=$((killed + 1)) ;;
    0) # it was done: compare, and begin anew
        finished=$((finished + 1))
        cmp -s "$T/got.jsonl" "$T/want.jsonl" || differ=$((differ + 1))
        rm -rf "$T/tree"
        small_tree "$T/tree"
        ;;
    *)
        errors=$((errors + 1))
        echo "# exit status $rc: $(head -c 500 "$T/err")"
        ;;
    esac
    rm -f "$T/got.jsonl"
done
echo "# $killed killed, $finished came through"
check "$rounds kills: no run was refused for what a killed one left" test "$errors" = 0
check "  and those that came through gave the same bytes" test "$differ" = 0
check "  and most were killed indeed" test "$killed" -ge $((rounds / 3))
expect 0 "the last run goes on" summarize -m fast --format jsonl "$T/tree$part"
check "  to the same bytes" cmp "$T/out" "$T/want.jsonl"
expect 0 "and one more has nothing to do" summarize -m fast --format jsonl --stats "$T/tree$part"
says "written 0"
finish
