"""libnbd with its client-side checks switched off: every wrong request gets its errno."""

import errno
import sys

import nbd

handle = nbd.NBD()
handle.set_strict_mode(0)
handle.add_meta_context("base:allocation")
handle.connect_unix(sys.argv[1])
size = handle.get_size()
MAXIMUM = 32 << 20


def fails_with(expected, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except nbd.Error as error:
        assert error.errno == errno.errorcode[expected], (call, arguments, error)
    else:
        raise AssertionError((call, arguments, "succeeded"))


ignore = lambda *_: 0
fails_with(errno.EINVAL, handle.pread, 1, size)
fails_with(errno.EINVAL, handle.pread, 4096, 2**64 - 4096)
fails_with(errno.ENOSPC, handle.pwrite, b"x" * 2, size - 1)
fails_with(errno.EINVAL, handle.pwrite, b"x" * 2, 2**64 - 1)
fails_with(errno.EINVAL, handle.trim, 2, size - 1)
fails_with(errno.ENOSPC, handle.zero, 2**32 - 1, size - 1)
fails_with(errno.EINVAL, handle.block_status, 0, 0, ignore)
fails_with(errno.EINVAL, handle.block_status, 2, size - 1, ignore)
fails_with(errno.EINVAL, handle.pread, 512, 0, flags=1 << 12)
fails_with(errno.EINVAL, handle.pwrite, b"x" * 512, 0, flags=nbd.CMD_FLAG_DF)

# Any alignment works, and so does nothing at all.
handle.pwrite(b"abc", 4095)
assert handle.pread(5, 4094) == b"\0abc\0"
handle.pwrite(b"", size)
handle.trim(0, 0)
handle.cache(size - 1, 1)
handle.zero(1, 4096, flags=nbd.CMD_FLAG_FAST_ZERO | nbd.CMD_FLAG_NO_HOLE | nbd.CMD_FLAG_FUA)
assert handle.pread(3, 4095) == b"a\0c"

extents = []
handle.block_status(65536, 0, lambda _c, _o, found, _e: extents.extend(found) or 0)
assert extents == [8192, 0, 57344, 3], extents
extents.clear()
handle.block_status(
    65536, 0, lambda _c, _o, found, _e: extents.extend(found) or 0, nbd.CMD_FLAG_REQ_ONE
)
assert extents == [8192, 0], extents

# Many at once, answered in whatever order.
buffers = [nbd.Buffer.from_bytearray(bytearray([n]) * 70000) for n in range(1, 200)]
cookies = [handle.aio_pwrite(b, n * 70001) for n, b in enumerate(buffers)]
while handle.aio_in_flight():
    handle.poll(-1)
for cookie in cookies:
    assert handle.aio_command_completed(cookie)
for n in range(199):
    assert handle.pread(70000, n * 70001) == bytes([n + 1]) * 70000
handle.shutdown()
