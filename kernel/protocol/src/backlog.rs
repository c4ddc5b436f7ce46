//! What a front end has not taken yet: bytes in blocks, in their order.
//!
//! Mostly that is nothing: what comes is written at once, and small blocks are
//! filled and emptied one after the other. Where a front end falls behind, blocks follow
//! that are large enough to go back to the system when they are written, so that
//! a pause of one front end is not for ever memory of the kernel.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// A block where little waits.
const SMALL: usize = 64 << 10;
/// From here on much waits.
const MUCH: usize = 1 << 20;
/// A block where much waits. glibc maps what is larger than 32 MB for itself and
/// unmaps it when it is free; smaller blocks it would keep. Only pages with
/// something in them take memory.
const LARGE: usize = (32 << 20) + SMALL;
/// A block with less room than this is full.
const LEAST: usize = 8 << 10;

#[derive(Debug)]
pub(crate) struct Backlog {
    /// To be written, the first one first; none of them is empty.
    blocks: VecDeque<Bytes>,
    /// Where the next bytes come in, behind those that are here already.
    open: BytesMut,
    /// Whether that is in a large block.
    large: bool,
    waiting: usize,
}

impl Backlog {
    pub(crate) fn new() -> Self {
        Self {
            blocks: VecDeque::new(),
            open: BytesMut::with_capacity(SMALL),
            large: false,
            waiting: 0,
        }
    }

    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting
    }

    /// What is to be written next, if anything waits, and where the next bytes come in.
    pub(crate) fn ends(&mut self) -> (&[u8], &mut BytesMut) {
        let next = self.blocks.front().map_or(&[][..], |block| &block[..]);
        (next, &mut self.open)
    }

    /// So many of the next bytes are written.
    pub(crate) fn written(&mut self, count: usize) {
        if let Some(block) = self.blocks.front_mut() {
            block.advance(count);
            self.waiting -= count;
        }
        self.blocks.pop_front_if(|block| block.is_empty());
        self.arrange();
    }

    /// So many bytes came in.
    pub(crate) fn came(&mut self, count: usize) {
        self.waiting += count;
        self.arrange();
    }

    fn arrange(&mut self) {
        let full = self.open.capacity() - self.open.len() < LEAST;
        if !self.open.is_empty() && (full || self.blocks.is_empty()) {
            self.blocks.push_back(self.open.split().freeze());
        }
        if full || (self.large && self.waiting == 0) {
            self.large = self.waiting > MUCH;
            self.open = BytesMut::with_capacity(if self.large { LARGE } else { SMALL });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put(backlog: &mut Backlog, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let open = backlog.ends().1;
            let count = rest.len().min(open.capacity() - open.len());
            open.extend_from_slice(&rest[..count]);
            backlog.came(count);
            rest = &rest[count..];
        }
    }

    fn take(backlog: &mut Backlog, most: usize) -> Vec<u8> {
        let next = backlog.ends().0;
        let taken = next[..next.len().min(most)].to_vec();
        backlog.written(taken.len());
        taken
    }

    #[test]
    fn small_talk_takes_a_small_block() {
        let mut backlog = Backlog::new();
        for _ in 0..100_000 {
            put(&mut backlog, b"a few words");
            assert_eq!(take(&mut backlog, 100), b"a few words");
            assert!(backlog.blocks.is_empty() && backlog.open.capacity() <= SMALL);
        }
    }

    #[test]
    fn much_is_kept_in_few_blocks_and_afterwards_there_is_a_small_one() {
        let mut backlog = Backlog::new();
        let million = vec![7; 1_000_000];
        for _ in 0..50 {
            put(&mut backlog, &million);
        }
        assert_eq!(backlog.len(), 50_000_000);
        assert!(backlog.blocks.len() < 30, "{}", backlog.blocks.len());
        assert!(backlog.large);
        while backlog.len() > 0 {
            take(&mut backlog, 300_000);
        }
        assert!(!backlog.large && backlog.open.capacity() == SMALL);
    }

    proptest! {
        #[test]
        fn what_comes_in_goes_out_in_order(
            steps in prop::collection::vec((0..300_000_usize, 0..300_000_usize), 0..40),
        ) {
            let mut backlog = Backlog::new();
            let (mut sent, mut heard) = (Vec::new(), Vec::new());
            for (put_now, take_now) in steps {
                let bytes: Vec<u8> = (0..put_now).map(|at| (sent.len() + at * 7) as u8).collect();
                put(&mut backlog, &bytes);
                sent.extend(bytes);
                heard.extend(take(&mut backlog, take_now));
                prop_assert_eq!(backlog.len(), sent.len() - heard.len());
                prop_assert_eq!(backlog.len() > 0, !backlog.ends().0.is_empty());
            }
            while backlog.len() > 0 {
                heard.extend(take(&mut backlog, usize::MAX));
            }
            prop_assert!(heard == sent);
        }
    }
}
