; haskell.scm - units of Haskell (code). Captures: @function and @type units, @name, @body, @receiver what an instance is of; @class
; encloses units. Equations of one name in a row are one unit: outline.c joins them. A definition without
; parameters counts when the signature before it is one of a function, or when it is a lambda or a do block.
(function
  name: (_) @name
  match: (_) @body) @function
(function
  (infix operator: (_) @name)
  match: (_) @body) @function
(bind
  name: (_) @name
  match: (match expression: [(lambda) (lambda_case) (do)]) @body) @function
((signature type: [(function) (context type: (function)) (forall)])
  .
  (bind
    name: (_) @name
    match: (_) @body) @function)

(data_type
  name: (_) @name
  constructors: (_) @body) @type
(newtype
  name: (_) @name
  [constructor: (_) constructors: (_)] @body) @type
(class
  name: (_) @name
  declarations: (_) @body) @type
(instance patterns: (_) @receiver) @class

; What it takes from elsewhere, and what it is called there: imports.h.
(import module: (module) @import)
(header module: (module) @package)
(declarations [(bind name: (variable) @entry) (function name: (variable) @entry)])
