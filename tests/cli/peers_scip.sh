#!/usr/bin/env bash
# peers_scip.sh - the SCIP index read by protoc with the schema that scripts/setup --ci fetches: every byte is of the schema, and what
# it says is what JSON lines say.
. "$(dirname "$0")/lib.sh"

schema=$CACHE/src/scip-schema-p1/scip.desc
check "the schema is in the cache" test -f "$schema" || finish
check "the test model is in the cache" test -f "$SMOL" || finish
tree="$T/a tree"
mkdir -p "$tree/.dobby" "$tree/src/geo" "$tree/app" "$tree/tools"
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
cat >"$tree/app/read.py" <<'P'
class Reader:
    def read_words(self, path):
        """Reads the words of a file and returns them as a list."""
        with open(path) as f:
            return f.read().split()
P
cat >"$tree/tools/stop.sh" <<'S'
# Stops all the servers that were started before and waits for them.
stop_all() {
    kill "$@"
    wait
}
S
cat >"$tree/app/shop.js" <<'J'
/** Returns the price of all the things in the cart, less a discount. */
function total(cart, discount) {
  const sum = cart.reduce((a, b) => a + b.price, 0);
  return sum * (1 - discount);
}
J
for name in "app/it's \`odd\`.py" $'app/gr\xc3\xbc\xc3\x9f.py' $'app/bad\xff.py'; do
    cp "$tree/app/read.py" "$tree/$name"
done
expect 0 "summarize" summarize --fast --format jsonl -o "$T/rows.jsonl" "$tree"
expect 0 "show --format scip" show --format scip -o "$T/index.scip" "$tree"
protoc --descriptor_set_in="$schema" --decode=scip.Index scip.proto <"$T/index.scip" >"$T/index.txt" 2>"$T/err"
rc=$?
check "protoc reads it: $(cat "$T/err")" test $rc = 0
protoc --descriptor_set_in="$schema" --encode=scip.Index scip.proto <"$T/index.txt" >"$T/again.scip" 2>"$T/err"
check "protoc writes the same bytes" cmp "$T/again.scip" "$T/index.scip"
cat >"$T/index.py" <<'PYTHON'
import ast, json, re, sys

def message(lines):  # of protoc's text: {field: [values]}
    out = {}
    for line in lines:
        line = line.strip()
        if line == "}":
            break
        if line.endswith(" {"):
            key, value = line[:-2], message(lines)
        else:
            key, value = line.split(": ", 1)
            value = ast.literal_eval("b" + value).decode() if value[0] == '"' else int(value) if re.fullmatch(r"-?\d+", value) else value
        assert not key.isdigit(), "field " + key + " is not of the schema"
        out.setdefault(key, []).append(value)
    return out

index = message(iter(open(sys.argv[1], encoding="utf-8")))
rows = [json.loads(line) for line in open(sys.argv[2])]
meta = index["metadata"][0]
assert meta["project_root"] == ["file:///"] and meta["text_document_encoding"] == ["UTF8"], meta
assert meta["tool_info"][0]["name"] == ["dobby"] and "arguments" not in meta["tool_info"][0], meta

identifier = r"(?:[A-Za-z0-9_+$-]+|`(?:[^`]|``)+`)"
descriptor = rf"{identifier}(?:/|#|\.|:|!|\([A-Za-z0-9_+$-]*\)\.)"
grammar = re.compile(rf"(?:[^ ]|  )+ (?:[^ ]|  )+ (?:[^ ]|  )+ (?:[^ ]|  )+ (?:{descriptor})+")
files, symbols = {}, set()
for d in index["documents"]:
    path = d["relative_path"][0]
    assert path not in files and not path.startswith("/"), path
    files[path] = d
    assert d["position_encoding"] == ["UTF8CodeUnitOffsetFromLineStart"], d
    want = [r for r in rows if r.get("path") == path]
    assert len(want) == len(d["occurrences"]) == len(d["symbols"]) > 0, path
    for r, o, s in zip(want, d["occurrences"], d["symbols"]):
        symbol = s["symbol"][0]
        assert o["symbol"] == [symbol] and o["symbol_roles"] == [1] and grammar.fullmatch(symbol), symbol
        assert symbol not in symbols, symbol
        symbols.add(symbol)
        assert symbol.startswith("dobby . a  tree . "), symbol
        assert s["display_name"] == [r["name"]], (s, r)
        assert s["kind"] == [r["kind"].capitalize()], (s, r)
        if r["kind"] == "file":
            continue
        assert o["enclosing_range"] == [r["start_line"] - 1, 0, r["end_line"], 0], (o, r)
        assert r["start_line"] - 1 <= o["range"][0] < r["end_line"] and len(o["range"]) in (3, 4), (o, r)
        text = re.sub(r"\\(.)", r"\1", s["documentation"][0]) if r["summary"] else None
        assert text is None or text.split("\n\n")[0] == r["summary"], (s, r)
assert set(files) == {r["path"] for r in rows if "path" in r and r["kind"] not in ("directory", "repository")}, set(files)
assert any("path_hex" in r for r in rows)
languages = {p: d["language"] for p, d in files.items()}
assert languages["src/geo/shape.cpp"] == ["CPP"] and languages["tools/stop.sh"] == ["ShellScript"] and languages["app/shop.js"] == ["JavaScript"], languages
for s in ("src/geo/`shape.cpp`/geo#Circle#area().", "src/geo/`shape.cpp`/geo#Circle#way(+1).", "src/geo/`shape.cpp`/`geo::Circle::operator+`().",
          "app/`it's ``odd``.py`/Reader#read_words().", "app/`gr\u00fc\u00df.py`/Reader#read_words().", "tools/`stop.sh`/stop_all()."):
    assert "dobby . a  tree . " + s in symbols, (s, sorted(symbols))
PYTHON
check "it says what JSON lines say" python3 "$T/index.py" "$T/index.txt" "$T/rows.jsonl"
finish
