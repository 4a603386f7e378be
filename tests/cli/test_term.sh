#!/usr/bin/env bash
# test_term.sh - the progress line on a terminal: rewritten in place, cut to the width, wiped at the end; Ctrl-C as typed.
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
cat >"$T/on_terminal.py" <<'PYTHON'
"""on_terminal.py COLUMNS LOG STOP ARGUMENT...: run the program with stderr on a terminal of that width; STOP is how many times to type
Ctrl-C once the progress line shows that the model works. Writes all that reached the terminal to LOG; exits as the program did."""
import fcntl, os, pty, re, select, struct, subprocess, sys, termios, time
columns, log, stop = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
def start():
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
env = dict(os.environ, TERM="xterm")
p = subprocess.Popen(sys.argv[4:], stdin=slave, stdout=subprocess.DEVNULL, stderr=slave, env=env, preexec_fn=start)
os.close(slave)
seen, typed_at = b"", None
while True:
    ready, _, _ = select.select([master], [], [], 0.2)
    if ready:
        try:
            block = os.read(master, 65536)
        except OSError:
            break
        if not block:
            break
        seen += block
    if stop and re.search(rb"summarize[^\r\n]* of \d+ done[^\r\n]*tokens/s", seen) and (typed_at is None or time.time() - typed_at > 0.5):
        os.write(master, b"\x03")
        stop, typed_at = stop - 1, time.time()
    if p.poll() is not None and not ready:
        break
open(log, "wb").write(seen)
sys.exit(p.wait())
PYTHON
on_terminal() { # COLUMNS STOP ARGUMENT...
    local columns=$1 stop=$2
    shift 2
    python3 "$T/on_terminal.py" "$columns" "$T/log" "$stop" "$DOBBY" "$@" >"$T/err" 2>&1
    rc=$?
}
shown() { # WHAT PYTHON-EXPRESSION over `log` (bytes) and `drawn` (the states of the progress line, without escapes)
    check "$1" python3 - "$T/log" "$2" <<'PYTHON'
import re, sys
log = open(sys.argv[1], "rb").read()
drawn = [re.sub(rb"\x1b\[[0-9;]*[A-Za-z]", b"", d).decode() for d in re.findall(rb"\r([^\r\n]*?)\x1b\[K", log)]
drawn = [d for d in drawn if d]
assert eval(sys.argv[2]), (drawn, log[-2000:])
PYTHON
}

small_tree "$T/tree"
# Few agents: units end one after the other, so that the line is drawn between them on a fast machine, too.
on_terminal 200 0 summarize -m fast --agents 2 --limit 10 "$T/tree"
check "exit status 0" test "$rc" = 0
shown "the line counts units" 'any(re.fullmatch(r"summarize  \d+ of 10 done.*\d left.*", d) for d in drawn)'
shown "and tells the rate" 'any("tokens/s" in d for d in drawn)'
shown "it is wiped before the last words" 're.search(rb"\r\x1b\[Kdobby: 10 units in", log)'
shown "colour marks the stage" 'b"\x1b[1m" in log'
rm -rf "$T/tree/.dobby"
mkdir "$T/tree/.dobby"
NO_COLOR=1 on_terminal 40 0 summarize -m fast --limit 4 "$T/tree"
shown "NO_COLOR: none" 'b"\x1b[1m" not in log and b"\x1b[0m" not in log'
shown "40 columns: the line stays below" 'drawn and max(map(len, drawn)) <= 39'
rm -rf "$T/tree/.dobby"
mkdir "$T/tree/.dobby"
on_terminal 80 0 summarize -q -m fast --limit 2 "$T/tree"
shown "-q: nothing" 'log == b""'

rm -rf "$T/tree/.dobby"
mkdir "$T/tree/.dobby"
on_terminal 100 1 summarize -m fast --agents 2 "$T/tree"
check "Ctrl-C once: 130" test "$rc" = 130
shown "  says what it will finish" 're.search(rb"stopping: \d+ units in flight will be finished", log)'
done_before=$("$DOBBY" show --format jsonl "$T/tree" 2>/dev/null | grep -c '"summary":"')
rm -rf "$T/tree/.dobby"
mkdir "$T/tree/.dobby"
check "  and keeps what was done ($done_before)" test "$done_before" -ge 1
on_terminal 100 2 summarize -m fast "$T/tree"
check "Ctrl-C twice: 130" test "$rc" = 130
finish
