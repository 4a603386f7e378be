#!/usr/bin/env bash
# test_hostile.sh - a tree that means harm, as a whole: what the program opens, writes and starts is seen by strace, what
# reaches a terminal by script. Parts have tests of their own: .git and --since in test_since.sh, a linked .dobby and what may not
# be read in test_check.sh, nesting grammar by grammar in tests/code/test_parse.c.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
tree=$T/tree
far=$T/outside
mkdir -p "$tree" "$far/dir" "$T/home"
for f in "$far/secret.py" "$far/dir/far.py"; do printf 'def far_away(a):\n    return a\n' >"$f"; done
cat >"$T/ran.sh" <<SH
#!/bin/sh
echo "\$0 \$*" >>"$T/ran"
SH
chmod +x "$T/ran.sh"

# A repository that names programs wherever git would run one, and leads out wherever git would follow.
git -C "$tree" init -q
printf 'def plain(a, b):\n    return a * b + 1\n\n\ndef told(a):\n    """Gives back a and nothing else at all."""\n    return a\n' >"$tree/plain.py"
git -C "$tree" add plain.py
cp "$T/ran.sh" "$tree/.git/hooks/post-index-change"
cat >>"$tree/.git/config" <<CONFIG
	fsmonitor = $T/ran.sh
	hooksPath = $T
	sshCommand = $T/ran.sh
	pager = $T/ran.sh
	editor = $T/ran.sh
	excludesFile = $far/rules
	attributesFile = $far/rules
	worktree = $far
[filter "x"]
	clean = $T/ran.sh
	smudge = $T/ran.sh
	process = $T/ran.sh
	required = true
[diff "x"]
	textconv = $T/ran.sh
[include]
	path = $far/config
[credential]
	helper = $T/ran.sh
CONFIG
echo '* filter=x diff=x' >"$tree/.gitattributes"
mkdir -p "$tree/.git/objects/info"
echo "$far/objects" >"$tree/.git/objects/info/alternates"
echo "$far/git" >"$tree/.git/commondir"
for name in "$(printf 'esc\033]0;owned\007\033[2J.py')" "$(printf 'two\nlines\r.py')" "$(printf 'bidi\342\200\256cod.py')" \
    "$(printf 'bytes\377\233.py')" "$(printf '%s' '-rf --help.py')" "$(printf '$(touch ran)`touch ran`;.py')"; do
    printf 'def named(a):\n    """Gives back a and nothing else at all."""\n    return a\n' >"$tree/$name"
done
printf 'def f\033]0;owned\007(a):\n    return a\n' >"$tree/escape.py"
python3 - "$tree" <<'PYTHON'
import os, socket, sys
os.chdir(sys.argv[1])
told = "Gives back one and nothing else at all." # no model is asked about them: such prompts take minutes
for end, before, after in (("c", f"/* {told} */\nint f(void) {{ return ", "; }"), ("py", f'def f():\n    """{told}"""\n    return ', ""),
                           ("rs", f"/// {told}\nfn f() -> i32 {{ ", " }"), ("lua", f"-- {told}\nfunction f() return ", " end")):
    with open("nest." + end, "w") as f: # lines are short: a long one would be skipped unread
        f.write(before + "\n".join(1000 * ["(" * 100]) + "1" + "\n".join(1000 * [")" * 100]) + after + "\n")
with open("blocks.c", "w") as f:
    f.write(f"/* {told} */\nvoid f(void)\n" + "\n".join(1000 * ["{" * 100]))
with open("huge.c", "w") as f:
    f.write("int a;\n")
    f.truncate(50_000_000)
os.symlink("loop2.py", "loop.py"), os.symlink("loop.py", "loop2.py")
os.symlink(".", "self"), os.symlink("..", "up"), os.symlink("/", "root")
os.symlink("/etc/passwd", "passwd.py"), os.symlink("../outside/secret.py", "secret.py"), os.symlink("../outside", "out")
os.symlink("/proc/self/mem", "mem.py"), os.symlink("/dev/zero", "zero.py")
os.mkfifo("pipe.py")
socket.socket(socket.AF_UNIX).bind("socket.py")
for i, make in enumerate((os.mkdir, os.mkfifo, lambda p: os.symlink("../../outside/rules", p), lambda p: os.truncate(os.open(p, os.O_CREAT | os.O_WRONLY), 50_000_000))):
    os.mkdir(f"rules{i}")
    make(f"rules{i}/.gitignore")
    with open(f"rules{i}/kept.py", "w") as f:
        f.write('def kept(a):\n    """Gives back a and nothing else at all."""\n    return a\n')
os.mkdir("nested"), os.mkdir("linked")
with open("nested/.git", "w") as f:
    f.write("gitdir: ../../outside\n")
os.symlink("../../outside", "linked/.git")
for d in "nested", "linked":
    with open(d + "/inside.py", "w") as f:
        f.write("def inside(a):\n    return a\n")
PYTHON
echo '*' >"$far/rules"

# seen WHAT ARGUMENT...: under strace, in an environment of its own; what was opened, changed and started is in order. strace
# ends when the last process has: a time limit that is not reached means that none is left behind.
seen() {
    local what=$1
    shift
    HOME=$T/home DOBBY_CACHE=$CACHE ASAN_OPTIONS=detect_leaks=0 timeout 60 strace -f -qq -y -s 4096 -o "$T/trace" \
        -e trace=%file,process,fchmod,fchown,ftruncate "$DOBBY" "$@" >"$T/out" 2>"$T/err" </dev/null
    rc=$?
    judge 0 "$what"
    check "  nothing outside the tree is read, written or started" python3 - "$T/trace" "$T" "$CACHE" "$DOBBY" <<'PYTHON'
import os, re, sys
trace, scratch, cache, dobby = sys.argv[1:]
tree = scratch + "/tree"
system = re.compile(r"/(lib|lib64|usr/lib|usr/share/zoneinfo|usr/local/lib)/|/etc/(ld\.so\.(cache|preload)|ssl/|localtime|gnutls/)|"
                    r"/proc(/(self|\d+)(/task/\d+)?(/(maps|status|stat|cgroup|mountinfo|smaps_rollup|comm|fd|exe|cmdline))?|/meminfo|/stat|/cpuinfo|"
                    r"/sys/.*)?$|/sys/(fs/cgroup|devices|kernel/mm)|/dev/(null|urandom|shm/)")
bad, opened = [], 0
adapters = [os.path.realpath(os.path.join(os.path.dirname(dobby), up, "data/adapters")) for up in ("..", "../..")] # dobby's own
def ours(path):
    return (path + "/").startswith(tree + "/") or (path + "/").startswith(cache + "/") or path == dobby or \
        any((path + "/").startswith(a + "/") for a in adapters)
for line in open(trace, errors="surrogateescape"):
    call = line.partition(" ")[2].strip()
    name = call.split("(")[0]
    if name == "execve" and not re.match(r'execve\("(%s|/proc/self/exe)", \["(%s|dobby)"' % (re.escape(dobby), re.escape(dobby)), call):
        bad.append(line)
    result = re.search(r" = (\d+)<(.*)>$", call)
    if name in ("open", "openat", "creat") and result:
        opened += 1
        path = result[2].replace(" (deleted)", "")
        if not ours(path) and not system.match(path):
            bad.append(line)
        if re.search(r"O_WRONLY|O_RDWR|O_CREAT", call) and not (path.startswith((tree + "/.dobby", cache + "/")) or path == "/dev/null" or
                                                                  re.match(r"/proc/\d+/task/\d+/comm$", path)): # names of threads
            bad.append(line)
    if re.match(r"(unlink|rename|mkdir|rmdir|link|symlink|chmod|fchmod|chown|fchown|truncate|ftruncate|mknod|utime|setxattr)", name) and \
            " = 0" in call and tree + "/.dobby" not in call and cache not in call and '".dobby' not in call:
        bad.append(line)
assert opened > 20, opened
assert not bad, "".join(bad[:10]).encode("ascii", "backslashreplace").decode()
PYTHON
    check "  no program was run" test ! -e "$T/ran"
    check "  no control byte on stdout or stderr" python3 -c 'import sys
for f in sys.argv[1:]:
    text = open(f, "rb").read()
    bad = {c for c in text if (c < 32 and c != 10) or c == 127} | {b for b in (b"\xe2\x80\xae", b"\x9b") if b in text}
    assert not bad, (f, bad)' "$T/out" "$T/err"
}
find "$far" "$T/ran.sh" -type f -printf '%p %s %T@ %A@\n' | sort >"$T/before"
seen "a dry run of a hostile tree" summarize --dry-run "$tree"
prints "symlink"
says "rules1/.gitignore: not used"
seen "a run with the model" summarize -m fast --format jsonl "$tree"
check "  the functions of the tree, and no others" python3 - "$T/out" <<'PYTHON'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
names = [r["name"] for r in rows]
assert names.count("kept") == 4 and names.count("named") == 6 and {"plain", "told"} <= set(names), names
assert not {"far_away", "inside"} & set(names), names
PYTHON
seen "check" check "$tree"
check "  nothing outside was touched" sh -c "find '$far' '$T/ran.sh' -type f -printf '%p %s %T@ %A@\n' | sort | cmp - '$T/before'"

# ---- on a terminal ----
for verb in "summarize -m fast" check; do
    DOBBY_CACHE=$CACHE timeout 60 script -qec "'$DOBBY' $verb '$tree'" /dev/null >"$T/tty" 2>&1 </dev/null
    check "on a terminal, $verb: names give it no command" python3 -c 'import sys
text = open(sys.argv[1], "rb").read()
assert len(text) > 100
for bad in b"\x1b]", b"\x07", b"\x1b[2J.py", b"\xe2\x80\xae", b"\x9b", b"two\r\nlines":
    assert bad not in text, bad' "$T/tty"
done
finish
