#!/usr/bin/env bash
# test_run_tests.sh - the runner sees every way in which a test can fail, and adds up right.
. tests/support/tap.sh

prog() { # prog NAME BODY
    printf '#!/bin/sh\n%s\n' "$2" >"$work/$1"
    chmod +x "$work/$1"
}
# says LAST-LINE STATUS TEST... - the runner's last line and whether it succeeds
says() {
    local want=$1 rc=$2 got
    shift 2
    got=$(BUILD=$work TEST_TIMEOUT=2 REPEAT='' scripts/run-tests "$@" 2>&1)
    [ $? = "$rc" ] && [ "$(tail -n 1 <<<"$got")" = "$want" ] || { echo "$got"; return 1; }
}

prog good 'echo "ok 1 - a"; echo "ok 2 - b"; echo "# ok - tests"'
prog bad 'echo "ok 1 - a"; echo "not ok 2 - b"; exit 1'
prog liar 'echo "not ok 1 - a"; exit 0'
prog dies 'echo "ok 1 - a"; kill -SEGV $$'
prog silent 'exit 0'
prog hangs 'echo "ok 1 - a"; exec sleep 60'
prog skips 'echo "ok 1 - a"; echo "ok 2 - b # SKIP no such processor"'
prog slow 'sleep 1; echo "ok 1 - a"'
# SIGINT is bit 1 of the signals that a process ignores.
prog ignores 'test $((0x$(sed -n "s/^SigIgn:\t*//p" /proc/$$/status) & 2)) = 0 && echo "ok 1 - Ctrl-C is not ignored"'
touch "$work/plain"

check "passes are added up" says "4 passed, 0 failed" 0 "$work/good" "$work/good"
check "a failed check fails" says "3 passed, 1 failed" 1 "$work/good" "$work/bad"
check "a failed check fails whatever the exit status" says "0 passed, 1 failed" 1 "$work/liar"
check "a death fails" says "1 passed, 1 failed" 1 "$work/dies"
check "silence fails" says "0 passed, 1 failed" 1 "$work/silent"
check "a test that hangs is ended and fails" says "1 passed, 1 failed" 1 "$work/hangs"
check "a skip is not a pass" says "1 passed, 0 failed" 0 "$work/skips"
check "several run at a time, and all count" says "9 passed, 1 failed" 1 "$work/slow" "$work/good" "$work/slow" "$work/bad" "$work/good" "$work/slow" "$work/slow"
check "a test can be ended with Ctrl-C" says "1 passed, 0 failed" 0 "$work/ignores"
check "a file that cannot run fails" says "0 passed, 1 failed" 1 "$work/plain"
check "a missing test fails" says "0 passed, 1 failed" 1 "$work/none"
check "no tests at all fail" says "0 passed, 1 failed" 1
done_testing
