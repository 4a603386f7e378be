#!/usr/bin/env bash
# test_options.sh - verbs, options, help, exit codes and streams that need no model.
. "$(dirname "$0")/lib.sh"

expect 0 "help" help
prints "usage: dobby COMMAND"
expect 0 "--help" --help
expect 0 "--version" --version
check "  one line: dobby and a number" grep -qxE 'dobby [0-9]+\.[0-9]+\.[0-9]+' "$T/out"
for v in summarize watch eval batch show status run tokenize models; do
    expect 0 "$v --help" $v --help
    prints "usage: dobby $v"
    cp "$T/out" "$T/help"
    expect 0 "help $v" help $v
    check "  the same text" cmp "$T/out" "$T/help"
done
for v in list pull verify info; do
    expect 0 "models $v --help" models $v --help
    prints "usage: dobby models $v"
done
# Every option that a help text lists is taken by the parser: asked with --help behind it, none is unknown.
for v in summarize watch batch show status run tokenize "models pull" "models verify"; do
    # shellcheck disable=SC2086
    "$DOBBY" $v --help | sed -n 's/^ *\(-., \)\?\(--[a-z-]*\)\( [A-Za-z0-9_|]*\)\?.*/\2\3/p' >"$T/opts"
    unknown=
    while read -r name value; do
        value=${value%%|*}
        [ "$value" != N ] || value=1
        [ "$value" != SIZE ] || value=1G
        # shellcheck disable=SC2086
        "$DOBBY" $v "$name" ${value:+"$value"} --help >/dev/null 2>"$T/err" || unknown="$unknown $name: $(cat "$T/err")"
    done < <(awk '{ print $1, (($2 ~ /^([A-Z]+|SIZE\|auto|[A-Za-z0-9]+\|[A-Za-z0-9_|]+|FILE.*)$/) ? $2 : "") }' "$T/opts")
    check "$v: each option of the help is known ($(wc -l <"$T/opts"))" test -z "$unknown" -a -s "$T/opts"
    [ -z "$unknown" ] || echo "# $unknown"
done

expect 64 "no command"
silent
expect 64 "an unknown command" summarise .
says "did you mean dobby summarize?"
silent
expect 64 "an unknown option" summarize --agnets 3 .
says "did you mean --agents?"
expect 64 "an option that is not there yet" summarize --diagram .
expect 64 "no operand" summarize
expect 64 "too many operands" summarize a b
expect 64 "a number that is none" summarize --agents=many .
expect 64 "a number out of range" run -t 0 -p x
expect 64 "a word that is none" summarize --format=xml .
expect 64 "a missing value" run -p
expect 64 "--json alone" summarize --json .
expect 64 "--fast and -m" summarize --fast -m smollm2-135m .
expect 64 "models without a command" models
expect 64 "models with an unknown one" models pul
says "did you mean dobby models pull?"
expect 66 "a model that nobody knows" run -m smollm -p x
says "did you mean smollm2-135m?"
expect 66 "a path that is not there" summarize -m fast "$T/none"
says "$T/none"

# Names are shown without what would drive a terminal, and the line stays one.
run summarize "$T/$(printf 'a\nb\033[31m')"
check "control characters of a name are escaped" test "$(wc -l <"$T/err")" = 1 -a "$(tr -d '\n\40-\176' <"$T/err" | wc -c)" = 0

# Streams that are closed or full.
"$DOBBY" help >/dev/full 2>"$T/err"
rc=$?
judge 74 "stdout on a full disk"
says "disk full"
"$DOBBY" help >&- 2>"$T/err"
rc=$?
judge 74 "stdout closed"
(trap '' PIPE; "$DOBBY" help 2>"$T/err"; echo $? >"$T/rc") | true
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s "$T/rc" ] && break; sleep 0.1; done
rc=$(cat "$T/rc")
check "stdout's reader is gone: 74 or done before, and no word" test \( "$rc" = 74 -o "$rc" = 0 \) -a ! -s "$T/err"
"$DOBBY" help >"$T/out" 2>&-
rc=$?
check "stderr closed" test $rc = 0 -a -s "$T/out"

(unset HOME XDG_CACHE_HOME DOBBY_CACHE; "$DOBBY" models list >"$T/out" 2>"$T/err")
rc=$?
judge 78 "no place for a cache"
says "set DOBBY_CACHE"
(unset DOBBY_CACHE; HOME=$T/h XDG_CACHE_HOME=$T/x "$DOBBY" run -p x >"$T/out" 2>"$T/err")
rc=$?
judge 66 "the default model is not there"
says "$T/x/dobby/models/"
says "dobby models pull qwen2.5-coder-0.5b"
(unset DOBBY_CACHE XDG_CACHE_HOME; HOME=$T/h DOBBY_MODEL=fast "$DOBBY" run -p x >"$T/out" 2>"$T/err")
says "$T/h/.cache/dobby/models/SmolLM2"
DOBBY_CACHE=$T/c "$DOBBY" models list >"$T/out" 2>"$T/err"
check "models list names all three" test "$(grep -c 'not fetched' "$T/out")" = 3
finish
