//! Inputs that are nearly right: samples with a few changes, and now and then plain noise.

/// The longest input.
const LONGEST: usize = 4096;

/// Bytes that begin something in MessagePack, in protobuf or in a text, or stand at an edge.
const EDGES: &[u8] = &[
    0x00, 0x01, 0x02, 0x0a, 0x12, 0x1a, 0x22, 0x7f, 0x80, 0x81, 0x90, 0x91, 0xa0, 0xa1, 0xbf, 0xc0,
    0xc1, 0xc2, 0xc4, 0xc7, 0xca, 0xcb, 0xcc, 0xcf, 0xd0, 0xd3, 0xd4, 0xd8, 0xd9, 0xdb, 0xdc, 0xdd,
    0xde, 0xdf, 0xe0, 0xff, b'\n', b'\r', b'"', b'\'', b'\\', b'{', b'}', b'[', b']', b'=', b'#',
    b'$', b'-', b'.', b'9', b'0', b' ',
];

pub(super) struct Mutator<'a> {
    state: u64,
    seeds: &'a [Vec<u8>],
    words: &'static [&'static str],
}

impl<'a> Mutator<'a> {
    /// The name sets one decoder's inputs apart from another's.
    pub(super) fn new(
        seed: u64,
        name: &str,
        seeds: &'a [Vec<u8>],
        words: &'static [&'static str],
    ) -> Self {
        let state = name.bytes().fold(seed, |state, byte| {
            state.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
        });
        Self {
            state,
            seeds,
            words,
        }
    }

    pub(super) fn input(&mut self) -> Vec<u8> {
        let mut input = match self.below(16) {
            0 => self.noise(),
            _ => self.sample(),
        };
        // A sample as it is goes deepest, so a few stay as they are.
        for _ in 0..self.below(9) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn noise(&mut self) -> Vec<u8> {
        let length = self.below(64);
        (0..length).map(|_| self.byte()).collect()
    }

    fn sample(&mut self) -> Vec<u8> {
        match self.seeds.len() {
            0 => self.noise(),
            count => self.seeds[self.below(count)].clone(),
        }
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = input.len().min(at + 1 + self.below(16));
        match self.below(10) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.byte(),
            2 if at < input.len() => input[at] = EDGES[self.below(EDGES.len())],
            3 => input.insert(at, EDGES[self.below(EDGES.len())]),
            4 => drop(input.drain(at.min(end)..end)),
            5 => input.truncate(at),
            6 => {
                let again = input[at.min(end)..end].repeat(1 + self.below(4));
                input.splice(at..at, again);
            }
            7 => {
                let other = self.sample();
                let from = self.below(other.len() + 1);
                let to = other.len().min(from + self.below(64));
                input.splice(at..at.max(end), other[from..to].iter().copied());
            }
            8 if !self.words.is_empty() => {
                let word = self.words[self.below(self.words.len())];
                input.splice(at..at, word.bytes());
            }
            _ => {
                let edge = [u32::MAX, 1 << 31, 1 << 16, 0, 0x7f][self.below(5)].to_be_bytes();
                let width = 1 + self.below(4);
                input.splice(at..end.max(at), edge[..width].iter().copied());
            }
        }
    }

    fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// SplitMix64: a full period, and every state is a good one.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
