//! JSON in the layout of Ceph's formatter: compact without blanks, or four blanks per level.

use std::fmt::Write as _;

use super::{Value, float};

pub(super) fn write(text: &mut String, value: &Value, pretty: bool) {
    let mut out = Writer { text, pretty, depth: 0 };
    out.value(value);
}

struct Writer<'a> {
    text: &'a mut String,
    pretty: bool,
    depth: usize,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value) {
        match value {
            Value::Text(text) => self.quoted(text),
            Value::Number(number) => {
                let _ = write!(self.text, "{number}");
            }
            Value::Signed(number) => {
                let _ = write!(self.text, "{number}");
            }
            Value::Float(number) => float(self.text, *number),
            Value::Bool(truth) => self.text.push_str(if *truth { "true" } else { "false" }),
            Value::Object(fields) => {
                self.fields(fields.iter().map(|(name, value)| (*name, value)));
            }
            Value::Map(fields) => {
                self.fields(fields.iter().map(|(name, value)| (name.as_str(), value)));
            }
            Value::List(items) => self.items(items),
        }
    }

    fn fields<'v>(&mut self, fields: impl Iterator<Item = (&'v str, &'v Value)>) {
        self.text.push('{');
        self.depth += 1;
        let mut any = false;
        for (name, value) in fields {
            if any {
                self.text.push(',');
            }
            any = true;
            self.new_line();
            self.quoted(name);
            self.text.push_str(if self.pretty { ": " } else { ":" });
            self.value(value);
        }
        self.close('}', any);
    }

    fn items(&mut self, items: &[(&'static str, Value)]) {
        self.text.push('[');
        self.depth += 1;
        for (at, (_, value)) in items.iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            self.new_line();
            self.value(value);
        }
        self.close(']', !items.is_empty());
    }

    fn close(&mut self, mark: char, any: bool) {
        self.depth -= 1;
        if any {
            self.new_line();
        }
        self.text.push(mark);
    }

    fn new_line(&mut self) {
        if self.pretty {
            self.text.push('\n');
            self.text.push_str(&" ".repeat(4 * self.depth));
        }
    }

    fn quoted(&mut self, text: &str) {
        self.text.push('"');
        for letter in text.chars() {
            match letter {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\t' => self.text.push_str("\\t"),
                control if control < ' ' || control == '\u{7f}' => {
                    let _ = write!(self.text, "\\u{:04x}", u32::from(control));
                }
                other => self.text.push(other),
            }
        }
        self.text.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &Value, pretty: bool) -> String {
        let mut text = String::new();
        write(&mut text, value, pretty);
        text
    }

    #[test]
    fn compact_and_pretty() {
        let value = Value::list(
            "child",
            [Value::Object(vec![("name", Value::text("a\"b")), ("size", Value::Number(1))])],
        );
        assert_eq!(json(&value, false), r#"[{"name":"a\"b","size":1}]"#);
        let pretty = "[\n    {\n        \"name\": \"a\\\"b\",\n        \"size\": 1\n    }\n]";
        assert_eq!(json(&value, true), pretty);
        assert_eq!(json(&Value::List(vec![]), true), "[]");
        assert_eq!(json(&Value::Object(vec![]), true), "{}");
    }
}
