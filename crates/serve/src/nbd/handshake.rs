//! The negotiation: from the greeting to GO (or EXPORT_NAME), on any byte stream.
//!
//! Reads exactly what each message holds, so that what a client pipelines after GO stays in the
//! stream. The caller puts the time limit around it.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::command::Terms;
use super::export::{Export, ExportAccess};
use super::exports::Exports;
use super::limits::{Limits, OPTION_SKIP_BYTES};
use super::option::{self, BadOption, ContextRequest, InfoRequest};
use super::request::HeaderKind;
use super::wire::{self, info, option_code as code, option_reply as reply};

/// What the two sides agreed on.
pub(crate) struct Session {
    pub(crate) export: Arc<dyn Export>,
    pub(crate) terms: Terms,
}

/// Why a connection ended before it could be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    #[error("the connection broke: {0}")]
    Socket(#[from] io::Error),
    #[error("the client does not speak fixed newstyle: flags {0:#x}")]
    ClientFlags(u32),
    #[error("no option starts here: magic {0:#018x}")]
    BadMagic(u64),
    #[error("an option of {0} bytes")]
    HugeOption(u32),
    #[error("too many options")]
    ManyOptions,
    #[error("no export {0:?}")]
    UnknownExport(String),
}

/// Negotiates as the server. `None` when the client ended it properly.
pub(crate) async fn negotiate<S>(
    socket: &mut S,
    exports: &Exports,
    limits: &Limits,
) -> Result<Option<Session>, HandshakeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut greeting = Vec::with_capacity(18);
    greeting.extend(wire::NBD_MAGIC.to_be_bytes());
    greeting.extend(wire::OPTION_MAGIC.to_be_bytes());
    greeting.extend((wire::FLAG_FIXED_NEWSTYLE | wire::FLAG_NO_ZEROES).to_be_bytes());
    socket.write_all(&greeting).await?;
    let flags = socket.read_u32().await?;
    let known = wire::FLAG_C_FIXED_NEWSTYLE | wire::FLAG_C_NO_ZEROES;
    if flags & !known != 0 {
        return Err(HandshakeError::ClientFlags(flags));
    }
    let mut negotiation = Negotiation {
        exports,
        limits,
        padding: if flags & wire::FLAG_C_NO_ZEROES == 0 { 124 } else { 0 },
        replies: Replies::Simple,
        context_for: None,
        answer: Vec::new(),
    };
    for _ in 0..limits.options {
        let (code, body) = read_option(socket, limits).await?;
        let next = match body {
            Some(body) => negotiation.take_option(code, &body)?,
            None => negotiation.refuse(code, reply::ERR_TOO_BIG, "option too long"),
        };
        socket.write_all(&negotiation.answer).await?;
        negotiation.answer.clear();
        match next {
            Next::Option => {}
            Next::End => return Ok(None),
            Next::Transmission(session) => return Ok(Some(session)),
        }
    }
    Err(HandshakeError::ManyOptions)
}

/// The next option; no body when it was too long and has been skipped.
async fn read_option<S>(
    socket: &mut S,
    limits: &Limits,
) -> Result<(u32, Option<Vec<u8>>), HandshakeError>
where
    S: AsyncRead + Unpin,
{
    let magic = socket.read_u64().await?;
    if magic != wire::OPTION_MAGIC {
        return Err(HandshakeError::BadMagic(magic));
    }
    let code = socket.read_u32().await?;
    let length = socket.read_u32().await?;
    if length > limits.option_bytes {
        if length > OPTION_SKIP_BYTES || code == code::EXPORT_NAME {
            return Err(HandshakeError::HugeOption(length));
        }
        let skipped = (&mut *socket).take(length.into());
        let count = tokio::io::copy(&mut { skipped }, &mut tokio::io::sink()).await?;
        if count < u64::from(length) {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        return Ok((code, None));
    }
    let mut body = Vec::new();
    (&mut *socket).take(length.into()).read_to_end(&mut body).await?;
    if body.len() < length as usize {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok((code, Some(body)))
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Replies {
    Simple,
    Structured,
    Extended,
}

enum Next {
    Option,
    End,
    Transmission(Session),
}

struct Negotiation<'a> {
    exports: &'a Exports,
    limits: &'a Limits,
    /// Zeroes after the answer to EXPORT_NAME.
    padding: usize,
    replies: Replies,
    /// The export for which base:allocation was chosen.
    context_for: Option<String>,
    /// What is to be sent now.
    answer: Vec<u8>,
}

impl Negotiation<'_> {
    fn take_option(&mut self, option: u32, body: &[u8]) -> Result<Next, HandshakeError> {
        match option {
            code::EXPORT_NAME => return self.export_name(body),
            code::ABORT => {
                self.reply(option, reply::ACK, &[]);
                return Ok(Next::End);
            }
            code::INFO | code::GO => {
                return Ok(match option::decode_info(body) {
                    Ok(request) => self.info(option, &request),
                    Err(error) => self.invalid(option, error),
                });
            }
            code::LIST_META_CONTEXT | code::SET_META_CONTEXT => {
                return Ok(match option::decode_contexts(body, self.limits.context_queries) {
                    Ok(request) => self.contexts(option, &request),
                    Err(error) => self.invalid(option, error),
                });
            }
            _ => {}
        }
        Ok(match (option, body.is_empty()) {
            (code::LIST | code::STRUCTURED_REPLY | code::EXTENDED_HEADERS, false) => {
                self.invalid(option, BadOption::Trailing)
            }
            (code::LIST, true) => self.list(),
            (code::STRUCTURED_REPLY, true) if self.replies == Replies::Extended => {
                self.refuse(option, reply::ERR_EXT_HEADER_REQD, "extended headers are in use")
            }
            (code::STRUCTURED_REPLY, true) => self.agree(option, Replies::Structured),
            (code::EXTENDED_HEADERS, true) => self.agree(option, Replies::Extended),
            _ => self.refuse(option, reply::ERR_UNSUP, "unknown option"),
        })
    }

    fn agree(&mut self, option: u32, replies: Replies) -> Next {
        self.replies = replies;
        self.reply(option, reply::ACK, &[]);
        Next::Option
    }

    /// The oldest way to begin: no answer but the export itself, or the end.
    fn export_name(&mut self, body: &[u8]) -> Result<Next, HandshakeError> {
        let unknown = || HandshakeError::UnknownExport(String::from_utf8_lossy(body).into());
        let name = option::decode_export_name(body).map_err(|_| unknown())?;
        let export = self.exports.find(name).ok_or_else(unknown)?;
        let session = self.session(name, export);
        self.answer.extend(session.terms.size.to_be_bytes());
        self.answer.extend(transmission_flags(&session.terms).to_be_bytes());
        self.answer.resize(self.answer.len() + self.padding, 0);
        Ok(Next::Transmission(session))
    }

    fn list(&mut self) -> Next {
        let exports = self.exports;
        for name in exports.names() {
            let mut body = (name.len() as u32).to_be_bytes().to_vec();
            body.extend(name.as_bytes());
            self.reply(code::LIST, reply::SERVER, &body);
        }
        self.reply(code::LIST, reply::ACK, &[]);
        Next::Option
    }

    fn info(&mut self, option: u32, request: &InfoRequest<'_>) -> Next {
        let Some(export) = self.exports.find(request.name) else {
            return self.refuse(option, reply::ERR_UNKNOWN, "no such export");
        };
        let sizes = export.block_sizes();
        let session = self.session(request.name, export);
        let mut body = info::EXPORT.to_be_bytes().to_vec();
        body.extend(session.terms.size.to_be_bytes());
        body.extend(transmission_flags(&session.terms).to_be_bytes());
        self.reply(option, reply::INFO, &body);
        let mut body = info::BLOCK_SIZE.to_be_bytes().to_vec();
        body.extend(sizes.minimum.to_be_bytes());
        body.extend(sizes.preferred.to_be_bytes());
        body.extend(sizes.maximum.to_be_bytes());
        self.reply(option, reply::INFO, &body);
        for (wanted, text) in [(info::NAME, request.name), (info::DESCRIPTION, "RBD image")] {
            if request.wants.contains(&wanted) {
                let mut body = wanted.to_be_bytes().to_vec();
                body.extend(text.as_bytes());
                self.reply(option, reply::INFO, &body);
            }
        }
        self.reply(option, reply::ACK, &[]);
        if option == code::GO { Next::Transmission(session) } else { Next::Option }
    }

    fn contexts(&mut self, option: u32, request: &ContextRequest<'_>) -> Next {
        if self.replies < Replies::Structured {
            return self.refuse(option, reply::ERR_INVALID, "needs structured replies");
        }
        if self.exports.find(request.name).is_none() {
            return self.refuse(option, reply::ERR_UNKNOWN, "no such export");
        }
        let listing = option == code::LIST_META_CONTEXT;
        let matches = request
            .queries
            .iter()
            .any(|query| *query == wire::ALLOCATION_CONTEXT || (listing && *query == "base:"));
        let matches = matches || (listing && request.queries.is_empty());
        if !listing {
            self.context_for = matches.then(|| request.name.to_owned());
        }
        if matches {
            let id = if listing { 0 } else { wire::ALLOCATION_CONTEXT_ID };
            let mut body = id.to_be_bytes().to_vec();
            body.extend(wire::ALLOCATION_CONTEXT.as_bytes());
            self.reply(option, reply::META_CONTEXT, &body);
        }
        self.reply(option, reply::ACK, &[]);
        Next::Option
    }

    fn session(&self, name: &str, export: Arc<dyn Export>) -> Session {
        let terms = Terms {
            header: match self.replies {
                Replies::Simple | Replies::Structured => HeaderKind::Compact,
                Replies::Extended => HeaderKind::Extended,
            },
            size: export.size(),
            writable: export.access() == ExportAccess::ReadWrite,
            structured: self.replies >= Replies::Structured,
            allocation_context: self.context_for.as_deref() == Some(name),
            payload_bytes_max: export.block_sizes().maximum,
        };
        Session { export, terms }
    }

    fn invalid(&mut self, option: u32, error: BadOption) -> Next {
        self.refuse(option, reply::ERR_INVALID, &error.to_string())
    }

    fn refuse(&mut self, option: u32, kind: u32, message: &str) -> Next {
        self.reply(option, kind, message.as_bytes());
        Next::Option
    }

    fn reply(&mut self, option: u32, kind: u32, body: &[u8]) {
        self.answer.extend(wire::OPTION_REPLY_MAGIC.to_be_bytes());
        self.answer.extend(option.to_be_bytes());
        self.answer.extend(kind.to_be_bytes());
        self.answer.extend((body.len() as u32).to_be_bytes());
        self.answer.extend(body);
    }
}

fn transmission_flags(terms: &Terms) -> u16 {
    use wire::transmission_flag as flag;
    let mut flags = flag::HAS_FLAGS
        | flag::SEND_FLUSH
        | flag::SEND_FUA
        | flag::SEND_CACHE
        | flag::CAN_MULTI_CONN;
    if terms.writable {
        flags |= flag::SEND_TRIM | flag::SEND_WRITE_ZEROES | flag::SEND_FAST_ZERO;
    } else {
        flags |= flag::READ_ONLY;
    }
    if terms.structured {
        flags |= flag::SEND_DF;
    }
    flags
}
