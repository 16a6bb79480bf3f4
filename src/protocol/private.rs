//! The private data of a planned change: what the plan decided, and what the object had before.
//!
//! The request to apply a change brings the planned private data only. Should the change fail, the
//! data from before must be given back, or it would be lost. So the plan carries both.

/// A byte that no MessagePack value starts with: it tells a planned change from stored private data.
const MARK: u8 = 0xc1;

/// Both parts, as the planned private data of a change.
pub(super) fn join(planned: &[u8], prior: &[u8]) -> Vec<u8> {
    let length = (planned.len() as u64).to_be_bytes();
    [&[MARK][..], &length, planned, prior].concat()
}

/// `(planned, prior)` of what [`join`] made. Anything else is stored private data, which is both.
pub(super) fn split(private: &[u8]) -> (&[u8], &[u8]) {
    parts(private).unwrap_or((private, private))
}

fn parts(private: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = private.strip_prefix(&[MARK])?.split_first_chunk::<8>()?;
    rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_come_back() {
        assert_eq!(split(&join(b"new", b"old")), (&b"new"[..], &b"old"[..]));
        assert_eq!(split(&join(b"", b"old")), (&b""[..], &b"old"[..]));
    }

    #[test]
    fn stored_private_data_is_left_as_it_is() {
        for stored in [
            &b""[..],
            b"\x80",
            &[MARK],
            &[MARK, 0, 0, 0, 0, 0, 0, 0, 9, 1],
        ] {
            assert_eq!(split(stored), (stored, stored));
        }
    }
}
