(* Text about the file. *)

open Printf

(** Find the depth of a tree.

    An empty tree has depth zero. *)
let rec depth t =
  let step n =
    let m = n + 1 in
    m
  in
  let short n = n in
  match t with
  | Empty -> 0
  | Node (l, _, r) -> step (max (depth l) (depth r))

(* Tell whether a number is even. *)
let rec even n = n = 0 || odd (n - 1)

(* Tell whether a number is odd. *)
and odd n = n <> 0 && even (n - 1)

let limit = 10

let twice = fun n -> 2 * n

let classify = function
  | 0 -> "zero"
  | _ -> "other"

(** Join two trees. *)
let ( <+> ) a b = Node (a, 0, b)

let greet ?(name = "you") ~loud () : unit = printf "%s %b" name loud

module Ring = struct
  type t = int list

  (** Put a value into the ring. *)
  let put (r : t) (x : int) : t = x :: r

  module Deep = struct
    let id x = x
  end
end

module Make (O : Ord) = struct
  let compare a b = O.compare a b
end

class clock start =
  object (self)
    val mutable now = start

    (** Move the clock on. *)
    method tick n = now <- now + n

    method private now = now

    method virtual rest : int
  end

let () =
  let run () = depth Empty in
  ignore (run ())
