//! Front ends that serve images: so far the NBD server in [`nbd`].
//!
//! Translates, nothing else: a request becomes one call of the image, its answer one reply.

pub mod nbd;
