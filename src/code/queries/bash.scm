; bash.scm - units of shell scripts (code). Captures: @function a unit, @name, @body.
(function_definition
  name: (word) @name
  body: (_) @body) @function
