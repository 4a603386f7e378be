; java.scm - units of Java (code). Captures: @method and @type units, @name, @body.
(method_declaration
  name: (_) @name
  body: (block) @body) @method
(constructor_declaration
  name: (_) @name
  body: (constructor_body) @body) @method
(compact_constructor_declaration
  name: (_) @name
  body: (block) @body) @method

(class_declaration
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
  body: (_) @body) @type
(annotation_type_declaration
  name: (_) @name
  body: (_) @body) @type

; What it takes from elsewhere, and what it is called there: imports.h.
(import_declaration) @import
(package_declaration [(scoped_identifier) (identifier)] @package)
