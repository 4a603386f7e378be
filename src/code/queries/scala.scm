; scala.scm - units of Scala (code). Captures: @function and @type units, @name, @body, @fields the parameters of a class that
; has nothing else; @class encloses units. A def without a body is a declaration and does not count.
(function_definition
  name: (_) @name
  body: (_) @body) @function

(class_definition
  name: (_) @name
  class_parameters: (_)? @fields
  body: (_)? @body) @type
(object_definition
  name: (_) @name
  body: (_)? @body) @type
(trait_definition
  name: (_) @name
  body: (_)? @body) @type
(enum_definition
  name: (_) @name
  body: (_) @body) @type
(package_object name: (_) @name) @class
(given_definition name: (_) @name) @class

; What it takes from elsewhere, and what it is called there: imports.h.
(import_declaration) @import
(package_clause name: (_) @package)
(object_definition extend: (extends_clause) @entry)
(annotation name: (type_identifier) @entry)
