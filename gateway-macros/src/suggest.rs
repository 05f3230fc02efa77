//! The nearest known name for a misspelt one. Knows nothing of what the names are for.

/// The known name `written` most probably stands for, if one is near enough.
///
/// `pingTimeout` and `ping-timeout` are as good as `ping_timeout`: people paste from TypeScript.
pub(crate) fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let written = normal(written);
    let (distance, name) = known
        .iter()
        .map(|name| (distance(&written, &normal(name)), *name))
        .min_by_key(|(distance, _)| *distance)?;
    // A third of the letters may be wrong: `namspace` is near, `colour` is not near `overflow`.
    let allowed = written.chars().count().max(name.chars().count()).div_ceil(3);
    (distance <= allowed).then_some(name)
}

/// `a, b and c`, each in backticks.
pub(crate) fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// Lower case and no separators: how two spellings of one name are compared.
pub(crate) fn normal(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

// Insertions, deletions, replacements and swaps of neighbours, each counted once.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let mut best =
                (at(&row, j) + usize::from(x != y)).min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["namespace", "serial", "overflow", "ping_timeout"];

    #[test]
    fn typing_mistakes_find_their_name() {
        assert_eq!(nearest("namspace", &KNOWN), Some("namespace"));
        assert_eq!(nearest("naemspace", &KNOWN), Some("namespace"));
        assert_eq!(nearest("pingTimeout", &KNOWN), Some("ping_timeout"));
        assert_eq!(nearest("colour", &KNOWN), None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("acb", "abc"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn lists_read_like_a_sentence() {
        assert_eq!(list(&["a"]), "`a`");
        assert_eq!(list(&["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
