; ocaml.scm - units of OCaml (code). Captures: @function, @method, @type and @module units, @name, @body. A value counts when it has parameters, or is a function where it is written.
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

(type_binding
  name: (_) @name
  body: [(record_declaration) (variant_declaration)] @body) @type
(class_binding
  (class_name) @name
  body: (_)? @body) @type
(class_type_binding
  (class_type_name) @name
  body: (class_body_type) @body) @type
(module_type_definition
  (module_type_name) @name
  body: (signature) @body) @type
(module_binding
  (module_name) @name
  body: (structure)? @body) @module

; What it takes from elsewhere, and what it is called there: imports.h.
(module_path . (module_name) @import)
(extended_module_path . (module_name) @import)
(module_binding (module_name) @local)
