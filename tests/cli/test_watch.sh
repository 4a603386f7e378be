#!/usr/bin/env bash
# test_watch.sh - watch: what changes becomes due, whatever way it changes; its end; what it must not do.
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
R=$T/tree
mkdir -p "$R/src"
git init -q "$R"
P=
cleanup() { [ -z "$P" ] || kill -9 "$P" 2>/dev/null; }

# unit FILE NAME WORDS: a function with a comment good enough to need no model.
unit() { printf '/* Returns the number %s and nothing else at all. */\nint %s(void)\n{\n    return 1;\n}\n' "$3" "$2" >"$1"; }
# until_shown WHAT PATH TEXT: show PATH prints TEXT before long; a run starts 0.3 s after a change.
until_shown() {
    local i
    for i in $(seq 600); do
        if "$DOBBY" show "$R/$2" 2>/dev/null | grep -qF -- "$3"; then
            pass "$1"
            return
        fi
        sleep 0.1
    done
    fail "$1" "$("$DOBBY" show "$R/$2" 2>&1); $(cat "$T/werr")"
}

unit "$R/src/a.c" first one
"$DOBBY" watch -m fast "$R" >"$T/wout" 2>"$T/werr" </dev/null &
P=$!
until_shown "what is there when it starts" src 'number one'
unit "$R/src/a.c" first two
until_shown "a file is written again" src 'number two'
unit "$R/src/new~" second three
mv "$R/src/new~" "$R/src/b.c"
until_shown "a file is moved into its place, as editors do" src 'number three'
mkdir -p "$R/lib/deep/deeper"
sleep 1
unit "$R/lib/deep/deeper/c.c" third four
until_shown "directories come, empty at first" lib 'number four'
mv "$R/lib/deep" "$R/moved"
until_shown "a directory is renamed" moved 'number four'
unit "$R/moved/deeper/c.c" third five
until_shown "and watched by its new name" moved 'number five'
rm "$R/src/b.c"
for _ in $(seq 600); do
    "$DOBBY" show "$R/src" 2>/dev/null | grep -q second || break
    sleep 0.1
done
check "a file is removed" bash -c '! "$1" show "$2" | grep -q second' - "$DOBBY" "$R/src"
runs=$(grep -c ' units in ' "$T/werr")
sleep 2
check "nothing changes: nothing runs, its own store does not wake it" test "$(grep -c ' units in ' "$T/werr")" = "$runs"
kill -TERM "$P"
wait "$P"
rc=$?
P=
check "TERM ends it with 143" test "$rc" = 143
check "stdout stayed empty" test ! -s "$T/wout"

# A store elsewhere in the tree must not look like a change, a source with a name like it must.
"$DOBBY" watch -m fast --store "$R/src/kept" "$R" >"$T/wout" 2>"$T/werr" </dev/null &
P=$!
for _ in $(seq 600); do
    grep -q ' units in ' "$T/werr" && break
    sleep 0.1
done
t0=$(awk '{print $14 + $15}' "/proc/$P/stat")
sleep 2
t1=$(awk '{print $14 + $15}' "/proc/$P/stat")
check "with --store inside the tree it rests too" test $((t1 - t0)) -lt 50
unit "$R/src/kept.c" fourth six
for _ in $(seq 600); do
    "$DOBBY" show --store "$R/src/kept" "$R/src" 2>/dev/null | grep -q 'number six' && break
    sleep 0.1
done
check "and takes note of kept.c beside the store kept" bash -c '"$1" show --store "$2/kept" "$2" | grep -q "number six"' - "$DOBBY" "$R/src"
rm -rf "$R"
wait "$P"
rc=$?
P=
check "the tree is removed: 66" test "$rc" = 66

expect 66 "a path that is not there" watch -m fast "$T/none"
expect 64 "no path" watch
expect 64 "an option of summarize that makes no sense here" watch --limit 3 "$T"
finish
