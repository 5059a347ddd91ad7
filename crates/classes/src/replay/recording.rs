//! Reading the recorded lines.

use bytes::Bytes;
use marcot_store::{ClientAddress, ClientId, Errno, SnapId};

use crate::object::Content;

/// A call, with the object before and after it.
pub(super) struct RecordedCall {
    pub(super) scenario: String,
    pub(super) before: Option<Content>,
    pub(super) after: Option<Content>,
    pub(super) caller: (ClientId, ClientAddress),
    pub(super) watchers: Vec<(ClientId, ClientAddress)>,
    pub(super) class: String,
    pub(super) method: String,
    pub(super) arguments: Vec<u8>,
    pub(super) outcome: Result<Bytes, Errno>,
}

/// All calls of a recording, in order.
pub(super) fn parse(text: &str) -> Vec<RecordedCall> {
    let mut calls: Vec<RecordedCall> = Vec::new();
    let mut scenario = "";
    let mut callers: Vec<(ClientId, ClientAddress)> = Vec::new();
    let mut watchers: Vec<(ClientId, ClientAddress)> = Vec::new();
    let mut content: Option<Content> = None;
    let client = |callers: &[(ClientId, ClientAddress)], number: &str| {
        callers[number.parse::<usize>().expect("the recording is whole")].clone()
    };
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["scenario", ..] => {
                scenario = &line["scenario ".len()..];
                callers.clear();
                watchers.clear();
                content = None;
            }
            ["caller", _, id, address] => {
                let address = ClientAddress(address.to_owned());
                callers.push((ClientId(id.parse().expect("the recording is whole")), address));
            }
            ["call", caller, class, method, arguments] => calls.push(RecordedCall {
                scenario: scenario.to_owned(),
                before: content.clone(),
                after: content.clone(),
                caller: client(&callers, caller),
                watchers: watchers.clone(),
                class: class.to_owned(),
                method: method.to_owned(),
                arguments: unhex(arguments),
                outcome: Err(Errno::IO),
            }),
            ["ok", result] => {
                calls.last_mut().expect("the recording is whole").outcome =
                    Ok(unhex(result).into());
            }
            ["errno", number] => {
                let errno = Errno::from_raw(number.parse().expect("the recording is whole"));
                calls.last_mut().expect("the recording is whole").outcome = Err(errno);
            }
            ["watch", number] => watchers.push(client(&callers, number)),
            ["unwatch", number] => {
                let gone = client(&callers, number);
                watchers.retain(|watcher| *watcher != gone);
            }
            ["put", ref change @ ..] => apply(&mut content, change),
            ref change => {
                apply(&mut content, change);
                calls.last_mut().expect("the recording is whole").after.clone_from(&content);
            }
        }
    }
    calls
}

fn apply(content: &mut Option<Content>, change: &[&str]) {
    if change == ["absent"] {
        *content = None;
        return;
    }
    let content = content.get_or_insert_default();
    match change {
        ["present"] => {}
        ["snap", id] => content.seq = SnapId(id.parse().expect("the recording is whole")),
        ["data", data] => content.data = unhex(data),
        ["omap", key, value] => {
            content.omap.insert(unhex(key).into(), unhex(value).into());
        }
        ["xattr", name, value] => {
            content.xattrs.insert((*name).to_owned(), unhex(value).into());
        }
        ["-omap", key] => {
            content.omap.remove(&unhex(key)[..]);
        }
        ["-xattr", name] => {
            content.xattrs.remove(*name);
        }
        other => panic!("unknown line {other:?}"),
    }
}

fn unhex(text: &str) -> Vec<u8> {
    if text == "-" {
        return Vec::new();
    }
    let pairs = text
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).expect("the recording is whole"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("the recording is whole")).collect()
}
