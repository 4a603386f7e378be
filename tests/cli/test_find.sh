#!/usr/bin/env bash
# test_find.sh - dobby find: what a run put into the store is found by its words, best first; the streams, the exit codes, and
# what a run changes. Documented functions, so that no model has to write.
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
tree=$T/tree
mkdir -p "$tree/.git" "$tree/src" "$tree/lib"
cat >"$tree/src/http.py" <<'P'
def parseHeader(line):
    """Return the name and the value of one line of a request."""
    return line.split(":", 1)


def parse_header_fields(lines):
    """Split the fields of a message into a dictionary by name."""
    return dict(parseHeader(x) for x in lines)


class Conn:
    """Hold a connection to the other side, to be used once."""

    def close(self):
        """Let go of the socket, which may be used by nobody else."""
        self.sock.close()


def read_line(f):
    """Read one line from the file, to parse it later as a header."""
    return f.readline()
P
odd=$'lib/a[1m b.py'
printf 'def odd():
    """Return the width of a right-to-left mark, always zero."""
    return 0
' >"$tree/$odd"
expect 0 "summarize" summarize -m fast -q --format jsonl "$tree"
check "  six rows, from their comments" sh -c "[ \$(grep -c '\"source\":\"doc\"' '$T/out') = 6 ]"

find_in() { # DIR ARGUMENT...: as run, from a directory
    (cd "$1" && shift && exec "$DOBBY" find "$@") >"$T/out" 2>"$T/err" </dev/null
    rc=$?
}
names() { # WANT: the names of the functions that were found
    local got
    got=$(awk -F'  ' '$2 != "file" && $2 != "directory" && $2 != "repository" {print $2}' "$T/out" | tr '\n' ' ')
    if [ "$got" = "$1" ] && [ "$rc" = 0 ]; then pass "  finds: $1"; else fail "  finds: $1" "$rc: $got; $(cat "$T/err")"; fi
}
for query in "parse header" "parseHeader" "parse_header" "PARSE Header"; do
    find_in "$tree" "$query"
    names "parseHeader parse_header_fields read_line "
done
find_in "$tree/lib" parse header # words as they come, from below the root
names "parseHeader parse_header_fields read_line "
check "  path:line  name  summary" test "$(head -n 1 "$T/out")" = "src/http.py:1  parseHeader  Return the name and the value of one line of a request."
find_in "$tree" parseheader
names "parseHeader parse_header_fields "
find_in "$tree" sock
names "Conn.close "
find_in "$tree" Conn.close
names "Conn.close "
find_in "$tree" conn # a type before what is in it
names "Conn Conn.close "
find_in "$tree" --limit 1 parse header
names "parseHeader "
find_in "$tree" --in lib return
names "odd "
find_in "$tree" --in src/http.py return
names "parseHeader "
find_in "$tree/src" --in . -- line one
check "--in is relative to where one stands" sh -c "[ \$(grep -Evc '  (file|directory)  ' '$T/out') = 2 ]"
find_in "$tree" width
check "controls of a file name are shown, not sent" grep -qF 'lib/a\x1B[1m b.py:1' "$T/out"
find_in "$tree" zyzzyva
check "nothing found: 0, and no word" test "$rc" = 0 -a ! -s "$T/out" -a ! -s "$T/err"
for query in 'NEAR(a b' '"' "it's; --" 'name:parse' 'par*' 'AND OR NOT' '^header' '{x} : y' $'\xff\xfeparse'; do
    find_in "$tree" -- "$query x"
    judge 0 "no syntax in: $query"
done
find_in "$tree" --format jsonl parse header
check "--format jsonl: rows as summarize writes them" python3 - "$T/out" <<'PYTHON'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
assert [r["name"] for r in rows if r["start_line"]] == ["parseHeader", "parse_header_fields", "read_line"], rows
assert list(rows[0]) == "path name kind start_line end_line language summary source model confidence key findings label".split()
PYTHON

# ---- what a run changes ----
sed -i 's/parse_header_fields/split_fields/' "$tree/src/http.py"
rm "$tree/$odd"
expect 0 "summarize again" summarize -m fast -q --format jsonl "$tree"
find_in "$tree" header fields
names ""
find_in "$tree" split fields
names "split_fields "
find_in "$tree" width
names ""
run status "$tree"
prints "units:      5"
prints "doc 5"

# ---- what is wrong ----
(cd "$tree" && "$DOBBY" find) >"$T/out" 2>"$T/err"
rc=$?
judge 64 "no word: 64"
find_in "$tree" '***'
judge 64 "no letter in it: 64"
says "no word in the query"
find_in "$tree" --limit 0 x
judge 64 "--limit 0: 64"
find_in "$T" --store "$T/none.db" x
judge 66 "no store: 66"
find_in "$tree" --in / x
check "a place outside of any tree with a store: 66" test "$rc" = 66
(cd "$tree" && "$DOBBY" find line) >/dev/full 2>"$T/err"
rc=$?
: >"$T/out"
judge 74 "stdout on a full disk: 74"
(cd "$tree" && "$DOBBY" find --help) >"$T/out" 2>"$T/err"
prints "WORD..."

# ---- killed while it writes: the index and the rows agree, and the next run has them all ----
for i in $(seq 1 40); do
    mkdir -p "$T/many/.git"
    for j in $(seq 1 25); do
        printf 'def job_%s_%s(x):\n    """Return the number that belongs to the job numbered %s."""\n    return x\n\n' "$i" "$j" "$j"
    done >"$T/many/m$i.py"
done
for wait in 0.05 0.15 0.3; do
    "$DOBBY" summarize -m fast -q --format jsonl "$T/many" >/dev/null 2>&1 &
    pid=$!
    sleep "$wait"
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    [ ! -e "$T/many/.dobby/dobby.db" ] && continue
    (cd "$T/many" && "$DOBBY" find --limit 5000 belongs) >"$T/found" 2>"$T/err"
    rc=$?
    cp "$T/found" "$T/out"
    run show --format jsonl "$T/many"
    if [ "$rc" = 0 ]; then
        check "killed after $wait s: found is what is there" test "$(wc -l <"$T/found")" = "$(n_units "$T/out")"
    else
        check "killed after $wait s: nothing is there, nothing is found" test ! -s "$T/found"
    fi
done
expect 0 "summarize to the end" summarize -m fast -q --format jsonl "$T/many"
find_in "$T/many" --limit 5000 belongs
check "  all of it is found" test "$(wc -l <"$T/out")" = 1000
find_in "$T/many" job_17_3
check "  a function by its name" test "$(head -n 1 "$T/out" | awk -F'  ' '{print $2}')" = job_17_3
finish
