//! The bodies of handshake options: bytes to values, nothing else.

use super::limits::STRING_BYTES;

/// A body that does not hold what its option says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadOption {
    #[error("the option's data ends too early")]
    Truncated,
    #[error("the option's data goes on after its end")]
    Trailing,
    #[error("a string is longer than 4096 bytes")]
    LongString,
    #[error("a string is not UTF-8")]
    NotText,
    #[error("too many queries")]
    ManyQueries,
}

/// NBD_OPT_INFO and NBD_OPT_GO.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InfoRequest<'a> {
    pub(crate) name: &'a str,
    pub(crate) wants: Vec<u16>,
}

/// NBD_OPT_LIST_META_CONTEXT and NBD_OPT_SET_META_CONTEXT.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ContextRequest<'a> {
    pub(crate) name: &'a str,
    pub(crate) queries: Vec<&'a str>,
}

/// The whole body is a name: NBD_OPT_EXPORT_NAME.
pub(crate) fn decode_export_name(body: &[u8]) -> Result<&str, BadOption> {
    text(body)
}

pub(crate) fn decode_info(body: &[u8]) -> Result<InfoRequest<'_>, BadOption> {
    let (name, rest) = take_string(body)?;
    let (count, rest) = rest.split_first_chunk::<2>().ok_or(BadOption::Truncated)?;
    let count = usize::from(u16::from_be_bytes(*count));
    // The body bounds the number of items: two bytes each.
    match rest.len().cmp(&(count * 2)) {
        std::cmp::Ordering::Less => return Err(BadOption::Truncated),
        std::cmp::Ordering::Greater => return Err(BadOption::Trailing),
        std::cmp::Ordering::Equal => {}
    }
    let (items, _) = rest.as_chunks::<2>();
    let wants = items.iter().map(|item| u16::from_be_bytes(*item)).collect();
    Ok(InfoRequest { name, wants })
}

pub(crate) fn decode_contexts(
    body: &[u8],
    queries_max: u32,
) -> Result<ContextRequest<'_>, BadOption> {
    let (name, rest) = take_string(body)?;
    let (count, mut rest) = take_u32(rest)?;
    if count > queries_max {
        return Err(BadOption::ManyQueries);
    }
    let mut queries = Vec::new();
    for _ in 0..count {
        let (query, after) = take_string(rest)?;
        queries.push(query);
        rest = after;
    }
    if !rest.is_empty() {
        return Err(BadOption::Trailing);
    }
    Ok(ContextRequest { name, queries })
}

fn take_u32(bytes: &[u8]) -> Result<(u32, &[u8]), BadOption> {
    let (number, rest) = bytes.split_first_chunk::<4>().ok_or(BadOption::Truncated)?;
    Ok((u32::from_be_bytes(*number), rest))
}

fn take_string(bytes: &[u8]) -> Result<(&str, &[u8]), BadOption> {
    let (length, rest) = take_u32(bytes)?;
    let length = usize::try_from(length).map_err(|_| BadOption::LongString)?;
    if length > STRING_BYTES {
        return Err(BadOption::LongString);
    }
    let (string, rest) = rest.split_at_checked(length).ok_or(BadOption::Truncated)?;
    Ok((text(string)?, rest))
}

fn text(bytes: &[u8]) -> Result<&str, BadOption> {
    if bytes.len() > STRING_BYTES {
        return Err(BadOption::LongString);
    }
    std::str::from_utf8(bytes).map_err(|_| BadOption::NotText)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn string(text: &str) -> Vec<u8> {
        let mut bytes = (text.len() as u32).to_be_bytes().to_vec();
        bytes.extend(text.as_bytes());
        bytes
    }

    #[test]
    fn info_holds_a_name_and_wants() {
        let mut body = string("vm");
        body.extend([0, 2, 0, 1, 0, 3]);
        assert_eq!(decode_info(&body), Ok(InfoRequest { name: "vm", wants: vec![1, 3] }));
        body.push(0);
        assert_eq!(decode_info(&body), Err(BadOption::Trailing));
        assert_eq!(decode_info(&body[..body.len() - 2]), Err(BadOption::Truncated));
    }

    #[test]
    fn lengths_are_not_believed() {
        let mut body = u32::MAX.to_be_bytes().to_vec();
        body.extend([0; 100]);
        assert_eq!(decode_info(&body), Err(BadOption::LongString));
        let mut body = string("");
        body.extend(u32::MAX.to_be_bytes());
        assert_eq!(decode_contexts(&body, 128), Err(BadOption::ManyQueries));
        assert_eq!(decode_export_name(&[b'x'; 4097]), Err(BadOption::LongString));
    }

    #[test]
    fn contexts_hold_queries() {
        let mut body = string("vm");
        body.extend(2u32.to_be_bytes());
        body.extend(string("base:"));
        body.extend(string("x:y"));
        let request = ContextRequest { name: "vm", queries: vec!["base:", "x:y"] };
        assert_eq!(decode_contexts(&body, 128), Ok(request));
    }

    proptest! {
        #[test]
        fn random_bytes_do_not_panic(body: Vec<u8>) {
            let _ = decode_info(&body);
            let _ = decode_contexts(&body, 128);
            let _ = decode_export_name(&body);
        }

        #[test]
        fn nearly_right_bytes_do_not_panic(length in 0u32..12, count in 0u32..6, tail: Vec<u8>) {
            let mut body = length.to_be_bytes().to_vec();
            body.extend(vec![b'n'; length as usize]);
            body.extend(count.to_be_bytes());
            body.extend(tail);
            let _ = decode_info(&body);
            let _ = decode_contexts(&body, 128);
        }
    }
}
