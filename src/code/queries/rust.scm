; rust.scm - units of Rust (code). Captures: @function a unit, @name, @body; @class and @namespace enclose
; units: the name of an impl block is its type, not its trait.
(function_item
  name: (_) @name
  body: (block) @body) @function
(let_declaration
  pattern: (identifier) @name
  value: (closure_expression body: (block) @body)) @function

(impl_item type: (_) @name body: (_)) @class
(trait_item name: (_) @name body: (_)) @class
(mod_item name: (_) @name body: (_)) @namespace

; What it takes from elsewhere, and what it is called there: imports.h.
(use_declaration argument: (_) @import)
(mod_item name: (identifier) @import.child !body)
(extern_crate_declaration name: (identifier) @import)
(mod_item body: (declaration_list) @scope)
