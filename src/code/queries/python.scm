; python.scm - units of Python (code). Captures: @function and @type units, @name, @body.
(function_definition
  name: (identifier) @name
  body: (block) @body) @function

(class_definition
  name: (identifier) @name
  body: (block) @body) @type

; What it takes from elsewhere, and what it is called there: imports.h.
(import_statement name: (dotted_name) @import)
(import_statement name: (aliased_import name: (dotted_name) @import))
(import_from_statement
  module_name: (_) @from
  name: (dotted_name) @import)
(import_from_statement
  module_name: (_) @from
  name: (aliased_import name: (dotted_name) @import))
(import_from_statement
  module_name: (_) @from
  (wildcard_import) @import)
(module (if_statement condition: (comparison_operator) @entry))
(if_statement condition: [(identifier) (attribute)] @call consequence: (block) @scope)
