; c.scm - units of C (code). Captures: @function and @type units, @body their body, @name.
; The name is at the end of a chain of declarators: units.c goes down that chain.
(function_definition
  body: (compound_statement) @body) @function

; A tag is the name of a type; without one, what `typedef` calls it.
(struct_specifier
  name: (_) @name
  body: (_) @body) @type
(union_specifier
  name: (_) @name
  body: (_) @body) @type
(enum_specifier
  name: (_) @name
  body: (_) @body) @type
(type_definition
  type: [
    (struct_specifier !name body: (_) @body)
    (union_specifier !name body: (_) @body)
    (enum_specifier !name body: (_) @body)
  ]
  declarator: (type_identifier) @name) @type

; What it takes from elsewhere, and what it is called there: imports.h.
(preproc_include path: [(string_literal) (system_lib_string)] @import)
