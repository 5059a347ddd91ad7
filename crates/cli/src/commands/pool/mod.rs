//! `rbd pool …`

pub(crate) mod init;
