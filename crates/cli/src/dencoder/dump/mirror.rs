//! Mirroring.

use marcot_format::mirror::{
    MirrorImage, MirrorImageMap, MirrorImageMode, MirrorImageSiteStatus, MirrorImageState,
    MirrorImageStatus, MirrorPeer, MirrorPeerDirection, MirrorStatusState,
};

use super::{Dump, Fields};
use crate::rados::hexdump;
use crate::render::Value;
use crate::time;

impl Dump for MirrorImage {
    fn fields(&self) -> Fields {
        let mode = match self.mode {
            MirrorImageMode::Journal => "journal",
            MirrorImageMode::Snapshot => "snapshot",
        };
        let state = match self.state {
            MirrorImageState::Disabling => "disabling",
            MirrorImageState::Enabled => "enabled",
            MirrorImageState::Disabled => "disabled",
            // Ceph stores the state and has no word for it.
            MirrorImageState::Creating => "unknown (3)",
        };
        vec![
            ("mode", Value::text(mode)),
            ("global_image_id", Value::text(&self.global_image_id)),
            ("state", Value::text(state)),
        ]
    }
}

impl Dump for MirrorImageMap {
    fn fields(&self) -> Fields {
        vec![
            ("instance_id", Value::text(&self.instance_id)),
            ("mapped_time", Value::Text(time::exact(self.mapped_time))),
            ("data", Value::Text(hexdump(&self.data))),
        ]
    }
}

impl Dump for MirrorPeer {
    fn fields(&self) -> Fields {
        let direction = match self.direction {
            MirrorPeerDirection::Receive => "RX",
            MirrorPeerDirection::Transmit => "TX",
            MirrorPeerDirection::Both => "RX/TX",
        };
        vec![
            ("uuid", Value::text(&self.uuid)),
            ("direction", Value::text(direction)),
            ("site_name", Value::text(&self.site_name)),
            ("mirror_uuid", Value::text(&self.mirror_uuid)),
            ("client_name", Value::text(&self.client_name)),
            ("last_seen", Value::Text(time::exact(self.last_seen))),
        ]
    }
}

impl Dump for MirrorImageSiteStatus {
    fn fields(&self) -> Fields {
        let state = match self.state {
            MirrorStatusState::Unknown => "unknown",
            MirrorStatusState::Error => "error",
            MirrorStatusState::Syncing => "syncing",
            MirrorStatusState::StartingReplay => "starting_replay",
            MirrorStatusState::Replaying => "replaying",
            MirrorStatusState::StoppingReplay => "stopping_replay",
            MirrorStatusState::Stopped => "stopped",
        };
        let presence = if self.up { "up" } else { "down" };
        vec![
            ("state", Value::Text(format!("{presence}+{state}"))),
            ("description", Value::text(&self.description)),
            ("last_update", Value::Text(time::exact(self.last_update))),
        ]
    }
}

impl Dump for MirrorImageStatus {
    fn fields(&self) -> Fields {
        let mut fields = self.local.as_ref().map(Dump::fields).unwrap_or_default();
        let remote = self.remote.iter().map(|status| Value::Object(status.fields()));
        fields.push(("remotes", Value::list("remote", remote)));
        fields
    }
}
