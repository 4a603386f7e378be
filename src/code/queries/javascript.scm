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
