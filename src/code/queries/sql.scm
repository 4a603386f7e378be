; sql.scm - units of SQL (code). Captures: @function a unit, @name, @body. What has no body in the grammar, as a trigger that
; calls a function, does not count.
(create_function
  (object_reference) @name
  (function_body) @body) @function
