; swift.scm - units of Swift (code). Captures: @function, @method and @type units, @name, @body; @class encloses units:
; extensions, by the name of what they extend.
(function_declaration
  name: _ @name
  body: (function_body) @body) @function
(init_declaration
  name: "init" @name
  body: (function_body) @body) @method
(deinit_declaration
  "deinit" @name
  body: (function_body) @body) @method

(class_declaration
  declaration_kind: ["struct" "class" "enum" "actor"]
  name: (_) @name
  body: (_) @body) @type
(protocol_declaration
  name: (_) @name
  body: (_) @body) @type
(class_declaration
  declaration_kind: "extension"
  name: (_) @name) @class

; What it takes from elsewhere, and what it is called there: imports.h.
(import_declaration (identifier) @import)
(attribute (user_type (type_identifier) @entry))
