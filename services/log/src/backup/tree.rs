//! The root of the Merkle tree over a log's leaves, RFC 6962 §2.1, in memory of O(log n).
//!
//! Place in the flow: fed with leaf hashes in order while a log is read. It must not know records.

use sha2::{Digest, Sha256};

use crate::identity::LeafHash;

/// A tree that grows leaf by leaf.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// Roots of perfect subtrees with their heights, which decrease from left to right.
    subtrees: Vec<(u32, LeafHash)>,
}

impl Tree {
    /// Adds the next leaf.
    pub fn push(&mut self, leaf: LeafHash) {
        let mut right = (0, leaf);
        while let Some((height, left)) = self.subtrees.pop_if(|(height, _)| *height == right.0) {
            right = (height + 1, node(&left, &right.1));
        }
        self.subtrees.push(right);
    }

    /// The root of what was pushed; of nothing, the hash of nothing.
    pub fn root(&self) -> LeafHash {
        let mut right_to_left = self.subtrees.iter().rev().map(|(_, hash)| *hash);
        let Some(right) = right_to_left.next() else { return Sha256::digest([]).into() };
        right_to_left.fold(right, |right, left| node(&left, &right))
    }
}

fn node(left: &LeafHash, right: &LeafHash) -> LeafHash {
    let mut hasher = Sha256::new();
    hasher.update([1u8]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::leaf_hash;

    /// As RFC 6962 §2.1 defines it: split at the largest power of two below n.
    fn defined(leaves: &[LeafHash]) -> LeafHash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node(&defined(&leaves[..split]), &defined(&leaves[split..]))
            }
        }
    }

    #[test]
    fn the_root_is_that_of_the_definition_after_each_leaf() {
        let leaves: Vec<_> = (0..70u8).map(|n| leaf_hash(&[n])).collect();
        let mut tree = Tree::default();
        assert_eq!(tree.root(), defined(&[]));
        for (index, leaf) in leaves.iter().enumerate() {
            tree.push(*leaf);
            assert_eq!(tree.root(), defined(&leaves[..=index]));
        }
    }

    #[test]
    fn the_root_of_published_test_leaves_is_the_published_one() {
        // Certificate Transparency's reference tree of eight leaves.
        let leaves: [&[u8]; 8] = [
            &[],
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let mut tree = Tree::default();
        leaves.iter().for_each(|leaf| tree.push(leaf_hash(leaf)));
        let text: String = tree.root().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    }
}
