//! The header of a view: the comment before its text, in a fixed form.
//!
//! ```text
//! -- name: what the view holds.
//! -- Grain: what one row is.
//! -- Key: the columns that tell rows apart.
//! -- Units: of times, durations, counts.
//! --
//! -- Rules, in as many lines as it takes.
//! -- Columns:
//! --   topic, tenant_id, thread_id
//! --   started: when it began; a comment may go on
//! --     in a line that is set further in
//! SELECT ...
//! ```
//!
//! Lines that are set in go on with what is above them. A line of `Columns` without a comment names columns that mean
//! the same in every view: see [`COMMON_COLUMNS`].

/// Columns that mean the same in every view, with their comments.
pub const COMMON_COLUMNS: &[(&str, &str)] = &[
    ("topic", "the Kafka topic, or the name of a frames file"),
    (
        "incarnation",
        "which life of the topic: one that was deleted and created again has another",
    ),
    ("partition", "the partition of the topic"),
    ("offset", "the place of the record in its partition"),
    (
        "item",
        "position of an event in its batch, or of an entry in its Metrics message; else 0",
    ),
    ("kafka_time", "time of the record in Kafka"),
    ("time", "time of the producer"),
    ("tenant_id", "the tenant; empty if the producer names none"),
    (
        "thread_id",
        "the thread: a session of an agent; empty if the producer names none",
    ),
    (
        "sequence",
        "the producer's number of the message in its thread; 0 if it has none",
    ),
    ("message_id", "id of the message"),
    (
        "run_id",
        "the run: message_id of its GRAPH_START, or of its first message if that was lost; null outside of runs",
    ),
    ("graph_name", "the graph, as the GRAPH_START of the run names it"),
];

/// What the header of a view says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// What the view holds.
    pub description: String,
    /// What one row is.
    pub grain: String,
    /// The columns that tell rows apart.
    pub key: String,
    /// Units of the columns.
    pub units: String,
    /// Rules by which rows come to be; empty if there is nothing to tell.
    pub rules: String,
    /// Names of columns with what they mean, in the order of the view; empty if the header does not list them.
    pub columns: Vec<(String, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Description,
    Grain,
    Key,
    Units,
    Rules,
    Columns,
}

const PARTS: [(&str, Part); 4] = [
    ("Grain:", Part::Grain),
    ("Key:", Part::Key),
    ("Units:", Part::Units),
    ("Columns:", Part::Columns),
];

impl Header {
    /// Reads the header at the beginning of a view's text. What is not in the fixed form becomes part of the rules.
    #[must_use]
    pub fn parse(sql: &str) -> Self {
        let mut header = Self::default();
        let mut part = Part::Description;
        let lines = sql.lines().map_while(|line| line.strip_prefix("--"));
        for (number, line) in lines.enumerate() {
            let line = line.strip_prefix(' ').unwrap_or(line);
            let is_set_in = line.starts_with(' ');
            let mut text = line.trim();
            if number == 0 {
                text = text.split_once(": ").map_or(text, |(_, description)| description);
            } else if !is_set_in {
                let named = PARTS.iter().find(|(name, _)| text.starts_with(name));
                part = named.map_or(Part::Rules, |(_, part)| *part);
                text = named.map_or(text, |(name, _)| text[name.len()..].trim());
            }
            match part {
                Part::Columns => header.column(line),
                Part::Description => extend(&mut header.description, text),
                Part::Grain => extend(&mut header.grain, text),
                Part::Key => extend(&mut header.key, text),
                Part::Units => extend(&mut header.units, text),
                Part::Rules => extend(&mut header.rules, text),
            }
        }
        header
    }

    /// Reads a line below `Columns:`.
    fn column(&mut self, line: &str) {
        let text = line.trim();
        if text == "Columns:" || text.is_empty() {
            return;
        }
        if line.starts_with("    ") {
            if let Some((_, comment)) = self.columns.last_mut() {
                extend(comment, text);
            }
            return;
        }
        if let Some((name, comment)) = text.split_once(": ") {
            self.columns.push((name.to_owned(), comment.to_owned()));
            return;
        }
        self.columns.extend(
            text.split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(|name| (name.to_owned(), common(name).to_owned())),
        );
    }
}

/// The comment of a column that means the same in every view; empty if there is none of that name.
fn common(name: &str) -> &'static str {
    COMMON_COLUMNS
        .iter()
        .find(|(common, _)| *common == name)
        .map_or("", |(_, comment)| comment)
}

/// Goes on with a text.
fn extend(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push(' ');
    }
    text.push_str(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_taken_apart() {
        let header = Header::parse(
            "-- pets: animals\n--   of the house.\n-- Grain: one row per pet.\n-- Key: name,\n--   owner.\n\
             -- Units: weight in g.\n--\n-- Cats count\n-- as pets.\n-- Columns:\n--   topic, item\n\
             --   name: what it\n--     listens to: perhaps\n--   owner: who feeds it\nSELECT 1 -- not this\n",
        );
        assert_eq!(header.description, "animals of the house.");
        assert_eq!(header.grain, "one row per pet.");
        assert_eq!(header.key, "name, owner.");
        assert_eq!(header.units, "weight in g.");
        assert_eq!(header.rules, "Cats count as pets.");
        let columns: Vec<_> = header
            .columns
            .iter()
            .map(|(name, comment)| (name.as_str(), comment.as_str()))
            .collect();
        assert_eq!(
            columns,
            [
                ("topic", common("topic")),
                ("item", common("item")),
                ("name", "what it listens to: perhaps"),
                ("owner", "who feeds it"),
            ]
        );
        assert!(!common("topic").is_empty());
    }

    #[test]
    fn a_name_without_a_comment_that_is_not_common_has_none() {
        let header = Header::parse("-- a: b\n-- Columns:\n--   weight\nSELECT 1");
        assert_eq!(header.columns, [("weight".to_owned(), String::new())]);
    }

    #[test]
    fn a_text_without_a_header_says_nothing() {
        assert_eq!(Header::parse("SELECT 1 -- Grain: none"), Header::default());
        assert_eq!(Header::parse(""), Header::default());
    }
}
