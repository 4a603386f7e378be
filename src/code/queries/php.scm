; php.scm - units of PHP (code). Captures: @function, @method and @type units, @namespace one with a comment, @name, @body;
; @file_namespace encloses units: a namespace without braces, which reaches to the next one.
(function_definition
  name: (name) @name
  body: (compound_statement) @body) @function
(method_declaration
  name: (name) @name
  body: (compound_statement) @body) @method

(class_declaration
  name: (name) @name
  body: (_) @body) @type
(interface_declaration
  name: (name) @name
  body: (_) @body) @type
(trait_declaration
  name: (name) @name
  body: (_) @body) @type
(enum_declaration
  name: (name) @name
  body: (_) @body) @type
(namespace_definition
  name: (namespace_name) @name
  body: (_) @body) @namespace
(namespace_definition
  name: (namespace_name) @name
  !body) @file_namespace

; What it takes from elsewhere, and what it is called there: imports.h.
(namespace_use_declaration) @import
(namespace_definition name: (namespace_name) @package)
(include_expression (_) @import.file)
(include_once_expression (_) @import.file)
(require_expression (_) @import.file)
(require_once_expression (_) @import.file)
