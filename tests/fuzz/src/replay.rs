//! A target on the corpus and on mutations of it, the same ones every time.

use std::env;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// More than anybody has to type, and than a target needs to find its way.
const INPUT_MAX: usize = 8 * 1024;

/// Mutations of one input before the next is drawn.
const MUTATIONS_MAX: u64 = 6;

/// One target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its corpus is in `fuzz/corpus/`, under this name.
    pub name: &'static str,
    /// Panics where something is wrong.
    pub run: fn(&[u8]),
    /// Words that mutations put in: chance does not find them.
    pub words: &'static [&'static [u8]],
}

/// How it went.
#[derive(Clone, Copy, Debug)]
pub struct Replayed {
    /// Inputs of the corpus.
    pub corpus: usize,
    /// Mutations of them.
    pub mutations: u64,
}

impl Target {
    /// Runs all of the corpus, and then mutations for so long. Which ones they are depends on `seed` only,
    /// and how many on the machine.
    ///
    /// # Panics
    /// Where there is no corpus; and as the target does, when the input has been written down.
    #[must_use]
    pub fn replay(&self, lasting: Duration, seed: u64) -> Replayed {
        let corpus = self.corpus();
        for (name, input) in &corpus {
            self.try_on(input, name);
        }
        let mut dice = Dice(seed | 1);
        let mut mutations = 0;
        let begun = Instant::now();
        while begun.elapsed() < lasting {
            let mut input = corpus[dice.below(corpus.len())].1.clone();
            for _ in 0..=dice.next() % MUTATIONS_MAX {
                self.mutate(&mut input, &corpus, &mut dice);
            }
            input.truncate(INPUT_MAX);
            self.try_on(&input, "a mutation");
            mutations += 1;
        }
        Replayed { corpus: corpus.len(), mutations }
    }

    fn corpus(&self) -> Vec<(String, Vec<u8>)> {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(self.name);
        let mut corpus: Vec<(String, Vec<u8>)> = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.expect("an entry"))
            .map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                (name, fs::read(entry.path()).expect("a file"))
            })
            .collect();
        corpus.sort();
        assert!(!corpus.is_empty(), "{} is empty", folder.display());
        corpus
    }

    fn try_on(&self, input: &[u8], name: &str) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.run)(input))) {
            let file = kept(self.name);
            fs::write(&file, input).expect("a file for the input");
            eprintln!("{name}: {}\nkept in {}", input.escape_ascii(), file.display());
            resume_unwind(panic);
        }
    }

    fn mutate(&self, input: &mut Vec<u8>, corpus: &[(String, Vec<u8>)], dice: &mut Dice) {
        let at = dice.below(input.len() + 1);
        let end = (at + dice.below(32)).min(input.len());
        match dice.next() % 8 {
            0 if at < input.len() => input[at] ^= 1 << dice.below(8),
            1 if at < input.len() => input[at] = dice.next() as u8,
            2 => drop(input.drain(at..end)),
            3 => drop(input.splice(at..at, [dice.next() as u8])),
            4 => {
                let again = input[at..end].repeat(1 + dice.below(8));
                input.splice(at..at, again);
            }
            5 => {
                let (_, other) = &corpus[dice.below(corpus.len())];
                let from = dice.below(other.len() + 1);
                input.splice(at..end, other[from..].iter().copied());
            }
            _ if !self.words.is_empty() => {
                let word = self.words[dice.below(self.words.len())];
                let end = if dice.next().is_multiple_of(2) { at } else { end };
                input.splice(at..end, word.iter().copied());
            }
            _ => {}
        }
    }
}

/// How long a test may take with mutations: `FUZZ_SECONDS`, or half a minute.
#[must_use]
pub fn time_in_tests() -> Duration {
    let seconds = env::var("FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(30))
}

fn kept(name: &str) -> PathBuf {
    env::temp_dir().join(format!("fuzz-{name}-{}", std::process::id()))
}

/// Numbers that are the same every time (xorshift64*).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}
