//! What both sides are asked to do. One command a line; `#` begins a comment.

/// Name and commands. Each runs in a fresh pool `rbd_diff`.
pub(crate) const SCRIPTS: &[(&str, &str)] = &[
    ("life of an image", LIFE),
    ("layers", LAYERS),
    ("refusals", REFUSALS),
    ("format 1", FORMAT_1),
    ("groups", GROUPS),
];

/// The commands of a script.
pub(crate) fn commands(script: &str) -> Vec<String> {
    script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

const LIFE: &str = "
    rbd -p rbd_diff create --size 40M disk
    rbd -p rbd_diff create --size 10M --order 20 small
    rbd -p rbd_diff create --size 8M --image-feature layering plain
    rbd -p rbd_diff ls
    rbd -p rbd_diff ls -l
    rbd -p rbd_diff info disk
    rbd -p rbd_diff info plain --format json
    rbd import --no-progress input rbd_diff/taken
    rbd -p rbd_diff info taken
    rbd -p rbd_diff snap create --no-progress taken@one
    rbd -p rbd_diff snap ls taken --format json
    rbd -p rbd_diff resize --no-progress --size 20M taken
    rbd -p rbd_diff snap create --no-progress taken@two
    rbd -p rbd_diff resize --no-progress --size 6M --allow-shrink taken
    rbd -p rbd_diff snap ls taken
    rbd -p rbd_diff du taken --format json
    rbd -p rbd_diff snap rename taken@two taken@second
    rbd -p rbd_diff snap rollback --no-progress taken@one
    rbd -p rbd_diff info taken
    rbd -p rbd_diff snap limit set --limit 3 taken
    rbd -p rbd_diff feature disable disk fast-diff
    rbd -p rbd_diff info disk
    rbd -p rbd_diff feature enable disk fast-diff
    rbd -p rbd_diff image-meta set disk colour blue
    rbd -p rbd_diff image-meta list disk
    rbd cp --no-progress rbd_diff/taken rbd_diff/copied
    rbd -p rbd_diff rename small little
    rbd -p rbd_diff rm --no-progress plain
    rbd -p rbd_diff ls -l --format json
";

const LAYERS: &str = "
    rbd import --no-progress input rbd_diff/base
    rbd -p rbd_diff snap create --no-progress base@s
    rbd -p rbd_diff snap protect base@s
    rbd -p rbd_diff clone base@s --dest rbd_diff/child
    rbd -p rbd_diff info child
    rbd -p rbd_diff children base@s
    rbd -p rbd_diff snap create --no-progress child@c
    rbd -p rbd_diff snap protect child@c
    rbd -p rbd_diff clone child@c --dest rbd_diff/grandchild
    rbd -p rbd_diff resize --no-progress --size 5M --allow-shrink grandchild
    rbd -p rbd_diff info grandchild
    rbd -p rbd_diff clone base@s --dest rbd_diff/second
    rbd -p rbd_diff flatten --no-progress second
    rbd -p rbd_diff info second
    rbd -p rbd_diff flatten --no-progress grandchild
    rbd -p rbd_diff snap unprotect child@c
    rbd -p rbd_diff flatten --no-progress child
    rbd -p rbd_diff info child
    rbd -p rbd_diff snap unprotect base@s
    rbd -p rbd_diff du --format json
    rbd -p rbd_diff ls -l
";

const FORMAT_1: &str = "
    RBD_FORCE_ALLOW_V1=1 rbd -p rbd_diff create --image-format 1 --size 40M disk
    RBD_FORCE_ALLOW_V1=1 rbd -p rbd_diff create --image-format 1 --size 10M --order 20 small
    RBD_FORCE_ALLOW_V1=1 rbd -p rbd_diff create --image-format 1 --size 1M Xfirst
    RBD_FORCE_ALLOW_V1=1 rbd import --no-progress --image-format 1 input rbd_diff/taken
    rbd -p rbd_diff create --size 8M new
    rbd -p rbd_diff snap create --no-progress taken@one
    rbd -p rbd_diff snap create --no-progress taken@two
    rbd -p rbd_diff resize --no-progress --size 6M --allow-shrink taken
    rbd -p rbd_diff snap create --no-progress taken@three
    rbd -p rbd_diff snap rename taken@two taken@second
    rbd -p rbd_diff snap rm --no-progress taken@three
    rbd -p rbd_diff snap rollback --no-progress taken@one
    rbd -p rbd_diff resize --no-progress --size 9M --allow-shrink taken
    rbd -p rbd_diff snap limit set --limit 3 taken
    rbd -p rbd_diff image-meta set small colour blue
    rbd -p rbd_diff image-meta set taken colour red
    rbd -p rbd_diff rename small little
    rbd cp --no-progress rbd_diff/taken@second rbd_diff/copied
    rbd cp --no-progress rbd_diff/taken rbd_diff/disk
    rbd -p rbd_diff rm --no-progress Xfirst
    rbd -p rbd_diff rm --no-progress taken
    rbd -p rbd_diff trash mv little
    rbd -p rbd_diff snap protect taken@one
    rbd -p rbd_diff ls -l
    rbd -p rbd_diff info taken
    rbd -p rbd_diff ls
";

/// Images in order of their ids on both sides: each was made by a later client.
const GROUPS: &str = "
    rbd -p rbd_diff create --size 8M a
    rbd import --no-progress input rbd_diff/b
    rbd -p rbd_diff create --size 8M --image-feature layering plain
    rbd group create rbd_diff/g
    rbd group create rbd_diff/empty
    rbd group create rbd_diff/g
    rbd group image add rbd_diff/g rbd_diff/a
    rbd group image add rbd_diff/g rbd_diff/b
    rbd group image add rbd_diff/g rbd_diff/plain
    rbd group image add rbd_diff/empty rbd_diff/a
    rbd group image rm rbd_diff/empty rbd_diff/a
    rbd group image ls rbd_diff/g
    rbd group image ls rbd_diff/empty
    rbd -p rbd_diff info b
    rbd group snap create rbd_diff/g@one
    rbd -p rbd_diff resize --no-progress --size 4M --allow-shrink b
    rbd group snap create rbd_diff/g@two
    rbd group snap ls rbd_diff/g --format json
    rbd group snap rename rbd_diff/g@two second
    rbd -p rbd_diff ls -l
    rbd -p rbd_diff rm --no-progress b
    rbd -p rbd_diff snap create --no-progress a@mine
    rbd group snap create rbd_diff/g@three
    rbd group snap ls rbd_diff/g --format xml
    rbd group snap rollback --no-progress rbd_diff/g@one
    rbd -p rbd_diff info b
    rbd -p rbd_diff du --format json
    rbd group snap rm rbd_diff/g@second
    rbd group image rm rbd_diff/g rbd_diff/plain
    rbd group create rbd_diff/gone
    rbd group image add rbd_diff/gone rbd_diff/plain
    rbd group snap create rbd_diff/gone@s
    rbd group rm rbd_diff/gone
    rbd group rename rbd_diff/empty rbd_diff/renamed
    rbd group ls rbd_diff
";

const REFUSALS: &str = "
    rbd -p rbd_diff create --size 8M disk
    rbd -p rbd_diff create --size 8M disk
    rbd -p rbd_diff info none
    rbd -p rbd_diff rm --no-progress none
    rbd -p rbd_diff snap create --no-progress disk@s
    rbd -p rbd_diff snap create --no-progress disk@s
    rbd -p rbd_diff rm --no-progress disk
    rbd -p rbd_diff clone disk@s --dest rbd_diff/child
    rbd -p rbd_diff snap protect disk@s
    rbd -p rbd_diff clone disk@s --dest rbd_diff/child
    rbd -p rbd_diff snap rm --no-progress disk@s
    rbd -p rbd_diff snap unprotect disk@s
    rbd -p rbd_diff resize --no-progress --size 4M disk
    rbd -p rbd_diff flatten --no-progress disk
    rbd -p rbd_diff feature disable disk layering
    rbd -p rbd_diff ls -l
";
