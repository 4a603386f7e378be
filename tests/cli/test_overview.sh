#!/usr/bin/env bash
# test_overview.sh - dobby overview: what a tree is made of, as Markdown, as a diagram and as JSON; what a run changes in it; hostile
# names. Documented functions, so that no model has to write.
. "$(dirname "$0")/lib.sh"

check "the test model is in the cache" test -f "$SMOL" || finish
tree=$T/tree
mkdir -p "$tree/.git" "$tree/src/base" "$tree/src/app" "$tree/py/shop" "$tree/web/ui" "$tree/tests"
doc='/** Return the answer to all of it, always the same. */'
for i in $(seq 20); do echo 'int x(void);' >"$tree/src/base/h$i.h"; done
for i in 1 2 3 4; do
    printf '#include "base/b%s.h"\n%s\nint b%s(void)\n{\n    return %s;\n}\n' $i "$doc" $i $i >"$tree/src/base/b$i.c"
    printf 'int b%s(void);\n' $i >"$tree/src/base/b$i.h"
done
printf '#include "base/b1.h"\n#include "base/b2.h"\n#include "app/later.h"\n#include <sqlite3.h>\n#include <stdio.h>\n\n%s\nint main(void)\n{\n    return b1();\n}\n' "$doc" >"$tree/src/app/main.c"
for _ in $(seq 40); do echo '/* no function */' >>"$tree/src/app/main.c"; done
printf '#include "base/b1.h"\n%s\nint main(void)\n{\n    return b1();\n}\n' "$doc" >"$tree/tests/test_b.c"
printf '"""A shop."""\n' >"$tree/py/shop/__init__.py"
printf 'import requests\nfrom . import cart\n\n\ndef main():\n    """Run the whole shop until there is nobody left in it."""\n    return cart\n' >"$tree/py/shop/cli.py"
printf 'import os\n\n\ndef size():\n    """Return the size of the cart, which is the environment."""\n    return os\n' >"$tree/py/shop/cart.py"
printf '[project]\nname = "everything"\n[project.scripts]\nshop = "shop.cli:main"\n' >"$tree/pyproject.toml"
printf '{"name":"web","bin":{"web":"./ui/run.js"}}' >"$tree/web/package.json"
printf "#!/usr/bin/env node\nimport {show} from './show.js';\nimport React from 'react';\n" >"$tree/web/ui/run.js"
printf "import './run';\n/** Show all that there is to show on one page. */\nexport function show() {\n  return 1;\n}\n" >"$tree/web/ui/show.js"
expect 0 "summarize" summarize -m fast -q --format jsonl "$tree"
expect 0 "overview" overview "$tree"
cp "$T/out" "$T/one.md"
for text in '# Overview: `everything`' '| C | 30 | 6 |' '| Python | 3 | 2 |' '- `py/shop/cli.py`: command `shop`' \
    '- `web/ui/run.js`: command `web`' '- `src/app/main.c` (line 8): `main`' '- and 1 in tests, examples' \
    '| `src/base` | 1 | 28 | 4 |' '- `src/app` imports `src/base` (2)' '    m_src_app -->|2| m_src_base' \
    '- `react` (JavaScript): 1 file' '- `requests` (Python): 1 file' '- `sqlite3.h` (C): 1 file' 'Of 15 imports, 1 should lead'; do
    prints "$text"
done
check "  tests come last, and say nothing about what depends on what" test "$(grep -n '^| `tests` | 0 ' "$T/out" | cut -d: -f1)" -gt "$(grep -n '^| `src/app`' "$T/out" | cut -d: -f1)"
check "  standard libraries are left out" sh -c "! grep -qE 'stdio|\`os\`' '$T/out'"
run overview --json "$tree"
check "--json" python3 - "$T/out" <<'PYTHON'
import json, sys
d = json.load(open(sys.argv[1]))
m = [x["path"] for x in d["modules"]]
assert d["name"] == "everything" and d["files"] == 35 and d["unresolved"] == 1, d
assert {(m[x["from"]], m[x["to"]], x["imports"]) for x in d["dependencies"]} == {("src/app", "src/base", 2)}, d["dependencies"]
assert [x["aside"] for x in d["modules"]][-1] and m[-1] == "tests", m
assert [(x["path"], x["kind"], x["name"]) for x in d["entry_points"]][:2] == [
    ("py/shop/cli.py", "command", "shop"), ("web/ui/run.js", "command", "web")], d["entry_points"]
assert {x["name"] for x in d["packages"]} == {"react", "requests", "sqlite3.h"}, d["packages"]
PYTHON
expect 0 "of a part of the tree" overview "$tree/web"
prints '- `web/ui/show.js` → `web/ui/run.js` → `web/ui/show.js`'
check "  and nothing else" sh -c "! grep -q 'src/' '$T/out'"
expect 0 "into a file" overview -o "$T/o.md" "$tree"
check "  the same, byte for byte" cmp "$T/one.md" "$T/o.md"
silent

expect 0 "a tree of pages" summarize -m fast -q -o "$T/pages/" "$tree"
check "  its index begins with the overview and goes on with the pages" sh -c "head -n \$(wc -l <'$T/one.md') '$T/pages/index.md' | cmp - '$T/one.md' && tail -n 1 '$T/pages/index.md' | grep -qF '](web/ui/show.js.md)'"
mkdir -p "$T/empty/.git"
expect 0 "an empty tree of pages" summarize -m fast -q -o "$T/none/" "$T/empty"
check "  has an index all the same" grep -q '^# Index' "$T/none/index.md"

# ---- what a run changes: a new file makes an old import lead somewhere, without the importing file being read again ----
mkdir "$tree/src/app/sub"
printf 'int later(void);\n' >"$tree/src/app/later.h"
sed -i 's/sqlite3.h/zlib.h/' "$tree/src/app/main.c"
rm "$tree/pyproject.toml"
expect 0 "summarize again" summarize -m fast -q --format jsonl "$tree"
expect 0 "overview again" overview "$tree"
prints '- `zlib.h` (C): 1 file'
check "  every import leads somewhere, and what is gone is gone" sh -c "! grep -qE 'should lead|sqlite|everything|command .shop' '$T/out'"
expect 0 "summarize a part, with other options" summarize -m fast -q --limit 3 --refresh --format jsonl "$tree/src"
run overview "$tree"
prints '- `src/app` imports `src/base` (2)'
prints '- `web/ui/run.js`: command `web`'

# ---- names that are hostile to Markdown, to Mermaid and to a terminal ----
bad=$T/bad
mkdir -p "$bad/.git"
for name in end graph 'a"]; click m_x href "javascript:alert(1)" %%' '`md` **b** <b>x' '%%{init: {}}%%' $'new\nline' 'x --> y' \
    'a|b' 'subgraph;end' '#quot;' $'esc\e[31m' a-b a_b $'bad\xff' '```' '{{"'; do
    mkdir "$bad/$name"
    printf '#include "end/a.h"\n#include "a-b/a.h"\n#include "#quot;/a.h"\n%s\nint f(void)\n{\n    return 1;\n}\n' "$doc" >"$bad/$name/a.c"
    for i in 1 2 3; do printf 'int g(void);\n' >"$bad/$name/h$i.h"; done
    cp "$bad/$name/h1.h" "$bad/$name/a.h"
done
expect 0 "summarize hostile names" summarize -m fast -q --format jsonl "$bad"
expect 0 "overview of hostile names" overview "$bad"
check "  nothing raw: no control characters, no HTML, no broken table" python3 - "$T/out" <<'PYTHON'
import re, sys
text = open(sys.argv[1], encoding="utf-8").read()
assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
head, diagram, tail = re.match(r"(.*?)^```mermaid\n(.*?)^```$(.*)", text, re.S | re.M).groups()
lines = diagram.splitlines()
nodes = [re.fullmatch(r'    (m_[A-Za-z0-9_]+)\["((?:[A-Za-z0-9 ._/+-]|#\d+;)+)"\]', x) for x in lines[1:]]
ids = [m.group(1) for m in nodes if m]
assert lines[0] == "flowchart LR" and len(ids) == len(set(ids)) == 16, lines
for line in lines[1 + len(ids):]:
    m = re.fullmatch(r"    (m_\w+) -->(?:\|\d+\|)? (m_\w+)", line)
    assert m and m.group(1) in ids and m.group(2) in ids, line
rows = [x for x in head.splitlines() if x.startswith("| `")]
assert len(rows) == 16 and all(len(re.findall(r"(?<!\\)\|", x)) == 7 for x in rows), rows
PYTHON
run overview --json "$bad"
check "  JSON is whole" python3 -c 'import json,sys; d = json.load(open(sys.argv[1])); assert len(d["modules"]) == 16 and any("path_hex" in m for m in d["modules"])' "$T/out"

# ---- what is wrong ----
expect 66 "no store: 66" overview "$T"
expect 66 "a place that the store does not have: 66" overview "$tree/none"
expect 73 "no place to write to: 73" overview -o "$T/no/where.md" "$tree"
expect 64 "two paths: 64" overview "$tree" "$bad"
"$DOBBY" overview "$tree" >/dev/full 2>"$T/err"
rc=$?
: >"$T/out"
judge 74 "stdout on a full disk: 74"
run overview --help
prints "[PATH]"
finish
