/* test_imports.c - what files of each language take from elsewhere, what they say they are, and where programs start.
 * The test is its own worker. */
#include "support/parser_help.h"

#include "base/mem.h"
#include "base/size.h"
#include "base/strbuf.h"
#include "code/protocol.h"

#include <stdlib.h>

/* LINE KIND WHAT, a line each. */
static void check(struct parser_pool *p, enum language_id lang, const char *text, const char *want)
{
    struct strbuf got = {0};
    struct parse_result r = parse(p, lang, text, strlen(text));

    assert_false(r.failed);
    for (size_t i = 0; i < r.units.n_imports; i++)
        strbuf_printf(&got, "%d %s %s\n", r.units.imports[i].line,
                      import_kind_name(r.units.imports[i].kind), r.units.imports[i].what);
    assert_string_equal(strbuf_str(&got), want);
    strbuf_release(&got);
    parse_result_release(&r);
}

static void test_imports_c(void **state)
{
    check(*state, LANGUAGE_C,
          "#include \"base/err.h\"\n#include <stdio.h>\n#ifdef X\n#  include \"../x.h\" // why\n"
          "#include \"base/err.h\"\n#endif\n#include NAME\nint main(void)\n{\n    return 0;\n}\n",
          "1 import \"base/err.h\"\n2 import <stdio.h>\n4 import \"../x.h\"\n8 entry main\n");
    check(*state, LANGUAGE_CPP,
          "#include <vector>\nnamespace a { int main() { return 0; } }\nint main() { return 1; }\n",
          "1 import <vector>\n3 entry main\n");
}

static void test_imports_python(void **state)
{
    check(
        *state, LANGUAGE_PYTHON,
        "#!/usr/bin/env python3\nimport os.path, json as j\nfrom . import x, y as z\n"
        "from ..p.q import (r,\n    s)\nfrom m import *\nfrom __future__ import annotations\n"
        "def f():\n    import late\n    if __name__ == \"__main__\":\n        pass\n\n"
        "if '__main__' == name:\n    pass\nif __name__ == \"__main__\":\n    f()\n",
        "1 entry #!\n2 import os.path\n2 import json\n3 import .x\n3 import .y\n4 import ..p.q.r\n"
        "5 import ..p.q.s\n6 import m.*\n9 import late\n15 entry __main__\n");
}

static void test_imports_scripts(void **state)
{
    static const char text[] =
        "import a, {b} from './a';\nimport './c.css';\nexport * from \"d\";\n"
        "const e = require('e'), f = require(`f`), g = require(name);\nimport('./h.js');\n"
        "other('i'); require(`j${k}`); x.require('l');\n"
        "if (require.main === module) a();\n";
    static const char want[] =
        "1 import ./a\n2 import ./c.css\n3 import d\n4 import e\n4 import f\n"
        "5 import ./h.js\n7 entry main\n";

    check(*state, LANGUAGE_JAVASCRIPT, text, want);
    check(*state, LANGUAGE_TYPESCRIPT, text, want);
    check(*state, LANGUAGE_TSX, text, want);
    check(*state, LANGUAGE_TYPESCRIPT,
          "import fs = require('fs');\nimport type {A} from './t';\nexport type {B} from './u';\n",
          "1 import fs\n2 import ./t\n3 import ./u\n");
    check(*state, LANGUAGE_LUA,
          "local a = require(\"x.y\")\nrequire 'z'\nlocal b = require "
          "[[w]]\nrequire(a)\nprint('q')\n",
          "1 import x.y\n2 import z\n3 import w\n");
    check(*state, LANGUAGE_RUBY,
          "require 'json'\nrequire_relative \"../x\"\nload 'y.rb'\nautoload :Foo, 'foo/bar'\n"
          "require \"#{a}/b\"\nputs 'no'\n",
          "1 import json\n2 import ./../x\n3 import y.rb\n4 import foo/bar\n");
    check(*state, LANGUAGE_BASH,
          "#!/bin/sh\n. ./lib.sh\nsource \"$(dirname \"$0\")/x.sh\"\n. \"lib.sh\"\n"
          "source $DIR/y.sh\n. \"${a}/z/z.sh\" arg\necho \"$b/no.sh\"\n. \"$c\"\n",
          "1 entry #!\n2 import ./lib.sh\n3 import $/x.sh\n4 import lib.sh\n5 import $/y.sh\n"
          "6 import $/z/z.sh\n");
}

static void test_imports_go_rust(void **state)
{
    check(*state, LANGUAGE_GO,
          "package main\nimport \"fmt\"\nimport (\n\tx \"a.b/c\"\n\t_ `d`\n)\nfunc main() {}\n",
          "1 package main\n2 import fmt\n4 import a.b/c\n5 import d\n7 entry main\n");
    check(*state, LANGUAGE_GO, "package other\nfunc main() {}\n", "1 package other\n");
    check(*state, LANGUAGE_RUST,
          "use a::b::{c, d::{e as f, self}, *};\npub use crate::x; // why\nmod y;\n"
          "extern crate foo as bar;\nuse super::{g /* {no} */, r#type};\n"
          "mod z {\n    use super::q;\n    use super::super::w;\n    use self::v;\n    mod n;\n"
          "    use std::fmt;\n}\nfn main() {}\n",
          "1 import a::b::*\n1 import a::b::c\n1 import a::b::d\n1 import a::b::d::e\n"
          "2 import crate::x\n3 child y\n4 import foo\n5 import super::g\n5 import super::r#type\n"
          "8 import super::w\n11 import std::fmt\n13 entry main\n");
}

static void test_imports_jvm(void **state)
{
    check(*state, LANGUAGE_JAVA,
          "package a.b;\nimport a.b.C;\nimport static x.Y.z;\nimport q.*;\nclass D {\n"
          "    public static void main(String[] args) { run(); }\n    void main(int x) { run(); "
          "}\n}\n",
          "1 package a.b\n2 import a.b.C\n3 import x.Y.z\n4 import q.*\n6 entry main\n");
    check(*state, LANGUAGE_KOTLIN,
          "package a.b\nimport a.b.C\nimport x.y.*\nimport q.r as s\nfun main() { run() }\n",
          "1 package a.b\n2 import a.b.C\n3 import x.y.*\n4 import q.r\n5 entry main\n");
    check(*state, LANGUAGE_SCALA,
          "package a.b\npackage c\nimport a.b.{C, D => E, _}\nimport x.y._\nimport q.r.s, t.u\n"
          "object M extends App {}\n@main def run() = 1\n",
          "1 package a.b\n2 package a.b.c\n3 import a.b.C\n3 import a.b.D\n3 import a.b._\n"
          "4 import x.y._\n5 import q.r.s\n5 import t.u\n6 entry App\n7 entry @main\n");
}

static void test_imports_others(void **state)
{
    check(*state, LANGUAGE_CSHARP,
          "using System;\nglobal using A.B;\nusing static A.C;\nusing X = A.D<int, A.E>;\n"
          "namespace Q.R\n{\n    class K\n    {\n        static void Main(string[] a) { Run(); }\n"
          "    }\n}\n",
          "1 import System\n2 import A.B\n3 import A.C\n4 import A.D\n5 package Q.R\n"
          "9 entry main\n");
    check(*state, LANGUAGE_PHP,
          "<?php\nnamespace A\\B;\nuse C\\D, E\\F as G;\nuse function H\\i;\nuse J\\{K, L as M};\n"
          "require 'x.php';\nrequire_once __DIR__ . '/y.php';\ninclude(\"z.php\");\n"
          "include $file;\nclass Q { use SomeTrait; }\n",
          "2 package A\\B\n3 import C\\D\n3 import E\\F\n4 import H\\i\n5 import J\\K\n"
          "5 import J\\L\n6 import x.php\n7 import $/y.php\n8 import z.php\n");
    check(*state, LANGUAGE_SWIFT,
          "import Foundation\nimport class UIKit.UIView\n@testable import MyLib\n"
          "@main struct App { static func main() {} }\n",
          "1 import Foundation\n2 import UIKit.UIView\n3 import MyLib\n4 entry @main\n");
    check(*state, LANGUAGE_ZIG,
          "const std = @import(\"std\");\nconst x = @import(\"x/y.zig\");\n"
          "const z = @embedFile(\"no\");\npub fn main() void { x.run(); }\n",
          "1 import std\n2 import x/y.zig\n4 entry main\n");
    check(*state, LANGUAGE_HASKELL,
          "module Main (main) where\nimport Data.List (sort)\nimport qualified A.Map as M\n"
          "main :: IO ()\nmain = run\n",
          "1 package Main\n2 import Data.List\n3 import A.Map\n5 entry main\n");
    check(*state, LANGUAGE_HASKELL, "module A where\nmain = 1\n", "1 package A\n");
    check(*state, LANGUAGE_OCAML,
          "open Foo.Bar\nmodule Own = struct let f x = x end\nlet x = Baz.f Qux.Quux.y\n"
          "include Zed\nlet t : Typ.t = Ctor.A (Own.f Baz.g)\n",
          "1 import Foo\n3 import Baz\n3 import Qux\n4 import Zed\n5 import Typ\n5 import Ctor\n");
    check(*state, LANGUAGE_SQL, "CREATE FUNCTION f() RETURNS int AS $$ SELECT 1 $$ LANGUAGE sql;\n",
          "");
}

/* Braces without end, deep ones, names without end: what can be read is there, and it ends. */
static void test_imports_hostile(void **state)
{
    struct strbuf b = {0};
    struct parse_result r;
    struct dobby_err e = {0};

    strbuf_puts(&b, "use a::");
    for (int i = 0; i < 500; i++)
        strbuf_puts(&b, "{b::");
    strbuf_puts(&b, "c");
    for (int i = 0; i < 500; i++)
        strbuf_putc(&b, '}');
    strbuf_puts(&b, ";\nuse ");
    for (int i = 0; i < 600; i++)
        strbuf_puts(&b, "long::");
    strbuf_puts(&b, "end;\nuse good::one;\nuse x::{y, z;\n");
    assert_int_equal(parser_pool_parse(*state, LANGUAGE_RUST, strbuf_str(&b), b.len, &r, &e), 0);
    assert_false(r.failed);
    assert_true(r.units.n_imports >= 1);
    assert_string_equal(r.units.imports[0].what, "good::one");
    parse_result_release(&r);
    strbuf_reset(&b);
    for (int i = 0; i < 2 * PROTOCOL_MAX_IMPORTS; i++)
        strbuf_printf(&b, "import m%d\n", i);
    assert_int_equal(parser_pool_parse(*state, LANGUAGE_PYTHON, strbuf_str(&b), b.len, &r, &e), 0);
    assert_int_equal(r.units.n_imports, PROTOCOL_MAX_IMPORTS);
    assert_string_equal(r.units.imports[PROTOCOL_MAX_IMPORTS - 1].what, "m4095");
    parse_result_release(&r);
    check(*state, LANGUAGE_C, "#include \"a\x1b[31m\xff.h\"\n", "1 import \"a\\x1B[31m\\xFF.h\"\n");
    strbuf_release(&b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_imports_c),       cmocka_unit_test(test_imports_python),
        cmocka_unit_test(test_imports_scripts), cmocka_unit_test(test_imports_go_rust),
        cmocka_unit_test(test_imports_jvm),     cmocka_unit_test(test_imports_others),
        cmocka_unit_test(test_imports_hostile),
    };
    int worker = parser_worker(argc, argv);

    if (worker >= 0)
        return worker;
    return cmocka_run_group_tests_name("code/imports", tests, open_shared, close_shared);
}
