package acme.tree

import scala.collection.mutable

/** Find the depth of a tree.
  *
  * An empty tree has depth zero.
  */
@tailrec
def depth[T](tree: Tree[T], start: Int = 0)(implicit log: Log): Int = {
  def rec(n: Int): Int = {
    val m = n + 1
    m
  }
  def short(n: Int) = n
  rec(start)
}

abstract class Tree[T](val root: T) extends Base {
  // Make a tree of nothing.
  def this() = {
    this(null)
  }

  /** Count all the nodes of the tree. */
  override def size: Int = root.size + 1

  def rest(): Unit

  def +(other: Tree[T]): Tree[T] = this

  private[acme] def clear() {
    root = null
  }
}

object Tree {
  def of[T](all: T*): Tree[T] = new Tree[T](all.head)

  object Empty { def apply() = 1 }
}

trait Named:
  def name: String

  // Say the name in capitals.
  def upper: String =
    val n = name
    n.toUpperCase

// Tell the colour by its number.
def colour(n: Int): Colour = n match
  case 0 => Red
  case _ => Green

enum Colour:
  case Red, Green

  def other: Colour = if this == Red then Green else Red

extension (s: String)
  def twice: String = s + s

given ordering: Ordering[Tree[Int]] with
  def compare(a: Tree[Int], b: Tree[Int]): Int = a.size - b.size

val double = (n: Int) => 2 * n
