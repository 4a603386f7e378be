#!/usr/bin/env bash
# test_outputs.sh - summarize and show --format html, llms and scip, over a tree with hostile names: what is written is well-formed,
# holds what JSON lines hold, is the same every time, and comes whole or not at all. Comments that say what functions do
# need no model. peers_page.sh looks at the page in a browser, peers_scip.sh reads the index with the schema.
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
tree=$T/tree
mkdir -p "$tree/.dobby" "$tree/src/geo" "$tree/a b"
cat >"$tree/src/geo/shape.cpp" <<'C'
namespace geo {
struct Circle {
    double r;
    /* Returns the area of the circle, and <!-- is no comment in it. */
    double area() const { double a = 3.14159 * r; return a * r; }
    /* Returns the length of the way around the circle, as a number. */
    double way() const { double a = 2 * 3.14159; return a * r; }
    /* Returns the length of a part of the way around, given by an angle. */
    double way(double angle) const { double a = angle; return a * r; }
    /* Adds another circle to this one & returns the "sum" of both. */
    Circle operator+(const Circle &o) const { Circle c; c.r = r + o.r; return c; }
};
}
C
cat >"$tree/src/first.py" <<'P'
def read_words(path):
    """Reads the words of a file and returns them as a list."""
    with open(path) as f:
        return f.read().split()
P
for name in "src/it's <b>\"&amp;\"<b>.py" $'src/esc\e[31m\nline.py' $'src/bidi\xe2\x80\xae.py' $'src/bad\xff.py' 'a b/100% [x](y)#~2.py' $'src/gr\xc3\xbc\xc3\x9f.py'; do
    cp "$tree/src/first.py" "$tree/$name"
done
sum() { run summarize --fast "$@" "$tree"; }

# ---- the same rows in every form ----
sum --format jsonl -o "$T/rows.jsonl"
judge 0 "summarize --format jsonl"
for form in html llms scip; do
    sum --format $form -o "$T/one.$form"
    judge 0 "summarize --format $form"
    sum --format $form
    judge 0 "  again, to standard output"
    check "  the same bytes" cmp "$T/out" "$T/one.$form"
    expect 0 "  show" show --format $form -o "$T/shown.$form" "$tree"
    silent
    check "  the same bytes" cmp "$T/shown.$form" "$T/one.$form"
    check "  nothing of this machine" sh -c "! grep -qaF '$T' '$T/one.$form'"
    expect 0 "  --title" show --format $form --title 'A <project> & more' -o "$T/titled.$form" "$tree"
    check "  is in it" grep -qaE 'A +(<|\\<|&#60;)project(>|\\>|&#62;) ' "$T/titled.$form"
    ! cmp -s "$T/titled.$form" "$T/one.$form" || fail "  --title changes nothing"
done
check "scip: tells that a path that is not UTF-8 is left out" grep -qF 'scip: 1 file is left out: its path is not UTF-8' "$T/err"
check "no dirt beside them" test "$(find "$T" -maxdepth 1 -name '.*dobby*' | wc -l)" = 0

# ---- the page ----
cat >"$T/page.py" <<'PYTHON'
import base64, hashlib, html.parser, json, re, sys

class Page(html.parser.HTMLParser):
    void = {"meta", "input", "link", "br"}
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.texts, self.tags, self.policy = [], {}, [], None
    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        self.tags.append((tag, a))
        if a.get("http-equiv") == "Content-Security-Policy":
            assert "style" not in [t for t, _ in self.tags] and "script" not in [t for t, _ in self.tags]
            self.policy = a["content"]
        if tag not in self.void:
            self.open.append((tag, a))
    def handle_endtag(self, tag):
        assert self.open and self.open[-1][0] == tag, (tag, self.open)
        self.open.pop()
    def handle_data(self, data):
        if self.open and self.open[-1][0] in ("script", "style", "title"):
            key = self.open[-1][0] + self.open[-1][1].get("type", "")
            self.texts[key] = self.texts.get(key, "") + data

raw = open(sys.argv[1], "rb").read()
text = raw.decode("utf-8")  # strictly
page = Page()
page.feed(text)
page.close()
assert not page.open, page.open
assert text.startswith("<!doctype html>")
kinds = [a.get("type", "") for t, a in page.tags if t == "script"]
assert kinds == ["application/json", ""], kinds  # the rows and the script, nothing that came from a row
digest = lambda t: "'sha256-" + base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() + "'"
assert page.policy.startswith("default-src 'none'; "), page.policy
assert "script-src " + digest(page.texts["script"]) in page.policy and "style-src " + digest(page.texts["style"]) in page.policy
assert "unsafe" not in page.policy and "http" not in page.policy
for tag, a in page.tags:  # nothing is fetched
    assert not set(a) & {"src", "srcset", "data", "action", "style", "onload", "onclick"}, (tag, a)
    assert a.get("href", "#") == "#" and tag != "link", (tag, a)
assert not re.search(r"https?:|//[a-z]|url\(|@import", page.texts["style"] + re.sub(r"//.*|/\*.*?\*/", "", page.texts["script"]))
assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]", text)

rows = json.loads(page.texts["scriptapplication/json"])
assert "<" not in page.texts["scriptapplication/json"]
assert page.texts["title"] == sys.argv[3], page.texts["title"]
def shown(s):  # as utf8_escape shows it
    if isinstance(s, bytes):
        s = s.decode("utf-8", "surrogateescape")
    out = ""
    for c in s:
        n = ord(c)
        if 0xDC80 <= n <= 0xDCFF: out += "\\x%02X" % (n - 0xDC00)
        elif n < 0x20 or n == 0x7f: out += "\\x%02X" % n
        elif 0x80 <= n < 0xa0 or 0x200b <= n <= 0x200f or 0x2028 <= n <= 0x202e or 0x2066 <= n <= 0x2069 or n == 0xfeff: out += "\\u{%X}" % n
        else: out += c
    return out
want = [json.loads(line) for line in open(sys.argv[2])]
assert len(rows) == len(want) > 8
path = kind = language = source = model = None
for r, w in zip(rows, want):
    if r[0] != 0: path = r[0]
    if r[2] != 0: kind = r[2]
    if r[5] != 0: language = r[5]
    if r[7] != 0: source = r[7]
    if r[9] != 0: model = r[9]
    raw_path = bytes.fromhex(w["path_hex"]) if "path_hex" in w else w["path"]
    assert path == shown(raw_path), (path, raw_path)
    name = w["name"] and shown(w["name"])
    if w["kind"] == "file" and "path_hex" in w:  # whose name in JSON cannot hold its bytes
        name = shown(raw_path.rsplit(b"/", 1)[-1])
    got = [r[1], kind, r[3] or None, r[4] or None, language, r[6], source, model]
    assert got == [name, w["kind"], w["start_line"], w["end_line"], w["language"],
                   w["summary"] and shown(w["summary"]), w["source"], w["model"]], (got, w)
    assert r[8] == (None if w["confidence"] is None else int(w["confidence"] * 100 + 0.5)), (r, w)
    assert len(r) == (12 if w["label"] else 10 + bool(w["findings"]))
    assert not w["label"] or (r[10] or None) == w["findings"] and r[11] == w["label"], (r, w)
PYTHON
check "the page is well-formed, shut off, and holds the rows" python3 "$T/page.py" "$T/one.html" "$T/rows.jsonl" tree
check "  with a title of other signs" python3 "$T/page.py" "$T/titled.html" "$T/rows.jsonl" 'A <project> & more'
check "  what would begin a comment is text" grep -qF 'circle, and \u003c!-- is no' "$T/one.html"
expect 0 "show of one file" show --format html -o "$T/file.html" "$tree/src/first.py"
check "  is named after it" grep -qF '<title>first.py</title>' "$T/file.html"

# ---- llms.txt ----
cat >"$T/llms.py" <<'PYTHON'
import re, sys, urllib.parse
lines = open(sys.argv[1], encoding="utf-8").read().split("\n")
assert lines[0] == "# tree" and lines[1] == "" and lines[2].startswith("> "), lines[:3]
links, heads = [], []
for line in lines[3:]:
    m = re.fullmatch(r"- \[((?:\\.|[^\\\[\]])*)\]\(([^()\s]*)\): (.+)", line)
    if m: links.append((m[1], urllib.parse.unquote_to_bytes(m[2]), m[3]))
    elif line.startswith("## "): heads.append(line[3:])
    else: assert line == "", line
assert heads == ["a b/", "src/", "src/geo/"], heads
paths = [p for _, p, _ in links if not p.endswith(b"/")]
assert len(paths) == 8, links
assert {p for _, p, _ in links if p.endswith(b"/")} == {b"a b/", b"src/", b"src/geo/"}, links
assert b"src/bad\xff.py" in paths and b"src/esc\x1b[31m\nline.py" in paths and b"a b/100% [x](y)#~2.py" in paths, paths
assert [n[:34] for _, p, n in links if p == b"src/first.py"] == ["Defines the function read_words: r"], links
PYTHON
check "llms.txt: title, quote, a section a directory, a line a file" python3 "$T/llms.py" "$T/one.llms"

# ---- what cannot be ----
expect 64 "a title without a place for it" show --title x "$tree"
says "only --format html, llms and scip have a title"
expect 64 "a form that is none" show --format htm "$tree"
expect 66 "nothing to show" show --format html -o "$T/none.html" "$tree/gone.c"
check "  no file is left" test ! -e "$T/none.html"
expect 73 "a directory in its place" show --format html -o "$T" "$tree"
expect 73 "no such directory" show --format scip -o "$T/no/such/index.scip" "$tree"
echo old >"$T/old.html"
for form in html llms scip; do
    expect 74 "$form: the disk is full" show --format $form -o /dev/full "$tree"
    says "disk full"
    "$DOBBY" show --format $form "$tree" 2>"$T/err" | head -c 1 >"$T/out"
    check "$form: the reader goes away, nothing is said" sh -c "! grep -v 'left out' '$T/err'"
done
expect 66 "a failed run" show --format html -o "$T/old.html" "$tree/gone.c"
check "  leaves the old file" grep -q old "$T/old.html"
cat >"$T/terminal.py" <<'PYTHON'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
data = b""
try:
    while block := os.read(fd, 4096):
        data += block
except OSError:
    pass
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
assert status == 64 and b"standard output a terminal" in data and b"file:///" not in data, (status, data)
PYTHON
check "binary stays off a terminal" python3 "$T/terminal.py" "$DOBBY" show --format scip "$tree"
mkdir "$T/empty" "$T/empty/.dobby"
run summarize --fast --format html -o "$T/empty.html" "$T/empty"
judge 0 "an empty tree"
check "  is a page without rows" sh -c "tr -d '\n' <'$T/empty.html' | grep -qF 'id=\"rows\">[]</script>'"
finish
