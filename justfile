# The everyday recipes. Scripts and CI call the same ones.

# List the recipes.
default:
    @just --list

# Install what is missing, run every gate and every test.
test:
    scripts/test

# Formatting, lints and the quick tests.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo nextest run --workspace --locked

# Build and run the main job: a real disk to running clones.
demo:
    scripts/demo

# Figures against the peers, as ratios within one run.
bench *ARGS:
    scripts/bench/run {{ ARGS }}

# Figures on a Ceph cluster, ours against librbd's and as a share of `rados bench`.
bench-ceph *ARGS:
    scripts/bench/ceph {{ ARGS }}

# A long crash campaign: so many random runs from a seed, each cut at every moment.
crash-campaign RUNS="500" SEED="1":
    MARCOT_CRASH_RUNS={{ RUNS }} MARCOT_CRASH_SEED={{ SEED }} cargo test --release -p marcot-engine-dir -- power outages

# Fuzz one target of fuzz/ (records, calls, store_file, nbd) with libFuzzer for so many seconds.
fuzz TARGET SECONDS="60":
    scripts/fuzz {{ TARGET }} {{ SECONDS }}

# Run a target of fuzz/ on damaged recorded bytes: ROUNDS of them.
fuzz-seeded TARGET ROUNDS="100000" SEED="1":
    cargo run --release --manifest-path fuzz/Cargo.toml --bin {{ TARGET }} -- {{ ROUNDS }} {{ SEED }}

# Random lists of operations through a real Ceph (MARCOT_TEST_CEPH_CONF) and through us: FIRST..END.
differential SEEDS="0..2000":
    MARCOT_DIFFERENTIAL_SEEDS={{ SEEDS }} cargo test -p marcot-cli --test blackbox random_lists -- --nocapture

# Start a real Ceph on loopback in DIR (prints its CEPH_CONF), or stop it.
ceph-start DIR:
    scripts/ceph-cluster start {{ DIR }}

# Stop the cluster in DIR.
ceph-stop DIR:
    scripts/ceph-cluster stop {{ DIR }}
