#!/usr/bin/env bash
# test_rollup.sh - what files, directories and the repository show: where it comes from, when it changes, and when it does not.
# Every function has a good comment, so no model is opened.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
R=$T/tree
mkdir -p "$R/src/net" "$R/lib/deep" "$R/py" "$R/docs"
git init -q "$R"
# unit FILE NAME WORDS: a function with a comment good enough to need no model, at the end of FILE.
unit() { printf '/* Returns the number %s and nothing else at all. */\nint %s(void)\n{\n    return 1;\n}\n\n' "$3" "$2" >>"$1"; }
printf '# Tree\n\n[![x](https://x/y.svg)](https://x)\n\nA tree of **small** things.\n' >"$R/README.md"
printf '/* Copyright 2020 Some Body. All rights reserved. */\n\n/* sums.c - sums of numbers. */\n\n' >"$R/src/sums.c"
unit "$R/src/sums.c" add one
unit "$R/src/b.c" first two
unit "$R/src/b.c" second three
unit "$R/src/net/only.c" ping four
printf 'Parses the numbers of letters.\n' >"$R/lib/README"
unit "$R/lib/deep/c.c" third five
printf '"""Carts and their prices."""\n' >"$R/py/__init__.py"
printf 'class Cart:\n    """A cart of things to be bought."""\n\n    def add(self, n):\n        """Add n things to what is there."""\n        return n\n' >"$R/py/cart.py"
printf 'Words about no code at all.\n' >"$R/docs/README.md"
printf '# empty\n' >"$R/py/empty.py"
sum() { "$DOBBY" summarize -m fast -q -o /dev/null "$@" 2>"$T/err" || fail "summarize $*" "$(cat "$T/err")"; }
# parents [PATH]: kind, path, source and text of what has no lines.
parents() {
    "$DOBBY" show --format jsonl "${1:-$R}" | python3 -c '
import json, sys
for r in map(json.loads, sys.stdin):
    if r["start_line"] is None:
        assert r["end_line"] is None and r["key"] is None and r["model"] is None and r["confidence"] is None, r
        assert r["name"] == r["path"].rsplit("/", 1)[-1] and (r["language"] is None) == (r["kind"] != "file"), r
        print(r["kind"][0], r["path"], r["source"][0], r["summary"])'
}
# shows WHAT TEXT: the parents are exactly these
shows() {
    parents >"$T/got"
    printf '%s' "$2" >"$T/want"
    if cmp -s "$T/want" "$T/got"; then pass "$1"; else fail "$1" "$(diff "$T/want" "$T/got")"; fi
}
# numbers: of the rows of all parents in the store, and their texts; one that is put anew gets another one, unless it was the last.
numbers() {
    python3 - "$R/.dobby/dobby.db" <<'PYTHON'
import sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
for path, n, text in db.execute("SELECT path, id, text FROM units WHERE ordinal = -1 ORDER BY path"):
    print(path.decode(), n, text)
PYTHON
}
# redone WHAT PATH...: since the last call exactly these rows are new, changed or gone
redone() {
    local what=$1
    shift
    numbers >"$T/now"
    diff "$T/numbers" "$T/now" | sed -n 's/^[<>] \([^ ]*\) .*/\1/p' | sort -u >"$T/got"
    printf '%s\n' "$@" | grep . | sort >"$T/want"
    mv "$T/now" "$T/numbers"
    if cmp -s "$T/want" "$T/got"; then pass "$what"; else fail "$what" "$(diff "$T/want" "$T/got")"; fi
}

sum "$R"
all='r . d A tree of small things.
d lib d Parses the numbers of letters.
d lib/deep s Holds one file, c.c, which defines the function third: returns the number five and nothing else at all.
f lib/deep/c.c s Defines the function third: returns the number five and nothing else at all.
d py d Carts and their prices.
f py/__init__.py d Carts and their prices.
f py/cart.py s Defines Cart with add: a cart of things to be bought.
d src s Holds 2 C files: b.c and sums.c (sums of numbers), and the directory net.
f src/b.c s Defines the functions first and second.
d src/net s Holds one file, only.c, which defines the function ping: returns the number four and nothing else at all.
f src/net/only.c s Defines the function ping: returns the number four and nothing else at all.
f src/sums.c d Sums of numbers.
'
shows "files, directories and the repository" "$all"
numbers >"$T/numbers"
cp -r "$R" "$T/copy"
"$DOBBY" show --format jsonl "$R" >"$T/rows"
sum "$R"
redone "a second run puts nothing" ""
run show "$R/src/net"
prints '## `src/net`'
prints 'Holds one file, only.c, which defines the function ping'
check "  a directory shows itself and what is below" test "$(grep -c '^## ' "$T/out")" = 2
run status "$R"
prints 'units:      7'
prints 'parents:    12 ('
run find "small things" --in "$R"
prints '.  repository  A tree of small things.'
rm -rf "$T/copy/.dobby" "$T/copy/.git"
mkdir "$T/copy/.dobby"
sum "$T/copy"
"$DOBBY" show --format jsonl "$T/copy" >"$T/rows2"
check "the same bytes from another place" cmp "$T/rows" "$T/rows2"

# ---- what changes, and what does not ----
sed -i 's/return 1;/return 2;/' "$R"/src/*.c
run check "$R"
judge 0 "an edited body: nothing is stale"
sum "$R"
redone "  files are planned anew, so their rows are; no directory is" src/b.c src/sums.c
sed -i 's/sums of numbers/sums of large numbers/' "$R/src/sums.c"
run check "$R"
judge 1 "an edited header: the file is stale, and what quotes it"
check "  and nothing else" test "$(cat "$T/out")" = 'src: stale: directory
src/sums.c: stale: file'
says "; of files and directories 0 missing, 2 stale"
run check --format sarif "$R"
check "  in SARIF: a place without lines" python3 -c '
import json, sys
a, b = json.load(open(sys.argv[1]))["runs"][0]["results"]
assert "region" not in a["locations"][0]["physicalLocation"] and b["message"]["text"].startswith("sums.c has changed")' "$T/out"
sum "$R/src/sums.c"
redone "  a run of that file alone puts both" src src/sums.c
expect 0 "  and all is current" check "$R"
unit "$R/src/b.c" late six
run check "$R"
check "a new function: its file is stale" test "$(cat "$T/out")" = 'src/b.c: stale: file
src/b.c:14: missing: late'
sum "$R"
redone "  put again, no directory" src/b.c
sed -i 's/small/tiny/' "$R/README.md"
run check "$R"
check "an edited README" test "$(cat "$T/out")" = '.: stale: repository'
sum "$R/README.md"
redone "  a run of it alone puts the repository's row" .
rm "$R/README.md"
sum "$R"
redone "no README: made from what is there" .
check "  so" test "$(parents | sed -n 1p)" = 'r . s Holds the directories lib (parses the numbers of letters), py (carts and their prices) and src.'
printf '{"name":"t","description":"Things of a package."}' >"$R/package.json"
sum "$R"
check "a manifest" test "$(parents | sed -n 1p)" = 'r . d Things of a package.'
rm "$R/package.json"
printf 'An ignored tree of things.\n' >"$R/README.md"
printf 'README.md\n' >"$R/.gitignore"
ln -s "$R/lib/README" "$R/README.txt"
sum "$R"
check "an ignored README and a link to one are not used" test "$(parents | sed -n 1p | cut -c1-5)" = 'r . s'
rm "$R/.gitignore" "$R/README.txt"
token=ghp_ # made up, and in two pieces, so that no scanner takes this file for a leak
token+=a8Fk2LmZq9XwT4rVb7NcY1sHd6GjP3eU5iRt
printf 'Pushes with the token %s to the server.\n' $token >"$R/README.md"
sum "$R"
check "a secret is taken out" sh -c "\"$DOBBY\" show --format jsonl '$R' | head -n 1 >'$T/first'; grep -q 'Pushes with the token' '$T/first' && ! grep -q $token '$T/first'"
numbers >"$T/numbers"
mv "$R/lib/deep" "$R/lib/deeper"
sum "$R"
redone "a renamed directory: old rows go, new ones come" lib/deep lib/deep/c.c lib/deeper lib/deeper/c.c
rm -r "$R/src/net"
run check "$R"
check "a removed one: what named it is stale" test "$(cat "$T/out")" = 'src: stale: directory'
sum "$R"
redone "  and its rows go" src src/net src/net/only.c

# ---- parts of a tree ----
rm -r "$R/.dobby"
sum --limit 2 "$R"
check "--limit: files that were read, no directories" test "$(parents | cut -d ' ' -f 1,2)" = 'f lib/deeper/c.c
f py/__init__.py
f py/cart.py'
run summarize -m fast -q --limit 1 --format jsonl "$R"
check "  rows up to the last unit" test "$(wc -l <"$T/out")" = 2
rm -r "$R/.dobby"
mkdir "$R/.dobby"
sum "$R/src"
check "a directory: what is at or below it" test "$(parents | cut -d ' ' -f 1,2)" = 'd src
f src/b.c
f src/sums.c'
expect 0 "  and it is current" check "$R/src"
sum "$R"
shows "then the whole" 'r . d Pushes with the token [redacted:github-token] to the server.
d lib d Parses the numbers of letters.
d lib/deeper s Holds one file, c.c, which defines the function third: returns the number five and nothing else at all.
f lib/deeper/c.c s Defines the function third: returns the number five and nothing else at all.
d py d Carts and their prices.
f py/__init__.py d Carts and their prices.
f py/cart.py s Defines Cart with add: a cart of things to be bought.
d src s Holds 2 C files: b.c and sums.c (sums of large numbers).
f src/b.c s Defines the functions first, second and late.
f src/sums.c d Sums of large numbers.
'
printf 'rm me' >"$R/py/gone.py"
rm "$R/py/gone.py" "$R/src/b.c"
sum "$R/src/sums.c"
check "a run beside a removed file: the directory names it no more" test "$(parents "$R/src" | sed -n 1p)" = 'd src s Holds one file, sums.c: sums of large numbers.'
sum --no-docs --limit 1 "$R/src/sums.c"
check "--no-docs hides a file's comment, too" sh -c "\"$DOBBY\" show --format jsonl '$R/src/sums.c' | head -n 1 | grep -q 'Defines the function add'"
sum "$R"

# ---- Markdown ----
mkdir "$T/pages"
expect 0 "a tree of pages" summarize -m fast -q -o "$T/pages" "$R"
check "  a file's sentence under its heading" test "$(sed -n 3p "$T/pages/src/sums.c.md")" = 'Sums of large numbers. *(in its own words)*'
check "  a directory's page" test "$(cat "$T/pages/lib/index.md")" = '## `lib`

Parses the numbers of letters. *(in its own words)*

- [deeper/](deeper/index.md): Holds one file, c.c, which defines the function third: returns the number five and nothing else at all. *(from names only)*'
check "  the repository's sentence in the index" grep -q '^Pushes with the token' "$T/pages/index.md"
check "  links with what they lead to" grep -qxF -- '- [src/sums.c](src/sums.c.md): Sums of large numbers. *(in its own words)*' "$T/pages/index.md"
finish
