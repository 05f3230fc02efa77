//! The pages people read: the README and its translation agree, every link leads somewhere, and
//! what a page quotes is said there; the page of the limits lists all of them.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

struct Page {
    /// From the workspace.
    path: PathBuf,
    bones: Vec<Bone>,
    anchors: Vec<String>,
    links: Vec<Link>,
    quotes: Vec<Quote>,
}

/// What a translation has in common with its original.
#[derive(Clone)]
struct Bone {
    line: usize,
    kind: BoneKind,
}

#[derive(Clone, PartialEq)]
enum BoneKind {
    Heading(HeadingLevel),
    /// As it is written, fences and all.
    Code(String),
    Item,
    /// The code in a row of a table, in the order of the alphabet: sentences may turn it around.
    Row(Vec<String>),
    /// Likewise, of a paragraph.
    Paragraph(Vec<String>),
}

struct Link {
    line: usize,
    to: String,
}

/// A block of plain text, and the file it is from: the code that comes next.
struct Quote {
    line: usize,
    text: String,
    file: Option<String>,
}

impl Page {
    fn read(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let text = fs::read_to_string(root().join(path))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::parse(path, &text)
    }

    fn parse(path: impl Into<PathBuf>, text: &str) -> Self {
        let mut page = Self {
            path: path.into(),
            bones: Vec::new(),
            anchors: Vec::new(),
            links: Vec::new(),
            quotes: Vec::new(),
        };
        let (mut heading, mut titles) = (None, Vec::new());
        let (mut quoting, mut in_words) = (false, false);
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = text[..range.start].matches('\n').count() + 1;
            let mut bone = |kind| page.bones.push(Bone { line, kind });
            match event {
                Event::Start(Tag::Heading { level, .. }) => {
                    bone(BoneKind::Heading(level));
                    heading = Some(String::new());
                }
                Event::End(TagEnd::Heading(_)) => {
                    let title = heading.take().expect("a heading begins before it ends");
                    let anchor = anchor(&title);
                    let before = titles.iter().filter(|title| **title == anchor).count();
                    page.anchors.push(match before {
                        0 => anchor.clone(),
                        number => format!("{anchor}-{number}"),
                    });
                    titles.push(anchor);
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    bone(BoneKind::Code(text[range].to_owned()));
                    quoting =
                        matches!(kind, CodeBlockKind::Fenced(language) if &*language == "text");
                    if quoting {
                        page.quotes.push(Quote { line, text: String::new(), file: None });
                    }
                }
                Event::End(TagEnd::CodeBlock) => quoting = false,
                Event::Start(Tag::Item) => bone(BoneKind::Item),
                Event::Start(Tag::TableHead | Tag::TableRow) => {
                    bone(BoneKind::Row(Vec::new()));
                    in_words = true;
                }
                Event::Start(Tag::Paragraph) => {
                    bone(BoneKind::Paragraph(Vec::new()));
                    in_words = true;
                }
                Event::End(TagEnd::TableHead | TagEnd::TableRow | TagEnd::Paragraph) => {
                    in_words = false;
                }
                Event::Start(Tag::Link { dest_url, .. }) => {
                    page.links.push(Link { line, to: dest_url.into_string() });
                }
                Event::Text(words) => {
                    if quoting && let Some(quote) = page.quotes.last_mut() {
                        quote.text.push_str(&words);
                    }
                    heading.iter_mut().for_each(|title| title.push_str(&words));
                }
                Event::Code(code) => {
                    heading.iter_mut().for_each(|title| title.push_str(&code));
                    if let Some(quote) = page.quotes.last_mut() {
                        quote.file.get_or_insert_with(|| code.to_string());
                    }
                    if let Some(Bone { kind, .. }) = page.bones.last_mut()
                        && let BoneKind::Row(codes) | BoneKind::Paragraph(codes) = kind
                        && in_words
                    {
                        codes.push(code.into_string());
                        codes.sort_unstable();
                    }
                }
                _ => {}
            }
        }
        page
    }

    fn place(&self, line: usize) -> impl fmt::Display {
        format!("{}:{line}", self.path.display())
    }
}

/// What GitHub calls a heading in a link; one that is there again gets a number.
fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

// ------------------------------------------------------------------------------- the translation

/// The first thing a translation does not have in common with its original.
fn difference(original: &Page, translation: &Page) -> Option<String> {
    let mut others = translation.bones.iter();
    for bone in &original.bones {
        let here = original.place(bone.line);
        let Some(other) = others.next() else {
            return Some(format!("{here}: {} that the translation does not have", bone.kind));
        };
        let there = translation.place(other.line);
        match (&bone.kind, &other.kind) {
            (kind, same) if kind == same => {}
            (BoneKind::Code(code), BoneKind::Code(translated)) => {
                let (mut lines, mut translated) = (code.lines(), translated.lines());
                let first = (0..).find_map(|number| match (lines.next(), translated.next()) {
                    (left, right) if left == right && left.is_some() => None,
                    (left, right) => {
                        Some((number, left.unwrap_or("(the end)"), right.unwrap_or("(the end)")))
                    }
                });
                let (number, left, right) = first.expect("the blocks differ");
                let here = original.place(bone.line + number);
                let there = translation.place(other.line + number);
                return Some(format!("the code differs\n{here}: {left}\n{there}: {right}"));
            }
            (kind, translated) => return Some(format!("{here}: {kind}\n{there}: {translated}")),
        }
    }
    let other = others.next()?;
    let there = translation.place(other.line);
    Some(format!("{there}: {} that the original does not have", other.kind))
}

impl fmt::Display for BoneKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heading(level) => write!(f, "a heading {level}"),
            Self::Code(code) => write!(f, "a block of code, {}", code.lines().next().unwrap_or("")),
            Self::Item => f.write_str("an item of a list"),
            Self::Row(codes) => write!(f, "a row with the code {codes:?}"),
            Self::Paragraph(codes) => write!(f, "a paragraph with the code {codes:?}"),
        }
    }
}

#[test]
fn the_translation_of_the_readme_is_complete() {
    let (original, translation) = (Page::read("README.md"), Page::read("README.zh-CN.md"));
    if let Some(difference) = difference(&original, &translation) {
        panic!("README.zh-CN.md is not what README.md is: {difference}");
    }
}

#[test]
fn what_a_translation_lacks_is_named() {
    let original = "# Title\n\nText `a`.\n\n```rust\nlet a = 1; // one\nlet b;\n```\n\n## Next\n\n| x |\n|---|\n| `a` and `b` |\n\n* item\n";
    let page = |text: &str| Page::parse("original.md", text);
    let translated = |from, to| {
        assert!(original.contains(from), "{from}");
        let translation = Page::parse("translation.md", &original.replace(from, to));
        difference(&page(original), &translation)
    };
    assert_eq!(translated("Text `a`.", "`a` ist Text."), None);
    assert_eq!(translated("`a` and `b`", "`b` und `a`"), None);
    for (from, to, said) in [
        (
            "Text `a`.",
            "Ein `b`.",
            "original.md:3: a paragraph with the code [\"a\"]\ntranslation.md:3: a paragraph with the code [\"b\"]",
        ),
        (
            "// one",
            "// eins",
            "the code differs\noriginal.md:6: let a = 1; // one\ntranslation.md:6: let a = 1; // eins",
        ),
        ("let b;\n", "", "the code differs\noriginal.md:7: let b;\ntranslation.md:7: ```"),
        ("```rust", "```rs", "the code differs\noriginal.md:5: ```rust\ntranslation.md:5: ```rs"),
        ("## Next", "# Next", "original.md:10: a heading h2\ntranslation.md:10: a heading h1"),
        (
            "## Next\n",
            "",
            "original.md:10: a heading h2\ntranslation.md:11: a row with the code []",
        ),
        (
            "`a` and `b`",
            "`a`",
            "original.md:14: a row with the code [\"a\", \"b\"]\ntranslation.md:14: a row with the code [\"a\"]",
        ),
        ("* item\n", "", "original.md:16: an item of a list that the translation does not have"),
        (
            "* item\n",
            "* item\n* item\n",
            "translation.md:17: an item of a list that the original does not have",
        ),
    ] {
        assert_eq!(translated(from, to).as_deref(), Some(said));
    }
}

// --------------------------------------------------------------------------------------- links

/// The links of a page that lead nowhere.
fn broken(page: &Page) -> Vec<String> {
    let broken = page.links.iter().filter_map(|Link { line, to }| {
        if to.starts_with("https://") || to.starts_with("http://") {
            return None;
        }
        let (file, anchor) = to.split_once('#').unwrap_or((to, ""));
        let wrong = if file.is_empty() {
            !page.anchors.iter().any(|own| own == anchor)
        } else {
            let file = root().join(&page.path).with_file_name(file);
            let has = |anchor| Page::read(&file).anchors.iter().any(|own| own == anchor);
            !file.exists() || !anchor.is_empty() && !has(anchor)
        };
        wrong.then(|| format!("{}: `{to}` leads nowhere", page.place(*line)))
    });
    broken.collect()
}

/// The pages of the repository.
fn pages() -> Vec<Page> {
    let entries = ["", "docs", "gateway-core/docs", "bench", "examples", "tests"]
        .into_iter()
        .flat_map(|folder| {
            let entries = fs::read_dir(root().join(folder)).expect("a folder");
            entries.map(move |entry| Path::new(folder).join(entry.expect("an entry").file_name()))
        });
    entries
        .filter(|file| file.extension().is_some_and(|kind| kind == "md"))
        .map(Page::read)
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    assert!(pages.iter().any(|page| page.path.ends_with("docs/nestjs.md")), "those are not all");
    let broken: Vec<String> = pages.iter().flat_map(broken).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_link_that_leads_nowhere_is_named() {
    let text = "# A title\n## A title\n## `code`, 中文: more_or-less\n\n\
                [a](#a-title) [b](#a-title-1) [c](#code-中文-more_or-less) [d](nestjs.md)\n\
                [e](../README.md#more) [f](https://example.com/#x) [g](..)\n\n\
                [h](#a-title-2)\n[i](README.md)\n| t |\n|---|\n| [k](../README.md#less) |\n";
    let page = Page::parse("docs/page.md", text);
    assert_eq!(page.anchors, ["a-title", "a-title-1", "code-中文-more_or-less"]);
    assert_eq!(
        broken(&page),
        [
            "docs/page.md:8: `#a-title-2` leads nowhere",
            "docs/page.md:9: `README.md` leads nowhere",
            "docs/page.md:12: `../README.md#less` leads nowhere",
        ]
    );
}

// -------------------------------------------------------------------------------------- quotes

/// Whether the lines of a quote stand in a text, one after the other. Indentation is the page's own, and
/// so is the number of a problem: in the report it depends on how many others there are.
fn says(text: &str, quote: &str) -> bool {
    let line = |line: &str| {
        let line = line.trim();
        let behind = line.trim_start_matches(|c: char| c.is_ascii_digit());
        behind.strip_prefix(". ").unwrap_or(line).to_owned()
    };
    let lines = |text: &str| text.lines().map(line).collect::<Vec<_>>();
    let (text, quote) = (lines(text), lines(quote));
    !quote.is_empty() && text.windows(quote.len()).any(|window| window == quote)
}

#[test]
fn what_the_guide_quotes_is_said() {
    let page = Page::read("gateway-core/docs/coming-from-nestjs.md");
    assert!(!page.quotes.is_empty());
    for Quote { line, text, file } in &page.quotes {
        let place = page.place(*line);
        let file = file.as_ref().unwrap_or_else(|| panic!("{place}: from which file?"));
        let source = fs::read_to_string(root().join(file))
            .unwrap_or_else(|error| panic!("{place}: `{file}`: {error}"));
        assert!(says(&source, text), "{place}: `{file}` does not say\n{text}");
    }
}

/// The compiler's help and the README name a version of garde: the one whose rules are read.
#[test]
fn garde_is_named_in_the_version_that_is_used() {
    let read = |file: &str| fs::read_to_string(root().join(file)).expect("a file of the workspace");
    let used = read("Cargo.toml");
    let used = used.lines().find_map(|line| line.strip_prefix("garde = { version = \"")).unwrap();
    let version = used.split('"').next().unwrap();
    let extract = "gateway-core/src/call/extract";
    for (file, name) in [
        (format!("{extract}/valid.rs"), format!("garde {version},")),
        (format!("{extract}/valid.rs"), format!("`garde = \\\"{version}\\\"`")),
        (format!("{extract}/mod.rs"), format!("garde {version} ")),
        ("README.md".to_owned(), format!("garde = {{ version = \"{version}\"")),
    ] {
        assert!(read(&file).contains(&name), "{file} does not say `{name}`");
    }
}

#[test]
fn a_quote_is_of_whole_lines_in_order() {
    let text = "error: one\n    help: two\n\nerror: three\n 12. four\n";
    for (quote, said) in [
        ("1. four", true),
        ("12 four", false),
        ("error: one\nhelp: two", true),
        ("help: two\n\nerror: three\n", true),
        ("error: one\nerror: three", false),
        ("error: on", false),
        ("", false),
    ] {
        assert_eq!(says(text, quote), said, "{quote}");
    }
}

/// The limits as an application prints them, each with its default.
fn limits() -> Vec<(String, String)> {
    let told = gateway_core::Limits::default().to_string();
    let line = |line: &str| {
        let (name, value) = line.split_once(' ').expect("a name and a value");
        (name.to_owned(), value.trim().to_owned())
    };
    told.lines().map(line).collect()
}

#[test]
fn the_page_of_limits_has_a_row_for_each_with_its_default() {
    let read = |file: &str| fs::read_to_string(root().join(file)).expect(file);
    let (page, options) = (read("docs/limits.md"), read("gateway-core/src/declare/attributes.rs"));
    let table = page.split("| per gateway |").nth(1).expect("the table of limits");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut documented = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, default, bounds, beyond, per_gateway] = cells[..] else {
            panic!("not five cells: {row}")
        };
        assert!(!bounds.is_empty() && !beyond.is_empty(), "{row}");
        let name = name.trim_matches('`');
        // By the link to the limit: an option of the same name may be about something else.
        let is_option = options.contains(&format!("(crate::Limits::{name}) |"));
        assert_eq!(per_gateway == "yes", is_option, "whether `{name}` is an option of a gateway");
        documented.push((name.to_owned(), default.to_owned()));
    }
    assert_eq!(documented, limits(), "docs/limits.md, and what `Limits` prints");
}
