#!/usr/bin/env bash
# test_check.sh - `dobby check`: what is missing or stale, its exit status, its forms, and the example hook.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

tree=$T/tree
mkdir -p "$tree/.dobby" "$tree/src"
cat >"$tree/src/a.c" <<'C'
/* Adds two numbers and returns the sum of them. */
int add(int a, int b)
{
    return a + b;
}

int twice(int a)
{
    return 2 * a;
}

/* unsure */
int thrice(int a)
{
    return 3 * a;
}
C
cat >"$tree/shop.py" <<'P'
class Cart:
    def total(self, prices):
        return sum(prices[n] for n in self.items)
P
# is TEXT: stdout of the last run is exactly this
is() {
    printf '%s' "$1" >"$T/want"
    if cmp -s "$T/want" "$T/out"; then pass "  exactly what is expected"; else fail "  exactly what is expected" "$(diff "$T/want" "$T/out")"; fi
}
# units: of the last run's stdout leave what has lines; what files and directories show has its own test (test_rollup.sh)
units() { sed -i '/: \(missing\|stale\): \(file\|directory\|repository\)$/d; /"start_line":null/d' "$T/out"; }
# found WHAT TEXT ARGUMENT...: exactly this on stdout of units, and exit status 1 if there is anything, else 0
found() {
    local what=$1 want=$2 status
    shift 2
    run check "$@"
    status=$(($(wc -l <"$T/out") > 0))
    judge $status "$what"
    units
    is "$want"
}
summarize() { "$DOBBY" summarize -m fast -q -o /dev/null "$@" 2>"$T/err" || fail "summarize $*" "$(cat "$T/err")"; }
# edit FILE SED: in place
edit() { sed -i "$2" "$1"; }
everything='shop.py:1: missing: Cart
shop.py:2: missing: Cart.total
src/a.c:2: missing: add
src/a.c:7: missing: twice
src/a.c:13: missing: thrice
'

# ---- without a store ----
rmdir "$tree/.dobby"
mkdir "$tree/.git"
found "without a store everything is missing" "$everything" "$tree"
says "5 units in 2 files: 0 current, 5 missing, 0 stale; of files and directories 4 missing, 0 stale; there is no store yet"
check "  and none is made" test ! -e "$tree/.dobby"
check "  nor anything else" test "$(find "$tree" | wc -l)" = 5
(cd "$tree/src" && "$DOBBY" check) >"$T/out" 2>"$T/err"
rc=$?
judge 1 "the folder one is in"
units
is 'src/a.c:2: missing: add
src/a.c:7: missing: twice
src/a.c:13: missing: thrice
'
mkdir "$T/empty"
found "an empty tree" "" "$T/empty"
found "-q: no summary line" "$everything" -q "$tree"
check "  stderr is empty" test ! -s "$T/err"
expect 66 "a path that is nowhere" check "$tree/nowhere"
expect 64 "an unknown form" check --format xml "$tree"
found "a store that is not there" "$everything" --store "$T/none.db" "$tree"
check "  is not made" test ! -e "$T/none.db"

# ---- with a store ----
summarize --limit 3 "$tree"
found "what lies beyond a limit is missing" 'src/a.c:7: missing: twice
src/a.c:13: missing: thrice
' "$tree"
summarize "$tree"
found "everything is current" "" "$tree"
says "5 units in 2 files: 5 current, 0 missing, 0 stale"
found "one file" "" "$tree/src/a.c"
says "3 units in 1 files"
cp "$tree/.dobby/dobby.db" "$T/before.db"
cp -r "$tree/src" "$T/src"

edit "$tree/src/a.c" 's/2 \* a/a + a/'
found "an edited body" 'src/a.c:7: stale: twice
' "$tree"
says "4 current, 0 missing, 1 stale"
cp "$T/src/a.c" "$tree/src"
edit "$tree/src/a.c" '1i /* A file of sums. */\n'
found "lines that moved down: all stay current" "" "$tree"
edit "$tree/src/a.c" 's/unsure/not so sure/'
found "a comment that is no summary" "" "$tree"
edit "$tree/src/a.c" 's/returns the sum of them/gives their sum back/'
found "a comment that is the summary" 'src/a.c:4: stale: add
' "$tree"
edit "$tree/src/a.c" '/gives their sum/d'
found "a comment that was the summary and is gone" 'src/a.c:3: stale: add
' "$tree"
cp "$T/src/a.c" "$tree/src"
edit "$tree/src/a.c" '/^int twice/,/^}/d'
found "a deleted function is no finding" "" "$tree"
printf '\nint late(int a)\n{\n    return a - 1;\n}\n' >>"$tree/src/a.c"
found "a new function" 'src/a.c:14: missing: late
' "$tree"
cp "$T/src/a.c" "$tree/src"
cp "$tree/shop.py" "$T"
edit "$tree/shop.py" 's/in self.items/in sorted(self.items)/'
found "an edited method: its type stays current" 'shop.py:2: stale: Cart.total
' "$tree"
edit "$tree/shop.py" 's/prices):/prices, tax):/'
found "  but not when its outline changes" 'shop.py:1: stale: Cart
shop.py:2: stale: Cart.total
' "$tree"
expect 1 "  in SARIF" check --format sarif "$tree"
prints '"fullyQualifiedName":"Cart","kind":"type"'
cp "$T/shop.py" "$tree"
mkdir "$tree/lib"
mv "$tree/src/a.c" "$tree/lib/renamed.c"
found "a renamed file keeps its summaries" "" "$tree"
found "  also when only its new place is asked for" "" "$tree/lib"
edit "$tree/lib/renamed.c" 's/3 \* a/a + a + a/'
found "  an edited function of it has none" 'lib/renamed.c:13: missing: thrice
' "$tree"
rm -r "$tree/lib"
cp "$T/src/a.c" "$tree/src"
found "as it was" "" "$tree"
check "  no run has changed the store" cmp "$tree/.dobby/dobby.db" "$T/before.db"

found "made from comments, and --no-docs" 'src/a.c:2: stale: add
' --no-docs "$tree"
summarize --no-docs "$tree"
found "made with --no-docs" "" --no-docs "$tree"
found "  and not asked for so" 'src/a.c:2: stale: add
' "$tree"
summarize "$tree"

# ---- which files count ----
rm -r "$tree/.git"
printf 'skipped.py\n' >"$tree/.gitignore"
printf 'def ignored(a):\n    return a * 7\n' >"$tree/skipped.py"
found "an ignored file does not count" "" "$tree"
printf 'def untracked(a):\n    return a * 9\n' >"$tree/new.py"
found "an untracked file does" 'new.py:1: missing: untracked
' "$tree"
rm "$tree/new.py"
odd=$(printf 'a:\033[2J %%\xff.py')
printf 'def odd(a):\n    return a * 9\n' >"$tree/$odd"
found "a name with control characters" 'a:\x1B[2J %\xFF.py:1: missing: odd
' "$tree"

# ---- forms ----
found "JSON lines" '{"path_hex":"613a1b5b324a2025ff2e7079","name":"odd","kind":"function","start_line":1,"end_line":2,"language":"python","finding":"missing","detail":null}
' --format jsonl "$tree"
edit "$tree/src/a.c" 's/2 \* a/a + a/'
expect 1 "SARIF" check --format sarif -o "$T/log.sarif" "$tree"
silent
check "  is what the standard asks for" python3 - "$T/log.sarif" <<'PYTHON'
import hashlib, json, sys
with open(sys.argv[1], encoding="utf-8") as f:
    log = json.load(f)
assert set(log) == {"$schema", "version", "runs"} and log["version"] == "2.1.0"
(run,) = log["runs"]
assert set(run) == {"tool", "originalUriBaseIds", "results"}
driver = run["tool"]["driver"]
assert driver["name"] == "dobby" and driver["version"]
rules = driver["rules"]
assert [r["id"] for r in rules][:2] == ["missing", "stale"]
for r in rules:
    assert set(r) == {"id", "name", "shortDescription", "fullDescription", "help", "defaultConfiguration"}, r
    assert all(r[k]["text"].endswith(".") for k in ("shortDescription", "fullDescription", "help"))
    assert r["defaultConfiguration"]["level"] in ("note", "warning", "error")
assert list(run["originalUriBaseIds"]) == ["SRCROOT"]
def finding(rule, uri, name, kind, first, last, path):
    h = hashlib.sha256()
    for field in (rule.encode(), path, name.encode(), b"0"):
        h.update(len(field).to_bytes(8, "little") + field)
    return rule, uri, name, kind, first, last, h.hexdigest()
seen = []
for r in run["results"]:
    if r["locations"][0]["logicalLocations"][0]["kind"] in ("module", "namespace"):
        continue
    assert set(r) == {"ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"}, r
    assert rules[r["ruleIndex"]]["id"] == r["ruleId"]
    assert rules[r["ruleIndex"]]["defaultConfiguration"]["level"] == r["level"]
    (at,) = r["locations"]
    (logical,) = at["logicalLocations"]
    where = at["physicalLocation"]
    assert where["artifactLocation"]["uriBaseId"] == "SRCROOT"
    assert r["message"]["text"].startswith(logical["fullyQualifiedName"] + " ")
    assert set(where["region"]) == {"startLine", "endLine"}
    (print_,) = r["partialFingerprints"].values()
    seen.append((r["ruleId"], where["artifactLocation"]["uri"], logical["fullyQualifiedName"], logical["kind"],
                 where["region"]["startLine"], where["region"]["endLine"], print_))
want = [finding("missing", "a%3A%1B%5B2J%20%25%FF.py", "odd", "function", 1, 2, b"a:\x1b[2J %\xff.py"),
        finding("stale", "src/a.c", "twice", "function", 7, 10, b"src/a.c")]
assert seen == want, (seen, want)
PYTHON
check "  names no place of this machine" sh -c "! grep -qF '$T' '$T/log.sarif'"
run check --format sarif "$tree"
check "  the same bytes again, on stdout" cmp "$T/out" "$T/log.sarif"
cp "$T/src/a.c" "$tree/src"
rm "$tree/$odd"
expect 0 "SARIF without findings" check --format sarif "$tree"
check "  has an empty list" python3 -c 'import json,sys; assert json.load(open(sys.argv[1]))["runs"][0]["results"] == []' "$T/out"

# ---- comments that disagree with the code ----
cat >"$tree/src/b.c" <<'C'
/**
 * Says how long a text is, in bytes.
 * @param text what is measured
 * @param limit where it stops
 */
int length(const char *text)
{
    return text[0] ? 1 + length(text + 1) : 0;
}
C
summarize "$tree"
lines='src/b.c:6: doc-mismatch: length: has no parameter limit
'
expect 0 "a comment with a parameter that is not there" check "$tree"
is "$lines"
says "6 current, 0 missing, 0 stale; 1 parameters in comments only"
expect 1 "  counts with --strict" check --strict "$tree"
is "$lines"
expect 0 "  and is not looked for with --no-docs" check --no-docs --strict "$tree/shop.py"
expect 0 "  as a line of JSON" check --format jsonl "$tree"
prints '"finding":"doc-mismatch","detail":"limit"}'
expect 0 "  in the rows of show" show --format jsonl "$tree/src/b.c"
prints '"findings":["doc-mismatch: limit"],"label":null}'
expect 0 "  and its page" show "$tree/src/b.c"
prints '  - *doc-mismatch: limit*'
expect 0 "  in SARIF" check --format sarif "$tree"
check "  a note with words and a fingerprint of its own" python3 - "$T/out" <<'PYTHON'
import json, sys
(run,) = json.load(open(sys.argv[1]))["runs"]
(r,) = run["results"]
assert (r["ruleId"], r["level"]) == ("doc-mismatch", "note") and run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] == r["ruleId"]
assert r["message"]["text"] == "length has no parameter limit, which its comment documents."
PYTHON
edit "$tree/src/b.c" 's/1 + length/2 + length/; s/Says how/Tells how/'
run check "$tree"
judge 1 "  beside a stale summary"
is "src/b.c:6: stale: length
$lines"
rm "$tree/src/b.c"

# ---- what goes wrong ----
edit "$tree/src/a.c" 's/2 \* a/a + a/'
"$DOBBY" check "$tree" >/dev/full 2>"$T/err"
rc=$?
judge 74 "stdout on a full disk"
expect 73 "-o in a folder that is not there" check -o "$T/no/such" "$tree"
python3 - "$T/big.py" <<'PYTHON'
import sys
with open(sys.argv[1], "w") as f:
    for i in range(5000):
        f.write(f"def function_with_a_long_name_{i}(a):\n    return a * {i}\n\n")
PYTHON
"$DOBBY" check "$T/big.py" 2>"$T/err" | head -c 1 >/dev/null
rc=${PIPESTATUS[0]}
check "stdout's reader goes away: 74 and no word" test "$rc" = 74 -a ! -s "$T/err"
cp "$T/src/a.c" "$tree/src"
for wrong in text empty cut; do
    case $wrong in
    text) seq 1000 >"$T/bad.db" ;;
    empty) : >"$T/bad.db" ;;
    cut) head -c 5000 "$tree/.dobby/dobby.db" >"$T/bad.db" ;;
    esac
    run check --store "$T/bad.db" "$tree"
    case $wrong in
    empty) judge 1 "an empty database has nothing" ;;
    *) judge 65 "a broken store: $wrong" ;;
    esac
done
mkdir "$T/link"
cp "$tree/shop.py" "$T/link"
ln -s "$tree/.dobby" "$T/link/.dobby"
expect 78 "a .dobby that is a link" check "$T/link"

# Tests of what may not be read, as somebody who is not root.
shut=$T/shut
mkdir -p "$shut/.dobby"
cp "$tree/shop.py" "$shut"
summarize "$shut"
printf 'def secret(a):\n    return a\n' >"$shut/closed.py"
chmod 000 "$shut/closed.py"
if is_root; then chown -R 65534 "$shut"; fi
user_run check "$shut"
judge 0 "a file that may not be read"
says "closed.py: not read"
silent
chmod 000 "$shut/.dobby/dobby.db"
user_run check "$shut"
judge 77 "a store that may not be read"
chmod 644 "$shut/.dobby/dobby.db"
chmod 555 "$shut/.dobby" "$shut"
find "$shut" | sort >"$T/names"
user_run check "$shut"
judge 0 "a tree that may not be written"
check "  nothing is made in it" sh -c "find '$shut' | sort | cmp - '$T/names'"

# ---- the example hooks, in a repository of git's ----
hooks=$(cd "$(dirname "$0")/../../docs/hooks" && pwd)
if command -v git >/dev/null; then
    mkdir "$T/bin"
    ln -s "$DOBBY" "$T/bin/dobby"
    export PATH=$T/bin:$PATH DOBBY_MODEL=fast GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null HOME=$T
    export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b DOBBY_CACHE=$CACHE
    repo=$T/repo
    git init -q --bare "$T/far.git"
    git init -q "$repo"
    mkdir "$repo/src"
    cp "$tree/shop.py" "$repo/src"
    # A commit and a push, status in rc.
    commit() { (cd "$repo" && git add -A && git commit -qm x) >"$T/out" 2>"$T/err"; rc=$?; }
    push() { (cd "$repo/src" && git push -q "$T/far.git" HEAD:main) >"$T/out" 2>"$T/err"; rc=$?; }
    commit
    cp "$hooks/pre-push" "$repo/.git/hooks/"
    push
    judge 1 "pre-push: a push without summaries is refused"
    says "src/shop.py:2: missing: Cart.total"
    says "run dobby summarize"
    summarize "$repo"
    push
    judge 0 "  with them it goes through"
    cp "$hooks/post-commit" "$repo/.git/hooks/"
    edit "$repo/src/shop.py" 's/prices\[n\]/prices[n] + 1/'
    printf 'def half(a):\n    return a / 2\n' >"$repo/$(printf 'new\nfile %%.py')"
    printf 'def apart(a):\n    return a / 3\n' >"$repo/-n"
    mv "$repo/-n" "$repo/-n.py"
    push
    judge 1 "pre-push: what was not committed counts as well"
    commit
    judge 0 "post-commit: a commit of files with odd names"
    check "  without a word" test ! -s "$T/err"
    found "  has all its summaries" "" "$repo"
    says "4 current"
    push
    judge 0 "  and can be pushed"
    for i in $(seq 21); do printf 'def f%s(a):\n    return a - %s\n' "$i" "$i" >"$repo/f$i.py"; done
    commit
    judge 0 "post-commit: a large commit is left alone"
    says "run dobby summarize when there is time"
    rm "$T/bin/dobby"
    PATH=$T/bin:/usr/bin:/bin
    push
    if command -v dobby >/dev/null; then
        skip "pre-push: without dobby the push is refused" "dobby is installed on this machine"
    else
        judge 1 "pre-push: without dobby the push is refused"
        says "dobby check ended with 127"
    fi
else
    skip "the example hooks" "git is not installed"
fi
finish
