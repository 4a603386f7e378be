{-# LANGUAGE LambdaCase #-}
-- | Text about the module.
module Acme.Tree (depth, insert) where

import Data.List (sort)

-- | Find the depth of a tree.
--
-- An empty tree has depth zero.
depth :: Tree a -> Int
depth Empty = 0
depth (Node l _ r) = 1 + max (depth l) (depth r)

data Tree a
  = Empty -- ^ Nothing at all.
  | Node (Tree a) a (Tree a)

-- | Put a value into the tree.
insert :: Ord a => a -> Tree a -> Tree a
{-# INLINE insert #-}
insert x Empty = Node Empty x Empty
insert x t@(Node l y r)
  | x < y = Node (insert x l) y r
  | x > y = keep
  | otherwise = t
  where
    keep = Node l y (insert x r)

    -- Only here.
    helper :: Int -> Int
    helper n =
      n + 1

infixr 5 <+>

-- Join two trees.
(<+>) :: Tree a -> Tree a -> Tree a
a <+> Empty = a
a <+> _ = a

lonely :: Int -> Int

-- Fold by a function.
fold :: (a -> b -> b) -> b -> Tree a -> b
fold f z = \case
  Empty -> z
  Node l x r -> fold f (f x (fold f z r)) l

main :: IO ()
main = do
  print 1

limit :: Int
limit = 10

total :: [Int] -> Int
total = sum . map (+ 1)

class Named a where
  -- | The name that is shown.
  name :: a -> String
  name _ = "nobody"

  upper :: a -> String

instance Show a => Show (Tree a) where
  show Empty = "empty"
  show t = go t
    where go _ = "tree"

instance Named Int where
  name n = show n
