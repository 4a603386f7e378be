; typescript.scm - units of TypeScript and TSX (code). As javascript.scm, and @namespace one with a comment; signatures without
; a body (overloads, abstract methods, methods of interfaces, declare) do not count, nor do names for other types than the
; shape of an object.
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
(public_field_definition
  name: (_) @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
  ]) @method

(class_declaration
  name: (_) @name
  body: (_) @body) @type
(abstract_class_declaration
  name: (_) @name
  body: (_) @body) @type
(class
  name: (_) @name
  body: (_) @body) @type
(variable_declarator
  name: (identifier) @name
  value: (class !name body: (_) @body)) @type
(interface_declaration
  name: (_) @name
  body: (_) @body) @type
(enum_declaration
  name: (_) @name
  body: (_) @body) @type
(type_alias_declaration
  name: (_) @name
  value: [(object_type) (intersection_type (object_type))] @body) @type
(variable_declarator
  name: (identifier) @name
  value: (object)) @class
(internal_module
  name: (_) @name
  body: (_)? @body) @namespace
(module
  name: (identifier) @name
  body: (_)? @body) @namespace

; What it takes from elsewhere, and what it is called there: imports.h.
(import_statement source: (string) @import)
(import_require_clause source: (string) @import)
(export_statement source: (string) @import)
(call_expression
  function: [(identifier) (import)] @call
  arguments: (arguments . [(string) (template_string)] @import))
(if_statement condition: (parenthesized_expression) @entry)
