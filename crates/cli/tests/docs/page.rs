//! What there is to carry out in a page of Markdown: its fenced blocks, and the remarks to the test
//! between them, which readers do not see.
//!
//! | in the page | meaning |
//! |---|---|
//! | ```` ```yaml FILE ```` | the block is written to FILE, and must be a valid configuration, file of jobs or scenario |
//! | ```` ```yaml ```` | the block must be one of those; it is written nowhere |
//! | ```` ```yaml with mistakes ```` | the block must be refused |
//! | ```` ```FILE-TYPE FILE ```` | any other block with the name of a file is written to it |
//! | ```` ```console ```` | lines that begin with `$ ` are carried out; what stands below is what they print; `# exit N` at the end of a line is the code with which the command ends, and a server goes on beside the rest of the page |
//! | ```` ```sh ```` | a script, carried out as a whole; it must end with 0 |
//! | `<!-- test: fresh -->` | everything that has run so far ends, the home is emptied, and what the page started beside itself is started again: the server with the files as they are now |
//! | `<!-- test: not run, REASON -->` | the next block is not carried out |
//!
//! A block whose fence has no word after it is carried out by nobody, so shell and YAML must say what
//! they are: a block that looks like a command and has no word is an error.

/// A page with what is to be carried out in it.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) parts: Vec<Part>,
}

/// One thing in a page, with the number of its line.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) line: usize,
    pub(crate) what: What,
}

/// What it is.
#[derive(Debug)]
pub(crate) enum What {
    Fresh,
    Block(Block),
}

/// A fenced block.
#[derive(Debug)]
pub(crate) struct Block {
    /// The first word after the fence.
    pub(crate) language: String,
    /// The rest of the words.
    pub(crate) rest: String,
    pub(crate) text: String,
}

const REMARK: &str = "<!-- test:";

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// A sentence, if a remark is not understood or a block says nothing of what it is.
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut is_skipped = false;
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
        while let Some((line, content)) = lines.next() {
            let trimmed = content.trim_start();
            if let Some(remark) = trimmed.strip_prefix(REMARK) {
                let remark = remark.trim().trim_end_matches("-->").trim();
                match remark.split_once(',') {
                    None if remark == "fresh" => parts.push(Part { line, what: What::Fresh }),
                    Some(("not run", reason)) if !reason.trim().is_empty() => is_skipped = true,
                    _ => return Err(format!("{path}:{line}: no such remark: {remark}")),
                }
            } else if let Some(words) = trimmed.strip_prefix("```") {
                let indent = content.len() - trimmed.len();
                let body = lines.by_ref().take_while(|(_, line)| line.trim() != "```");
                let cut = |line: &str| line.get(indent..).unwrap_or_default().to_owned() + "\n";
                let text: String = body.map(|(_, line)| cut(line)).collect();
                let block = Block::new(words, text);
                if block.language.is_empty() && block.looks_like_commands() {
                    return Err(format!("{path}:{line}: this block should say `console` or `sh`"));
                }
                if !std::mem::take(&mut is_skipped) {
                    parts.push(Part { line, what: What::Block(block) });
                }
            } else if content.starts_with("    pointsman ") || content.starts_with("    $ ") {
                return Err(format!("{path}:{line}: commands stand in a `console` or `sh` block"));
            }
        }
        Ok(Self { parts })
    }
}

impl Block {
    fn new(words: &str, text: String) -> Self {
        let (language, rest) = words.trim().split_once(' ').unwrap_or((words.trim(), ""));
        Self { language: language.to_owned(), rest: rest.trim().to_owned(), text }
    }

    fn looks_like_commands(&self) -> bool {
        self.text.lines().any(|line| {
            ["$ ", "pointsman ", "cargo ", "curl "].iter().any(|begin| line.starts_with(begin))
        })
    }
}
