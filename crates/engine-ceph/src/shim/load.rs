//! Finding the shim, and its functions.

use std::ffi::c_int;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use super::{FILE, Shim};

/// Names another place for it.
const VARIABLE: &str = "MARCOT_RADOS_SHIM";
/// What `marcot_rados_shim_version` must say.
const VERSION: c_int = 6;

/// The library, loaded on first use; the error says why there is none.
pub(crate) fn shim() -> Result<&'static Shim, &'static str> {
    static LOADED: OnceLock<Result<Shim, String>> = OnceLock::new();
    LOADED.get_or_init(load).as_ref().map_err(String::as_str)
}

fn place() -> Option<PathBuf> {
    match std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        Some(path) => Some(PathBuf::from(path)).filter(|path| path.is_absolute()),
        None => Some(std::env::current_exe().ok()?.parent()?.join(FILE)),
    }
}

fn load() -> Result<Shim, String> {
    let path = place().ok_or_else(|| format!("{VARIABLE} is not an absolute path"))?;
    if !path.exists() {
        return Err(format!("no {}: see scripts/build-shim", path.display()));
    }
    // librados is there already, and its name in the shim means that one.
    crate::library::librados()?;
    find(&path).map_err(|error| format!("{}: {error}", path.display()))
}

fn find(path: &Path) -> Result<Shim, String> {
    let text = |error: libloading::Error| error.to_string();
    // SAFETY: loading runs the initialisers of the C++ runtime, which have no preconditions.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(text)?;
    // SAFETY: the types are those of the functions in shim/rados_shim.cc of this version; the
    // pointers live as long as the library, which is never closed.
    unsafe {
        let version: unsafe extern "C" fn() -> c_int =
            *library.get(b"marcot_rados_shim_version\0").map_err(text)?;
        match version() {
            VERSION => {}
            other => return Err(format!("of version {other}, and {VERSION} is needed")),
        }
        Ok(Shim {
            list_snaps: *library.get(b"marcot_rados_list_snaps\0").map_err(text)?,
            list_watchers: *library.get(b"marcot_rados_list_watchers\0").map_err(text)?,
            sparse_read: *library.get(b"marcot_rados_sparse_read\0").map_err(text)?,
            list_omap: *library.get(b"marcot_rados_list_omap\0").map_err(text)?,
            roll_back: *library.get(b"marcot_rados_roll_back\0").map_err(text)?,
            look: *library.get(b"marcot_rados_look\0").map_err(text)?,
            copy: *library.get(b"marcot_rados_copy\0").map_err(text)?,
            copyup: *library.get(b"marcot_rados_copyup\0").map_err(text)?,
            lend: *library.get(b"marcot_rados_lend\0").map_err(text)?,
            loan_over: *library.get(b"marcot_rados_loan_over\0").map_err(text)?,
            loan_end: *library.get(b"marcot_rados_loan_end\0").map_err(text)?,
            write_lent: *library.get(b"marcot_rados_write_lent\0").map_err(text)?,
            _library: library,
        })
    }
}
