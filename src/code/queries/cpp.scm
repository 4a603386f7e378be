; cpp.scm - units of C++ (code). Captures: @function and @type units, @namespace one with a comment, @body their body,
; @name their name. The name of a function is at the end of a chain of declarators:
; units.c goes down that chain. `= default` and `= delete` are no bodies.
; Behind a macro, class API Name { ... }, the grammar reads a function without parameters that gives a class API; no C++ is that.
; Its name is not where the grammar has it: outline_names.c.
(function_definition
  type: [(class_specifier !body) (struct_specifier !body) (union_specifier !body)]
  declarator: (identifier)
  body: (compound_statement) @body) @type
(function_definition
  body: [(compound_statement) (try_statement)] @body) @function

(class_specifier
  name: (_) @name
  body: (_) @body) @type
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
(namespace_definition
  name: (_) @name
  body: (_) @body) @namespace

; What it takes from elsewhere, and what it is called there: imports.h.
(preproc_include path: [(string_literal) (system_lib_string)] @import)
