//! Module text is not a unit's text.

use std::fmt;

/// Find the depth of a tree.
///
/// An empty tree has depth zero.
#[inline]
#[must_use]
pub fn depth(t: &Tree) -> usize {
    let rec = |n: &Node| {
        let d = n.depth();
        d + 1
    };
    t.root.as_ref().map_or(0, rec)
}

pub trait Visit {
    fn enter(&mut self, n: &Node);

    /** Leave a node after all of its children. */
    fn leave(&mut self, _n: &Node) {
        let _ = self;
    }
}

impl<'a, T: Clone> fmt::Display for Branch<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)
    }
}

impl Tree {
    #[cfg(test)]
    // Make a tree with one node.
    pub(crate) async unsafe fn single() -> Self {
        Tree { root: None }
    }
}

mod tests {
    #[test]
    fn empty_is_zero() {
        assert_eq!(super::depth(&Tree::default()), 0);
    }
}
