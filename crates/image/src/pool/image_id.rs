//! Ids of new images, formed as Ceph forms them.

use marcot_format::object_name::MAX_IMAGE_ID_LENGTH;
use marcot_store::ClientId;

use crate::client::Client;

/// An id that no other image has, as good as certainly.
pub(crate) fn generate(client: &Client) -> String {
    form(client.store.client_id(), client.env.random())
}

/// The client's number and 31 random bits in hex; of that the end, if it is too long.
fn form(client: ClientId, random: u64) -> String {
    let id = format!("{:x}{:x}", client.0, random & 0x7fff_ffff);
    let excess = id.len().saturating_sub(MAX_IMAGE_ID_LENGTH);
    id.get(excess..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ceph_s() {
        assert_eq!(form(ClientId(0x1063), 0x603f_2765), "1063603f2765");
        assert_eq!(form(ClientId(u64::MAX), u64::MAX), "ffffff7fffffff");
        assert_eq!(form(ClientId(u64::MAX), u64::MAX).len(), MAX_IMAGE_ID_LENGTH);
    }
}
