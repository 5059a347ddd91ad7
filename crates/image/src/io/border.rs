//! Requests are checked here, once; everything below takes them for granted.

use crate::header::SnapView;
use crate::io::IoError;

/// The longest request that carries or yields bytes.
pub(super) const MOST_BYTES: u64 = 1 << 30;

/// A range must lie within the image.
pub(super) fn check_range(view: SnapView, offset: u64, length: u64) -> Result<(), IoError> {
    match offset.checked_add(length) {
        Some(end) if end <= view.size => Ok(()),
        _ => Err(IoError::OutOfBounds { offset, length, size: view.size }),
    }
}

/// As [`check_range`], for requests whose bytes are kept in memory.
pub(super) fn check_bytes(view: SnapView, offset: u64, length: u64) -> Result<(), IoError> {
    check_range(view, offset, length)?;
    if length > MOST_BYTES {
        return Err(IoError::TooLong { length, most: MOST_BYTES });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use marcot_format::features::Flags;
    use marcot_store::SnapId;

    #[test]
    fn only_ranges_within_the_image_pass() {
        let view =
            SnapView { snap: SnapId::HEAD, size: 100, flags: Flags::NONE, parent_overlap: 0 };
        assert!(check_range(view, 0, 100).is_ok());
        assert!(check_range(view, 100, 0).is_ok());
        assert!(check_range(view, 99, 2).is_err());
        assert!(check_range(view, u64::MAX, 2).is_err());
        let huge = SnapView { size: u64::MAX, ..view };
        assert!(matches!(check_bytes(huge, 0, MOST_BYTES + 1), Err(IoError::TooLong { .. })));
    }
}
