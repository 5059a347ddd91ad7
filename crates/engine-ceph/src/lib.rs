//! engine-ceph
