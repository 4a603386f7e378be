; go.scm - units of Go (code). Captures: @function, @method and @type units, @name, @body, @end its last sign, @receiver.
; A function literal counts when a variable is declared with it; another name for a type does not count.
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

(type_spec
  name: (_) @name
  type: (struct_type (field_declaration_list) @body)) @type
(type_spec
  name: (_) @name
  type: (interface_type
    "{" @body
    "}" @end)) @type
(type_spec
  name: (_) @name
  type: [
    (type_identifier)
    (qualified_type)
    (generic_type)
    (function_type)
    (slice_type)
    (array_type)
    (map_type)
    (channel_type)
    (pointer_type)
  ] @body) @type

; What it takes from elsewhere, and what it is called there: imports.h.
(import_spec path: (_) @import)
(package_clause (package_identifier) @package)
