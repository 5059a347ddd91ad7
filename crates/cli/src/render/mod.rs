//! Answers as text: plain tables, JSON and XML, the latter two from one [`Value`].

use std::fmt::Write as _;

mod json;
pub(crate) mod table;
mod xml;

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Plain,
    Json,
    Xml,
}

impl Format {
    pub(crate) fn parse(text: &str) -> Result<Format, String> {
        match text {
            "plain" => Ok(Format::Plain),
            "json" => Ok(Format::Json),
            "xml" => Ok(Format::Xml),
            _ => Err("neither plain nor json nor xml".to_owned()),
        }
    }
}

/// Format and layout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) format: Format,
    pub(crate) pretty: bool,
}

/// Something to print as JSON or XML.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Number(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
    /// Fields in order.
    Object(Vec<(&'static str, Value)>),
    /// As an object, with names that are data.
    Map(Vec<(String, Value)>),
    /// The elements, each with its name in XML.
    List(Vec<(&'static str, Value)>),
}

impl Value {
    pub(crate) fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }

    /// A list whose elements all have the same name in XML.
    pub(crate) fn list(item: &'static str, values: impl IntoIterator<Item = Value>) -> Value {
        Value::List(values.into_iter().map(|value| (item, value)).collect())
    }
}

/// A value with the name of its outermost element in XML, as text in `style`.
///
/// Must not be asked for plain text: that is each command's own.
pub(crate) fn structured(style: Style, root: &str, value: &Value) -> String {
    let mut text = String::new();
    match style.format {
        Format::Plain => unreachable!("plain text is laid out by the command"),
        Format::Json => json::write(&mut text, value, style.pretty),
        Format::Xml => xml::write(&mut text, root, value, style.pretty),
    }
    text.push('\n');
    text
}

/// `1.5` as Ceph's formatters write doubles: no exponent for what we print, shortest form.
fn float(text: &mut String, value: f64) {
    let _ = write!(text, "{value}");
}
