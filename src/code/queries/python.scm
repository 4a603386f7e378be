; python.scm - units of Python (code). Captures: @function a unit, @name, @body; @class encloses units.
(function_definition
  name: (identifier) @name
  body: (block) @body) @function

(class_definition
  name: (identifier) @name) @class
