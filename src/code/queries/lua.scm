; lua.scm - units of Lua (code). Captures: @function and @method units, @name (M.f and M:f as they stand), @body, @end the
; last word where the body is empty; @class encloses units: a table that is given a name where it is written.
(function_declaration
  name: (_) @name
  body: (block)? @body
  "end" @end) @function
(assignment_statement
  (variable_list . name: [(identifier) (dot_index_expression)] @name .)
  (expression_list . value: (function_definition
    body: (block)? @body
    "end" @end) .)) @function
(field
  name: (identifier) @name
  value: (function_definition
    body: (block)? @body
    "end" @end)) @method

(assignment_statement
  (variable_list . name: [(identifier) (dot_index_expression)] @name .)
  (expression_list . value: (table_constructor) .)) @class

; What it takes from elsewhere, and what it is called there: imports.h.
(function_call
  name: (identifier) @call
  arguments: (arguments . (string) @import))
