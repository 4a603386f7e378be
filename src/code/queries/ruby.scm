; ruby.scm - units of Ruby (code). Captures: @function, @method, @type and @mixin units, the last a module, @name, @body, @end
; their last word where the body is empty, @receiver the object that a method is defined on, unless it is self.
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

(class
  name: (_) @name
  body: (_)? @body
  "end" @end) @type
(module
  name: (_) @name
  body: (_)? @body
  "end" @end) @mixin

; What it takes from elsewhere, and what it is called there: imports.h.
(call
  !receiver
  method: (identifier) @call
  arguments: (argument_list . (simple_symbol)? . (string) @import))
