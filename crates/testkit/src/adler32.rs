/// As many bytes as can be added up before the sums are too large for 32 bits.
const AT_ONCE: usize = 5552;

/// zlib's sum of bytes, which other languages have at hand. Here rather than in a test, because
/// sums of whole images are most of what some tests do, and this crate is optimised.
pub fn adler32(bytes: &[u8]) -> u32 {
    const LARGEST_PRIME: u32 = 65521;
    let (mut low, mut high) = (1u32, 0u32);
    for some in bytes.chunks(AT_ONCE) {
        for byte in some {
            low += u32::from(*byte);
            high += low;
        }
        low %= LARGEST_PRIME;
        high %= LARGEST_PRIME;
    }
    high << 16 | low
}

#[cfg(test)]
mod tests {
    use super::adler32;

    #[test]
    fn sums_are_zlibs() {
        // As python3 -c 'import zlib; print(zlib.adler32(…))' has it.
        assert_eq!(adler32(b""), 1);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        assert_eq!(adler32(&[255; 1 << 20]), 0x8e88_ef11);
    }
}
