; java.scm - units of Java (code). Captures: @method a unit, @name, @body; @class encloses units.
(method_declaration
  name: (_) @name
  body: (block) @body) @method
(constructor_declaration
  name: (_) @name
  body: (constructor_body) @body) @method
(compact_constructor_declaration
  name: (_) @name
  body: (block) @body) @method

(class_declaration name: (_) @name) @class
(interface_declaration name: (_) @name) @class
(enum_declaration name: (_) @name) @class
(record_declaration name: (_) @name) @class
(annotation_type_declaration name: (_) @name) @class

; What it takes from elsewhere, and what it is called there: imports.h.
(import_declaration) @import
(package_declaration [(scoped_identifier) (identifier)] @package)
