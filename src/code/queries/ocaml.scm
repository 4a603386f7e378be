; ocaml.scm - units of OCaml (code). Captures: @function and @method units, @name, @body; @namespace and @class enclose
; units. A value counts when it has parameters, or is a function where it is written.
(let_binding
  pattern: [(value_name) (parenthesized_operator)] @name
  (parameter)
  body: (_) @body) @function
(let_binding
  pattern: [(value_name) (parenthesized_operator)] @name
  body: [(fun_expression) (function_expression)] @body) @function
(method_definition
  (method_name) @name
  body: (_) @body) @method

(module_binding (module_name) @name) @namespace
(class_binding (class_name) @name) @class

; What it takes from elsewhere, and what it is called there: imports.h.
(module_path . (module_name) @import)
(extended_module_path . (module_name) @import)
(module_binding (module_name) @local)
