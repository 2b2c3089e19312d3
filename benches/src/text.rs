//! Pseudorandom text, so that branch predictors cannot learn it. It is the same in every run.

/// Words in the Latin alphabet.
pub(crate) const LATIN: &[&str] = &[
    "the",
    "of",
    "a",
    "stream",
    "event",
    "reads",
    "which",
    "server",
    "it",
    "is",
    "on",
    "network",
    "while",
    "bytes",
    "arrive",
    "in",
    "chunks",
    "and",
    "sometimes",
    "between",
    "two",
    "lines",
    "however",
    "understanding",
    "I",
    "no",
    "through",
    "connection",
    "waits",
    "for",
    "more",
    "token",
];

/// Words that are mostly not ASCII: CJK, emoji, umlauts, Cyrillic, Greek.
pub(crate) const WORLD: &[&str] = &[
    "サーバー",
    "送信",
    "イベント",
    "の",
    "流れ",
    "服务器",
    "发送",
    "事件",
    "数据",
    "和",
    "서버",
    "전송",
    "이벤트",
    "🚀",
    "👩‍💻",
    "🎉✨",
    "🇯🇵",
    "über",
    "größer",
    "Fußgänger",
    "naïve",
    "Ärger",
    "поток",
    "событий",
    "ροή",
    "é",
    "—",
    "“so”",
    "ok",
    "is",
];

/// Linear congruential generator with the constants of Knuth's MMIX.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Creates the sequence that starts from `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    /// Returns a number from `from` to `to`, inclusive.
    pub(crate) fn between(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to - from + 1)
    }

    /// Returns one of the words.
    pub(crate) fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    /// Returns words with spaces between them, at least `length` bytes.
    pub(crate) fn words(&mut self, words: &[&str], length: usize) -> String {
        let mut text = String::from(self.one_of(words));
        while text.len() < length {
            text.push(' ');
            text.push_str(self.one_of(words));
        }
        text
    }

    /// Returns exactly `length` letters and digits.
    pub(crate) fn token(&mut self, length: usize) -> String {
        const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        (0..length)
            .map(|_| char::from(ALPHABET[self.below(ALPHABET.len())]))
            .collect()
    }
}
