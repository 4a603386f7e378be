; ruby.scm - units of Ruby (code). Captures: @function a unit, @name, @body, @end its last word where the body is
; empty, @receiver the object that a method is defined on, unless it is self; @class encloses units.
(method
  name: (_) @name
  body: (_)? @body
  "end"? @end) @function
(singleton_method
  object: (self)
  name: (_) @name
  body: (_)? @body
  "end"? @end) @method
(singleton_method
  object: (_) @receiver
  name: (_) @name
  body: (_)? @body
  "end"? @end) @method

(class name: (_) @name) @class
(module name: (_) @name) @class

; What it takes from elsewhere, and what it is called there: imports.h.
(call
  !receiver
  method: (identifier) @call
  arguments: (argument_list . (simple_symbol)? . (string) @import))
