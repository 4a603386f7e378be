; kotlin.scm - units of Kotlin (code). Captures: @function and @method units, @name, @body, @end its last sign,
; @receiver the type that a function extends; @class encloses units. A companion goes by the name of its class. Accessors do
; not count.
(function_declaration
  receiver: (receiver_type) @receiver
  (simple_identifier) @name
  (function_body) @body) @method
(function_declaration
  (simple_identifier) @name
  (function_body) @body) @function
(secondary_constructor
  "constructor" @name
  "{" @body
  "}" @end) @method

(class_declaration (type_identifier) @name) @class
(object_declaration (type_identifier) @name) @class

; What it takes from elsewhere, and what it is called there: imports.h.
(import_header) @import
(package_header (identifier) @package)
