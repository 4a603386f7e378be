; csharp.scm - units of C# (code). Captures: @method, @function and @type units, @namespace one with a comment, @name,
; @body, @fields the parameters of a record that has nothing else; @file_namespace encloses units: a namespace without
; braces, which reaches to the end of the file.
; Members without a body (abstract, extern, interfaces) do not count, nor do accessors of properties.
(method_declaration
  name: (identifier) @name
  body: [(block) (arrow_expression_clause)] @body) @method
(constructor_declaration
  name: (identifier) @name
  body: [(block) (arrow_expression_clause)] @body) @method
(destructor_declaration
  name: (identifier) @name
  body: [(block) (arrow_expression_clause)] @body) @method
(operator_declaration
  operator: _ @name
  body: [(block) (arrow_expression_clause)] @body) @method
(conversion_operator_declaration
  type: (_) @name
  body: [(block) (arrow_expression_clause)] @body) @method
(local_function_statement
  name: (identifier) @name
  body: [(block) (arrow_expression_clause)] @body) @function

(class_declaration
  name: (_) @name
  body: (_) @body) @type
(struct_declaration
  name: (_) @name
  body: (_) @body) @type
(interface_declaration
  name: (_) @name
  body: (_) @body) @type
(enum_declaration
  name: (_) @name
  body: (_) @body) @type
(record_declaration
  name: (_) @name
  (parameter_list)? @fields
  body: (_)? @body) @type
(namespace_declaration
  name: (_) @name
  body: (_) @body) @namespace
(file_scoped_namespace_declaration name: (_) @name) @file_namespace

; What it takes from elsewhere, and what it is called there: imports.h.
(using_directive) @import
(namespace_declaration name: (_) @package)
(file_scoped_namespace_declaration name: (_) @package)
