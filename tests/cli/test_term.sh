#!/usr/bin/env bash
# test_term.sh - the progress line and the agents' lines on a terminal: rewritten in place, cut to the width, wiped at the
# end, whatever the size and however it changes; Ctrl-C as typed.
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
here=$(dirname "$0")
on_terminal() { # COLUMNSxROWS TYPE ARGUMENT...
    local size=$1 type=$2
    shift 2
    python3 "$here/screen.py" "$size" "$T/log" "$type" "$DOBBY" "$@" >"$T/err" 2>&1
    rc=$?
}
shown() { # WHAT PYTHON-EXPRESSION over `raw` (str), `frames` (width, then lines), `drawn` and `left` (see screen.py)
    check "$1" python3 - "$T/log" "$2" <<'PYTHON'
import json, re, sys
vars().update(json.load(open(sys.argv[1])))
agent = re.compile(r" *\d+  (waiting|reading|writing|working|retrying) +(\d+(/\d+)?)? +(in )?\d+\.\d s  \S+: \S+")
def agents(frame): # how many lines of agents stand directly above the progress line
    n = 0
    while n + 2 < len(frame) and agent.match(frame[-2 - n]):
        n += 1
    return n
assert eval(sys.argv[2]), (frames[-5:], left, raw[-1000:])
PYTHON
}
afresh() {
    rm -rf "$T/tree/.dobby"
    mkdir "$T/tree/.dobby"
}
clean='all(l == "" or l.startswith("dobby: ") for l in left)'

small_tree "$T/tree"
# Few agents: units end one after the other, so that the line is drawn between them on a fast machine, too.
on_terminal 200x24 "" summarize -m fast --agents 2 --limit 10 "$T/tree"
check "exit status 0" test "$rc" = 0
shown "the line counts units" 'any(re.fullmatch(r"summarize  \d+ of 10 done.*\d left.*", d) for d in drawn)'
shown "and tells the rate" 'any("tokens/s" in d for d in drawn)'
shown "two agents, a line each, above it" 'max(map(agents, frames)) == 2'
shown "  each with its unit" 'any("queue.go: " in l for f in frames for l in f[1:-1])'
shown "all is wiped before the last words" "$clean"' and any("10 units in" in l for l in left)'
shown "colour marks the stage" '"\x1b[1m" in raw'
afresh
NO_COLOR=1 on_terminal 39x24 "" summarize -m fast --limit 4 "$T/tree"
shown "NO_COLOR: none" '"\x1b[1m" not in raw and "\x1b[0m" not in raw'
shown "39 columns: the line stays below" 'drawn and max(map(len, drawn)) <= 38'
shown "  and stands alone" 'max(map(agents, frames)) == 0 and "\x1b[1A" not in raw'
afresh
on_terminal 100x7 "" summarize -m fast --limit 4 "$T/tree"
shown "7 rows: the line stands alone" 'drawn and max(map(agents, frames)) == 0'
afresh
on_terminal 80x24 "" summarize -q -m fast --limit 2 "$T/tree"
shown "-q: nothing" 'raw == ""'
afresh
on_terminal 80x24 "" summarize --log json -m fast --limit 2 "$T/tree"
shown "--log json: objects, no lines that are rewritten" '"\x1b" not in raw and all(json.loads(l) for l in left if l)'

afresh
on_terminal 70x10 "" summarize -m fast --agents 20 "$T/tree"
shown "10 rows: as many agents as fit, the rest counted" 'any(re.match(r" +and 15 more$", f[-2]) and len([l for l in f[1:-2] if agent.match(l)]) >= 5 for f in frames if len(f) > 7)'
shown "  no line is wider than 69" 'max(len(l) for f in frames for l in f[1:] if agent.match(l)) <= 69'
shown "  nothing stays" "$clean"
afresh
on_terminal 110x24 "48x24,48x9,120x30,60x6,90x24" summarize -m fast -t 1 --agents 5 "$T/tree"
check "a size that changes: exit status 0" test "$rc" = 0
shown "  it did" 'undone == [] and {f[0] for f in frames} >= {110, 48}'
shown "  the lines follow it" 'any(agents(f) for f in frames if f[0] == 48)'
# A size that changes between the look at it and the drawing leaves that drawing behind: no program can see it. More than
# one such drawing (5 agents and the line) would be a rule that is wrong.
shown "  next to nothing stays" 'sum(not (l == "" or l.startswith("dobby: ")) for l in left) <= 6'

afresh
on_terminal 100x24 "^C" summarize -m fast --agents 2 "$T/tree"
check "Ctrl-C once: 130" test "$rc" = 130
shown "  says what it will finish" 're.search(r"stopping: \d+ units in flight will be finished", raw)'
shown "  nothing stays" 'all(l == "" or l.startswith(("dobby: ", "^C")) for l in left)'
done_before=$("$DOBBY" show --format jsonl "$T/tree" 2>/dev/null | grep -v '"start_line":null' | grep -c '"summary":"')
afresh
check "  and keeps what was done ($done_before)" test "$done_before" -ge 1
on_terminal 100x24 "^C,^C" summarize -m fast "$T/tree"
check "Ctrl-C twice: 130" test "$rc" = 130
finish
