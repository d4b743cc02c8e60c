//! How inputs are changed.

use fastrand::Rng;

/// Makes inputs out of seeds.
pub(crate) struct Mutator<'a> {
    random: Rng,
    seeds: &'a [Vec<u8>],
}

impl<'a> Mutator<'a> {
    pub(crate) fn new(seed: u64, seeds: &'a [Vec<u8>]) -> Self {
        Self { random: Rng::with_seed(seed), seeds }
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
                let word = self.random.choice(WORDS).copied().unwrap_or_default();
                drop(input.splice(at..end, word.bytes()));
            }
            4 => {
                let word = self.random.choice(WORDS).copied().unwrap_or_default();
                drop(input.splice(at..at, word.bytes()));
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

/// What parsers have branches for.
const WORDS: &[&str] = &[
    "",
    "null",
    "true",
    "{}",
    "[]",
    "[{}]",
    "\"\"",
    "\\u0000",
    "\\ud800",
    "\u{0}",
    "\u{feff}",
    "\u{1f980}",
    "0",
    "-1",
    "1e400",
    "9223372036854775808",
    "18446744073709551616",
    "0.1",
    "~",
    "---\n",
    "&a [*a]",
    "*a",
    "<<: ",
    "!!binary ",
    "? ",
    "- ",
    ": ",
    "\n  ",
    "\t",
    "%",
    "%2",
    "%00",
    "%2F",
    "%ff",
    "//",
    "/..",
    "/./",
    "/status",
    "/scale",
    "/watch/",
    "?",
    "&",
    "=",
    ";",
    ",",
    "!=",
    "==",
    " in (",
    " notin (",
    ")",
    "(",
    ">",
    "<",
    "!",
    "metadata.name",
    "a=b",
    "labelSelector",
    "fieldSelector",
    "resourceVersion",
    "resourceVersionMatch",
    "limit",
    "continue",
    "watch",
    "sendInitialEvents",
    "timeoutSeconds",
    "dryRun",
    "fieldManager",
    "force",
    "pretty",
    "/metadata",
    "/spec",
    "/-",
    "~0",
    "~1",
    "~2",
    "$patch",
    "$retainKeys",
    "$setElementOrder/ports",
    "$deleteFromPrimitiveList/colors",
    "delete",
    "replace",
    "managedFields",
    "fieldsV1",
    "f:metadata",
    "k:{\"port\":1}",
    "v:1",
    "i:0",
    ".",
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    ";as=Table;v=v1;g=meta.k8s.io",
    ";q=0",
    "*/*",
];
