"""The real thing: librbd and librados of this machine, asked one operation a line.

Reads JSON objects from standard input, one a line, and answers each with one line. `errno` is 0 or
what Ceph refused with; what an operation shows stands beside it. The words of an operation are
those of `operation.rs`. Started with a configuration file and `letter=pool` for each pool.
"""

import ctypes
import errno
import json
import sys
import zlib

import rados
import rbd

SECTOR = 512
# What `rbd cp` leaves out, in bytes.
SPARSE = 4096
# librbd's numbers for options of new images.
NUMBERED = {
    "features": rbd.RBD_IMAGE_OPTION_FEATURES,
    "order": rbd.RBD_IMAGE_OPTION_ORDER,
    "stripe_unit": rbd.RBD_IMAGE_OPTION_STRIPE_UNIT,
    "stripe_count": rbd.RBD_IMAGE_OPTION_STRIPE_COUNT,
}


class Judge:
    def __init__(self, conf, pools):
        self.conf = conf
        self.cluster = rados.Rados(
            conffile=conf,
            conf={
                "rbd_cache": "false",
                "rbd_blocklist_on_break_lock": "false",
                "log_to_stderr": "false",
                "err_to_stderr": "false",
            },
        )
        self.cluster.connect()
        self.pools = pools
        self.rbd = rbd.RBD()
        self.contexts = {}
        self.headless = set()
        for pool in pools.values():
            self.make_pool(pool)

    def make_pool(self, pool):
        """A new one."""
        if self.cluster.pool_exists(pool):
            self.cluster.delete_pool(pool)
        create = {"prefix": "osd pool create", "pool": pool, "pg_num": 2}
        enable = {"prefix": "osd pool application enable", "pool": pool, "app": "rbd"}
        for command in create, enable:
            self.op_monitor({"command": command})

    # Where things are: "a/image" or "a/namespace/image".

    def context(self, letter, namespace=""):
        key = (letter, namespace)
        if key not in self.contexts:
            context = self.cluster.open_ioctx(self.pools[letter])
            context.set_namespace(namespace)
            self.contexts[key] = context
        return self.contexts[key]

    def spot(self, spec):
        parts = spec.split("/")
        return parts[0], parts[1] if len(parts) == 3 else "", parts[-1]

    def place(self, spec):
        letter, namespace, name = self.spot(spec)
        return self.context(letter, namespace), name

    def open(self, spec, snap=None, read_only=False):
        context, name = self.place(spec)
        return rbd.Image(context, name, snapshot=snap, read_only=read_only)

    def is_clone(self, image):
        try:
            image.parent_info()
        except rbd.ImageNotFound:
            return False
        return True

    # Before and after a sequence.

    def op_begin(self, op):
        """Sets options and empties the pools: as new ones, but that the snapshot ids go on."""
        for name, value in op["options"].items():
            self.cluster.conf_set(name, value)
        for letter in self.pools:
            self.empty(letter)
            self.rbd.pool_init(self.context(letter), True)

    def empty(self, letter):
        """Objects of which only clones are left stay; they are in nobody's way."""
        everywhere = self.cluster.open_ioctx(self.pools[letter])
        everywhere.set_namespace(rados.LIBRADOS_ALL_NSPACES)
        found = {(letter, listed.nspace, listed.key) for listed in everywhere.list_objects()}
        everywhere.close()
        for place in found - self.headless:
            try:
                self.context(letter, place[1]).remove_object(place[2])
            except rados.ObjectNotFound:
                self.headless.add(place)

    # The cluster.

    def op_monitor(self, op):
        """What `ceph` would do, which takes a second for each."""
        failed, _, text = self.cluster.mon_command(json.dumps(op["command"]), b"")
        if failed:
            raise OSError(-failed, "%s: %s" % (op["command"], text))

    def op_pool_remove(self, op):
        self.cluster.delete_pool(self.pools[op["pool"]])

    # Images.

    def layout(self, op):
        options = {"features": op["features"], "order": op["order"]}
        if op.get("stripe"):
            options["stripe_unit"], options["stripe_count"] = op["stripe"]
        if op.get("data_pool"):
            options["data_pool"] = self.pools[op["data_pool"]]
        return options

    def op_create(self, op):
        context, name = self.place(op["image"])
        if op.get("old"):
            # Which format that call makes is said by an option.
            self.cluster.conf_set("rbd_default_format", "1")
            try:
                self.rbd.create(context, name, op["size"], order=op["order"], old_format=True)
            finally:
                self.cluster.conf_set("rbd_default_format", "2")
        else:
            self.rbd.create(context, name, op["size"], old_format=False, **self.layout(op))

    def op_clone(self, op):
        self.cluster.conf_set("rbd_default_clone_format", str(op["format"]))
        source, parent = self.place(op["parent"])
        context, name = self.place(op["image"])
        self.rbd.clone(source, parent, op["snap"], context, name, **self.layout(op))

    def op_copy(self, op):
        """As `rbd cp`: zeros from 4 KiB on are left out. Python's module cannot say that."""
        self.open(op["from"], op["snap"], read_only=True).close()
        handle = Handle(self, *self.spot(op["from"]), op["snap"])
        target = handle.new_context(*self.spot(op["image"])[:2])
        options = handle.options(self.layout(op))
        name = self.spot(op["image"])[2].encode()
        done = handle.library.rbd_copy4(
            handle.image, target, name, options, ctypes.c_size_t(SPARSE)
        )
        handle.library.rbd_image_options_destroy(options)
        handle.rados.rados_ioctx_destroy(target)
        handle.close()
        if done < 0:
            raise OSError(-done, "copy")

    def op_remove(self, op):
        self.rbd.remove(*self.place(op["image"]))

    def op_rename(self, op):
        context, name = self.place(op["image"])
        self.rbd.rename(context, name, op["to"])

    def op_resize(self, op):
        with self.open(op["image"]) as image:
            image.resize(op["size"], allow_shrink=op["shrink"])

    def op_flatten(self, op):
        with self.open(op["image"]) as image:
            image.flatten()

    def op_rebuild_object_map(self, op):
        with self.open(op["image"]) as image:
            image.rebuild_object_map()

    def op_features(self, op):
        with self.open(op["image"]) as image:
            image.update_features(op["bits"], op["enable"])

    # Bytes.

    def op_write(self, op):
        with self.open(op["image"]) as image:
            image.write(pattern(op["fill"], op["length"]), op["offset"])

    def op_discard(self, op):
        with self.open(op["image"]) as image:
            image.discard(op["offset"], op["length"])

    def op_write_zeroes(self, op):
        with self.open(op["image"]) as image:
            image.write_zeroes(op["offset"], op["length"])

    def op_read(self, op):
        with self.open(op["image"], op["snap"], not op.get("writable", False)) as image:
            return {"sum": zlib.adler32(image.read(op["offset"], op["length"]))}

    def op_compare_and_write(self, op):
        """Python's module lacks it, so that this goes to the library itself."""
        with self.open(op["image"], read_only=True) as image:
            old = image.read(op["offset"], SECTOR)
            # Where no parent has bytes librbd leaves an empty object: docs/compat.md.
            matches = op["matches"] or (not any(old) and self.is_clone(image))
        compare = old if matches else bytes([old[0] ^ 1]) + old[1:]
        handle = Handle(self, *self.spot(op["image"]))
        mismatch = ctypes.c_uint64(0)
        done = handle.library.rbd_compare_and_write(
            handle.image,
            ctypes.c_uint64(op["offset"]),
            ctypes.c_size_t(SECTOR),
            compare,
            pattern(op["fill"], SECTOR),
            ctypes.byref(mismatch),
            0,
        )
        handle.close()
        if done < 0:
            raise OSError(-done, "compare and write")

    # Snapshots.

    def op_snap_create(self, op):
        with self.open(op["image"]) as image:
            image.create_snap(op["snap"])

    def op_snap_remove(self, op):
        with self.open(op["image"]) as image:
            image.remove_snap(op["snap"])

    def op_snap_rename(self, op):
        with self.open(op["image"]) as image:
            image.rename_snap(op["snap"], op["to"])

    def op_snap_protect(self, op):
        with self.open(op["image"]) as image:
            image.protect_snap(op["snap"])

    def op_snap_unprotect(self, op):
        with self.open(op["image"]) as image:
            image.unprotect_snap(op["snap"])

    def op_snap_rollback(self, op):
        with self.open(op["image"]) as image:
            image.rollback_to_snap(op["snap"])

    def op_snap_limit(self, op):
        with self.open(op["image"]) as image:
            if op["limit"] is None:
                image.remove_snap_limit()
            else:
                image.set_snap_limit(op["limit"])

    # What hangs on an image.

    def op_meta_set(self, op):
        with self.open(op["image"]) as image:
            image.metadata_set(op["key"], op["value"])

    def op_meta_remove(self, op):
        with self.open(op["image"]) as image:
            image.metadata_remove(op["key"])

    def op_config_set(self, op):
        with self.open(op["image"]) as image:
            image.config_set(op["key"], op["value"])

    def op_config_remove(self, op):
        with self.open(op["image"]) as image:
            image.config_remove(op["key"])

    def op_pool_config_set(self, op):
        self.rbd.config_set(self.context(op["pool"]), op["key"], op["value"])

    def op_pool_config_remove(self, op):
        self.rbd.config_remove(self.context(op["pool"]), op["key"])

    def op_lock_add(self, op):
        with self.open(op["image"]) as image:
            if op["tag"] is None:
                image.lock_exclusive(op["cookie"])
            else:
                image.lock_shared(op["cookie"], op["tag"])

    def op_lock_remove(self, op):
        with self.open(op["image"]) as image:
            image.break_lock("client.%d" % self.cluster.get_instance_id(), op["cookie"])

    def op_namespace_create(self, op):
        self.rbd.namespace_create(self.context(op["pool"]), op["name"])

    def op_namespace_remove(self, op):
        self.rbd.namespace_remove(self.context(op["pool"]), op["name"])

    # The trash.

    def trashed(self, spec):
        """Where, and the id of the one that had this name."""
        context, name = self.place(spec)
        ids = [entry["id"] for entry in self.rbd.trash_list(context) if entry["name"] == name]
        if len(ids) != 1:
            raise OSError(errno.ENOENT, "which one?")
        return context, ids[0]

    def op_trash_move(self, op):
        context, name = self.place(op["image"])
        self.rbd.trash_move(context, name, op["delay"])

    def op_trash_restore(self, op):
        context, image_id = self.trashed(op["image"])
        self.rbd.trash_restore(context, image_id, op["to"])

    def op_trash_remove(self, op):
        context, image_id = self.trashed(op["image"])
        self.rbd.trash_remove(context, image_id, op["force"])

    # Groups.

    def group(self, spec):
        return rbd.Group(*self.place(spec))

    def op_group_create(self, op):
        self.rbd.group_create(*self.place(op["group"]))

    def op_group_remove(self, op):
        self.rbd.group_remove(*self.place(op["group"]))

    def op_group_rename(self, op):
        self.rbd.group_rename(*self.place(op["group"]), op["to"])

    def op_group_add(self, op):
        self.group(op["group"]).add_image(*self.place(op["image"]))

    def op_group_drop(self, op):
        self.group(op["group"]).remove_image(*self.place(op["image"]))

    def op_group_snap_create(self, op):
        self.group(op["group"]).create_snap(op["snap"])

    def op_group_snap_remove(self, op):
        self.group(op["group"]).remove_snap(op["snap"])

    def op_group_snap_rename(self, op):
        self.group(op["group"]).rename_snap(op["snap"], op["to"])

    def op_group_snap_rollback(self, op):
        self.group(op["group"]).rollback_to_snap(op["snap"])

    # Looking.

    def images(self, op):
        """Every image, opened, with its name; or those alone that the operation names."""
        for spec in op.get("only", []):
            with self.open(spec, read_only=True) as image:
                yield spec, image
        if "only" in op:
            return
        for letter in self.pools:
            for namespace in [""] + list(self.rbd.namespace_list(self.context(letter))):
                context = self.context(letter, namespace)
                for name in self.rbd.list(context):
                    spec = "/".join(filter(None, [letter, namespace, name]))
                    with rbd.Image(context, name, read_only=True) as image:
                        yield spec, image

    def op_contents(self, op):
        """Sums of the bytes of images and their snapshots."""
        sums = {}
        for spec, image in self.images(op):
            sums.update(self.sums(spec, image))
        return {"sums": sums}

    def op_all(self, op):
        """The same, and everything but the bytes of images, numbers as they are."""
        sums, shapes = {}, {}
        for spec, image in self.images(op):
            shapes[spec] = self.shape(image)
            image.set_snap(None)
            sums.update(self.sums(spec, image))
        return {"sums": sums, "shapes": shapes}

    def shape(self, image):
        stat = image.stat()
        try:
            parent = [image.parent_id(), image.overlap()]
        except rbd.ImageNotFound:
            parent = None
        children = [
            [child["pool"], child["pool_namespace"], child["image"], child["id"], child["trash"]]
            for child in image.list_children2()
        ]
        watchers = [[w["addr"], w["id"], w["cookie"]] for w in image.watchers_list()]
        shape = {
            "id": "" if image.old_format() else image.id(),
            "size": stat["size"],
            "order": stat["order"],
            "prefix": image.block_name_prefix(),
            "features": image.features(),
            "op_features": image.op_features(),
            "flags": image.flags(),
            "stripe": [image.stripe_unit(), image.stripe_count()],
            "data_pool": image.data_pool_id(),
            "parent": parent,
            "children": sorted(children),
            "meta": dict(image.metadata_list()),
            "watchers": sorted(watchers),
        }
        snaps = []
        for snap in image.list_snaps():
            protected = snap["namespace"] == rbd.RBD_SNAP_NAMESPACE_TYPE_USER
            protected = protected and image.is_protected_snap(snap["name"])
            image.set_snap_by_id(snap["id"])
            label = self.label(image, snap)
            snaps.append([snap["id"], label, snap["size"], protected, image.flags()])
        return {**shape, "snaps": sorted(snaps)}

    def sums(self, spec, image):
        sums = {spec: self.sum(image)}
        for snap in image.list_snaps():
            image.set_snap_by_id(snap["id"])
            sums[spec + "@" + self.label(image, snap)] = self.sum(image)
        return sums

    def sum(self, image):
        """A read of nothing is left out: librbd takes it for an access."""
        return zlib.adler32(image.read(0, image.size()) if image.size() else b"")

    def label(self, image, snap):
        """What the user called it: one in the trash has a random name, one of a group an id."""
        if snap["namespace"] == rbd.RBD_SNAP_NAMESPACE_TYPE_TRASH:
            return "trash:" + image.snap_get_trash_namespace(snap["id"])["original_name"]
        if snap["namespace"] == rbd.RBD_SNAP_NAMESPACE_TYPE_GROUP:
            return "group:" + snap["group"]["snap_name"]
        return snap["name"]


class Handle:
    """An image opened through librbd's C interface."""

    def __init__(self, judge, letter, namespace, name, snap=None):
        self.rados, self.library = ctypes.CDLL("librados.so.2"), ctypes.CDLL("librbd.so.1")
        self.judge, self.cluster = judge, ctypes.c_void_p()
        self.image = ctypes.c_void_p()
        self.rados.rados_create(ctypes.byref(self.cluster), None)
        self.rados.rados_conf_read_file(self.cluster, judge.conf.encode())
        self.rados.rados_conf_set(self.cluster, b"rbd_cache", b"false")
        self.rados.rados_connect(self.cluster)
        self.context = self.new_context(letter, namespace)
        open_image = self.library.rbd_open if snap is None else self.library.rbd_open_read_only
        snap = None if snap is None else snap.encode()
        opened = open_image(self.context, name.encode(), ctypes.byref(self.image), snap)
        if opened < 0:
            self.leave()
            raise OSError(-opened, "open")

    def new_context(self, letter, namespace):
        context = ctypes.c_void_p()
        pool = self.judge.pools[letter].encode()
        self.rados.rados_ioctx_create(self.cluster, pool, ctypes.byref(context))
        self.rados.rados_ioctx_set_namespace(context, namespace.encode())
        return context

    def options(self, layout):
        """Options of a new image."""
        options = ctypes.c_void_p()
        self.library.rbd_image_options_create(ctypes.byref(options))
        for name, number in NUMBERED.items():
            if name in layout:
                value = ctypes.c_uint64(layout[name])
                self.library.rbd_image_options_set_uint64(options, number, value)
        if "data_pool" in layout:
            pool = layout["data_pool"].encode()
            self.library.rbd_image_options_set_string(
                options, rbd.RBD_IMAGE_OPTION_DATA_POOL, pool
            )
        return options

    def close(self):
        self.library.rbd_close(self.image)
        self.leave()

    def leave(self):
        self.rados.rados_ioctx_destroy(self.context)
        self.rados.rados_shutdown(self.cluster)


def pattern(fill, length):
    """Bytes that tell where they were meant to go; zeros for 0. As `ours.rs` has it."""
    if fill == 0:
        return bytes(length)
    sectors = (bytes([(fill + at) % 251 + 1]) * SECTOR for at in range(length // SECTOR + 1))
    return b"".join(sectors)[:length]


def main():
    pools = dict(word.split("=") for word in sys.argv[2:])
    judge = Judge(sys.argv[1], pools)
    ids = {letter: judge.cluster.pool_lookup(pool) for letter, pool in pools.items()}
    print(json.dumps(ids), flush=True)
    for line in sys.stdin:
        op = json.loads(line)
        try:
            shown = getattr(judge, "op_" + op.pop("op"))(op)
            answer = {"errno": 0, **(shown or {})}
        except KeyError:
            answer = {"errno": errno.ENOENT}  # how Python's module says that of metadata
        except rbd.IncompleteWriteError:
            answer = {"errno": 0}  # cut at the image's end
        except rbd.InvalidArgument:
            answer = {"errno": errno.EINVAL}  # without a number where Python's module refuses
        except (rbd.Error, rados.Error, OSError) as error:
            answer = {"errno": abs(getattr(error, "errno", None) or errno.EIO)}
        print(json.dumps(answer), flush=True)


main()
