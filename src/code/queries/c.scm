; c.scm - units of C (code). Captures: @function a unit, @body its body.
; The name is at the end of a chain of declarators: units.c goes down that chain.
(function_definition
  body: (compound_statement) @body) @function

; What it takes from elsewhere, and what it is called there: imports.h.
(preproc_include path: [(string_literal) (system_lib_string)] @import)
