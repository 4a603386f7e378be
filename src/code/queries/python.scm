; python.scm - units of Python (code). Captures: @function and @type units, @name, @body.
(function_definition
  name: (identifier) @name
  body: (block) @body) @function

(class_definition
  name: (identifier) @name
  body: (block) @body) @type
