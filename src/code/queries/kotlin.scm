; kotlin.scm - units of Kotlin (code). Captures: @function, @method and @type units, @name, @body, @end its last sign,
; @fields the parameters of a class that has nothing else, @receiver the type that a function extends. A companion goes by the
; name of its class. Accessors do not count.
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

(class_declaration
  (type_identifier) @name
  (primary_constructor)? @fields
  [(class_body) (enum_class_body)]? @body) @type
(object_declaration
  (type_identifier) @name
  (class_body)? @body) @type

; What it takes from elsewhere, and what it is called there: imports.h.
(import_header) @import
(package_header (identifier) @package)
