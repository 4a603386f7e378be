; bash.scm - units of shell scripts (code). Captures: @function a unit, @name, @body.
(function_definition
  name: (word) @name
  body: (_) @body) @function

; What it takes from elsewhere, and what it is called there: imports.h.
(command
  name: (command_name) @call
  .
  argument: (_) @import)
