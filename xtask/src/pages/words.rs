//! Splits a script for the shell into its commands, as far as pages need it.

/// A command in its words, without redirections and the variables that are set for it.
pub type Words = Vec<String>;

/// The commands of a script, in their order. Comments end with their line; a backslash before it continues a line.
pub fn commands(script: &str) -> Vec<Words> {
    let script = script.replace("\\\n", " ");
    let mut commands = Commands::default();
    let mut letters = script.chars().peekable();
    while let Some(letter) = letters.next() {
        match (commands.quote, letter) {
            (Some(quote), letter) if letter == quote => commands.quote = None,
            (Some(_), letter) => commands.push(letter),
            (None, '\'' | '"') => commands.open(letter),
            (None, '\\') => commands.extend(letters.next()),
            (None, '#') if commands.word.is_none() => while letters.next_if(|letter| *letter != '\n').is_some() {},
            (None, '>' | '<') => {
                commands.redirect();
                while letters.next_if(|letter| matches!(letter, '>' | '<' | '&')).is_some() {}
            }
            (None, '\n' | ';' | '|' | '&' | '(' | ')') => commands.end_command(),
            (None, letter) if letter.is_whitespace() => commands.end_word(),
            (None, letter) => commands.push(letter),
        }
    }
    commands.end_command();
    commands.done
}

#[derive(Default)]
struct Commands {
    done: Vec<Words>,
    words: Words,
    word: Option<String>,
    quote: Option<char>,
    /// The next word is the file of a redirection.
    is_file: bool,
}

impl Commands {
    fn push(&mut self, letter: char) {
        self.word.get_or_insert_default().push(letter);
    }

    fn extend(&mut self, letter: Option<char>) {
        self.word.get_or_insert_default().extend(letter);
    }

    fn open(&mut self, quote: char) {
        self.quote = Some(quote);
        self.word.get_or_insert_default();
    }

    /// A number right before it, as in `2>`, is part of the redirection.
    fn redirect(&mut self) {
        if self.word.as_ref().is_some_and(|word| word.parse::<u8>().is_ok()) {
            self.word = None;
        }
        self.end_word();
        self.is_file = true;
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        if std::mem::take(&mut self.is_file) || self.words.is_empty() && is_assignment(&word) {
            return;
        }
        self.words.push(word);
    }

    fn end_command(&mut self) {
        self.end_word();
        self.is_file = false;
        let words = std::mem::take(&mut self.words);
        if !words.is_empty() {
            self.done.push(words);
        }
    }
}

fn is_assignment(word: &str) -> bool {
    let is_name =
        |name: &str| name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_' || letter.is_ascii_digit());
    word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && is_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(script: &str) -> Vec<String> {
        commands(script).iter().map(|words| words.join("|")).collect()
    }

    #[test]
    fn lines_and_operators_part_commands() {
        assert_eq!(joined("a b\nc d && e; f | g &\n"), ["a|b", "c|d", "e", "f", "g"]);
    }

    #[test]
    fn comments_and_continuations() {
        assert_eq!(joined("a b   # c d\n# e\nf \\\n    g#h\n"), ["a|b", "f|g#h"]);
    }

    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(joined("a 'b c' \"d # e\" f'g'h ''\n"), ["a|b c|d # e|fgh|"]);
    }

    #[test]
    fn redirections_and_variables_are_left_out() {
        assert_eq!(joined("A=1 B_2='x y' a b > c 2>&1 < d e=f\n"), ["a|b|e=f"]);
    }
}
