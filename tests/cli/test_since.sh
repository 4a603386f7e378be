#!/usr/bin/env bash
# test_since.sh - summarize and check with --since: which files count, what stays in the store, all the ways a commit is named and
# kept, and repositories that mean harm. Functions have good comments, so no model is asked.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null HOME=$T DOBBY_CACHE=$CACHE
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE=2020-01-01T00:00:00Z GIT_COMMITTER_DATE=2020-01-01T00:00:00Z
g() { git -C "$repo" "$@" >"$T/git" 2>&1 || fail "git $*" "$(cat "$T/git")"; }
# def FILE NAME: append a function that says what it does
def() { printf 'def %s(n):\n    """Gives back %s and nothing else at all."""\n    return n\n\n' "$2" "$2" >>"$1"; }
# looked WHAT REV FILES: --dry-run takes exactly these files
looked() {
    run summarize --dry-run --json --since "$2" "$repo"
    judge 0 "$1"
    check "  takes: $3" test "$(sed -n 's/^{"path":"\([^"]*\)","language".*/\1/p' "$T/out" | xargs)" = "$3"
}

repo=$T/repo
git init -q -b main "$repo"
mkdir "$repo/sub"
for f in same.py edit.py mode.py gone.py sub/deep.py; do def "$repo/$f" "$(basename "$f" .py)"; done
def "$repo/moved.py" moved
printf '*.out.py\n' >"$repo/.gitignore"
g add -A
g commit -qm one
g tag -a v1 -m 'the first'
g tag light
def "$repo/edit.py" second
g commit -qam two
g checkout -qb topic
def "$repo/sub/deep.py" third
g commit -qam three
g update-ref refs/remotes/origin/main main
g symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/main

# ---- which files ----
looked "what is committed is unchanged" HEAD ""
prints '{"path":"same.py","skipped":"unchanged"}'
for rev in main '@^{commit}~1' origin/main origin heads/main "$(git -C "$repo" rev-parse main)" "$(git -C "$repo" rev-parse --short=7 main)"; do
    looked "$rev" "$rev" "sub/deep.py"
done
for rev in light HEAD^^ 'v1^{}'; do looked "$rev" "$rev" "edit.py sub/deep.py"; done
def "$repo/same.py" untracked_change
def "$repo/new.py" new
def "$repo/a.out.py" ignored
def "$repo/staged.py" staged
g add staged.py
chmod +x "$repo/mode.py"
rm "$repo/gone.py"
mv "$repo/moved.py" "$repo/there.py"
def "$repo/$(printf 'odd\n\033[31m\377.py')" odd
run summarize --dry-run --json --since HEAD "$repo"
judge 0 "edited, untracked, staged, moved files, and one with an odd name"
check "  are taken, and no others" python3 - "$T/out" <<'PYTHON'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
took = [bytes.fromhex(r["path_hex"]) if "path_hex" in r else r["path"].encode() for r in rows if "units" in r]
assert took == [b"new.py", b"odd\n\x1b[31m\xff.py", b"same.py", b"staged.py", b"there.py"], took
left = {r["path"]: r["skipped"] for r in rows if "skipped" in r}
assert left == {".gitignore": "unknown language", "a.out.py": "ignored", "edit.py": "unchanged", "mode.py": "unchanged",
                "sub/deep.py": "unchanged"}, left
PYTHON
run summarize --dry-run --json --since main "$repo/sub"
check "a narrower PATH" test "$rc" = 0 -a "$(wc -l <"$T/out")" = 1
prints '{"path":"sub/deep.py","language":"python"'
run summarize --dry-run --json --since HEAD "$repo/sub/deep.py"
check "one file" test "$(cat "$T/out")" = '{"path":"sub/deep.py","skipped":"unchanged"}'
def "$repo/win.py" ends
g add win.py
g commit -qm 'line ends'
sed -i 's/$/\r/' "$repo/win.py"
looked "other line ends than in the commit count as a change" HEAD "new.py same.py there.py win.py"

# ---- what stays in the store ----
rm -rf "$repo"
git init -q -b main "$repo"
for f in a b c old; do def "$repo/$f.py" "$f"; done
g add -A
g commit -qm one
units_of() { sed -n '/"start_line":null/d; s/^{"path":"\([^"]*\)".*/\1/p' | xargs; }
# rows WHAT REV PATHS: a run since REV prints rows of units of these
rows() {
    run summarize -m fast -q --format jsonl --since "$2" "$repo"
    judge 0 "$1"
    check "  rows of: $3" test "$(units_of <"$T/out")" = "$3"
}
stored() { # PATHS
    check "  the store has: $1" test "$("$DOBBY" show --format jsonl "$repo" | units_of)" = "$1"
}
rows "nothing has changed, nothing is made" HEAD ""
def "$repo/b.py" more
rows "only what changed is made" HEAD "b.py b.py"
stored "b.py b.py"
expect 0 "the rest, without --since" summarize -m fast -q -o /dev/null "$repo"
mv "$repo/old.py" "$repo/new.py"
rm "$repo/a.py"
def "$repo/c.py" more
rows "a move, a deletion, a change" HEAD "b.py b.py c.py c.py new.py"
stored "b.py b.py c.py c.py new.py"
(cd "$repo" && "$DOBBY" show --format jsonl .) >"$T/out" 2>&1
prints '"summary":"Holds 3 Python files: b.py, c.py and new.py."' # of files that were not looked at, too
expect 0 "--limit counts the units looked at" summarize -m fast -q --format jsonl --limit 3 --since HEAD "$repo"
check "  three of them" test "$(grep -vc '"start_line":null' "$T/out")" = 3
g reset -q --hard
rows "files that the store has not, but the commit" HEAD "new.py"
stored "b.py b.py c.py c.py new.py"
expect 1 "check: the whole tree" check "$repo"
prints "a.py:1: missing: a"
expect 0 "check --since: files of the commit are not judged" check --since HEAD "$repo"
silent
def "$repo/c.py" other
expect 1 "check --since: a file that differs is" check --since HEAD "$repo"
check "  and no other" test "$(cat "$T/out")" = "c.py: stale: file
c.py:5: missing: other"
(cd "$repo" && "$DOBBY" check --since main~0) >"$T/out" 2>&1
check "  in the folder that one is in" grep -q "c.py:5" "$T/out"

# ---- how commits are kept ----
g commit -qam two
g tag -a v2 -m two
g pack-refs --all
looked "packed refs" v2~1 "c.py new.py"
g gc -q
check "  a pack" test -n "$(ls "$repo"/.git/objects/pack/*.pack)"
looked "a pack" HEAD~1 "c.py new.py"
looked "an abbreviated hash in a pack" "$(git -C "$repo" rev-parse --short HEAD~1)" "c.py new.py"
for i in $(seq 20); do # more packs than a parser process has descriptors
    def "$repo/c.py" "f$i"
    g commit -qam "$i"
    g repack -q
done
looked "more packs than may be open at once" v2 "c.py new.py"
whole=$repo repo=$T/shallow
git clone -q --depth 1 "file://$whole" "$repo"
looked "a shallow clone: what is there" HEAD ""
expect 66 "  what is not" summarize --dry-run --since HEAD~1 "$repo"
says "this clone is shallow: run git fetch --unshallow"
repo=$T/sha256
git init -q --object-format=sha256 "$repo"
def "$repo/a.py" a
g add -A
g commit -qm one
expect 65 "a repository of SHA-256" summarize --dry-run --since HEAD "$repo"
says "SHA-256, which is not read; leave --since out"

# ---- what is refused ----
repo=$whole
expect 66 "no such commit" summarize --dry-run --since nowhere "$repo"
says "since: nowhere: there is no such commit; name a branch"
expect 66 "  and check" check --since nowhere "$repo"
expect 66 "a history that is too short" summarize --dry-run --since HEAD~99 "$repo"
for rev in 'HEAD@{1}' ':/two' HEAD:c.py main..v2 -x ../x '~1'; do
    expect 64 "not understood: $rev" summarize --dry-run "--since=$rev" "$repo"
done
expect 66 "a name that looks like a path" summarize --dry-run --since refs/heads/./main "$repo"
expect 66 "a file of .git that is no ref" summarize --dry-run --since config "$repo"
expect 64 "a file" summarize --dry-run --since "$(git -C "$repo" rev-parse HEAD:c.py)" "$repo"
says "it is no commit"
expect 66 "a name with control characters" summarize --dry-run --since "$(printf 'a\033[31m\377')" "$repo"
check "  which stay away from the terminal" sh -c "! grep -q '$(printf '\033')' '$T/err'"
mkdir -p "$T/plain/.dobby"
def "$T/plain/a.py" a
expect 66 "no repository" summarize --dry-run --since HEAD "$T/plain"
says "no git repository"
git init -q "$T/empty"
expect 66 "a repository without a commit" summarize --dry-run --since HEAD "$T/empty"
git -C "$repo" worktree add -q "$T/linked" HEAD
expect 65 "a worktree" summarize -m fast --since HEAD "$T/linked"
says "its .git leads elsewhere"
check "  no store is made by a run that is refused" test ! -e "$T/linked/.dobby"
expect 66 "an unknown commit is told, not that the model is not there" summarize -m "$T/none.gguf" --since nowhere "$repo"
says "since: nowhere"
expect 64 "watch has no --since" watch --since HEAD "$repo"

# ---- repositories that mean harm ----
# hurt WHAT STATUS COMMAND...: done in a copy's .git, then --since $at
at=HEAD~1
hurt() {
    local what=$1 want=$2
    shift 2
    rm -rf "$T/hurt"
    cp -r "$T/loose" "$T/hurt"
    (cd "$T/hurt/.git" && "$@") || fail "set up: $what"
    timeout 50 "$DOBBY" summarize --dry-run --since "$at" "$T/hurt" >"$T/out" 2>"$T/err" </dev/null
    rc=$?
    judge "$want" "$what"
}
repo=$T/loose
git init -q -b main "$repo"
def "$repo/a.py" a
g add -A
g commit -qm one
def "$repo/a.py" b
g commit -qam two
id=$(git -C "$repo" rev-parse HEAD~1)
object=objects/${id%"${id#??}"}/${id#??}
other=$(git -C "$repo" rev-parse HEAD | sed 's/^../objects\/&\//')
hurt "untouched" 0 true
prints "python, 2 units"
hurt "alternates" 65 sh -c "echo '$whole/.git/objects' >objects/info/alternates"
says "borrows objects from another one (alternates)"
hurt "a folder info that is a link" 65 sh -c "mv objects/info x && ln -s ../x objects/info"
hurt "commondir" 65 sh -c "echo '$whole/.git' >commondir"
hurt "objects that are a link" 65 sh -c "mv objects x && ln -s x objects"
hurt "a loose object that is a link" 66 sh -c "mv $object x && ln -s ../../x $object"
hurt "a loose object that is a FIFO" 66 sh -c "rm -f $object && mkfifo $object"
hurt "a damaged loose object" 65 sh -c "rm -f $object && echo nonsense >$object"
hurt "another object under its name" 65 cp -f "$other" "$object"
hurt "HEAD that is a link" 66 sh -c "rm HEAD && ln -s refs/heads/main HEAD"
hurt "HEAD in a ring" 66 sh -c "echo 'ref: HEAD' >HEAD"
hurt "HEAD that leads out" 66 sh -c "cp refs/heads/main ../out && echo 'ref: refs/../../out' >HEAD"
hurt "refs that are a FIFO" 66 sh -c "rm refs/heads/main && mkfifo refs/heads/main && mkfifo packed-refs"
hurt "reftable" 65 mkdir reftable
cat >"$T/bad.py" <<'PYTHON'
# Objects that cost time or memory: the argument says which. main becomes them.
import hashlib, os, struct, sys, zlib
kind = sys.argv[1]
def loose(kind, body):
    raw = b"%s %d\0" % (kind, len(body)) + body
    name = hashlib.sha1(raw).hexdigest()
    os.makedirs(f"objects/{name[:2]}", exist_ok=True)
    with open(f"objects/{name[:2]}/{name[2:]}", "wb") as f:
        f.write(zlib.compress(raw, 1))
    return name
def commit(tree):
    return loose(b"commit", f"tree {tree}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nx\n".encode())
def tree(entries):
    return loose(b"tree", b"".join(mode + b" " + name + b"\0" + bytes.fromhex(id) for mode, name, id in entries))
if kind == "bomb": # twelve trillion files in a few objects
    id = loose(b"blob", b"x")
    for mode in [b"100644"] + 11 * [b"40000"]:
        id = tree([(mode, b"%02d" % i, id) for i in range(12)])
    id = commit(id)
elif kind == "zip": # 140 MB in a few
    id = loose(b"commit", b"tree " + bytes(140_000_000))
elif kind == "deep":
    id = tree([(b"100644", b"a", loose(b"blob", b"x"))])
    for i in range(600):
        id = tree([(b"40000", b"d", id)])
    id = commit(id)
else: # two deltas, each made from the other
    names = [b"\x11" * 20, b"\x22" * 20]
    delta = zlib.compress(b"\x05\x05\x90\x05")
    pack, at = b"PACK" + struct.pack(">II", 2, 2), []
    for base in reversed(names):
        at.append(len(pack))
        pack += bytes([0x70 | 4]) + base + delta
    pack += hashlib.sha1(pack).digest()
    fan = b"".join(struct.pack(">I", sum(n[0] <= i for n in names)) for i in range(256))
    idx = b"\xfftOc" + struct.pack(">I", 2) + fan + b"".join(names) + bytes(8) + struct.pack(">II", *at) + pack[-20:]
    idx += hashlib.sha1(idx).digest()
    os.makedirs("objects/pack", exist_ok=True)
    for ext, data in ("pack", pack), ("idx", idx):
        with open("objects/pack/pack-" + "1" * 40 + "." + ext, "wb") as f:
            f.write(data)
    id = names[0].hex()
with open("refs/heads/main", "w") as f:
    f.write(id + "\n")
PYTHON
at=HEAD
hurt "a tree of a trillion files" 65 python3 "$T/bad.py" bomb
hurt "an object that unpacks to 140 MB" 65 python3 "$T/bad.py" zip
hurt "600 directories in each other" 0 python3 "$T/bad.py" deep
# The bound on a parser's memory ends it, which a sanitizer has no use for.
[ -n "${SAN:-}" ] || hurt "deltas in a ring" 65 python3 "$T/bad.py" ring
cat >"$T/links.sh" <<'SH'
python3 "$1" ring
cd objects/pack
for f in *; do mv "$f" "../../x.$f" && ln -s "../../x.$f" "$f"; done
SH
hurt "packs that are links" 66 sh "$T/links.sh" "$T/bad.py"
finish
