; rust.scm - units of Rust (code). Captures: @function and @type units, @namespace one with a comment, @name, @body; @class
; encloses units: the name of an impl block is its type, not its trait.
(function_item
  name: (_) @name
  body: (block) @body) @function
(let_declaration
  pattern: (identifier) @name
  value: (closure_expression body: (block) @body)) @function

(impl_item type: (_) @name body: (_)) @class
(struct_item
  name: (_) @name
  body: (_) @body) @type
(enum_item
  name: (_) @name
  body: (_) @body) @type
(union_item
  name: (_) @name
  body: (_) @body) @type
(trait_item
  name: (_) @name
  body: (_) @body) @type
(mod_item
  name: (_) @name
  body: (_) @body) @namespace

; What it takes from elsewhere, and what it is called there: imports.h.
(use_declaration argument: (_) @import)
(mod_item name: (identifier) @import.child !body)
(extern_crate_declaration name: (identifier) @import)
(mod_item body: (declaration_list) @scope)
