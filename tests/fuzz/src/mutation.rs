//! How inputs are changed.

use std::iter;

use fastrand::Rng;

/// Makes inputs out of seeds.
pub(crate) struct Mutator<'a> {
    random: Rng,
    seeds: &'a [Vec<u8>],
    words: Vec<Vec<u8>>,
}

impl<'a> Mutator<'a> {
    pub(crate) fn new(seed: u64, seeds: &'a [Vec<u8>]) -> Self {
        Self { random: Rng::with_seed(seed), seeds, words: words(WORDS) }
    }

    /// A seed with one to eight changes.
    pub(crate) fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.a_seed();
        for _ in 0..self.random.u32(1..=8) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn a_seed(&mut self) -> Vec<u8> {
        self.random.choice(self.seeds).cloned().unwrap_or_default()
    }

    fn a_word(&mut self) -> Vec<u8> {
        self.random.choice(&self.words).cloned().unwrap_or_default()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.random.usize(0..=input.len());
        let end = (at + self.random.usize(0..=32)).min(input.len());
        match self.random.u8(0..9) {
            0 => drop(input.splice(at..end, [])),
            1 => drop(input.splice(at..at, [self.random.u8(..)])),
            2 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << self.random.u8(0..8);
                }
            }
            3 => {
                let word = self.a_word();
                drop(input.splice(at..end, word));
            }
            4 => {
                let word = self.a_word();
                drop(input.splice(at..at, word));
            }
            5 => {
                let piece = input[at..end].to_vec();
                drop(input.splice(at..at, piece));
            }
            6 => {
                let piece = input[at..end].repeat(self.random.usize(1..=64));
                drop(input.splice(at..end, piece));
            }
            7 => {
                let other = self.a_seed();
                let from = self.random.usize(0..=other.len());
                let to = (from + self.random.usize(0..=64)).min(other.len());
                drop(input.splice(at..end, other[from..to].iter().copied()));
            }
            _ => {
                let digits = self.random.i64(..).to_string();
                drop(input.splice(at..end, digits.bytes()));
            }
        }
    }
}

/// Longer inputs find nothing that shorter ones do not, and slowly.
const LONGEST: usize = 16 * 1024;

/// What parsers have branches for; libFuzzer reads the same file.
const WORDS: &str = include_str!("../words.dict");

/// The strings of a dictionary as libFuzzer has them.
fn words(dictionary: &str) -> Vec<Vec<u8>> {
    dictionary.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"')).filter_map(unescaped).collect()
}

/// `None` for what libFuzzer would not read either.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    iter::from_fn(|| {
        let byte = match bytes.next()? {
            b'\\' => match bytes.next() {
                Some(b'x') => hex(bytes.next()).zip(hex(bytes.next())).map(|(high, low)| high << 4 | low),
                Some(escaped @ (b'\\' | b'"')) => Some(escaped),
                _ => None,
            },
            byte => Some(byte),
        };
        Some(byte)
    })
    .collect()
}

fn hex(digit: Option<u8>) -> Option<u8> {
    char::from(digit?).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_dictionary_is_a_word_or_a_remark() {
        let lines = WORDS.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(words(WORDS).len(), lines.count());
        assert!(words(WORDS).contains(&b"\n  ".to_vec()) && words(WORDS).contains(&b"k8s\0".to_vec()));
    }

    #[test]
    fn the_same_seed_makes_the_same_changes() {
        let seeds = vec![b"abc".to_vec(), b"{\"a\":1}".to_vec()];
        let made = |seed| {
            let mut mutator = Mutator::new(seed, &seeds);
            (0..50).map(|_| mutator.next_input()).collect::<Vec<_>>()
        };
        assert_eq!(made(7), made(7));
        assert_ne!(made(7), made(8));
    }
}
