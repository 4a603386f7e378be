lua/src/argparse.lua __call 2096 2098
ocaml/lib/automata.ml deriv 635 651
ocaml/lib/core.ml as_set 721 723
ocaml/lib/perl.ml parse 52 255
ocaml/lib/perl.ml parse.atom 100 170
ocaml/lib/perl.ml parse.char 201 248
