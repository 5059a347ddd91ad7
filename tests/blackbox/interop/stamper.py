"""Writes stamped blocks one after the other, and says how far it came.

    stamper.py nbd URI FIRST COUNT GENERATION
    stamper.py rbd CONF POOL/IMAGE FIRST COUNT GENERATION

Stamp number n goes to block FIRST + n * 7 % COUNT; a block is 4 KiB at every 64 KiB and holds
nothing but its stamp, again and again. So whoever reads the blocks can tell whether they are as
they were at one moment. A write begins when the one before it was acknowledged. Prints the number
of the last acknowledged stamp now and then; a line on standard input, or its end, ends it with
`end N`, an error with `error WHAT N`.
"""

import select
import struct
import sys
import time

STRIDE = 65536
LENGTH = 4096
NEWS = 20


def nbd_writer(uri):
    import nbd

    handle = nbd.NBD()
    handle.connect_uri(uri)
    return handle.pwrite, handle.shutdown


def rbd_writer(conf, spec):
    import rados
    import rbd

    options = {"rbd_cache": "false", "log_to_stderr": "false", "err_to_stderr": "false"}
    cluster = rados.Rados(conffile=conf, conf=options)
    cluster.connect()
    pool, name = spec.split("/")
    image = rbd.Image(cluster.open_ioctx(pool), name)
    return image.write, image.close


def main():
    kind, rest = sys.argv[1], sys.argv[2:]
    first, count, generation = (int(word) for word in rest[-3:])
    write, close = {"nbd": nbd_writer, "rbd": rbd_writer}[kind](*rest[:-3])
    acknowledged, told = 0, 0.0
    while not select.select([sys.stdin], [], [], 0)[0]:
        number = acknowledged + 1
        stamp = struct.pack("<QQ", generation, number) * (LENGTH // 16)
        try:
            write(stamp, (first + number * 7 % count) * STRIDE)
        except Exception as error:
            print("error %s %d" % (getattr(error, "errno", error), acknowledged), flush=True)
            return
        acknowledged = number
        if time.monotonic() - told > 1 / NEWS:
            told = time.monotonic()
            print(acknowledged, flush=True)
    close()
    print("end %d" % acknowledged, flush=True)


main()
