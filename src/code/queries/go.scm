; go.scm - units of Go (code). Captures: @function and @method units, @name, @body, @receiver. A function
; literal counts when a variable is declared with it.
(function_declaration
  name: (identifier) @name
  body: (block) @body) @function
(method_declaration
  receiver: (parameter_list) @receiver
  name: (field_identifier) @name
  body: (block) @body) @method

(short_var_declaration
  left: (expression_list . (identifier) @name .)
  right: (expression_list . (func_literal body: (block) @body) .)) @function
(var_spec
  name: (identifier) @name
  value: (expression_list . (func_literal body: (block) @body) .)) @function

; What it takes from elsewhere, and what it is called there: imports.h.
(import_spec path: (_) @import)
(package_clause (package_identifier) @package)
