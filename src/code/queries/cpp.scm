; cpp.scm - units of C++ (code). Captures: @function a unit, @body its body, @class and @namespace what
; encloses units, @name its name. The name of a function is at the end of a chain of declarators:
; units.c goes down that chain. `= default` and `= delete` are no bodies.
(function_definition
  body: [(compound_statement) (try_statement)] @body) @function

(class_specifier name: (_) @name body: (_)) @class
(struct_specifier name: (_) @name body: (_)) @class
(union_specifier name: (_) @name body: (_)) @class
(namespace_definition name: (_) @name body: (_)) @namespace

; What it takes from elsewhere, and what it is called there: imports.h.
(preproc_include path: [(string_literal) (system_lib_string)] @import)
