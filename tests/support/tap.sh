# tap.sh - sourced by shell tests: counts and prints TAP lines; the test ends with `done_testing`.
#   check DESCRIPTION COMMAND...   ok if the command succeeds; its output is shown if not
#   work                           a directory that is removed at the end
n=0 bad=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

check() {
    local what=$1
    shift
    n=$((n + 1))
    if "$@" >"$work/check.out" 2>&1; then
        echo "ok $n - $what"
    else
        echo "not ok $n - $what (status $?): $*"
        sed 's/^/#   /' "$work/check.out" | tail -n 30
        bad=$((bad + 1))
    fi
}

# status CODE COMMAND... - succeeds if the command ends with that status.
status() {
    local want=$1 rc
    shift
    "$@"
    rc=$?
    [ $rc = "$want" ] || { echo "status $rc, not $want"; return 1; }
}

done_testing() {
    echo "1..$n"
    [ "$bad" = 0 ]
    exit
}
