# lib.sh - sourced by the shell tests: TAP lines, a scratch directory, and running the program with its streams kept.
# shellcheck shell=bash
set -u
export LC_ALL=C
: "${DOBBY:?set DOBBY to the program under test}"
T=$(mktemp -d "${TMPDIR:-/tmp}/dobby-test-XXXXXX") || exit 1
trap 'cleanup; chmod -R u+rwX "$T" 2>/dev/null; rm -rf "$T"' EXIT
cleanup() { :; } # a test may replace it
n_tests=0 n_bad=0
unset DOBBY_MODEL NO_COLOR
CACHE=${DOBBY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dobby}
# shellcheck disable=SC2034
SMOL=$CACHE/models/SmolLM2-135M-Instruct.Q4_1.gguf

pass() { n_tests=$((n_tests + 1)); echo "ok $n_tests - $1"; }
fail() { # WHAT [DETAIL]
    n_tests=$((n_tests + 1)) n_bad=$((n_bad + 1))
    echo "not ok $n_tests - $1"
    [ -z "${2:-}" ] || printf '%s\n' "$2" | head -n 20 | sed 's/^/#   /'
}
skip() { n_tests=$((n_tests + 1)); echo "ok $n_tests - $1 # SKIP $2"; }
check() { # WHAT COMMAND...: passes if the command succeeds
    local what=$1
    shift
    if "$@" >"$T/.check" 2>&1; then pass "$what"; else fail "$what" "$* -> $?; $(cat "$T/.check")"; fi
}
finish() { echo "1..$n_tests"; [ "$n_bad" = 0 ]; exit; }

# run ARGUMENT...: the program, its exit status in rc, its streams in $T/out and $T/err.
run() {
    "$DOBBY" "$@" >"$T/out" 2>"$T/err" </dev/null
    rc=$?
}
# expect STATUS WHAT ARGUMENT...: run, and compare the exit status. An error must leave stdout empty and be one line
# of the form "dobby: ...".
expect() {
    local want=$1 what=$2
    shift 2
    run "$@"
    judge "$want" "$what"
}
judge() { # STATUS WHAT: of what run left
    local last
    last=$(tail -n 1 "$T/err")
    if [ "$rc" != "$1" ]; then
        fail "$2" "exit status $rc, not $1; stderr: $(head -c 2000 "$T/err")"
    elif [ "$1" -ge 64 ] && [ "$1" -lt 128 ] && [ "$1" != 75 ] && [ "${last#dobby: }" = "$last" ]; then
        fail "$2" "no error line; stderr: $(head -c 2000 "$T/err")"
    elif grep -qE 'AddressSanitizer|runtime error|ThreadSanitizer|Assertion' "$T/err"; then
        fail "$2" "$(head -c 4000 "$T/err")"
    else
        pass "$2"
    fi
}
says() { # TEXT: the last run's stderr holds it
    if grep -qF -- "$1" "$T/err"; then pass "  says: $1"; else fail "  says: $1" "$(head -c 2000 "$T/err")"; fi
}
prints() { # TEXT: the last run's stdout holds it
    if grep -qF -- "$1" "$T/out"; then pass "  prints: $1"; else fail "  prints: $1" "$(head -c 2000 "$T/out")"; fi
}
silent() { # the last run's stdout is empty
    if [ -s "$T/out" ]; then fail "  nothing on stdout" "$(head -c 500 "$T/out")"; else pass "  nothing on stdout"; fi
}
is_root() { [ "$(id -u)" = 0 ]; }
# user_run ARGUMENT...: like run, without root's right to read and write everything. The program is copied, because
# the build folder may lie where only its owner can go.
user_run() {
    local drop=()
    if is_root; then
        drop=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)
        chmod 755 "$T"
    fi
    [ -x "$T/dobby" ] || cp "$DOBBY" "$T/dobby"
    "${drop[@]}" "$T/dobby" "$@" >"$T/out" 2>"$T/err" </dev/null
    rc=$?
}
