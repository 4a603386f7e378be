; zig.scm - units of Zig (code). Captures: @function and @type units, @name, @body, @end its last sign. A container counts
; when it is given a name where it is written. Prototypes and tests do not count.
(Decl
  (FnProto function: (IDENTIFIER) @name)
  (Block) @body) @function

(VarDecl
  variable_type_function: (IDENTIFIER) @name
  (ErrorUnionExpr
    (SuffixExpr
      .
      (ContainerDecl
        "{" @body
        "}" @end)
      .))) @type

; What it takes from elsewhere, and what it is called there: imports.h.
(SuffixExpr
  (BUILTINIDENTIFIER) @call
  .
  (FnCallArguments . (ErrorUnionExpr (SuffixExpr . (STRINGLITERALSINGLE) @import .))))
