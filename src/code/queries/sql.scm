; sql.scm - units of SQL (code). Captures: @function and @type units, @name, @body. What has no body in the grammar, as a trigger that
; calls a function, does not count.
(create_function
  (object_reference) @name
  (function_body) @body) @function

(create_table
  (object_reference) @name
  [(column_definitions) (create_query)] @body) @type
(create_view
  (object_reference) @name
  (create_query) @body) @type
(create_materialized_view
  (object_reference) @name
  (create_query) @body) @type
(create_type
  (object_reference) @name
  [(enum_elements) (column_definitions)] @body) @type
