//! Import and export: the same bytes, and holes where there were zeros.

use std::io;

use super::images::verify_map;
use super::world::{MIB, on_all_clusters};
use crate::NoProgress;
use crate::pool::directory;
use crate::transfer::{ImportOptions, Source, export, import};

fn disk() -> Vec<u8> {
    let mut disk = vec![0; 11 * MIB as usize + 513];
    for at in [0, 70_000, 5 << 20, 11 << 20] {
        disk[at..at + 500].fill(at as u8 | 1);
    }
    disk
}

/// A stream: nobody knows how long.
struct Stream<'a>(&'a [u8]);

impl Source for Stream<'_> {
    fn size(&self) -> Option<u64> {
        None
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let some = buffer.len().min(10_000);
        self.0.read(&mut buffer[..some])
    }
}

struct Broken;

impl Source for Broken {
    fn size(&self) -> Option<u64> {
        Some(MIB)
    }

    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::from_raw_os_error(5))
    }
}

#[test]
fn what_goes_in_comes_out() {
    on_all_clusters(async |world| {
        let disk = disk();
        let (client, at) = (&world.client, &world.at);
        let options = ImportOptions::default();
        import(client, at, "file", &mut &disk[..], &options, &NoProgress).await.unwrap();
        import(client, at, "stream", &mut Stream(&disk), &options, &NoProgress).await.unwrap();
        for name in ["file", "stream"] {
            let image = world.open(name).await;
            assert_eq!(image.header().size, disk.len() as u64);
            let mut copy = Vec::new();
            export(&image, &mut copy, &NoProgress).await.unwrap();
            assert!(copy == disk, "{name}");
            image.close().await.unwrap();
            verify_map(&world, name).await;
        }
        let data = world.objects().await;
        let data = data.iter().filter(|name| name.starts_with("rbd_data"));
        assert_eq!(data.count(), 2 * 3);
    });
}

#[test]
fn a_failed_import_leaves_nothing() {
    on_all_clusters(async |world| {
        let options = ImportOptions::default();
        let (client, at) = (&world.client, &world.at);
        let failed = import(client, at, "a", &mut Broken, &options, &NoProgress).await;
        assert_eq!(failed.unwrap_err().errno().raw(), 5);
        assert!(directory::list(client, at).await.unwrap().is_empty());
    });
}
