//! The functions of librados, found at run time.
//!
//! Loaded by absolute path where the usual places have it, with `RTLD_LOCAL | RTLD_DEEPBIND`, so
//! that a drop-in librados earlier in the search order cannot capture it. Never unloaded: librados
//! keeps threads of its own.

use std::ffi::{c_char, c_int, c_uchar, c_void};
use std::path::Path;
use std::sync::OnceLock;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

/// An opaque handle of librados.
pub(crate) type Handle = *mut c_void;
pub(crate) type Callback = unsafe extern "C" fn(completion: Handle, argument: *mut c_void);
pub(crate) type WatchCallback = unsafe extern "C" fn(
    argument: *mut c_void,
    notify_id: u64,
    handle: u64,
    notifier: u64,
    data: *mut c_void,
    length: usize,
);
pub(crate) type WatchErrorCallback =
    unsafe extern "C" fn(argument: *mut c_void, cookie: u64, error: c_int);

/// `struct notify_ack_t`.
#[repr(C)]
pub(crate) struct NotifyAck {
    pub(crate) notifier_id: u64,
    pub(crate) cookie: u64,
    pub(crate) payload: *const c_char,
    pub(crate) payload_length: u64,
}

/// `struct notify_timeout_t`.
#[repr(C)]
pub(crate) struct NotifyTimeout {
    pub(crate) notifier_id: u64,
    pub(crate) cookie: u64,
}

/// `struct rados_object_list_item`.
#[repr(C)]
#[derive(Clone)]
pub(crate) struct ListItem {
    pub(crate) name_length: usize,
    pub(crate) name: *mut c_char,
    pub(crate) namespace_length: usize,
    pub(crate) namespace: *mut c_char,
    pub(crate) locator_length: usize,
    pub(crate) locator: *mut c_char,
}

/// `struct rados_cluster_stat_t`.
#[repr(C)]
#[derive(Default)]
pub(crate) struct ClusterStat {
    pub(crate) kb: u64,
    pub(crate) kb_used: u64,
    pub(crate) kb_avail: u64,
    pub(crate) num_objects: u64,
}

/// `struct rados_pool_stat_t`.
#[repr(C)]
#[derive(Default)]
pub(crate) struct PoolStat {
    pub(crate) num_bytes: u64,
    pub(crate) num_kb: u64,
    pub(crate) num_objects: u64,
    pub(crate) rest: [u64; 12],
}

const GLIBC_RTLD_DEEPBIND: c_int = 8;
/// Names another librados.so.2, by its absolute path.
const VARIABLE: &str = "MARCOT_LIBRADOS";
const PLACES: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/librados.so.2",
    "/usr/lib/aarch64-linux-gnu/librados.so.2",
    "/usr/lib64/librados.so.2",
    "/usr/lib/librados.so.2",
];

macro_rules! librados {
    ($($symbol:literal $name:ident($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// Pointers to the C functions of the same names without `rados_`.
        pub(crate) struct Librados {
            _library: Library,
            $(pub(crate) $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Librados {
            fn find(library: Library) -> Result<Librados, libloading::Error> {
                $(
                    // SAFETY: the type is that of the function in librados.h of 16.2, whose C API
                    // is stable; the pointer lives as long as the library, which is never closed.
                    let $name = unsafe {
                        *library.get::<unsafe extern "C" fn($($argument),*) $(-> $result)?>(
                            concat!($symbol, "\0").as_bytes(),
                        )?
                    };
                )*
                Ok(Librados { _library: library, $($name,)* })
            }
        }
    };
}

librados! {
    "rados_create2" create2(*mut Handle, *const c_char, *const c_char, u64) -> c_int;
    "rados_conf_read_file" conf_read_file(Handle, *const c_char) -> c_int;
    "rados_conf_set" conf_set(Handle, *const c_char, *const c_char) -> c_int;
    "rados_conf_get" conf_get(Handle, *const c_char, *mut c_char, usize) -> c_int;
    "rados_connect" connect(Handle) -> c_int;
    "rados_shutdown" shutdown(Handle);
    "rados_get_instance_id" get_instance_id(Handle) -> u64;
    "rados_getaddrs" getaddrs(Handle, *mut *mut c_char) -> c_int;
    "rados_cluster_stat" cluster_stat(Handle, *mut ClusterStat) -> c_int;
    "rados_cluster_fsid" cluster_fsid(Handle, *mut c_char, usize) -> c_int;
    "rados_pool_lookup" pool_lookup(Handle, *const c_char) -> i64;
    "rados_get_min_compatible_client" get_min_compatible_client(Handle, *mut i8, *mut i8) -> c_int;
    "rados_wait_for_latest_osdmap" wait_for_latest_osdmap(Handle) -> c_int;
    "rados_buffer_free" buffer_free(*mut c_char);
    "rados_mon_command" mon_command(
        Handle, *const *const c_char, usize, *const c_char, usize,
        *mut *mut c_char, *mut usize, *mut *mut c_char, *mut usize
    ) -> c_int;
    "rados_ioctx_create2" ioctx_create2(Handle, i64, *mut Handle) -> c_int;
    "rados_ioctx_destroy" ioctx_destroy(Handle);
    "rados_application_enable" application_enable(Handle, *const c_char, c_int) -> c_int;
    "rados_ioctx_set_namespace" ioctx_set_namespace(Handle, *const c_char);
    "rados_set_pool_full_try" set_pool_full_try(Handle);
    "rados_ioctx_snap_set_read" ioctx_snap_set_read(Handle, u64);
    "rados_ioctx_pool_stat" ioctx_pool_stat(Handle, *mut PoolStat) -> c_int;
    "rados_aio_ioctx_selfmanaged_snap_create" aio_snap_create(Handle, *mut u64, Handle);
    "rados_aio_ioctx_selfmanaged_snap_remove" aio_snap_remove(Handle, u64, Handle);
    "rados_ioctx_selfmanaged_snap_rollback" snap_rollback(Handle, *const c_char, u64) -> c_int;
    "rados_ioctx_selfmanaged_snap_set_write_ctx" set_write_ctx(Handle, u64, *mut u64, c_int) -> c_int;
    "rados_aio_create_completion2" aio_create_completion2(*mut c_void, Option<Callback>, *mut Handle) -> c_int;
    "rados_aio_get_return_value" aio_get_return_value(Handle) -> c_int;
    "rados_aio_get_version" aio_get_version(Handle) -> u64;
    "rados_aio_release" aio_release(Handle);
    "rados_create_read_op" create_read_op() -> Handle;
    "rados_release_read_op" release_read_op(Handle);
    "rados_read_op_assert_exists" read_op_assert_exists(Handle);
    "rados_read_op_stat" read_op_stat(Handle, *mut u64, *mut i64, *mut c_int);
    "rados_read_op_read" read_op_read(Handle, u64, usize, *mut c_char, *mut usize, *mut c_int);
    "rados_read_op_cmpext" read_op_cmpext(Handle, *const c_char, usize, u64, *mut c_int);
    "rados_read_op_getxattrs" read_op_getxattrs(Handle, *mut Handle, *mut c_int);
    "rados_getxattrs_next" getxattrs_next(Handle, *mut *const c_char, *mut *const c_char, *mut usize) -> c_int;
    "rados_getxattrs_end" getxattrs_end(Handle);
    "rados_read_op_exec" read_op_exec(
        Handle, *const c_char, *const c_char, *const c_char, usize,
        *mut *mut c_char, *mut usize, *mut c_int
    );
    "rados_read_op_omap_get_vals2" read_op_omap_get_vals2(
        Handle, *const c_char, *const c_char, u64, *mut Handle, *mut c_uchar, *mut c_int
    );
    "rados_read_op_omap_get_vals_by_keys2" read_op_omap_get_vals_by_keys2(
        Handle, *const *const c_char, usize, *const usize, *mut Handle, *mut c_int
    );
    "rados_omap_get_next2" omap_get_next2(
        Handle, *mut *mut c_char, *mut *mut c_char, *mut usize, *mut usize
    ) -> c_int;
    "rados_omap_get_end" omap_get_end(Handle);
    "rados_aio_read_op_operate" aio_read_op_operate(Handle, Handle, Handle, *const c_char, c_int) -> c_int;
    "rados_create_write_op" create_write_op() -> Handle;
    "rados_release_write_op" release_write_op(Handle);
    "rados_write_op_assert_exists" write_op_assert_exists(Handle);
    "rados_write_op_create" write_op_create(Handle, c_int, *const c_char);
    "rados_write_op_cmpext" write_op_cmpext(Handle, *const c_char, usize, u64, *mut c_int);
    "rados_write_op_write" write_op_write(Handle, *const c_char, usize, u64);
    "rados_write_op_write_full" write_op_write_full(Handle, *const c_char, usize);
    "rados_write_op_append" write_op_append(Handle, *const c_char, usize);
    "rados_write_op_writesame" write_op_writesame(Handle, *const c_char, usize, usize, u64);
    "rados_write_op_zero" write_op_zero(Handle, u64, u64);
    "rados_write_op_truncate" write_op_truncate(Handle, u64);
    "rados_write_op_remove" write_op_remove(Handle);
    "rados_write_op_setxattr" write_op_setxattr(Handle, *const c_char, *const c_char, usize);
    "rados_write_op_rmxattr" write_op_rmxattr(Handle, *const c_char);
    "rados_write_op_omap_set2" write_op_omap_set2(
        Handle, *const *const c_char, *const *const c_char, *const usize, *const usize, usize
    );
    "rados_write_op_omap_rm_keys2" write_op_omap_rm_keys2(
        Handle, *const *const c_char, *const usize, usize
    );
    "rados_write_op_omap_clear" write_op_omap_clear(Handle);
    "rados_write_op_exec" write_op_exec(
        Handle, *const c_char, *const c_char, *const c_char, usize, *mut c_int
    );
    "rados_write_op_set_alloc_hint2" write_op_set_alloc_hint2(Handle, u64, u64, u32);
    "rados_aio_write_op_operate" aio_write_op_operate(
        Handle, Handle, Handle, *const c_char, *mut i64, c_int
    ) -> c_int;
    "rados_aio_getxattr" aio_getxattr(
        Handle, *const c_char, Handle, *const c_char, *mut c_char, usize
    ) -> c_int;
    "rados_object_list_begin" list_begin(Handle) -> Handle;
    "rados_object_list_end" list_end(Handle) -> Handle;
    "rados_object_list_is_end" list_is_end(Handle, Handle) -> c_int;
    "rados_object_list" list(
        Handle, Handle, Handle, usize, *const c_char, usize, *mut ListItem, *mut Handle
    ) -> c_int;
    "rados_object_list_free" list_free(usize, *mut ListItem);
    "rados_object_list_cursor_free" list_cursor_free(Handle, Handle);
    "rados_aio_watch2" aio_watch2(
        Handle, *const c_char, Handle, *mut u64, WatchCallback, WatchErrorCallback, u32, *mut c_void
    ) -> c_int;
    "rados_aio_unwatch" aio_unwatch(Handle, u64, Handle) -> c_int;
    "rados_aio_notify" aio_notify(
        Handle, *const c_char, Handle, *const c_char, c_int, u64, *mut *mut c_char, *mut usize
    ) -> c_int;
    "rados_decode_notify_response" decode_notify_response(
        *mut c_char, usize, *mut *mut NotifyAck, *mut usize, *mut *mut NotifyTimeout, *mut usize
    ) -> c_int;
    "rados_free_notify_response" free_notify_response(*mut NotifyAck, usize, *mut NotifyTimeout);
    "rados_notify_ack" notify_ack(Handle, *const c_char, u64, u64, *const c_char, c_int) -> c_int;
    "rados_watch_flush" watch_flush(Handle) -> c_int;
    "rados_aio_watch_flush" aio_watch_flush(Handle, Handle) -> c_int;
}

impl std::fmt::Debug for Librados {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Librados")
    }
}

/// The library, loaded on first use; the error says which package has it.
pub(crate) fn librados() -> Result<&'static Librados, String> {
    static LOADED: OnceLock<Result<Librados, String>> = OnceLock::new();
    LOADED.get_or_init(load).as_ref().map_err(Clone::clone)
}

fn load() -> Result<Librados, String> {
    let named = std::env::var(VARIABLE).ok().filter(|name| Path::new(name).is_absolute());
    let place = PLACES.iter().find(|place| Path::new(place).exists()).copied();
    let name = named.as_deref().or(place).unwrap_or("librados.so.2");
    let flags = RTLD_NOW | RTLD_LOCAL | GLIBC_RTLD_DEEPBIND;
    // SAFETY: loading runs librados' initialisers, which have no preconditions.
    let library = unsafe { Library::open(Some(name), flags) }.map_err(|error| {
        format!(
            "cannot load librados.so.2 ({error}): install the package librados2 for Ceph clusters"
        )
    })?;
    Librados::find(library)
        .map_err(|error| format!("{name} is too old or not librados: {error} (16.2 or newer)"))
}
