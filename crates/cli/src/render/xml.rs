//! XML in the layout of Ceph's formatter: compact, or one blank per level and a line each.

use std::fmt::Write as _;

use super::{Value, float};

pub(super) fn write(text: &mut String, root: &str, value: &Value, pretty: bool) {
    let mut out = Writer { text, pretty };
    out.element(root, value, 0);
}

struct Writer<'a> {
    text: &'a mut String,
    pretty: bool,
}

impl Writer<'_> {
    fn element(&mut self, name: &str, value: &Value, depth: usize) {
        self.indent(depth);
        // As Ceph does it: no blanks in names.
        let name = name.replace(' ', "_");
        let _ = write!(self.text, "<{name}>");
        match value {
            Value::Text(text) => self.escaped(text),
            Value::Number(number) => {
                let _ = write!(self.text, "{number}");
            }
            Value::Signed(number) => {
                let _ = write!(self.text, "{number}");
            }
            Value::Float(number) => float(self.text, *number),
            Value::Bool(truth) => self.text.push_str(if *truth { "true" } else { "false" }),
            Value::Object(fields) => {
                self.children(depth, fields.iter().map(|(name, value)| (*name, value)));
            }
            Value::Map(fields) => {
                self.children(depth, fields.iter().map(|(name, value)| (name.as_str(), value)));
            }
            Value::List(items) => {
                self.children(depth, items.iter().map(|(name, value)| (*name, value)));
            }
        }
        let _ = write!(self.text, "</{name}>");
        self.new_line();
    }

    fn children<'v>(&mut self, depth: usize, items: impl Iterator<Item = (&'v str, &'v Value)>) {
        self.new_line();
        for (name, value) in items {
            self.element(name, value, depth + 1);
        }
        self.indent(depth);
    }

    fn new_line(&mut self) {
        if self.pretty {
            self.text.push('\n');
        }
    }

    fn indent(&mut self, depth: usize) {
        if self.pretty {
            self.text.push_str(&" ".repeat(depth));
        }
    }

    fn escaped(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '&' => self.text.push_str("&amp;"),
                '"' => self.text.push_str("&quot;"),
                '\'' => self.text.push_str("&apos;"),
                control if control < ' ' => {
                    let _ = write!(self.text, "&#x{:02x};", u32::from(control));
                }
                other => self.text.push(other),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_and_pretty() {
        let value = Value::list("child", [Value::Object(vec![("image", Value::text("a<b"))])]);
        let xml = |pretty| {
            let mut text = String::new();
            write(&mut text, "children", &value, pretty);
            text
        };
        let compact = "<children><child><image>a&lt;b</image></child></children>";
        assert_eq!(xml(false), compact);
        let pretty = "<children>\n <child>\n  <image>a&lt;b</image>\n </child>\n</children>\n";
        assert_eq!(xml(true), pretty);
    }
}
