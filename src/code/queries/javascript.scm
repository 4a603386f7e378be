; javascript.scm - units of JavaScript (code). Captures: @function, @method and @type units, @name, @body; @class
; encloses units. A function without a name of its own counts when it is given one right where it is
; written: by a declaration, an assignment, a field or a property.
(function_declaration
  name: (_) @name
  body: (_) @body) @function
(generator_function_declaration
  name: (_) @name
  body: (_) @body) @function
(method_definition
  name: (_) @name
  body: (_) @body) @method

(variable_declarator
  name: (identifier) @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)
  ]) @function
(assignment_expression
  left: [(identifier) (member_expression)] @name
  right: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)
  ]) @function
(pair
  key: (_) @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)
  ]) @method
(field_definition
  property: (_) @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
  ]) @method

(class_declaration
  name: (_) @name
  body: (_) @body) @type
(class
  name: (_) @name
  body: (_) @body) @type
(variable_declarator
  name: (identifier) @name
  value: (class !name body: (_) @body)) @type
(variable_declarator
  name: (identifier) @name
  value: (object)) @class

; What it takes from elsewhere, and what it is called there: imports.h.
(import_statement source: (string) @import)
(export_statement source: (string) @import)
(call_expression
  function: [(identifier) (import)] @call
  arguments: (arguments . [(string) (template_string)] @import))
(if_statement condition: (parenthesized_expression) @entry)
