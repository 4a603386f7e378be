; csharp.scm - units of C# (code). Captures: @method and @function units, @name, @body; @class, @namespace and
; @file_namespace enclose units: the last is a namespace without braces, which reaches to the end of the file.
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

(class_declaration name: (_) @name) @class
(struct_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @class
(record_declaration name: (_) @name) @class
(namespace_declaration name: (_) @name) @namespace
(file_scoped_namespace_declaration name: (_) @name) @file_namespace

; What it takes from elsewhere, and what it is called there: imports.h.
(using_directive) @import
(namespace_declaration name: (_) @package)
(file_scoped_namespace_declaration name: (_) @package)
